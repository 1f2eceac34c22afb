"""Which pixels made the network say so: M = max over the channels of |∂S_c/∂I| (paper, section 3).

For each photograph a figure (.png) is written, with a row for each class, and for each class the raw map (.npy: the
photograph's size, NaN where no crop of the photograph covered it) and the settings (.json).  With --class the files'
names hold the class.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

import numpy as np

from minicnn.class_names import short_name
from minicnn.files import save_array, save_json
from minicnn.network import Network

from .common import (
    Answer,
    Picture,
    add_class,
    add_json,
    add_network,
    chosen_classes,
    load_network,
    network_record,
)
from .crops import Crops, add_crops
from .drawing import draw
from .output import Files, Output, add_out, different_slugs
from .photos import Line, Photo, add_photos, chosen_photos, each_photo, refuse_twice
from .spreading import add_workers, chosen_spread

EXAMPLE = "minicnn saliency cat.jpg --class 'tabby cat' --out maps"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_photos(parser)
    add_class(parser)
    add_crops(parser)
    add_out(parser, default=".")
    add_workers(parser)
    add_network(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    spread = chosen_spread(args)
    photos = chosen_photos(args.photos)
    refuse_twice(photos)
    output = Output(args.out, len(photos), [photo.path for photo in photos])
    net = load_network(args)
    work = partial(explain, net, chosen_classes(args, net), args.crops, network_record(args), output, args.json)
    return each_photo(photos, "minicnn saliency", work, spread)


def explain(
    net: Network,
    classes: list[int] | None,
    crops: Crops,
    network: dict[str, str],
    output: Output,
    as_json: bool,
    photo: Photo,
    pixels: np.ndarray,
) -> list[Line]:
    """The files of one photograph; returns what is printed of it."""
    answer = Answer.of(net, pixels)
    picture = Picture(photo.path, pixels, answer, classes or answer.best(1))
    files = output.files(photo.name, "saliency", [short_name(net.classes, c) for c in classes or ()])
    records = write_saliency(net, picture, crops, network, files)
    if as_json:
        return [*records]
    return [f"{photo.path}: {answer.title(record['class'])} → {files}" for record in records]


def write_saliency(
    net: Network, picture: Picture, crops: Crops, network: dict[str, str], files: Files
) -> list[dict[str, Any]]:
    """The maps of one photograph as one .png, and .npy and .json for each class; returns what the .json files say."""
    from visualize.figures import PERCENTILES, saliency_figure

    answer = picture.answer
    maps = crops.maps(net, picture.pixels, picture.classes)
    records = []
    for c, M, stem in zip(picture.classes, maps, stems_of(picture, files), strict=True):
        described = answer.described(c)
        record = {
            "photo": picture.path,
            **network,
            "class": described.pop("index"),
            **described,
            **crops.record(),
            "map": f"{stem}.npy",
            "figure": None,  # nothing is drawn yet
            "figure_percentiles": PERCENTILES,
        }
        save_array(f"{stem}.npy", M)
        save_json(f"{stem}.json", record)
        records.append(record)
    titles = [answer.figure_title(c) for c in picture.classes]
    figure = draw(files[".png"], lambda: saliency_figure(picture.pixels, maps, titles))
    for record in records:
        record["figure"] = figure
        save_json(f"{record['map'].removesuffix('.npy')}.json", record)
    return records


def stems_of(picture: Picture, files: Files) -> list[str]:
    """How the files of each class begin: as the figure, and where there are several, with the class behind it."""
    if len(picture.classes) == 1:
        return [str(files.stem)]
    names = [short_name(picture.answer.classes, c) for c in picture.classes]
    return [f"{files.stem}-{name}" for name in different_slugs(names)]
