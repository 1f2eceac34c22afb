"""Image-specific class saliency maps: which pixels matter for class c? (paper, section 3)

Near the image I_0 the score is almost linear:

    S_c(I) ≈ wᵀI + b,      w = ∂S_c/∂I |_{I_0},      b = S_c(I_0) − wᵀI_0,

and |w| says which pixels must be changed the least to change the score the most.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from layers.arrays import Array, array_module, to_host
from minicnn.images import Crop
from minicnn.network import Network, input_of, one_hot, preprocessing_of

from .batches import a_few_at_a_time
from .vanished_signal import warn_if_vanished


def linearize(net: Network, x: Array, c: int | Sequence[int]) -> tuple[Array, Array]:
    """The first-order Taylor model of S_c at x:  (w, b) with  S_c(I) ≈ ⟨w, I⟩ + b.

    One image (C, H, W) gives w (C, H, W) and a single b; a batch (N, C, H, W) gives w (N, C, H, W) and b (N,).
    c is a class, or one class for each image of the batch.  Features, (D,) or (N, D), are accepted, too.
    """
    single = x.ndim in (1, 3)
    batch = x[None] if single else x
    trace = net.forward(batch)
    seed = one_hot(trace.scores, c)
    w = net.backward(trace, seed)
    warn_if_vanished(net, "gradient", trace, seed, w)
    score = (trace.scores * seed).sum(axis=-1)
    b = score - (w * batch).sum(axis=tuple(range(1, w.ndim)))
    return (w[0], b[0]) if single else (w, b)


@a_few_at_a_time
def saliency(net: Network, x: Array, c: int | Sequence[int]) -> Array:
    """M_ij = max over the channels of |w|, with w = ∂S_c/∂I at the image x (paper, section 3.1).

    One image (C, H, W) gives a map (H, W), a batch (N, C, H, W) the maps (N, H, W).  The map is raw: absolute value,
    then maximum.  Grey images have one channel: |w|.
    """
    w, _ = linearize(net, x, c)
    if w.ndim < 3:
        raise ValueError(f"a saliency map needs an image (C, H, W), got {w.shape}")
    return magnitude(w)


def magnitude(w: Array) -> Array:
    """M_ij = max over the channels of |w|:  (…, C, H, W) → (…, H, W)."""
    return array_module(w).abs(w).max(axis=-3)


def photo_saliency(net: Network, photo: np.ndarray, c: int | Sequence[int], rule: str = "gradient") -> np.ndarray:
    """The saliency map of a photograph's centre crop, resampled to the photograph (H, W).

    Pixels that the crop does not cover are NaN, not zero: they are unknown.
    Several classes give several maps (K, H, W), from one forward pass and K backward passes.
    The rules "deconv" and "guided" replace the gradient, for comparison.
    """
    return _saliency_of_crops(net, photo, c, [preprocessing_of(net).centre_crop(photo)], rule)


def ten_crop_saliency(net: Network, photo: np.ndarray, c: int | Sequence[int], rule: str = "gradient") -> np.ndarray:
    """The mean of ten maps: of the corners and centre of the *whole* photograph, and of their mirror images.

    The paper averages the maps of ten crops (section 3.1) and does not say how they are combined.  Here each is
    put back where its crop came from, mirroring undone, and at each pixel those that cover it are averaged.  For a
    photograph as large as the crop the ten crops are two: it and its mirror image.
    Photograph (H, W, 3) → map (H, W), or (K, H, W) for several classes; pixels that no crop covers are NaN.
    """
    return _saliency_of_crops(net, photo, c, preprocessing_of(net).ten_crops(photo), rule)


def ten_crop_saliency_of_square(
    net: Network, photo: np.ndarray, c: int | Sequence[int], rule: str = "gradient"
) -> np.ndarray:
    """The same over the photograph's *central square*: the ten crops of [Krizhevsky2012], to which the paper refers.

    Beside the square the map is NaN: unknown.
    """
    return _saliency_of_crops(net, photo, c, preprocessing_of(net).ten_crops_of_square(photo), rule)


def _saliency_of_crops(
    net: Network, photo: np.ndarray, c: int | Sequence[int], crops: Sequence[Crop], rule: str
) -> np.ndarray:
    shape = photo.shape[0], photo.shape[1]
    classes = np.atleast_1d(c)
    total, count = np.zeros((len(classes), *shape), np.float32), np.zeros(shape, np.uint8)
    for crop in crops:  # one at a time: ten traces of a large network may not fit into memory
        trace = net.forward(input_of(net, crop))
        for k, class_k in enumerate(classes):
            seed = one_hot(trace.scores, class_k)
            w = net.down(rule, trace, seed)
            warn_if_vanished(net, rule, trace, seed, w)
            laid = crop.put_back(to_host(magnitude(w)[0]), shape)
            covered = ~np.isnan(laid)
            total[k, covered] += laid[covered]
        count += covered
    maps = np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan))
    return maps[0] if np.ndim(c) == 0 else maps
