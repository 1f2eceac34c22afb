"""Architectures as tables that a reader can compare with the papers: one file, one family.

A table lists the layers, without weights; these are set afterwards, random or trained::

    net = architectures.build("vgg16", rng)                          # random
    net = architectures.blank("vgg16").with_parameters(arrays)       # trained: {"conv1_1.K": …, "conv1_1.b": …, …}
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from layers import Layer

from ..images import Preprocessing
from ..network import Network
from ..spelling import choose_from
from . import alexnet, cnn_f, resnet, scenes, small, squeezenet, torchvision, vgg, zfnet

# Preprocessing by origin.  A network gets worse answers with the preprocessing of another origin.
# Sizes, offsets and means are the origin's own (tests/minicnn/test_origins.py); the resampling is Pillow's bilinear.
TORCHVISION = Preprocessing(
    (224, 224),
    mean=(0.485 * 255, 0.456 * 255, 0.406 * 255),
    scale=(1 / (0.229 * 255), 1 / (0.224 * 255), 1 / (0.225 * 255)),
    resize=256,
    rounding="torchvision",
)
# Caffe warps photographs to 256×256, whatever their aspect, and crops the middle
CAFFE = Preprocessing((227, 227), mean=(104.007, 116.669, 122.679), order="BGR", resize=(256, 256))
# Caffe's mean and channels, the aspect kept: ours, for networks whose training is not documented
CAFFE_ASPECT_KEPT = replace(CAFFE, resize=256)
# Oxford's VGG-16 and VGG-19, as MatConvNet has them: RGB (their Caffe files take BGR).  CNN-F's mean is a whole image
OXFORD = Preprocessing((224, 224), mean=(123.68, 116.779, 103.939), resize=256, rounding="matlab")
MNIST = Preprocessing((28, 28), mean=(0.1307 * 255,), scale=1 / (0.3081 * 255), order="L")
FASHION_MNIST = Preprocessing((28, 28), mean=(72.94,), scale=1 / 90.02, order="L")
SHAPES = Preprocessing((64, 64), mean=(127.5, 127.5, 127.5), scale=1 / 64)
CIFAR = Preprocessing((32, 32), mean=(125.3, 123.0, 113.9), scale=(1 / 63.0, 1 / 62.1, 1 / 66.7))
PLAIN = Preprocessing((224, 224), mean=(0.0, 0.0, 0.0), scale=1 / 255)  # pixels from 0 to 1
PREPROCESSINGS = {
    **{"torchvision": TORCHVISION, "caffe": CAFFE, "oxford": OXFORD},  # for ImageNet's networks, by origin
    "caffe-aspect-kept": CAFFE_ASPECT_KEPT,
    **{"mnist": MNIST, "fashion-mnist": FASHION_MNIST, "cifar": CIFAR, "plain": PLAIN},
}


@dataclass(frozen=True)
class Architecture:
    """A table, and what goes with it.

    title:         what it is, and the paper it comes from
    table:         makes the layers, without weights; takes the number of classes, by default ImageNet's 1000
    preprocessing: the usual one; trained weights may bring their own
    torch_names:   the parameters' names in torchvision's state dict, where torchvision has the network
    """

    title: str
    table: Callable[..., dict[str, Layer]]
    preprocessing: Preprocessing
    torch_names: torchvision.TorchNames | None = None

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return (self.preprocessing.channels, *self.preprocessing.size)


def described(
    table: Callable[..., dict[str, Layer]],
    preprocessing: Preprocessing,
    torch_names: torchvision.TorchNames | None = None,
    **settings: int,
) -> Architecture:
    """An architecture whose title is the first line of its table's docstring."""
    title = (table.__doc__ or "").split("\n")[0].format(**settings).rstrip(".")
    return Architecture(title, partial(table, **settings), preprocessing, torch_names)


ARCHITECTURES: dict[str, Architecture] = {
    "paper": described(cnn_f.cnn_f, OXFORD),
    "alexnet_2012": described(alexnet.alexnet_2012, CAFFE),
    "caffenet": described(alexnet.caffenet, CAFFE),
    "alexnet": described(alexnet.alexnet, TORCHVISION, torchvision.numbered),
    "zfnet": described(zfnet.zfnet, OXFORD),
    **{f"vgg{depth}": described(vgg.vgg, TORCHVISION, torchvision.numbered, depth=depth) for depth in (11, 13, 16, 19)},
    **{
        f"vgg{depth}_bn": described(vgg.vgg_bn, TORCHVISION, torchvision.numbered, depth=depth)
        for depth in (11, 13, 16, 19)
    },
    "squeezenet1_0": described(squeezenet.squeezenet1_0, TORCHVISION, torchvision.squeezenet1_0),
    "squeezenet1_1": described(squeezenet.squeezenet1_1, TORCHVISION, torchvision.squeezenet1_1),
    "resnet18": described(resnet.resnet18, TORCHVISION, torchvision.resnet18),
    "small28": described(small.small, FASHION_MNIST, channels=1, size=28),
    "small32": described(small.small, CIFAR, channels=3, size=32),
    "shapes": described(scenes.shapes, SHAPES),
}


def architecture(name: str) -> Architecture:
    """The named architecture; ValueError, listing the names, if there is none."""
    if name not in ARCHITECTURES:
        raise ValueError(f"there is no architecture {name!r}{choose_from(name, ARCHITECTURES)}")
    return ARCHITECTURES[name]


def blank(name: str, **settings: int) -> Network:
    """The named network without weights: every parameter has its shape, takes no memory, and is NaN.

    settings: of the table, e.g. classes=10.
    """
    found = architecture(name)
    return Network(found.table(**settings), found.preprocessing)


def build(name: str, rng: np.random.Generator, **settings: int) -> Network:
    """The named network with random weights (He initialisation), float32; settings as in `blank`."""
    return he_initialised(blank(name, **settings), rng)


def he_initialised(net: Network, rng: np.random.Generator) -> Network:
    """K, W ~ N(0, 2 / fan-in), b = 0 [He2015]: the variance of the maps stays the same from ReLU to ReLU.

    A residual block adds to it, by less than a factor of two a block.  Batch normalisation starts as
    the identity: γ = 1, β = 0, μ = 0, σ² = 1.
    """
    drawn: dict[str, np.ndarray] = {}
    for name, p in net.parameters.items():
        letter = name.rpartition(".")[2]
        if letter in ("K", "W"):
            fan_in = int(np.prod(p.shape[1:]))
            drawn[name] = rng.standard_normal(p.shape, dtype=np.float32) * np.float32(np.sqrt(2 / fan_in))
        else:
            drawn[name] = np.full(p.shape, letter in ("gamma", "variance"), np.float32)
    return net.with_parameters(drawn)


def torch_names(name: str) -> dict[str, str]:
    """What torchvision calls the named network's parameters: {"conv1.K": "features.0.weight", …}."""
    found = architecture(name)
    if found.torch_names is None:
        known = [other for other, a in ARCHITECTURES.items() if a.torch_names is not None]
        raise ValueError(f"torchvision has no {name}: choose from {', '.join(known)}")
    return found.torch_names(found.table())
