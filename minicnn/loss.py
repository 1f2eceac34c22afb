"""The loss: probabilities from scores, the cross-entropy, and its gradient.

P_c = exp S_c / Σ_k exp S_k,      L = −(1/N) Σ_n log P_{c_n}(n),      ∂L/∂S_c(n) = (P_c(n) − 1(c = c_n)) / N
"""

from __future__ import annotations

from layers.arrays import Array, array_module


def log_softmax(scores: Array) -> Array:
    """log P_c = S_c − log Σ_k exp S_k along the last axis, finite even where P_c underflows to 0."""
    scores = scores - scores.max(axis=-1, keepdims=True)
    xp = array_module(scores)
    return scores - xp.log(xp.exp(scores).sum(axis=-1, keepdims=True))


def softmax(scores: Array) -> Array:
    """P_c = exp S_c / Σ_k exp S_k along the last axis; the largest score is subtracted first, so nothing overflows."""
    exp = array_module(scores).exp(scores - scores.max(axis=-1, keepdims=True))
    return exp / exp.sum(axis=-1, keepdims=True)


def sigmoid(scores: Array) -> Array:
    """1 / (1 + exp(−S)), the probability of one class against everything else; without overflow."""
    xp = array_module(scores)
    return 0.5 * (1 + xp.tanh(0.5 * scores))


def cross_entropy(scores: Array, labels: Array) -> tuple[Array, Array]:
    """The mean cross-entropy L of a batch, and ∂L/∂S.

    Shapes: scores (N, classes), labels (N,) integers 0 … classes − 1, on the scores' device → L, an array of no
    dimension (on a GPU it stays there), and ∂L/∂S (N, classes).  Raises ValueError for other shapes.
    """
    if scores.ndim != 2 or labels.shape != scores.shape[:1] or 0 in scores.shape:
        raise ValueError(f"expected scores (N, classes) and N labels, got {scores.shape} and {labels.shape}")
    xp = array_module(scores)
    N, classes = scores.shape
    is_label = labels[:, None] == xp.arange(classes)  # 1(c = c_n): (N, classes)
    log_P = log_softmax(scores)
    loss = -xp.where(is_label, log_P, 0).sum() / N
    return loss, (xp.exp(log_P) - is_label) / N
