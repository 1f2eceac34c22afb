"""Gradient, DeconvNet and guided signal of one unit, compared after every layer: where do they part?

A line for each layer, from the top down: the shape of the signals at its input; of a ReLU the fraction of open units,
and the fraction of the signal that each rule sets to zero; the cosine of gradient and DeconvNet signal, and
‖R − grad‖ / ‖grad‖.  The default unit is the strongest of the layer, the default layer the class scores.
"""

from __future__ import annotations

import argparse
import dataclasses

import numpy as np

from minicnn.network import input_of, preprocessing_of
from minicnn.units import find_unit, strongest_units, unit_title
from visualize.comparison import Comparison, compare_from

from .common import add_json, add_network, add_seed, chosen_seed, known_layer, load_network
from .photos import Line, Photo, add_photos, chosen_photos, each_photo

EXAMPLE = "minicnn trace cat.jpg --layer fire5/relu_expand --unit 195,9,11"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_photos(parser)
    parser.add_argument("--layer", metavar="LAYER", help="the unit's layer (default: the last, the class scores)")
    parser.add_argument(
        "--unit",
        metavar="UNIT",
        help="CHANNEL,ROW,COLUMN; a channel, where it is strongest; of features a number, of the scores a class "
        "(default: the strongest)",
    )
    add_seed(parser)
    add_network(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    photos = chosen_photos(args.photos)
    net = load_network(args)
    layer = net.names[-1] if args.layer is None else known_layer(net, args.layer, "--layer")

    def explain(photo: Photo, pixels: np.ndarray) -> list[Line]:
        trace = net.forward(input_of(net, preprocessing_of(net).centre_crop(pixels)))
        try:
            unit = strongest_units(trace, layer)[0] if args.unit is None else find_unit(net, trace, layer, args.unit)
        except ValueError as error:
            raise ValueError(f"--unit {args.unit}: {error}") from None
        comparison = compare_from(net, trace, layer, unit, chosen_seed(args))
        if args.json:
            return records(photo.path, comparison)
        return [f"{photo.path}: {unit_title(net, trace, layer, unit)}", str(comparison)]

    return each_photo(photos, "minicnn trace", explain)


def records(path: str, comparison: Comparison) -> list[Line]:
    """A JSON object for each step."""
    sent = {"photo": path, "from": comparison.layer, "unit": comparison.unit, "seed": comparison.seed}
    parted = comparison.first_divergence
    return [{**sent, **dataclasses.asdict(step), "first_divergence": step.layer == parted} for step in comparison.steps]
