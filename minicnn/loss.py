"""From scores to probabilities."""

from __future__ import annotations

from layers.arrays import Array, array_module


def log_softmax(scores: Array) -> Array:
    """log P_c = S_c − log Σ_k exp S_k along the last axis, finite even where P_c is too small to be told from 0."""
    scores = scores - scores.max(axis=-1, keepdims=True)
    xp = array_module(scores)
    return scores - xp.log(xp.exp(scores).sum(axis=-1, keepdims=True))


def softmax(scores: Array) -> Array:
    """P_c = exp S_c / Σ_k exp S_k along the last axis; the largest score is taken off first, so nothing overflows."""
    exp = array_module(scores).exp(scores - scores.max(axis=-1, keepdims=True))
    return exp / exp.sum(axis=-1, keepdims=True)
