"""Options and results that several commands share: network, device, engine, classes, answers, JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from layers.arrays import INSTALL, why_no_cuda
from layers.engine import ENGINES, checked, compiled_is_installed, current_engine, engine, engine_of_long_work
from minicnn import architectures, formats, pretrained
from minicnn.answer import Answer as Answer
from minicnn.class_names import find_class
from minicnn.files import json_text
from minicnn.network import Network, preprocessing_of
from visualize.deconvnet import Seed
from visualize.terminal import shows_everything

from .prepared import PREPARATION, add_preparation, preparation
from .screen import say

DEFAULT_NETWORK = "squeezenet"


def add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--network",
        metavar="NAME",
        help=f"a trained network, {', '.join(pretrained.NETWORKS)} (default: {DEFAULT_NETWORK}), "
        "or with --weights an architecture (minicnn networks lists both)",
    )
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help=f"a trained network's weights: {' '.join(formats.SUFFIXES)}"
    )
    add_preparation(parser)
    parser.add_argument(
        "--allow-nonfinite", action="store_true", help="take weights from FILE that are NaN or infinite"
    )
    add_device(parser)


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="cpu",
        help="where to compute: cuda is an NVIDIA GPU, by CuPy; auto takes it if there is one (default: %(default)s)",
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        help="how to compute: plain runs the layers' definitions as they are written, numpy is faster, compiled the "
        "fastest (it needs Numba: the extra fast); the numbers are the same but for rounding "
        "(default: numpy; in demo, class-model and train compiled where Numba is installed)",
    )


@contextmanager
def chosen_engine(args: argparse.Namespace) -> Iterator[None]:
    """Within the block the engine of --engine is used, by default the one that suits the command."""
    if not hasattr(args, "engine"):  # a command without computation
        yield
        return
    usual = engine_of_long_work() if getattr(args, "long_work", False) else current_engine()
    with engine(checked(args.engine or usual, source="--engine: ")):
        yield


def suggest_numba(command: str) -> None:
    """A note on a terminal, before work of some minutes, that Numba would make it faster."""
    if current_engine() == "numpy" and not compiled_is_installed() and sys.stderr.isatty():
        note = "with Numba this takes half to three quarters of the time: python -m pip install -e '.[fast]'"
        print(f"minicnn {command}: note: {note}", file=sys.stderr)


def add_class(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--class",
        dest="classes",
        action="append",
        metavar="CLASS",
        help="index or name of a class; may be given several times (default: the network's first answer)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print machine-readable results, one object a line")


def add_seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed",
        choices=("1", "activation"),
        default="1",
        help="the signal at the unit: 1, or its activation (default: %(default)s)",
    )


def chosen_seed(args: argparse.Namespace) -> Seed:
    return "activation" if args.seed == "activation" else 1.0


def known_layer(net: Network, name: str, option: str) -> str:
    """The layer's name, if the network has it; ValueError that names the option otherwise."""
    if name not in net.layers:
        raise ValueError(f"{option} {name}: there is no such layer; choose from {', '.join(net.names)}")
    return name


def load_network(args: argparse.Namespace, otherwise: str | None = None) -> Network:
    """The network of --network and --weights, on the device of --device.

    otherwise: the preprocessing preset for a network that has none and gets none by options
    Sets `args.network` to what loads the same network again: a name, or the path of a file with its architecture.
    """
    device = chosen_device(args)
    given = preparation(args)
    if args.weights is not None and args.network is not None:
        net = pretrained.load(args.weights, args.network, args.allow_nonfinite, given)
    else:
        source = args.weights or args.network or DEFAULT_NETWORK
        args.network, args.weights = str(source), None
        net = pretrained.load(source, allow_nonfinite=args.allow_nonfinite, preparation=given)
    if net.preprocessing is None and otherwise is not None:
        args.preprocessing = otherwise
        return load_network(args)
    if net.preprocessing is None:
        raise ValueError(
            f"{args.network} has no preprocessing for photographs: choose a --preprocessing "
            f"({', '.join(architectures.PREPROCESSINGS)}), or give --mean and --scale"
        )
    return net if device == "cpu" else net.to(device)


def chosen_device(args: argparse.Namespace) -> str:
    """The device of --device, "cpu" or "cuda"; for "auto" a note on standard error says which, and why."""
    if args.device == "cpu":
        return "cpu"
    problem = why_no_cuda()
    if args.device == "cuda" and problem:
        raise ValueError(f"--device cuda: {problem}; install with {INSTALL}, or take --device cpu")
    if args.device == "auto":
        chosen = f"the CPU ({problem})" if problem else "the GPU (CuPy computes there)"
        print(f"minicnn {args.command}: note: --device auto takes {chosen}", file=sys.stderr)
    return "cpu" if problem else "cuda"


def network_record(args: argparse.Namespace) -> dict[str, Any]:
    """The network in the settings beside a picture: enough to load it again."""
    record = {"network": args.network, "weights": None if args.weights is None else str(args.weights)}
    given = {option: getattr(args, option) for option in PREPARATION}
    record |= {option: list(value) if isinstance(value, tuple) else value for option, value in given.items()}
    record["engine"] = current_engine()
    return {option: value for option, value in record.items() if value is not None}


def chosen_classes(args: argparse.Namespace, net: Network) -> list[int] | None:
    """The classes of --class, each once; None if it is not given.

    Raises ValueError, before anything is computed or written, for a class that the network does not have.
    """
    if args.classes is None:
        return None
    return list(dict.fromkeys(find_class(query, net.classes, class_count(net)) for query in args.classes))


@dataclass(frozen=True, eq=False)
class Picture:
    """A photograph, the network's answer, and the requested classes."""

    path: str
    pixels: np.ndarray
    answer: Answer
    classes: Sequence[int]


def print_json(record: dict[str, Any]) -> None:
    """One line; escaped where standard output lacks a character, for spelling it would change the strings."""
    say(json_text(record) if shows_everything(sys.stdout) else json.dumps(record))


def class_count(net: Network) -> int:
    """The number of classes: the length of the scores, from a forward pass of no images."""
    preprocessing = preprocessing_of(net)
    nothing = net.xp.zeros((0, preprocessing.channels, *preprocessing.size), dtype=np.float32)
    return int(net.scores(nothing).shape[1])
