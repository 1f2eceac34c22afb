"""Calls that between them run every kernel: who makes them has compiled ahead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def run_all(run: dict[str, Callable[..., Any]], dtype: Any) -> None:
    """One call for each way that a function may go."""
    x, wide = np.ones((1, 2, 8, 8), dtype), np.ones((1, 32, 32, 32), dtype)
    K, deep, point = np.ones((2, 2, 3, 3), dtype), np.ones((32, 32, 3, 3), dtype), np.ones((2, 2, 1, 1), dtype)
    none, ones, twos = (0, 0, 0, 0), (1, 1), (2, 2)
    for maps, kernels, pad in ((x, K, none), (wide, deep, (1, 1, 1, 1)), (x, point, none)):
        y = run["correlate"](maps, kernels, np.ones(len(kernels), dtype), ones, pad)
        run["correlate_transposed"](y, kernels, maps.shape, ones, pad)
        run["kernel_gradient"](y, maps, kernels.shape[2:], ones, pad)
    run["correlate_transposed"](np.ones((1, 2, 3, 3), dtype), K, x.shape, twos, none)
    y, switches = run["max_pool"](x, twos, twos, none)
    run["unpool"](y, switches, x.shape, twos, twos, none)
    y, D = run["normalize"](x, 1, 1, 1.0, 1.0, 0.75)
    run["normalize_gradient"](y, x, D, 1, 1, 1.0, 0.75)
    W, rows = np.ones((3, 4), dtype), np.ones((2, 4), dtype)
    run["affine_transposed"](run["affine"](rows, W, W[:, 0].copy()), W)
    run["matrix_gradient"](rows, rows)
    run["join_channels"](x, x)
    run["mean_over_pixels"](x)
    run["position_sums"](x)
    for name in ("forward", "backward", "deconv", "guided"):
        run[f"ReLU.{name}"](None, *([x] if name == "forward" else [x, x]))
