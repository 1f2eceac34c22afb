"""MatConvNet's networks (`imagenet-vgg-f/m/s`, `vd-16/19`, `imagenet-caffe-alex`): SimpleNN, in a .mat file.

`layers` is a cell array of structs, one a layer, lowest first.  Two spellings are about:

    old:  filters, biases          normalization, classes  beside `layers`
    new:  weights = {K, b}         meta.normalization, meta.classes

Kernels are stored as (kh, kw, C, M), columns first.  A convolution whose C is a half of the maps it meets has two
groups.  MatConvNet has no fully connected layers: it convolves with kernels as large as the maps.  Here they become
`FullyConnected`, with the same numbers: the way down through a matrix takes a 36th of the time that it takes through
6×6 kernels.  Where the file does not give the size of its images they stay what they are.  The scores are (N, classes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import layers as ground
from layers import Layer
from layers.windows import Sides

from ..errors import FileError
from ..images import Preprocessing
from ..network import Network
from ..preparation import Shape
from . import limits
from .limits import LARGEST_SIDE, LARGEST_STEP, Known, in_maps, refuse_odd_images, shape_above
from .mat import read_mat

Struct = Mapping[str, Any]

LOSSES = ("softmax", "softmaxloss", "loss")  # a network never contains its softmax


def load(path: Path) -> tuple[Network, Shape | None]:
    """The network in a MatConvNet file, with its mean image and class names; and the (C, H, W) of its images."""
    with open(path, "rb") as file:
        stored = read_mat(file, {"net", "layers", "meta", "normalization", "classes"})
    net = stored.get("net", stored)
    if "layers" not in net:
        raise FileError("holds no `layers`; expected a network of MatConvNet's SimpleNN")
    meta = {**net, **net.get("meta", {})}  # the old spelling has all of this at the top
    shape, classes = image_shape(meta), meta.get("classes", {})
    names = [str(name) for name in classes.get("description") or classes.get("name") or []] or None
    layers = chain(listed(net["layers"]), shape or (None, None, None))
    return Network(layers, preprocessing(meta.get("normalization", {}), shape), names), shape


def listed(layers: Any) -> list[Struct]:
    """`layers` as a list of structs."""
    layers = layers if isinstance(layers, list) else [layers]
    if not layers or not all(isinstance(stored, dict) for stored in layers):
        raise FileError("`layers` is no cell array of structs; expected a network of MatConvNet's SimpleNN")
    if any("block" in stored for stored in layers):
        raise FileError("holds a DagNN; only MatConvNet's SimpleNN is read")
    return layers


# ---------------------------------------------------------------------- layers


def chain(stored_layers: Sequence[Struct], shape: Known) -> dict[str, Layer]:
    """The layers by name.  `shape` is (C, H, W) of an image, if the file gives it."""
    layers: dict[str, Layer] = {}
    if stored_layers[-1].get("type") in LOSSES:
        stored_layers = stored_layers[:-1]
    for number, stored in enumerate(stored_layers, 1):
        kind, name = stored.get("type"), str(stored.get("name") or f"{stored.get('type')}{number}")
        try:
            if name in layers:
                raise FileError("this name is given twice")
            if kind != "conv" and kind not in MAKERS:
                known = f"conv, {', '.join(MAKERS)}; only at the end {', '.join(LOSSES)}"
                raise FileError(f"type {kind!r} is unknown; expected {known}")
            found = convolution(name, stored, shape) if kind == "conv" else {name: MAKERS[kind](stored)}
        except ValueError as error:
            raise FileError(f"layer {name!r} (number {number}): {error}") from None
        for key, layer in found.items():
            shape = shape_above(key, layer, shape)
        layers |= found
    return {**layers, "flatten": ground.Flatten()} if in_maps(shape) else layers


def convolution(name: str, stored: Struct, shape: Known) -> dict[str, Layer]:
    """A convolution, perhaps in groups; or, if its kernels cover all that they meet, a matrix on flat maps."""
    K, b = weights(stored)
    (M, C, kh, kw), channels, is_flat = K.shape, shape[0], len(shape) == 1
    stride, pad = whole(stored, "stride", 2, default=1), sides(stored)
    if whole(stored, "dilate", 2, default=1) != (1, 1):
        raise FileError("is dilated; such convolutions are not among the layers here")

    groups, rest = divmod(C if channels is None else channels, C)
    if rest or M % groups:
        raise FileError(f"{M} kernels of {C} channels cannot share out the {channels} channels that they meet")
    if (kh, kw) == (shape[1:] or (1, 1)) and groups == 1 and not any(pad):
        matrix = ground.FullyConnected(K.reshape(M, C * kh * kw), b)
        return {name: matrix} if is_flat else {"flatten": ground.Flatten(), name: matrix}
    return {name: ground.GroupedConv(K, b, groups, stride, pad) if groups > 1 else ground.Conv(K, b, stride, pad)}


def weights(stored: Struct) -> tuple[np.ndarray, np.ndarray]:
    """(K, b) of a convolution in either spelling; biases may be missing."""
    K, b = [*stored.get("weights", [stored.get("filters"), stored.get("biases")]), None, None][:2]
    if not isinstance(K, np.ndarray) or K.size == 0:
        raise FileError("has no weights")
    K = kernels(K)
    return K, np.zeros(len(K), K.dtype) if b is None or len(b) == 0 else np.ravel(b).astype(K.dtype)


def kernels(stored: np.ndarray) -> np.ndarray:
    """(kh, kw, C, M), columns first → (M, C, kh, kw), rows first.

    In place, a kernel after the other, for a second copy of VGG-16's largest layer would take 400 MB: in memory the
    numbers already lie in the order M, C, kw, kh, and only the last two are exchanged.
    """
    kh, kw, C, M = (*stored.shape, 1, 1)[:4]  # MATLAB drops trailing ones
    stored = stored if stored.dtype.kind == "f" else stored.astype(np.float32)
    rows = np.asfortranarray(stored).T.reshape(M, C * kw * kh)
    for kernel in rows:
        kernel[:] = kernel.reshape(C, kw, kh).swapaxes(1, 2).ravel()
    return rows.reshape(M, C, kh, kw)


def relu(stored: Struct) -> Layer:
    if np.any(stored.get("leak", 0)):
        raise FileError("leaks; such ReLUs are not among the layers here")
    return ground.ReLU()


def pool(stored: Struct) -> Layer:
    """MatConvNet's windows are all whole (⌊…⌋ + 1 of them), and its averages do not count the padding: as here."""
    method = stored.get("method", "max")
    if method not in ("max", "avg"):
        raise FileError(f"pooling method {method!r} is unknown; expected max or avg")
    kind = ground.MaxPool if method == "max" else ground.AveragePool
    return kind(whole(stored, "pool", 2), whole(stored, "stride", 2, default=1), sides(stored))


def normalize(stored: Struct) -> Layer:
    """param = [N κ α β]; α multiplies the plain sum of squares, as in our formula."""
    param = np.ravel(stored.get("param", [5, 1, 0.0001 / 5, 0.75])).tolist()
    if len(param) != 4 or not np.isfinite(param).all() or not 1 <= param[0] <= LARGEST_STEP or param[0] % 1:
        raise FileError(f"param is {param}; expected [N κ α β]")
    return ground.LocalResponseNorm(int(param[0]), *param[1:])


def batch_norm(stored: Struct) -> Layer:
    """weights = {γ, β, moments}: a moment's first column is μ, its second √(σ² + ε)."""
    gamma, beta, moments = [np.asarray(part) for part in [*stored.get("weights", []), None, None, None][:3]]
    if moments.shape != (gamma.size, 2) or moments.dtype.kind != "f" or gamma.size != beta.size:
        raise FileError("has no weights {γ, β, [μ √(σ² + ε)]} of one length")
    mean, deviation = moments.T.copy()
    if not np.all(deviation > 0):
        raise FileError("has a standard deviation that is not above 0")
    return ground.BatchNorm(gamma.ravel(), beta.ravel(), mean, deviation**2, eps=0)


MAKERS: dict[str, Callable[[Struct], Layer]] = {
    **{"relu": relu, "pool": pool, "normalize": normalize, "lrn": normalize, "bnorm": batch_norm},
    "dropout": lambda stored: ground.Dropout(float(np.ravel(stored.get("rate", 0.5))[0])),
}


# ---------------------------------------------------------------------- fields


def whole(stored: Struct, field: str, count: int, default: int | None = None, largest: int = LARGEST_STEP) -> Any:
    """A tuple of `count` whole numbers of a field, e.g. a stride; one number stands for all."""
    values = np.ravel(stored.get(field, [])).tolist() or ([] if default is None else [default])
    return limits.whole(field, values * count if len(values) == 1 else values, count, largest)


def sides(stored: Struct) -> Sides:
    """[top bottom left right] of `pad`, in MatConvNet's order as in ours; 0 unless given."""
    top, bottom, left, right = whole(stored, "pad", 4, default=0)
    return top, bottom, left, right


# ---------------------------------------------------------------------- what goes with the layers


def image_shape(meta: Struct) -> Shape | None:
    """(C, H, W) of the images: normalization.imageSize, or inputSize, is [H W C]; None if the file does not give."""
    size = np.ravel(meta.get("normalization", {}).get("imageSize", meta.get("inputSize", [])))[:3]
    if size.size == 0:
        return None
    H, W, C = (*whole({"imageSize": size}, "imageSize", max(len(size), 2), largest=LARGEST_SIDE), 1)[:3]
    refuse_odd_images(C, H, W)
    return C, H, W


def preprocessing(normalization: Struct, shape: Shape | None) -> Preprocessing | None:
    """X_0 = pixels − averageImage, pixels in RGB, 0 … 255.

    Before cropping, MatConvNet resizes photographs to the image's size plus `border`, or over `cropSize`: the shorter
    side, and the longer one is rounded up as by MATLAB's imresize; or, where `keepAspect` is false, both sides.
    """
    if not normalization or shape is None or shape[0] not in (1, 3):
        return None
    C, H, W = shape
    mean = np.asarray(normalization.get("averageImage", []), np.float32)
    if mean.size in (0, C):
        mean = np.resize(mean if mean.size else np.zeros(1, np.float32), C)
    elif mean.shape in ((H, W, C), (H, W)):
        mean = np.moveaxis(mean.reshape(H, W, C), -1, 0)
    else:
        raise FileError(f"averageImage has the shape {mean.shape}; expected {(H, W, C)} or {C} numbers")
    warped = None
    if np.size(normalization.get("border", [])):
        down, across = whole(normalization, "border", 2)
        warped = (H + down, W + across)
    elif np.size(normalization.get("cropSize", [])):
        share = float(np.min(normalization["cropSize"]))
        if not 0.1 <= share <= 1:
            raise FileError(f"cropSize is {share:g}; expected the crop's share of the image, 0.1 … 1")
        warped = (max(H, round(H / share)), max(W, round(W / share)))
    (keeps_aspect,) = whole(normalization, "keepAspect", 1, default=1, largest=1)
    resize = max(warped) if warped is not None and keeps_aspect else warped
    return Preprocessing((H, W), mean, order="RGB" if C == 3 else "L", resize=resize, rounding="matlab")
