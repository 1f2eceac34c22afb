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

from .. import architectures, state_dict
from ..network import Network
from ..preparation import Preparation, Shape, shape_of
from . import matconvnet, npz, onnx, pytorch, safetensors
from .errors import FileError, reading
from .limits import Known, refuse_nonfinite, shape_above
from .npz import save

__all__ = ["FORMATS", "SUFFIXES", "FileError", "load", "save"]

Found = tuple[Network, Shape | None]  # and the (C, H, W) of its images, where only the file says it


@dataclass(frozen=True)
class Format:
    """A kind of weight file.

    suffixes:      of its files' names
    load:          the network in a file of this kind; the architecture's name goes to files that do not know theirs
    begins:        how its files begin, as a pattern
    member:        how a member's name ends, if they are zip archives
    is_state_dict: whether they do not know their architecture
    """

    title: str
    suffixes: tuple[str, ...]
    load: Callable[[Path, str | None, bool], Found]
    begins: bytes = b""
    member: str = ""
    is_state_dict: bool = False


def load_pytorch(path: Path, network: str | None, allow_nonfinite: bool) -> Found:
    with pytorch.opened(path) as saved:
        return state_dict.network(saved, network, allow_nonfinite), None


def load_safetensors(path: Path, network: str | None, allow_nonfinite: bool) -> Found:
    return state_dict.network(safetensors.read(path), network, allow_nonfinite), None


def load_matconvnet(path: Path, network: str | None, allow_nonfinite: bool) -> Found:
    net = matconvnet.load(path)
    refuse_nonfinite(net.parameters, allow_nonfinite)
    return net, None


def load_onnx(path: Path, network: str | None, allow_nonfinite: bool) -> Found:
    net, shape = onnx.read(path)
    refuse_nonfinite(net.parameters, allow_nonfinite)
    return Network(net.layers, net.preprocessing, net.classes or state_dict.classes_of(net)), shape


OLDER = re.escape(pytorch.OLDER_FILES_BEGIN)
FORMATS = (  # content decides before suffixes do
    Format("minicnn's own", (".npz",), lambda path, _, lax: (npz.load(path, lax), None), member=npz.DESCRIPTION),
    Format("PyTorch", (".pth", ".pt", ".ckpt", ".tar"), load_pytorch, OLDER, member="/data.pkl", is_state_dict=True),
    Format("safetensors", (".safetensors",), load_safetensors, rb".{5}\0\0\0\{", is_state_dict=True),
    Format("MatConvNet", (".mat",), load_matconvnet, b"MATLAB (5.0|7.3)"),
    Format("ONNX", (".onnx",), load_onnx),  # protocol buffers have no mark of their own
)
SUFFIXES = [suffix for format in FORMATS for suffix in format.suffixes]


def format_of(path: Path) -> Format:
    """By content, or else by suffix."""
    names, suffix = [], path.suffix.lower()
    with open(path, "rb") as file:
        head = file.read(512)
        if head.startswith(b"PK\3\4"):
            with suppress(Exception):  # a broken archive: the suffix will tell, and the reader complain
                names = zipfile.ZipFile(file).namelist()
    for format in FORMATS:
        if format.begins and re.match(format.begins, head, re.DOTALL):
            return format
        if format.member and any(name.endswith(format.member) for name in names):
            return format
    if head.startswith(b"\x89HDF\r\n\x1a\n") or "model.weights.h5" in names or suffix in (".h5", ".hdf5", ".keras"):
        raise FileError("a file of Keras' (HDF5), which is not read here; export the model to ONNX, with tf2onnx")
    for format in FORMATS:
        if suffix in format.suffixes:
            return format
    known = ", ".join(f"{format.title} ({' '.join(format.suffixes)})" for format in FORMATS)
    raise FileError(f"no weight file of a known kind; expected one of {known}")


# ---------------------------------------------------------------------- all formats


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
    if network is not None:
        architectures.torch_names(network)  # which says what names there are
    with reading(path, "a weight file"):
        format = format_of(path)
        if network is not None and not format.is_state_dict:
            raise FileError(f"the file brings its own architecture; leave {network!r} out")
        net, declared = format.load(path, network, allow_nonfinite)
        if preparation is not None:
            try:
                prepared = preparation.fitted(declared or shape_of(net.preprocessing), net.preprocessing)
            except ValueError as error:
                raise FileError(str(error)) from None
            net = Network(net.layers, prepared, net.classes)
        try_out(net)
    return net


def try_out(net: Network) -> None:
    """Whether the layers fit each other, and the classes the scores: an empty batch costs nothing."""
    shape: Known | None = shape_of(net.preprocessing)
    if shape is None:
        return
    try:
        for name, layer in net.layers.items():
            shape = shape_above(name, layer, shape)
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise FileError(f"its layers do not fit each other: {error}") from None
    if net.classes is not None and shape != (len(net.classes),):
        raise FileError(f"it names {len(net.classes)} classes, but its scores have the shape {shape}")
