"""Trained networks, from installed packages and from weight files.  Nothing is downloaded at run time."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from . import architectures, formats
from .architectures import CAFFE_ASPECT_KEPT
from .architectures.squeezenet import squeezenet1_1
from .array_pickle import read_array_pickle
from .class_names import imagenet_classes
from .extras import package_folder
from .files import refuse_address
from .network import Network
from .preparation import Preparation, shape_of
from .spelling import choose_from

SQUEEZENET_WEIGHTS = Path("example_models", "weights", "squeezenet_weights.pkl")
SHAPES_WEIGHTS = Path(__file__).parent / "weights" / "shapes.npz"
SQUEEZENET_SHA256 = "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1"


def load(
    name_or_path: str | os.PathLike[str],
    network: str | None = None,
    allow_nonfinite: bool = False,
    preparation: Preparation | None = None,
) -> Network:
    """A trained network by name, or from a weight file of any format (`formats.load`, which says what it raises).

    network:         the architecture, for files that do not contain it: load("alexnet.pth", "alexnet")
    allow_nonfinite: accept weights that are NaN or infinite
    preparation:     how photographs are preprocessed, where the file does not say it
    """
    name = str(name_or_path)
    refuse_address(name, "a weight file")
    if name in NETWORKS and network is None:
        net = NETWORKS[name]()
        if preparation is None:
            return net
        return Network(net.layers, preparation.fitted(shape_of(net.preprocessing), net.preprocessing), net.classes)
    if isinstance(name_or_path, str) and not os.path.exists(name) and not is_like_a_path(name):
        if name in architectures.ARCHITECTURES:
            raise ValueError(f"{name} is an architecture without weights here: give their file, --weights FILE")
        raise ValueError(f"there is no network {name!r}{choose_from(name, NETWORKS, 'or give a weight file')}")
    return formats.load(name_or_path, network, allow_nonfinite, preparation)


def is_like_a_path(name: str) -> bool:
    """Whether this looks like the path of a file, not like a name."""
    path = Path(name)
    return len(path.parts) > 1 or path.suffix.lower() in formats.SUFFIXES


def squeezenet() -> Network:
    """SqueezeNet 1.1 [Iandola2016], trained on ImageNet: 1000 classes, 227×227 pixels, 1.2 million weights.

    How its training photographs were preprocessed is not documented.  Our choice is the preset `caffe-aspect-kept`:
    Caffe's mean and order of channels, the aspect kept.  Caffe itself warps photographs to a square, which may change
    the answer: `chelsea`, an Egyptian cat (0.44), becomes a tiger cat (0.54).

    The weights come with the package `ndf`, the class names with `imagenet-classes` (extra `demo`).  Neither package is
    imported: their files are read as data, the weights only if their sha256 is the known one.
    Raises MissingPackage (an ImportError) without the packages, ValueError for other weights.
    """
    path = package_folder("ndf", "demo", "the trained SqueezeNet") / SQUEEZENET_WEIGHTS
    stored = read_array_pickle(checked_bytes(path, SQUEEZENET_SHA256))

    weights = {}
    for name, (K, b) in stored.items():  # "conv1", "fire2/squeeze1x1", "fire2/expand1x1", …
        place = re.sub(r"expand\dx\d", r"expand.\g<0>.0", name)
        weights[f"{place}.K"] = K.transpose(3, 2, 0, 1)  # stored as (kh, kw, C, M)
        weights[f"{place}.b"] = b

    return Network(
        squeezenet1_1(),
        preprocessing=replace(CAFFE_ASPECT_KEPT, mean=(104.006, 116.669, 122.679)),
        classes=imagenet_classes(),
    ).with_parameters(weights)


def shapes() -> Network:
    """The network for generated scenes (`datasets.shapes`): ten classes, 64×64 pixels, 0.23 million weights.

    It is part of minicnn, and was trained by `minicnn train shapes`, by the code before there were engines
    (docs/training.md).
    """
    return formats.load(SHAPES_WEIGHTS)


NETWORKS: dict[str, Callable[[], Network]] = {"squeezenet": squeezenet, "shapes": shapes}


def checked_bytes(path: Path, sha256: str) -> bytes:
    """The bytes of a file; ValueError unless their sha256 is the expected one."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; reinstall the package it belongs to")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"{path} is not the known file: expected sha256 {sha256}, found {found}")
    return content
