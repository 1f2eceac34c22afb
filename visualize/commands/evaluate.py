"""How good are the boxes?  Localisation measured by the ILSVRC protocol, beside baselines.

For each picture the network makes up to five (class, box) guesses; it is an error unless one has the true class and
IoU ≥ 0.5 with a true box.  Settings are tuned on pictures of their own, and three presets stand beside them.  Pictures
are generated scenes (--data shapes) or a folder of photographs with PASCAL VOC's or ILSVRC's XML files beside them.

Into --out go results.jsonl (what each method says of each picture; a killed run goes on from there with --resume),
results.json (every number), results.md (the tables) and boxes.png (the best and the worst boxes).
docs/localization.md defines all measures.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layers.arrays import to_host
from minicnn.datasets.annotated import Pictures, duet_pictures, in_classes, scene_pictures
from minicnn.datasets.left_out import read_list as read_left_out
from minicnn.datasets.shapes import CLASSES
from minicnn.datasets.voc import class_index, folder_pictures, read_synsets, without
from minicnn.files import atomic_write, save_json
from minicnn.network import Network
from visualize.evaluation.methods import METHODS
from visualize.evaluation.records import Records
from visualize.evaluation.report import results
from visualize.evaluation.run import Plan
from visualize.evaluation.run import run as run_plan
from visualize.evaluation.screen import highlights
from visualize.evaluation.tables import markdown
from visualize.localization import PRESETS

from .common import (
    add_json,
    add_network,
    class_count,
    load_network,
    network_record,
    print_json,
)
from .drawing import draw
from .opening import add_open
from .output import output_folder, refuse_file
from .screen import progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXAMPLE = "minicnn evaluate localization --network shapes --data shapes --count 1000 --workers 2 --out evaluation"

TITLES = {"tune": "tuning", "test": "testing", "duet": "duets"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("localization",), help="what is evaluated")
    parser.add_argument(
        "--data",
        default="shapes",
        metavar="DATA",
        help="shapes, with the network shapes if no other is chosen, or a folder of photographs (default: %(default)s)",
    )
    parser.add_argument("--annotations", type=Path, metavar="DIR", help="where the XML files are, if not beside those")
    parser.add_argument(
        "--synsets",
        type=Path,
        metavar="FILE",
        help="the WordNet id of each class, a line each in the network's order, for XML that names objects n02123045",
    )
    parser.add_argument(
        "--leave-out",
        type=Path,
        metavar="FILE",
        help="pictures of the folder to leave out, a number or name a line, as ILSVRC's list of 1,762",
    )
    number(parser, "--count", 1000, "pictures to test on")
    number(parser, "--tune", 200, "other pictures to tune the settings on; 0: settings as they stand")
    number(parser, "--tunings", 1, "tune as often, on other pictures each time, to see how far it is to be trusted")
    number(parser, "--duets", 500, "scenes with two objects, each asked for by its class; shapes only")
    number(parser, "--seed", 0, "of the scenes, and of which photographs of a folder are taken for what")
    parser.add_argument(
        "--methods", nargs="+", metavar="METHOD", help=f"of {', '.join(METHODS)} (default: all)", default=list(METHODS)
    )
    parser.add_argument(
        "--presets",
        nargs="+",
        metavar="NAME",
        default=list(PRESETS),
        help=f"constants of the cut that each have a line, of {', '.join(PRESETS)} (default: all)",
    )
    number(parser, "--workers", min(4, os.cpu_count() or 1), "processes")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument(
        "--out", type=Path, default=Path("evaluation"), metavar="DIR", help="folder for results (default: %(default)s)"
    )
    add_open(parser)
    add_network(parser)
    add_json(parser)


def number(parser: argparse.ArgumentParser, name: str, default: int, text: str) -> None:
    parser.add_argument(name, type=int, default=default, metavar="N", help=f"{text} (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    refuse_wrong_options(args)
    if args.data == "shapes" and args.network is None and args.weights is None:
        args.network = "shapes"
    net = load_network(args)
    data, pictures = shapes(args, net) if args.data == "shapes" else folder(args, net)
    methods = [name for name in METHODS if name in args.methods]  # in the table's order, each once
    presets = [name for name in PRESETS if name in args.presets]
    settings = {
        "minicnn evaluate": args.what,
        **network_record(args),
        "weights sha256": fingerprint(net),
        **data,
        "seed": args.seed,
        **{part: len(chosen) for part, (_, chosen) in pictures.items()},
        "tunings": args.tunings,
        "methods": methods,
        "presets": presets,
        "grids sha256": digest([METHODS[name].rule.grid() for name in methods]),
    }
    records = Records(output_folder(args.out) / "results.jsonl", settings, args.resume)

    def report(error: str) -> None:
        print(f"minicnn evaluate: {error}", file=sys.stderr)

    def shown(items: Iterable[Any], part: str, total: int) -> Iterable[Any]:
        return progress(items, TITLES[part], total)

    workers = args.workers if net.xp is np else 1  # a GPU is not shared out among processes
    outcome = run_plan(net, Plan(pictures, methods, args.tunings, presets), records, workers, shown, report)
    found = results(records.all, outcome.rows, outcome.tunings)
    bad = sum(counts["bad"] for counts in found["pictures"].values())
    if found["pictures"]["test"]["questions"] == 0:
        raise ValueError(f"none of the {found['pictures']['test']['pictures']} pictures to test on could be used")
    save_json(args.out / "results.json", {"run": settings, **found})
    with atomic_write(args.out / "results.md") as file:
        file.write(markdown(found, settings).encode(errors="backslashreplace"))
    if args.json:
        for line in found["methods"]:
            print_json(line)
    else:
        print("\n".join(highlights(found)))
        print(f"→ {args.out / 'results.md'}, {args.out / 'results.json'}")
    if bad:
        report(f"{bad} bad pictures were left out")

    def boxes() -> Figure:
        from visualize.evaluation.contact_sheet import contact_sheet

        return contact_sheet(records.all, outcome.rows, pictures, net.classes)

    drawn = draw(args.out / "boxes.png", boxes)
    if drawn and not args.json:
        print(f"the best and the worst boxes → {drawn}")
    return 2 if bad else 0


def refuse_wrong_options(args: argparse.Namespace) -> None:
    for option, least in {"count": 1, "tune": 0, "tunings": 1, "duets": 0, "seed": 0, "workers": 1}.items():
        if getattr(args, option) < least:
            raise ValueError(f"--{option} {getattr(args, option)}: expected {least} or more")
    for option, known in {"methods": list(METHODS), "presets": list(PRESETS)}.items():
        for name in getattr(args, option):
            if name not in known:
                raise ValueError(f"--{option}: there is no {option[:-1]} {name!r}; choose from {', '.join(known)}")
    refuse_file(args.out)


# ---------------------------------------------------------------------- data

Parts = dict[str, tuple[Pictures, list[int]]]


def shapes(args: argparse.Namespace, net: Network) -> tuple[dict[str, Any], Parts]:
    """Generated scenes; those to tune on, to test on, and the duets are each of a seed of their own."""
    for option in ("annotations", "synsets", "leave-out"):
        if getattr(args, option.replace("-", "_")) is not None:
            raise ValueError(f"--{option} goes with a folder of photographs, not with --data shapes")
    if net.classes is None and class_count(net) != len(CLASSES):
        raise ValueError(f"the network tells {class_count(net)} classes apart; expected the {len(CLASSES)} of shapes")
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
    source = folder_pictures(Path(args.data), classes, args.annotations)
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


def fingerprint(net: Network) -> str:
    """Tells networks apart by their weights."""
    weights = hashlib.sha256()
    for name, p in net.parameters.items():
        weights.update(f"{name} {p.dtype} {p.shape} ".encode() + np.ascontiguousarray(to_host(p)).tobytes())
    return weights.hexdigest()
