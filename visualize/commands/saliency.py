"""Which pixels made the network say so: M = max over the channels of |∂S_c/∂I| (paper, section 3).

For each photograph three files are written: the figure (.png), the raw map (.npy: the photograph's size, NaN where no
crop of the photograph covered it), and the settings (.json).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from minicnn.files import save_array, save_json
from minicnn.network import Network
from visualize.saliency_maps import photo_saliency, ten_crop_saliency

from .common import (
    Answer,
    add_class,
    add_json,
    add_network,
    add_out,
    add_photos,
    different_names,
    each_photo,
    load_network,
    network_record,
    output_folder,
    print_json,
    refuse_file,
    refuse_unknown_class,
)

EXAMPLE = "minicnn saliency cat.jpg --class 'tabby cat' --out maps"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_photos(parser)
    add_class(parser)
    parser.add_argument("--ten-crops", action="store_true", help="average the maps of ten crops, as the paper does")
    add_out(parser, default=".")
    add_network(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    different_names(args.photos)
    refuse_file(args.out)
    net = load_network(args)
    refuse_unknown_class(args, net)

    def explain(path: str, photo: np.ndarray) -> None:
        answer = Answer.of(net, photo)
        c = answer.chosen(args.class_)
        record = write_saliency(net, path, photo, answer, c, args.ten_crops, network_record(args), args.out)
        if args.json:
            print_json(record)
        else:
            print(f"{path}: {answer.title(c)} → {record['figure']}")

    return each_photo(args.photos, "minicnn saliency", explain)


def write_saliency(
    net: Network,
    path: str,
    photo: np.ndarray,
    answer: Answer,
    c: int,
    ten_crops: bool,
    network: dict[str, str],
    out: Path,
) -> dict[str, object]:
    """The saliency map of one photograph as .npy, .json and .png in the folder `out`; returns what the .json says."""
    from visualize.figures import PERCENTILES, saliency_figure, save_figure

    saliency = (ten_crop_saliency if ten_crops else photo_saliency)(net, photo, c)
    stem = output_folder(out) / f"{Path(path).stem}-saliency"
    record = {
        "photo": path,
        **network,
        "class": c,
        **{key: value for key, value in answer.described(c).items() if key != "index"},
        "crops": 10 if ten_crops else 1,
        "map": f"{stem}.npy",
        "figure": f"{stem}.png",
        "figure_percentiles": PERCENTILES,
    }
    save_figure(f"{stem}.png", saliency_figure(photo, saliency, answer.title(c)))
    save_array(f"{stem}.npy", saliency)
    save_json(f"{stem}.json", record)
    return record
