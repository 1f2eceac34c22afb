"""The objective of the ascent, f = S_c or f = log P_c, and its gradient ∂f/∂I."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from layers.arrays import Array
from minicnn.loss import log_softmax, softmax
from minicnn.network import Network, one_hot

NO_POSTERIOR = "the network has a single score: its posterior, a softmax, is 1 for every image; climb the score itself"


def slope(net: Network, x: Array, classes: Sequence[int], score: str = "class") -> tuple[Array, Array, Array]:
    """(S_c, f, ∂f/∂I) for each image and its class: f = S_c, or for the posterior f = log P_c."""
    trace = net.forward(x)
    if score == "posterior" and trace.scores.shape[1] == 1:
        raise ValueError(NO_POSTERIOR)
    selected = one_hot(trace.scores, classes)
    scores = (trace.scores * selected).sum(axis=1)
    climbed = scores if score == "class" else (log_softmax(trace.scores) * selected).sum(axis=1)
    return scores, climbed, net.backward(trace, top_gradient(trace.scores, classes, score))


def top_gradient(scores: Array, classes: Sequence[int], score: str) -> Array:
    """∂f/∂S:  1(k = c) for f = S_c;  1(k = c) − P_k for f = log P_c, which is 0 as soon as P_c = 1."""
    selected = one_hot(scores, classes)
    return selected if score == "class" else selected - softmax(scores)


def precision(net: Network) -> np.dtype[Any]:
    """The dtype of the ascent, which is the network's.  `net.astype(numpy.float64)` climbs in double precision."""
    return np.result_type(np.float32, *(p.dtype for p in net.parameters.values()))
