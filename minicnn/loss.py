"""From scores to probabilities."""

from __future__ import annotations

from layers.arrays import Array, array_module


def softmax(scores: Array) -> Array:
    """P_c = exp S_c / Σ_k exp S_k along the last axis; the largest score is taken off first, so nothing overflows."""
    exp = array_module(scores).exp(scores - scores.max(axis=-1, keepdims=True))
    return exp / exp.sum(axis=-1, keepdims=True)
