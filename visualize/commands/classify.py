"""What a network sees in photographs: the classes with the highest scores."""

from __future__ import annotations

import argparse

import numpy as np

from .common import Answer, add_json, add_network, load_network, print_json
from .photos import Photo, add_photos, chosen_photos, each_photo
from .screen import say

EXAMPLE = "minicnn classify cat.jpg dog.jpg --top 3"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_photos(parser)
    parser.add_argument("--top", type=int, default=5, metavar="N", help="how many classes (default: %(default)s)")
    add_network(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    if args.top < 1:
        raise ValueError(f"--top {args.top}: expected 1 or more")
    photos = chosen_photos(args.photos)
    net = load_network(args)

    def classify(photo: Photo, pixels: np.ndarray) -> None:
        answer = Answer.of(net, pixels)
        best = answer.best(args.top)
        if args.json:
            print_json({"photo": photo.path, "top": [answer.described(c) for c in best]})
        else:
            say(photo.path)
            print_top(answer, best)

    return each_photo(photos, "minicnn classify", classify)


def print_top(answer: Answer, best: list[int]) -> None:
    """Probability (of a single score its sigmoid, called so), score, index and name, a class a line."""
    kind = answer.probability_name
    label = "" if kind == "probability" else f"{kind} "
    for entry in map(answer.described, best):
        say(f"  {label}{entry[kind]:6.1%}   S = {entry['score']:6.2f}   {entry['index']:4}  {entry['name']}")
