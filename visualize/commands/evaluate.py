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
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layers.arrays import to_host
from minicnn.files import atomic_write, only_run_in, save_json
from minicnn.network import Network
from visualize.evaluation.methods import METHODS
from visualize.evaluation.runs.records import Records
from visualize.evaluation.runs.report import results
from visualize.evaluation.runs.run import Outcome, Plan, Shared
from visualize.evaluation.runs.run import run as run_plan
from visualize.evaluation.runs.screen import highlights
from visualize.evaluation.runs.tables import markdown
from visualize.localization import PRESETS
from visualize.spread import Answer

from .common import add_json, add_network, load_network, network_record, print_json
from .drawing import draw
from .evaluation_data import digest, folder, shapes
from .opening import add_open
from .output import output_folder, refuse_file
from .screen import progress, report
from .spreading import add_workers, chosen_spread

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
    add_workers(parser, min(4, os.cpu_count() or 1))
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
    spread = chosen_spread(args)
    if args.data == "shapes" and args.network is None and args.weights is None:
        args.network = "shapes"
    net = load_network(args)
    data, pictures = shapes(args, net) if args.data == "shapes" else folder(args, net)
    methods = [name for name in METHODS if name in args.methods]  # in the table's order, each once
    presets = [name for name in PRESETS if name in args.presets]
    plan = Plan(pictures, methods, args.tunings, presets)
    settings = head(args, net, data, plan)
    shared = Shared(net, pictures)
    with spread(shared) as each, only_run_in(output_folder(args.out)):
        records = Records(args.out / "results.jsonl", settings, args.resume)
        outcome = run_plan(plan, shared, records, each, shown, say_error)
        return written(args, settings, records, outcome, shared)


def head(args: argparse.Namespace, net: Network, data: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """What the run is: the first line of its results, all that they depend on."""
    return {
        "minicnn evaluate": args.what,
        **network_record(args),
        "weights sha256": fingerprint(net),
        **data,
        "seed": args.seed,
        **{part: len(chosen) for part, (_, chosen) in plan.pictures.items()},
        "tunings": plan.tunings,
        "methods": plan.methods,
        "presets": plan.presets,
        "grids sha256": digest([METHODS[name].rule.grid() for name in plan.methods]),
    }


def say_error(error: str) -> None:
    report(f"minicnn evaluate: {error}")


def shown(answers: Iterable[Answer], part: str, total: int) -> Iterator[Answer]:
    def left_out(answer: Answer) -> bool:
        return bool(answer.left_out) or any("error" in record for record in answer.found)

    return progress(answers, TITLES[part], total, left_out)


def written(
    args: argparse.Namespace, settings: dict[str, Any], records: Records, outcome: Outcome, shared: Shared
) -> int:
    """The numbers, the tables and the best and the worst boxes of a run that is complete; the exit code."""
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
        say_error(f"{bad} bad pictures were left out")

    def boxes() -> Figure:
        from visualize.evaluation.runs.contact_sheet import contact_sheet

        return contact_sheet(records.all, outcome.rows, shared.pictures, shared.net.classes)

    drawn = draw(args.out / "boxes.png", boxes)
    if drawn and not args.json:
        print(f"the best and the worst boxes → {drawn}")
    return 2 if bad else 0


def refuse_wrong_options(args: argparse.Namespace) -> None:
    for option, least in {"count": 1, "tune": 0, "tunings": 1, "duets": 0, "seed": 0}.items():
        if getattr(args, option) < least:
            raise ValueError(f"--{option} {getattr(args, option)}: expected {least} or more")
    for option, known in {"methods": list(METHODS), "presets": list(PRESETS)}.items():
        for name in getattr(args, option):
            if name not in known:
                raise ValueError(f"--{option}: there is no {option[:-1]} {name!r}; choose from {', '.join(known)}")
    refuse_file(args.out)


def fingerprint(net: Network) -> str:
    """Tells networks apart by their weights."""
    weights = hashlib.sha256()
    for name, p in net.parameters.items():
        weights.update(f"{name} {p.dtype} {p.shape} ".encode() + np.ascontiguousarray(to_host(p)).tobytes())
    return weights.hexdigest()
