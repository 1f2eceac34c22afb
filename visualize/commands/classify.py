"""What a network sees in photographs: the classes with the highest scores."""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np

from minicnn.network import Network

from .common import Answer, add_json, add_network, load_network
from .photos import Line, Photo, add_photos, chosen_photos, each_photo
from .screen import say
from .spreading import add_workers, chosen_spread

EXAMPLE = "minicnn classify cat.jpg dog.jpg --top 3"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_photos(parser)
    parser.add_argument("--top", type=int, default=5, metavar="N", help="how many classes (default: %(default)s)")
    add_workers(parser)
    add_network(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    if args.top < 1:
        raise ValueError(f"--top {args.top}: expected 1 or more")
    spread = chosen_spread(args)
    photos = chosen_photos(args.photos)
    work = partial(classify, load_network(args), args.top, args.json)
    return each_photo(photos, "minicnn classify", work, spread)


def classify(net: Network, top: int, as_json: bool, photo: Photo, pixels: np.ndarray) -> list[Line]:
    """What is printed of one photograph."""
    answer = Answer.of(net, pixels)
    best = answer.best(top)
    if as_json:
        return [{"photo": photo.path, "top": [answer.described(c) for c in best]}]
    return [photo.path, *lines_of(answer, best)]


def print_top(answer: Answer, best: list[int]) -> None:
    for line in lines_of(answer, best):
        say(line)


def lines_of(answer: Answer, best: list[int]) -> list[str]:
    """Probability (of a single score its sigmoid, called so), score, index and name, a class a line."""
    kind = answer.probability_name
    label = "" if kind == "probability" else f"{kind} "
    return [
        f"  {label}{entry[kind]:6.1%}   S = {entry['score']:6.2f}   {entry['index']:4}  {entry['name']}"
        for entry in map(answer.described, best)
    ]
