"""Data augmentation ("jittering"): random crops, mirror images, shifts of colour, zeroed squares.

A photograph shifted by a few pixels, mirrored or in another light shows the same thing; a network trained on such
variants learns to ignore them ([Krizhevsky2012], section 4.1).  The paper adds a jitter of its own, "based on
zeroing-out random parts of an image" (section 1).  All functions take and return whole batches of bytes, (N, H, W, 3)
or (N, H, W), and draw from the generator they are given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .settings import check, setting


@dataclass(frozen=True)
class Jitter:
    """Data augmentation of each batch.  The paper does not say how large its zeroed parts are."""

    crop: int = setting(0, "random crops of the image's own size, after padding by so many pixels", minimum=0)
    mirror: bool = setting(False, "mirror half of the images; not for classes that this would change (an L, a text)")
    colour: float = setting(0.0, "shifts along the axes of RGB: deviation of their α_i; Krizhevsky's is 0.1", minimum=0)
    zero: int = setting(0, "a random square of so many pixels a side zeroed (the paper: random parts)", minimum=0)

    def __post_init__(self) -> None:
        check(self)

    def __call__(self, images: np.ndarray, axes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The batch, jittered; axes: of the training images' colours, from `colour_axes`."""
        if self.crop:
            images = random_crops(images, self.crop, rng)
        if self.mirror:
            images = random_mirrors(images, rng)
        if self.colour and images.ndim == 4:  # grey images have no colours
            images = shift_colours(images, axes, self.colour, rng)
        if self.zero:
            images = random_zeroes(images, self.zero, rng)
        return images


def random_crops(images: np.ndarray, pad: int, rng: np.random.Generator) -> np.ndarray:
    """Each image moved by −pad … pad pixels down and across; beyond the border it is continued as its mirror image."""
    N, H, W = images.shape[:3]
    if pad >= min(H, W):
        raise ValueError(f"expected padding narrower than the image, got {pad} for {H}×{W} pixels")
    widths = [(0, 0), (pad, pad), (pad, pad), (0, 0)][: images.ndim]
    padded = np.pad(images, widths, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (H, W), axis=(1, 2))  # (N, 2p+1, 2p+1, [3,] H, W)
    down, across = rng.integers(0, 2 * pad + 1, (2, N))
    crops = windows[np.arange(N), down, across]
    return crops if images.ndim == 3 else np.moveaxis(crops, 1, -1)


def random_mirrors(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image mirrored with probability 1/2."""
    mirrored = rng.random(len(images)) < 0.5
    images = images.copy()
    images[mirrored] = images[mirrored][:, :, ::-1]
    return images


def shift_colours(images: np.ndarray, axes: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Each image's pixels plus Σ_i α_i λ_i p_i, with α_i ~ N(0, deviation²) drawn once for each image.

    axes: (3, 3), λ_i p_i in row i, from `colour_axes`.  The sum is rounded and clipped to bytes.
    """
    alpha = rng.normal(0, deviation, (len(images), 3))
    shift = (255 * (alpha @ axes)).astype(np.float32)
    shifted = images + shift[:, None, None, :]
    return np.clip(np.rint(shifted, out=shifted), 0, 255, out=shifted).astype(np.uint8)


def random_zeroes(images: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """In each image a random square of so many pixels is set to the batch's mean colour, which is X_0 ≈ 0."""
    N, H, W = images.shape[:3]
    if side >= min(H, W):
        raise ValueError(f"expected a zeroed square smaller than the image, got {side} for {H}×{W} pixels")
    top, left = rng.integers(0, [[H - side + 1], [W - side + 1]], (2, N))
    rows, columns = (np.arange(n) - begin[:, None] for n, begin in ((H, top), (W, left)))
    inside = ((rows >= 0) & (rows < side))[:, :, None] & ((columns >= 0) & (columns < side))[:, None, :]
    mean = np.rint(images.mean(axis=(0, 1, 2))).astype(np.uint8)
    return np.where(inside if images.ndim == 3 else inside[..., None], mean, images)


def colour_axes(images: np.ndarray) -> np.ndarray:
    """λ_i p_i in row i, largest first: λ_i the eigenvalues, p_i the unit eigenvectors of the colours' covariance.

    images (N, H, W, 3) bytes → (3, 3); grey ones, (N, H, W), have no colours: zeros.  Pixel values count from 0 to 1
    here: Krizhevsky does not say, but λ is a squared unit, and of values up to 255 the shift would leave the range.
    About a million pixels are used.
    """
    if images.ndim == 3:
        return np.zeros((3, 3))
    pixels = images.reshape(-1, 3)
    pixels = pixels[:: len(pixels) // 1_000_000 | 1] / 255  # an odd stride, to meet every column of even widths
    eigenvalues, vectors = np.linalg.eigh(np.cov(pixels, rowvar=False))
    return (eigenvalues * vectors).T[::-1]
