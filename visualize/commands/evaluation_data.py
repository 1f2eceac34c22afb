"""The pictures of an evaluation: generated scenes, or a folder of photographs with the truth in XML files."""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from minicnn.datasets.annotated import Pictures, duet_pictures, in_classes, scene_pictures
from minicnn.datasets.left_out import read_list as read_left_out
from minicnn.datasets.shapes import CLASSES
from minicnn.datasets.voc import class_index, folder_pictures, read_synsets, without
from minicnn.network import Network

from .common import class_count
from .screen import progress

Parts = dict[str, tuple[Pictures, list[int]]]


def shapes(args: argparse.Namespace, net: Network) -> tuple[dict[str, Any], Parts]:
    """Generated scenes; those to tune on, to test on, and the duets are each of a seed of their own."""
    for option in ("annotations", "synsets", "leave-out"):
        if getattr(args, option.replace("-", "_")) is not None:
            raise ValueError(f"--{option} goes with a folder of photographs, not with --data shapes")
    if net.classes is None and class_count(net) != len(CLASSES):
        raise ValueError(f"the network has {class_count(net)} classes; expected the {len(CLASSES)} of shapes")
    in_classes(CLASSES, net.classes)  # before any scene is drawn
    counts = {"tune": args.tune * args.tunings, "test": args.count, "duet": args.duets}
    seeds = {part: part_seed(args.seed, part) for part in counts}
    make = {"tune": scene_pictures, "test": scene_pictures, "duet": duet_pictures}
    parts: Parts = {
        part: (make[part](count, seeds[part], net.classes), list(range(count)))
        for part, count in progress(counts.items(), "scenes")
        if count
    }
    return {"data": "shapes", "scene seeds": seeds}, parts


def part_seed(seed: int, part: str) -> int:
    """A seed for each part, and none that anyone would think of for training."""
    return int(np.random.SeedSequence([seed, *part.encode()]).generate_state(1)[0])


def folder(args: argparse.Namespace, net: Network) -> tuple[dict[str, Any], Parts]:
    """Photographs with XML: in an order drawn at random, some to tune on (a third at most), then some to test on."""
    synsets = None if args.synsets is None else read_synsets(args.synsets, class_count(net))
    classes = class_index(net.classes, synsets)
    if not classes:
        raise ValueError("the network's classes have no names: give their ids, --synsets FILE")
    place, beside = Path(args.data).absolute(), args.annotations  # absolute: workers may have other current folders
    source = folder_pictures(place, classes, beside and beside.absolute())
    there = len(source)
    if args.leave_out is not None:
        source = without(source, read_left_out(args.leave_out))
        if not len(source):
            raise ValueError(f"{args.leave_out} leaves out all {there} pictures of {args.data}")
    order = np.random.default_rng(args.seed).permutation(len(source)).tolist()
    tune = args.tunings * min(args.tune, len(source) // 3 // args.tunings)
    parts: Parts = {"test": (source, order[tune : tune + args.count])}
    if tune:
        parts = {"tune": (source, order[:tune]), **parts}
    names = digest([source.name(n) for n in range(len(source))])
    where = {"data": args.data, "annotations": str(args.annotations or ""), "synsets": str(args.synsets or "")}
    if args.leave_out is not None:
        where |= {"leave out": str(args.leave_out), "pictures left out": there - len(source)}
        print(
            f"minicnn evaluate: {there - len(source)} of {there} pictures are left out, as {args.leave_out} says",
            file=sys.stderr,
        )
    return {**where, "pictures' names sha256": names, "classes sha256": digest(sorted(classes.items()))}, parts


def digest(plain: object) -> str:
    """Tells lists of plain things apart."""
    return hashlib.sha256(repr(plain).encode()).hexdigest()
