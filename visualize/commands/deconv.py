"""Gradient, DeconvNet and guided back-propagation of the strongest units of some layers, side by side.

For each unit the figure shows the patch of the photograph in its receptive field, and the three signals there.  Three
files are written for each photograph: the figure (.png), the raw signals (.npz: `signals`, units × rules × channels ×
rows × columns in the network's input space, and `crop`, the network's input in pixels), and the settings (.json), which
list the units and rules in that order.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from minicnn.files import save_arrays, save_json
from minicnn.images import Crop
from minicnn.network import RULES, Network, Trace, input_of, preprocessing_of
from minicnn.receptive_field import photo_box
from minicnn.units import Unit, find_unit
from visualize.portrait import Portrait, portrait, representative_layers, strongest_portraits

from .common import (
    add_json,
    add_network,
    add_seed,
    chosen_seed,
    known_layer,
    load_network,
    network_record,
)
from .drawing import draw
from .output import Files, Output, add_out
from .photos import Line, Photo, add_photos, chosen_photos, each_photo, refuse_twice
from .screen import progress

EXAMPLE = "minicnn deconv cat.jpg --layers fire3/relu_expand,fire5/relu_expand --units 4 --out pictures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_photos(parser)
    parser.add_argument(
        "--layers",
        "--layer",
        metavar="LAYER,…",
        help="layers, separated by commas (default: the last ReLU before the maps change their size, and the scores)",
    )
    parser.add_argument("--units", type=int, metavar="N", help="how many units of each layer (default: 1)")
    parser.add_argument(
        "--unit",
        dest="chosen_units",
        action="append",
        metavar="UNIT",
        help="this unit of the one layer: CHANNEL,ROW,COLUMN; a channel, where it is strongest; of features a number, "
        "of the scores a class; may be given several times",
    )
    add_seed(parser)
    add_out(parser, default=".")
    add_network(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    if args.units is not None and args.units < 1:
        raise ValueError(f"--units {args.units}: expected 1 or more")
    if args.units is not None and args.chosen_units:
        raise ValueError("--units asks for the strongest units and --unit for certain ones: give one of the two")
    photos = chosen_photos(args.photos)
    refuse_twice(photos)
    output = Output(args.out, len(photos), [photo.path for photo in photos])
    net = load_network(args)
    chosen = None if args.layers is None else [known_layer(net, name, "--layers") for name in args.layers.split(",")]
    if args.chosen_units:
        chosen = chosen or [net.names[-1]]
        if len(chosen) > 1:
            raise ValueError(f"--unit is of one layer, but --layers has {len(chosen)}: {', '.join(chosen)}")

    def explain(photo: Photo, pixels: np.ndarray) -> list[Line]:
        crop = preprocessing_of(net).centre_crop(pixels)
        portraits = chosen_portraits(net, net.forward(input_of(net, crop)), chosen, args)
        files = output.files(photo.name, "deconv")
        record = write_portraits(net, photo.path, pixels, crop, portraits, network_record(args), files)
        return [record if args.json else f"{photo.path}: {len(portraits)} units → {files}"]

    return each_photo(photos, "minicnn deconv", explain)


def chosen_portraits(
    net: Network, trace: Trace, layers: Sequence[str] | None, args: argparse.Namespace
) -> list[Portrait]:
    """The units of --unit, or the strongest of each layer."""
    seed, layers = chosen_seed(args), layers or representative_layers(net, trace)
    if args.chosen_units:
        units = [unit_meant(net, trace, layers[0], query) for query in args.chosen_units]
        return [portrait(net, trace, layers[0], unit, seed) for unit in progress(units, "units")]
    count = args.units or 1
    for layer in layers:
        if args.units is not None and count > trace[layer].shape[1]:
            raise ValueError(f"--units {count}: {layer} has {trace[layer].shape[1]} channels only")
    return [
        unit for layer in progress(layers, "layers") for unit in strongest_portraits(net, trace, layer, count, seed)
    ]


def unit_meant(net: Network, trace: Trace, layer: str, query: str) -> Unit:
    """`find_unit`, with errors that name the option."""
    try:
        return find_unit(net, trace, layer, query)
    except ValueError as error:
        raise ValueError(f"--unit {query}: {error}") from None


def write_portraits(
    net: Network,
    path: str,
    photo: np.ndarray,
    crop: Crop,
    portraits: Sequence[Portrait],
    network: dict[str, str],
    files: Files,
) -> dict[str, Any]:
    """The portraits of one photograph as .npz, .json and .png; returns the content of the .json."""
    from visualize.figures import SIGNED_PERCENTILE, deconv_figure

    record = {
        "photo": path,
        **network,
        "crop": crop.box,
        "rules": list(RULES),
        "units": [described(unit, crop) for unit in portraits],
        "signals": files[".npz"],
        "figure": None,  # nothing is drawn yet
        "figure_percentile": SIGNED_PERCENTILE,
    }
    signals = np.stack([[unit.signals[rule] for rule in RULES] for unit in portraits])
    save_arrays(files[".npz"], {"signals": signals, "crop": crop.pixels})
    save_json(files[".json"], record)
    record["figure"] = draw(files[".png"], lambda: deconv_figure(photo, crop, portraits, preprocessing_of(net).order))
    save_json(files[".json"], record)
    return record


def described(unit: Portrait, crop: Crop) -> dict[str, object]:
    """A portrait in the JSON file: `field` in pixels of the network's input, `patch` in pixels of the photograph."""
    return {
        "layer": unit.layer,
        "unit": unit.unit,
        "title": unit.title,
        "activation": unit.activation,
        "seed": unit.seed,
        "field": unit.field,
        "patch": photo_box(crop, unit.field),
    }
