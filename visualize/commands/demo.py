"""The paper in one run, on bundled photographs: what a network says they are, and which pixels made it say so."""

from __future__ import annotations

import argparse

from minicnn.photographs import PHOTOGRAPHS, photograph

from .classify import print_top
from .common import Answer, add_network, add_out, load_network, network_record, progress
from .saliency import write_saliency

EXAMPLE = "minicnn demo --out minicnn-demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_out(parser, default="minicnn-demo")
    add_network(parser)


def run(args: argparse.Namespace) -> None:
    net = load_network(args)
    for name in progress(list(PHOTOGRAPHS), "photographs"):
        photo = photograph(name)
        answer = Answer.of(net, photo)
        best = answer.best(5)
        print(name)
        print_top(answer, best)
        record = write_saliency(net, name, photo, answer, best[0], True, network_record(args), args.out)
        print(f"  its saliency map: {record['figure']}")
    print(f"Photographs beside their maps, raw maps (.npy) and settings (.json) are in {args.out.resolve()}")
