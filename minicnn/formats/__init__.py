"""Weight files: read without the framework that wrote them, and never trusted.

    net = formats.load("net.npz")                        # minicnn's own, which knows its architecture
    net = formats.load("alexnet.pth", "alexnet")         # a state dict, which does not
    formats.save(net, "net.npz")

Nothing in a file is executed, sizes are bounded, and whatever is wrong is one line.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import architectures
from ..network import Network
from ..preparation import Preparation, Shape, shape_of
from . import matconvnet, npz, onnx, pytorch, safetensors, state_dict
from .errors import FileError, reading
from .limits import refuse_nonfinite
from .npz import save

__all__ = ["FORMATS", "SUFFIXES", "FileError", "load", "save"]

Found = tuple[Network, Shape | None]  # and the (C, H, W) of its images, where only the file says it


@dataclass(frozen=True)
class Format:
    """A kind of weight file.

    suffixes:      of its files' names
    recognised:    tells it by its first bytes, or by its members' names if it is a zip archive
    load:          the network in a file of this kind; the architecture's name goes to files that do not know theirs
    is_state_dict: whether they do not
    """

    title: str
    suffixes: tuple[str, ...]
    recognised: Callable[[bytes, Sequence[str]], bool]
    load: Callable[[Path, str | None, bool], Found]
    is_state_dict: bool = False


# ---------------------------------------------------------------------- one function, one format


def load_npz(path: Path, network: str | None, allow_nonfinite: bool) -> Found:
    return npz.load(path, allow_nonfinite), None


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


def refuse_keras(path: Path, network: str | None, allow_nonfinite: bool) -> Found:
    raise FileError("a file of Keras' (HDF5), which is not read here; export the model to ONNX, with tf2onnx")


# ---------------------------------------------------------------------- which format a file has


def holds(ending: str, names: Sequence[str]) -> bool:
    return any(name.endswith(ending) for name in names)


FORMATS = (  # content decides before suffixes do
    Format("minicnn's own", (".npz",), lambda head, names: npz.DESCRIPTION in names, load_npz),
    Format(
        "PyTorch",
        (".pth", ".pt", ".ckpt", ".tar"),
        lambda head, names: head.startswith(pytorch.OLDER_FILES_BEGIN) or holds("/data.pkl", names),
        load_pytorch,
        is_state_dict=True,
    ),
    Format(
        "safetensors",
        (".safetensors",),
        lambda head, names: head[5:9] == b"\0\0\0{",  # a header's length, of less than a terabyte, and the header
        load_safetensors,
        is_state_dict=True,
    ),
    Format("MatConvNet", (".mat",), lambda head, names: head.startswith((b"MATLAB 5.", b"MATLAB 7.")), load_matconvnet),
    Format("ONNX", (".onnx",), lambda head, names: False, load_onnx),  # protocol buffers have no mark of their own
)
KERAS = Format(
    "Keras",
    (".h5", ".hdf5", ".keras"),
    lambda head, names: head.startswith(b"\x89HDF\r\n\x1a\n") or holds("model.weights.h5", names),
    refuse_keras,
)
SUFFIXES = [suffix for format in FORMATS for suffix in format.suffixes]


def format_of(path: Path) -> Format:
    """By content, or else by suffix."""
    with open(path, "rb") as file:
        head, names = file.read(512), list[str]()
    if head.startswith(b"PK\3\4"):
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except Exception:  # a broken archive: the suffix will tell, and the reader complain
            names = []
    for format in (*FORMATS, KERAS):
        if format.recognised(head, names):
            return format
    for format in (*FORMATS, KERAS):
        if path.suffix.lower() in format.suffixes:
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
    """Whether the layers fit each other, and the classes the scores: a forward pass of no images costs nothing."""
    if net.preprocessing is None:
        return
    dtype = np.result_type(np.float32, *(p.dtype for p in net.parameters.values()))
    no_images = np.zeros((0, net.preprocessing.channels, *net.preprocessing.size), dtype)
    try:
        scores = net.scores(no_images)
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise FileError(f"its layers do not fit each other: {error}") from None
    if net.classes is not None and scores.shape[1:] != (len(net.classes),):
        raise FileError(f"it names {len(net.classes)} classes, but its scores have the shape {scores.shape[1:]}")
