"""Regularisers of other authors, which keep the image closer to photographs."""

from __future__ import annotations

import numpy as np

from layers.arrays import Array, array_module


def total_variation_gradient(I: Array) -> Array:
    """∂/∂I of Σ |I(i+1, j) − I(i, j)| + |I(i, j+1) − I(i, j)|: the signs of the differences to the neighbours.

    [Mahendran2015], there with an exponent.
    """
    xp = array_module(I)
    down, right = xp.sign(xp.diff(I, axis=2)), xp.sign(xp.diff(I, axis=3))
    gradient = xp.zeros_like(I)
    gradient[:, :, 1:] += down
    gradient[:, :, :-1] -= down
    gradient[:, :, :, 1:] += right
    gradient[:, :, :, :-1] -= right
    return gradient


def blurred(I: Array, sigma: float) -> Array:
    """The images blurred by a Gaussian of `sigma` pixels: one matrix for the rows and one for the columns: G_h I G_wᵀ.

    [Yosinski2015]
    """
    G_h, G_w = (array_module(I).asarray(gaussian_matrix(n, sigma).astype(I.dtype)) for n in I.shape[2:])
    return G_h @ I @ G_w.T


def gaussian_matrix(n: int, sigma: float) -> np.ndarray:
    """G_ij ∝ exp(−(i − j)² / 2σ²), its rows summing to 1: at the borders over the pixels that exist."""
    i = np.arange(n)
    G = np.exp(-((i[:, None] - i) ** 2) / (2 * sigma**2))
    return G / G.sum(axis=1, keepdims=True)


def inside_ball(I: Array, radius: float) -> Array:
    """Each image scaled back to ‖I‖ = radius where it is longer.  ([Erhan2009] holds ‖I‖ fixed.)"""
    xp = array_module(I)
    norm = xp.sqrt((I**2).sum(axis=(1, 2, 3), keepdims=True))
    return I * xp.minimum(1, radius / xp.maximum(norm, radius))
