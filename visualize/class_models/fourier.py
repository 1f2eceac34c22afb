"""Images as sums of waves: a Fourier basis scaled as the spectrum of photographs is [Olah2017].

A row of n pixels is written as Σ_k z_k b_k over n waves b_k, sines and cosines of 0, 1, … ⌊n/2⌋ periods.  They are
orthonormal, BᵀB = 1, so  x = B z  and  z = Bᵀ x.  An image has one such basis for its columns and one for its rows:

    X = B_h (s ∘ Z) B_wᵀ,     s = 1 / frequency.

In photographs the amplitude of a wave falls with its frequency.  After division by the frequency, steps of equal size
in all z_k give such images: large shapes change quickly, single pixels slowly.

The adjoint.  ⟨B_h (s ∘ Z) B_wᵀ, G⟩ = Σ_ijkl G_ij B_h,ik s_kl Z_kl B_w,jl = ⟨Z, s ∘ (B_hᵀ G B_w)⟩ for any G, hence

    ∂f/∂Z = s ∘ (B_hᵀ ∂f/∂X B_w):

the same waves, transposed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from layers.arrays import Array, array_module


class Waves:
    """Images (N, C, h, w) from spectra (N, C, h, w) of their waves, and gradients back."""

    def __init__(self, like: Array, size: tuple[int, int]) -> None:
        """`like`: an array of the type and on the device of the images to come."""
        (B_h, f_h), (B_w, f_w) = (waves(n) for n in size)
        frequency = np.hypot(f_h[:, None], f_w)  # in periods per pixel
        s = 1 / np.maximum(frequency, 1 / max(size))  # the mean has frequency 0: scaled as the slowest wave
        self.B_h, self.B_w, self.s = (array_module(like).asarray(a.astype(like.dtype)) for a in (B_h, B_w, s))

    def image(self, Z: Array) -> Array:
        """X = B_h (s ∘ Z) B_wᵀ."""
        return self.B_h @ (self.s * Z) @ self.B_w.T

    def adjoint(self, grad: Array) -> Array:
        """∂f/∂Z = s ∘ (B_hᵀ ∂f/∂X B_w)."""
        return self.s * (self.B_h.T @ grad @ self.B_w)


def waves(n: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(B, f): the orthonormal waves as columns of B (n, n), and their frequencies (n,) in periods per pixel.

    b_0 = 1/√n;  √(2/n) cos 2πkj/n and √(2/n) sin 2πkj/n for k = 1, 2, …;  and for even n at last (−1)^j / √n.
    """
    j, k = np.arange(n), np.arange(1, (n - 1) // 2 + 1)
    angle = 2 * np.pi * j[:, None] * k / n
    pairs = np.stack([np.cos(angle), np.sin(angle)], axis=2).reshape(n, -1) * np.sqrt(2 / n)
    last = [(-1.0) ** j[:, None] / np.sqrt(n)] if n % 2 == 0 else []
    B = np.concatenate([np.full((n, 1), 1 / np.sqrt(n)), pairs, *last], axis=1)
    return B, (np.arange(n) + 1) // 2 / n
