"""Where an object is: a box from a saliency map and a graph cut, never taught (paper, section 3.2).

The most salient pixels give the object's colours, the least salient ones the background's; the cut labels every pixel,
and the box surrounds the largest connected component.  No box was seen in training.

For each photograph three files are written: the figure (.png), the raw maps, seeds and masks (.npz: one for each class,
of the photograph's size), and the settings (.json); with --class their names hold the classes.  Boxes are x0, y0, x1,
y1 in pixels of the photograph, right and bottom exclusive; there is none (null) where nothing was found.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from minicnn.class_names import short_name
from minicnn.files import save_arrays, save_json
from minicnn.network import Network
from minicnn.settings import described
from visualize.localization import PRESETS, CutSettings, Localization, localize_each

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
from .output import Files, Output, add_out
from .photos import Line, Photo, add_photos, chosen_photos, each_photo, refuse_twice
from .setting_options import add_settings, given
from .spreading import add_workers, chosen_spread

EXAMPLE = "minicnn localize cat.jpg --top 5 --ten-crops --out boxes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_photos(parser)
    add_class(parser)
    parser.add_argument("--top", type=int, metavar="N", help="a box for each of the network's first N answers")
    add_crops(parser)
    add_cut(parser)
    add_out(parser, default=".")
    add_workers(parser)
    add_network(parser)
    add_json(parser)


def add_cut(parser: argparse.ArgumentParser) -> None:
    """A preset of the cut, and whatever is changed of it."""
    cut = parser.add_argument_group(
        "the cut",
        "Presets: iseg, the paper's quantiles with the constants of the tool that it names; ksseg, the same with\n"
        "½ % at either end clamped, as in a script of 2016 (ksseg.m, [Mahendran2016]); minicnn, constants of ours.",
    )
    cut.add_argument("--preset", choices=tuple(PRESETS), default="iseg", help="default: %(default)s")
    add_settings(cut, CutSettings, presets=PRESETS)


def chosen_settings(args: argparse.Namespace) -> CutSettings:
    """The preset, changed by what was given besides."""
    return replace(PRESETS[args.preset], **given(args, list(described(CutSettings))))


@dataclass(frozen=True)
class Chosen:
    """What the options mean, for every photograph alike."""

    classes: list[int] | None
    top: int
    crops: Crops
    settings: CutSettings
    network: dict[str, str]
    output: Output


def run(args: argparse.Namespace) -> int:
    if args.top is not None and args.classes is not None:
        raise ValueError("--class asks for classes by name and --top for the first answers: give one of the two")
    if args.top is not None and args.top < 1:
        raise ValueError(f"--top {args.top}: expected 1 or more")
    settings = chosen_settings(args)
    spread = chosen_spread(args)
    photos = chosen_photos(args.photos)
    refuse_twice(photos)
    output = Output(args.out, len(photos), [photo.path for photo in photos])
    net = load_network(args)
    chosen = Chosen(chosen_classes(args, net), args.top or 1, args.crops, settings, network_record(args), output)
    return each_photo(photos, "minicnn localize", partial(find, net, chosen, args.json), spread)


def find(net: Network, chosen: Chosen, as_json: bool, photo: Photo, pixels: np.ndarray) -> list[Line]:
    """The files of one photograph; returns what is printed of it."""
    answer = Answer.of(net, pixels)
    picture = Picture(photo.path, pixels, answer, chosen.classes or answer.best(chosen.top))
    files = chosen.output.files(photo.name, "localize", [short_name(net.classes, c) for c in chosen.classes or ()])
    record = write_boxes(net, picture, chosen.crops, chosen.settings, chosen.network, files)
    if as_json:
        return [{"photo": photo.path, **guess, "size": record["size"]} for guess in record["guesses"]]
    lines: list[Line] = [f"{photo.path} → {files}"]
    for guess in record["guesses"]:
        box = "nothing found" if guess["box"] is None else "box " + " ".join(map(str, guess["box"]))
        lines.append(f"  {answer.title(guess['class'])}   {box}")
    return lines


def write_boxes(
    net: Network, picture: Picture, crops: Crops, settings: CutSettings, network: dict[str, str], files: Files
) -> dict[str, Any]:
    """The boxes of some classes in one photograph as .npz, .json and .png; returns what the .json says."""
    from visualize.figures import PERCENTILES, localization_figure

    photo, classes, answer = picture.pixels, picture.classes, picture.answer
    places = localize_each(net, photo, classes, crops.maps, settings)
    record = {
        "photo": picture.path,
        "size": [photo.shape[1], photo.shape[0]],
        **network,
        **crops.record(),
        "settings": asdict(settings),
        "guesses": [guess(answer, c, place) for c, place in zip(classes, places, strict=True)],
        "arrays": files[".npz"],
        "figure": None,  # nothing is drawn yet
        "figure_percentiles": PERCENTILES,
    }
    arrays = ("saliency", "foreground", "background", "mask")
    save_arrays(files[".npz"], {name: np.stack([getattr(place, name) for place in places]) for name in arrays})
    save_json(files[".json"], record)
    titles = [answer.figure_title(c) for c in classes]
    record["figure"] = draw(files[".png"], lambda: localization_figure(photo, places, titles))
    save_json(files[".json"], record)
    return record


def guess(answer: Answer, c: int, place: Localization) -> dict[str, Any]:
    """One (class, box) guess as the JSON objects have it."""
    described = answer.described(c)
    return {"class": c, "name": described["name"], "score": described["score"], "box": place.box}
