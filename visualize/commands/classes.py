"""Lists the classes of a network: all of them, or those whose names contain a word, best fit first.

Each line has the index of a class and its name with all synonyms; --class takes either, and #12 is always an index.
"""

from __future__ import annotations

import argparse

from minicnn.class_names import find_class, search, short_name

from .common import add_json, add_network, class_count, load_network, print_json

EXAMPLE = "minicnn classes cat"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("word", nargs="?", metavar="WORD", help="a word, or a part of one, to look for")
    add_network(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    net = load_network(args)
    classes, count = net.classes, class_count(net)
    if args.word is None:
        found = list(range(count))
    else:
        found = search(args.word, classes or [])
        if not found:
            found = [find_class(args.word, classes, count)]  # an index, or an error that lists the nearest
    for c in found:
        name = short_name(classes, c)
        if args.json:
            print_json({"index": c, "name": name, "full_name": name if classes is None else classes[c]})
        else:
            print(f"{c:4}  {name if classes is None else classes[c]}")
