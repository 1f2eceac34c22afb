"""The options that say where the work on many pictures is done: here, in processes, or on a cluster."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from minicnn.extras import MissingPackage
from visualize.spread import Each, here, processes

from .screen import report

Spread = Callable[[Any], AbstractContextManager[Each]]


def add_workers(parser: argparse.ArgumentParser, default: int | None = None) -> None:
    usual = default or "none: one picture after the other, here"
    parser.add_argument("--workers", type=int, metavar="N", help=f"processes on this machine (default: {usual})")
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="the workers of a Dask scheduler instead (tcp://127.0.0.1:8786; the extra cluster): docs/scale.md",
    )
    parser.add_argument("--cluster-file", type=Path, metavar="FILE", help="the same, its address read from its file")
    parser.set_defaults(usual_workers=default)


def chosen_spread(args: argparse.Namespace) -> Spread:
    """How the work is spread.  From then on paths are absolute if others are to see them, on a cluster."""
    options = [f"--{name.replace('_', '-')}" for name in ("workers", "cluster", "cluster_file") if given(args, name)]
    if len(options) > 1:
        raise ValueError(f"{' and '.join(options)}: choose one")
    if args.workers is not None and args.workers < 1:
        raise ValueError(f"--workers {args.workers}: expected 1 or more")
    if args.cluster or args.cluster_file:
        return on_cluster(args)
    workers = args.workers or args.usual_workers
    on_gpu = args.device != "cpu"  # a GPU is not shared out among processes
    return here if workers is None or on_gpu else partial(processes, workers=workers)


def given(args: argparse.Namespace, name: str) -> bool:
    return getattr(args, name) is not None


def on_cluster(args: argparse.Namespace) -> Spread:
    if find_spec("distributed") is None:
        raise MissingPackage("--cluster needs Dask: python -m pip install -e '.[cluster]'")
    if args.device != "cpu":
        raise ValueError(f"--device {args.device}: the workers of a cluster compute on their CPUs; leave it out")
    from visualize.spread import cluster

    address = args.cluster or cluster.address_in(args.cluster_file)
    args.out = args.out.absolute() if hasattr(args, "out") else None
    if hasattr(args, "photos"):
        args.photos = [path if "://" in path else os.path.abspath(path) for path in args.photos]
    note = partial(str.format, "minicnn {}: note: {}", args.command)
    return partial(cluster.on_cluster, address=address, note=lambda text: report(note(text)))
