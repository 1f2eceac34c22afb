"""Weight files: read without the framework that wrote them, and never trusted.

    net = formats.load("net.npz")                        # minicnn's own, which knows its architecture
    net = formats.load("alexnet.pth", "alexnet")         # a state dict, which does not
    formats.save(net, "net.npz")

Nothing in a file is executed, sizes are bounded, and whatever is wrong is one line.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import architectures, state_dict
from ..errors import FileError, reading
from ..network import Network
from ..preparation import Preparation, Shape, shape_of
from . import matconvnet, npz, onnx, pytorch, safetensors
from .limits import Known, refuse_nonfinite, shape_above
from .npz import save

__all__ = ["FORMATS", "SUFFIXES", "FileError", "load", "save"]

Found = tuple[Network, Shape | None]  # and the (C, H, W) of its images, where only the file says it


@dataclass(frozen=True)
class Format:
    """A kind of weight file.

    title:         what such a file is
    suffixes:      of its name
    read:          the network in it, by the architecture's name for files that do not know theirs
    begins:        how its content begins, as a pattern
    member:        how a member's name ends, if it is a zip archive
    is_state_dict: whether it does not know its architecture
    """

    title: str
    suffixes: tuple[str, ...]
    read: Callable[[Path, str | None], Found]
    begins: bytes = b""
    member: str = ""
    is_state_dict: bool = False


def read_pytorch(path: Path, network: str | None) -> Found:
    with pytorch.opened(path) as saved:
        return state_dict.network(saved, network), None


def read_onnx(path: Path, _: str | None) -> Found:
    net, shape = onnx.load(path)
    return Network(net.layers, net.preprocessing, net.classes or state_dict.classes_of(net)), shape


FORMATS = (  # content decides before suffixes do
    Format("a network that minicnn saved", (".npz",), lambda path, _: (npz.load(path), None), member=npz.DESCRIPTION),
    Format(
        "a weight file of PyTorch's",
        (".pth", ".pt", ".ckpt", ".tar"),
        read_pytorch,
        begins=re.escape(pytorch.OLDER_FILES_BEGIN),
        member="/data.pkl",
        is_state_dict=True,
    ),
    Format(
        "a safetensors file",
        (".safetensors",),
        lambda path, network: (state_dict.network(safetensors.read(path), network), None),
        begins=rb".{5}\0\0\0\{",
        is_state_dict=True,
    ),
    Format("a MatConvNet .mat file", (".mat",), lambda path, _: matconvnet.load(path), b"MATLAB (5.0|7.3)"),
    Format("an ONNX model", (".onnx",), read_onnx),  # protocol buffers have no mark of their own
)
SUFFIXES = [suffix for format in FORMATS for suffix in format.suffixes]


def format_of(path: Path) -> Format:
    """By content, or else by suffix."""
    names, suffix = list[str](), path.suffix.lower()
    with open(path, "rb") as file:
        head = file.read(512)
    if head.startswith(b"PK\3\4"):
        with suppress(Exception), zipfile.ZipFile(path) as archive:  # if it is broken, its reader will complain
            names = archive.namelist()
    for format in FORMATS:
        begins = format.begins and re.match(format.begins, head, re.DOTALL)
        if begins or (format.member and any(name.endswith(format.member) for name in names)):
            return format
    if head.startswith(b"\x89HDF\r\n\x1a\n") or "model.weights.h5" in names or suffix in (".h5", ".hdf5", ".keras"):
        raise FileError("a file of Keras' (HDF5), which is not read here; export the model to ONNX, with tf2onnx")
    for format in FORMATS:
        if suffix in format.suffixes:
            return format
    known = ", ".join(f"{format.title} ({' '.join(format.suffixes)})" for format in FORMATS)
    raise FileError(f"no weight file of a known kind; expected one of these: {known}")


def load(
    path: str | os.PathLike[str],
    network: str | None = None,
    allow_nonfinite: bool = False,
    preparation: Preparation | None = None,
) -> Network:
    """The network in a weight file of any format.

    network:         the architecture, for files that do not know theirs (PyTorch, safetensors)
    allow_nonfinite: take weights that are NaN or infinite
    preparation:     how photographs are prepared, where the file does not say it, or says it wrongly

    Raises FileError, which names the file and says what is wrong with it and what would be right; FileNotFoundError
    and other OSErrors; MissingPackage for a format whose package is not installed.
    """
    path = Path(path)
    names = {} if network is None else architectures.torch_names(network)  # which says what networks there are
    with reading(path, "a weight file"):
        format = format_of(path)
    with reading(path, format.title):
        if network is not None and not format.is_state_dict:
            raise FileError(f"the file brings its own architecture; leave {network!r} out")
        net, declared = format.read(path, network)
        declared = declared or shape_of(net.preprocessing)
        if not allow_nonfinite:
            mean = {"the mean image": np.asarray(net.preprocessing.mean)} if net.preprocessing else {}
            refuse_nonfinite({**{names.get(name, name): p for name, p in net.parameters.items()}, **mean})
        if preparation is not None:
            try:
                net = Network(net.layers, preparation.fitted(declared, net.preprocessing), net.classes)
            except ValueError as error:
                raise FileError(str(error)) from None
        shape: Known = shape_of(net.preprocessing) or declared or (None, None, None)
        for name, layer in net.layers.items():  # do the layers fit each other, and the classes the scores?
            shape = shape_above(name, layer, shape)
        if net.classes is not None and shape not in ((None,), (len(net.classes),)):
            raise FileError(f"names {len(net.classes)} classes, but its scores have the shape {shape}")
    return net
