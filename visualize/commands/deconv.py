"""What the strongest units of some layers respond to: gradient, DeconvNet and guided back-propagation side by side.

For each unit the figure shows the patch of the photograph that it sees (its receptive field) and the three signals in
it.  Three files are written for each photograph: the figure (.png), the raw signals (.npz: `signals`, units × rules ×
channels × rows × columns in the network's input space, and `crop`, the pixels that the network saw), and the settings
(.json), which list the units and rules in that order.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from minicnn.files import save_arrays, save_json
from minicnn.images import Crop
from minicnn.network import RULES, input_of, preprocessing_of
from minicnn.receptive_field import photo_box
from visualize.portrait import Portrait, strongest_portraits, telling_layers

from .common import (
    add_json,
    add_network,
    add_out,
    add_photos,
    add_seed,
    chosen_seed,
    different_names,
    each_photo,
    known_layer,
    load_network,
    network_record,
    output_folder,
    print_json,
    progress,
    refuse_file,
)

EXAMPLE = "minicnn deconv cat.jpg --layers fire3/relu_expand,fire5/relu_expand --units 4 --out pictures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_photos(parser)
    parser.add_argument(
        "--layers",
        metavar="LAYER,…",
        help="layers, separated by commas (default: the last ReLU before the maps change their size, and the scores)",
    )
    parser.add_argument(
        "--units", type=int, default=2, metavar="N", help="how many units of each layer (default: %(default)s)"
    )
    add_seed(parser)
    add_out(parser, default=".")
    add_network(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    if args.units < 1:
        raise ValueError(f"--units {args.units}: expected 1 or more")
    different_names(args.photos)
    refuse_file(args.out)
    net = load_network(args)
    preprocessing = preprocessing_of(net)
    chosen = None if args.layers is None else [known_layer(net, name, "--layers") for name in args.layers.split(",")]

    def explain(path: str, photo: np.ndarray) -> None:
        crop = preprocessing.centre_crop(photo)
        trace = net.forward(input_of(net, crop))
        portraits: list[Portrait] = []
        layers = chosen or telling_layers(net, trace)
        for layer in layers:
            if args.units > trace[layer].shape[1]:
                raise ValueError(f"--units {args.units}: {layer} has {trace[layer].shape[1]} channels only")
        for layer in progress(layers, "layers"):
            portraits += strongest_portraits(net, trace, layer, args.units, chosen_seed(args))
        record = write_portraits(path, photo, crop, portraits, preprocessing.order, network_record(args), args.out)
        if args.json:
            print_json(record)
        else:
            print(f"{path}: {len(portraits)} units → {record['figure']}")

    return each_photo(args.photos, "minicnn deconv", explain)


def write_portraits(
    path: str,
    photo: np.ndarray,
    crop: Crop,
    portraits: Sequence[Portrait],
    order: str,
    network: dict[str, str],
    out: Path,
) -> dict[str, object]:
    """The portraits of one photograph as .npz, .json and .png in the folder `out`; returns what the .json says."""
    from visualize.figures import SIGNED_PERCENTILE, deconv_figure, save_figure

    stem = output_folder(out) / f"{Path(path).stem}-deconv"
    record = {
        "photo": path,
        **network,
        "crop": crop.box,
        "rules": list(RULES),
        "units": [described(unit, crop) for unit in portraits],
        "signals": f"{stem}.npz",
        "figure": f"{stem}.png",
        "figure_percentile": SIGNED_PERCENTILE,
    }
    save_figure(f"{stem}.png", deconv_figure(photo, crop, portraits, order))
    signals = np.stack([[unit.signals[rule] for rule in RULES] for unit in portraits])
    save_arrays(f"{stem}.npz", {"signals": signals, "crop": crop.pixels})
    save_json(f"{stem}.json", record)
    return record


def described(unit: Portrait, crop: Crop) -> dict[str, object]:
    """A portrait as the JSON has it: `field` in pixels of the network's input, `patch` in pixels of the photograph."""
    return {
        "layer": unit.layer,
        "unit": unit.unit,
        "title": unit.title,
        "activation": unit.activation,
        "seed": unit.seed,
        "field": unit.field,
        "patch": photo_box(crop, unit.field),
    }
