"""Writes an interactive page: the signal of a class or a unit, layer by layer back to the image, by three rules.

It is one HTML file, which opens from disk without any server and can be mailed.  It has the best classes (and those
of --class) and the strongest units of every layer, as many as fit into 8 MB, with the arithmetic of some places
of every map.  In a notebook, visualize.explore(net, photo) shows the same view with any class, unit and place.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from minicnn.images import read_photo
from visualize.explorer.explorer import Explorer
from visualize.explorer.file import write_explorer

from . import opening
from .common import add_class, add_json, add_network, chosen_classes, load_network, print_json
from .opening import add_open
from .screen import say

EXAMPLE = "minicnn explore cat.jpg --out cat.html --open"
MOST_UNITS = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photo", metavar="PHOTO", help="a photograph (PNG, JPEG, …)")
    add_class(parser)
    parser.add_argument(
        "--units",
        type=int,
        default=1,
        metavar="N",
        help=f"how many of the strongest units of each layer, 0 … {MOST_UNITS} (default: %(default)s)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="the page (default: PHOTO's name, .html)")
    add_open(parser)
    add_network(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    if not 0 <= args.units <= MOST_UNITS:
        raise ValueError(f"--units {args.units}: expected 0 … {MOST_UNITS}")
    if Path(args.photo).is_dir():
        raise ValueError(f"{args.photo} is a folder; expected one photograph")
    out = args.out or Path(f"{Path(args.photo).stem}.html")
    refuse_out(out, args.photo)
    pixels = read_photo(args.photo)
    net = load_network(args)
    explorer = Explorer(net, pixels, Path(args.photo).name, chosen_classes(args, net))
    out.parent.mkdir(parents=True, exist_ok=True)
    replaced = out.exists()
    written = {"photo": args.photo, "page": str(out), **write_explorer(out, explorer, args.units)}
    if args.json:
        print_json(written)
    else:
        say(f"{described(written)}{' (replaced)' if replaced else ''}")
    opening.written(out)


def refuse_out(out: Path, photo: str) -> None:
    """ValueError, before anything is computed, if --out cannot be written as a page."""
    if out.is_dir():
        raise ValueError(f"--out {out} is a folder; expected the name of a page, NAME.html")
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--out {out}: expected the name of a page, NAME.html")
    if out.resolve() == Path(photo).resolve():
        raise ValueError(f"--out {out} is the photograph itself: give another name")


def described(written: dict[str, Any]) -> str:
    left = f"; {written['left_out']} more would have made it too large" if written["left_out"] else ""
    return (
        f"{written['photo']}: {written['classes']} classes and {written['units']} units{left} → {written['page']} "
        f"({written['bytes'] / 1e6:.1f} MB)"
    )
