"""Weight files: read without the framework that wrote them, and never trusted.

    net = formats.load("net.npz")                        # minicnn's own, which knows its architecture
    net = formats.load("alexnet.pth", "alexnet")         # a state dict, which does not
    formats.save(net, "net.npz")

Nothing in a file is executed, and nothing takes memory before its size has been checked.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..network import Network
from . import matconvnet, npz, onnx, pytorch, safetensors, state_dict
from .errors import FileError
from .npz import save

__all__ = ["FORMATS", "SUFFIXES", "FileError", "load", "save"]


@dataclass(frozen=True)
class Format:
    """A kind of weight file.

    suffixes:   of its files' names
    recognised: tells it by its first bytes (and by the file's path); False where only the suffix tells
    load:       the network in a file of this kind
    """

    title: str
    suffixes: tuple[str, ...]
    recognised: Callable[[bytes, Path], bool]
    load: Callable[[Path, str | None, bool], Network]


# ---------------------------------------------------------------------- one function, one format


def load_npz(path: Path, network: str | None, allow_nonfinite: bool) -> Network:
    refuse_architecture(network)
    return npz.load(path, allow_nonfinite)


def load_pytorch(path: Path, network: str | None, allow_nonfinite: bool) -> Network:
    return state_dict.network(pytorch.read(path), network, allow_nonfinite)


def load_safetensors(path: Path, network: str | None, allow_nonfinite: bool) -> Network:
    return state_dict.network(safetensors.read(path), network, allow_nonfinite)


def load_matconvnet(path: Path, network: str | None, allow_nonfinite: bool) -> Network:
    refuse_architecture(network)
    return finite(matconvnet.load(path), allow_nonfinite)


def load_onnx(path: Path, network: str | None, allow_nonfinite: bool) -> Network:
    refuse_architecture(network)
    net = finite(onnx.load(path), allow_nonfinite)
    return Network(net.layers, net.preprocessing, net.classes or state_dict.classes_of(net))


def finite(net: Network, allow_nonfinite: bool) -> Network:
    """The network, unless there are NaN or infinite weights in it that nobody asked for."""
    for name, p in net.parameters.items():
        state_dict.finite(name, p, allow_nonfinite)
    return net


def refuse_architecture(network: str | None) -> None:
    """Files that know their architecture want no other."""
    if network is not None:
        raise FileError(f"the file brings its own architecture; leave {network!r} out")


# ---------------------------------------------------------------------- which format a file has


def is_zip_with(head: bytes, path: Path, ending: str) -> bool:
    """Whether the file is a zip archive with a member whose name ends so."""
    if not head.startswith(b"PK\3\4"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(ending) for name in archive.namelist())
    except Exception:  # a broken archive: the suffix will tell, and the reader complain
        return False


FORMATS = (  # content decides before suffixes do
    Format("minicnn's own", (".npz",), lambda head, path: is_zip_with(head, path, npz.DESCRIPTION), load_npz),
    Format(
        "PyTorch",
        (".pth", ".pt"),
        lambda head, path: head.startswith(pytorch.OLDER_FILES_BEGIN) or is_zip_with(head, path, "/data.pkl"),
        load_pytorch,
    ),
    Format("safetensors", (".safetensors",), safetensors.recognised, load_safetensors),
    Format("MatConvNet", (".mat",), lambda head, path: head.startswith((b"MATLAB 5.0", b"\x89HDF")), load_matconvnet),
    Format("ONNX", (".onnx",), lambda head, path: False, load_onnx),  # protocol buffers have no mark of their own
)


SUFFIXES = [suffix for format in FORMATS for suffix in format.suffixes]


def format_of(path: Path) -> Format:
    """By content, or else by suffix."""
    with open(path, "rb") as file:
        head = file.read(512)
    if not head:
        raise FileError("the file is empty")
    for format in FORMATS:
        if format.recognised(head, path):
            return format
    for format in FORMATS:
        if path.suffix.lower() in format.suffixes:
            return format
    known = ", ".join(f"{format.title} ({' '.join(format.suffixes)})" for format in FORMATS)
    raise FileError(f"no weight file of a known kind; expected one of {known}")


# ---------------------------------------------------------------------- all formats


def load(path: str | os.PathLike[str], network: str | None = None, allow_nonfinite: bool = False) -> Network:
    """The network in a weight file of any format.

    network:         the architecture, for files that do not know theirs (PyTorch, safetensors)
    allow_nonfinite: take weights that are NaN or infinite

    Raises FileError, which names the file and says what is wrong with it and what would be right; FileNotFoundError
    and other OSErrors; MissingPackage for a format whose package is not installed.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected a weight file")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; expected a weight file")
    try:
        net = format_of(path).load(path, network, allow_nonfinite)
        try_out(net)
    except FileError as error:
        raise FileError(f"{path}: {one_line(str(error).removeprefix(f'{path}: '))}") from None
    except MemoryError:
        raise FileError(f"{path}: its network needs more memory than there is") from None
    return net


def one_line(text: str, most: int = 400) -> str:
    """A message on one line, however long the names in the file are."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[:most]}…"


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
