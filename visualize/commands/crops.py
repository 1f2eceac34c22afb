"""Options for the crops of a photograph that a saliency map is computed from."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from visualize.localization import Maps
from visualize.saliency_maps import photo_saliency, ten_crop_saliency, ten_crop_saliency_of_square


@dataclass(frozen=True)
class Crops:
    """maps computes the map;  count and part describe the crops in the JSON files."""

    maps: Maps
    count: int
    part: str

    def record(self) -> dict[str, int | str]:
        return {"crops": self.count, "crops_of": self.part}


CENTRE = Crops(photo_saliency, 1, "centre")
WHOLE = Crops(ten_crop_saliency, 10, "whole photograph")
SQUARE = Crops(ten_crop_saliency_of_square, 10, "central square")


def add_crops(parser: argparse.ArgumentParser) -> None:
    """One crop, the centre, by default; or ten.  For a photograph as large as the crop, the ten are two."""
    parser.set_defaults(crops=CENTRE)
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--ten-crops",
        dest="crops",
        action="store_const",
        const=WHOLE,
        help="average the maps of ten crops (the paper averages ten): here corners and centre of the whole photograph, "
        "and their mirror images (of a picture as large as the crop these are two: it and its mirror image)",
    )
    group.add_argument(
        "--ten-crops-of-square",
        dest="crops",
        action="store_const",
        const=SQUARE,
        help="the same within the photograph's central square, as in Krizhevsky's network, to which the paper refers; "
        "beside the square the map is unknown",
    )
