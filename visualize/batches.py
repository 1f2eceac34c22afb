"""Large batches, processed a few images at a time: the memory for traces does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from layers.arrays import Array, array_module
from minicnn.network import Network

AT_ONCE = 16  # images whose traces are held in memory
MapsOf = Callable[[Network, Array, int | Sequence[int]], Array]  # a network, images and their class or classes → maps


def a_few_at_a_time(maps_of: MapsOf) -> MapsOf:
    """The same function, applied to AT_ONCE images of a batch (N, C, H, W) at a time."""

    @wraps(maps_of)
    def in_chunks(net: Network, x: Array, c: int | Sequence[int]) -> Array:
        if x.ndim < 4 or len(x) <= AT_ONCE or np.shape(c) not in ((), x.shape[:1]):
            return maps_of(net, x, c)
        classes: Any = c if np.ndim(c) else [c] * len(x)
        chunks = [slice(n, n + AT_ONCE) for n in range(0, len(x), AT_ONCE)]
        return array_module(x).concatenate([maps_of(net, x[chunk], classes[chunk]) for chunk in chunks])

    return in_chunks
