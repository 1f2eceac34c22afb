"""One picture, examined: plain records of what every method says of it, from which all numbers are made."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from minicnn.datasets.annotated import Picture
from minicnn.network import Network

from ...vanished_signal import VanishedSignal
from .. import max_box_acc
from ..contrast import top_classes
from ..measures import Box, best_iou
from ..methods import BLIND, MAPS, METHODS, Row
from ..rules import Cut, Rule, Threshold, cut_boxes

TOP = 5
Record = dict[str, Any]


def maps_of(net: Network, photo: np.ndarray, names: Sequence[str], classes: Sequence[int]) -> dict[str, dict[int, Any]]:
    """Maps by name and class.  A map whose signal vanished on the way down is zero everywhere, and leads to no box."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VanishedSignal)
        return {name: dict(zip(classes, MAPS[name](net, photo, classes), strict=True)) for name in names}


def in_percent(overlap: float) -> int:
    """An IoU in whole per cent, rounded down, so that no box passes a mark that it misses."""
    return math.floor(100 * overlap + 1e-9)


# ---------------------------------------------------------------------- for tuning


def tuning_records(net: Network, picture: Picture, methods: Sequence[str]) -> list[Record]:
    """For each object class of the picture and each method: the IoU, in per cent, of the true class's box by every
    setting of the grid."""
    classes, records = list(picture.objects), []
    tuned = [name for name in methods if not METHODS[name].fixed]
    maps = maps_of(net, picture.photo, sorted({METHODS[name].map for name in tuned}), classes)
    for name in tuned:
        for c in classes:
            boxes = METHODS[name].rule.grid_boxes(picture.photo, maps[METHODS[name].map][c])
            overlaps = [in_percent(best_iou(box, picture.objects[c])) for box in boxes]
            records.append({"image": picture.name, "class": c, "method": name, "settings": "grid", "iou": overlaps})
    return records


# ---------------------------------------------------------------------- for the table


def table_records(net: Network, picture: Picture, rows: Sequence[Row]) -> list[Record]:
    """For each object class of the picture and each row: the box for that class, and the network's first five guesses.

    A guess of another class is an error wherever its box is, so that no box of another class is ever needed.
    Thresholded methods have one more record, of the map itself.
    """
    photo, top, classes = picture.photo, top_classes(net, picture.photo, TOP), list(picture.objects)
    maps = maps_of(net, photo, sorted({row.map for row in rows}), classes)
    boxes = boxes_of(rows, photo, maps)
    about = {"size": [photo.shape[1], photo.shape[0]], "top": top}
    records: list[Record] = []
    for c, truth in picture.objects.items():
        question: Record = {"image": picture.name, "class": c}
        for row, by_class in zip(rows, boxes, strict=True):
            found = {**about, "truth": [list(box) for box in truth], "box": by_class[c]}
            records.append({**question, "method": row.method, "settings": row.settings, **found})
        for name in dict.fromkeys(row.method for row in rows if isinstance(row.rule, Threshold)):
            records.append({**question, "method": name, **map_record(photo, maps[METHODS[name].map][c], truth)})
    return records


def map_record(photo: np.ndarray, M: np.ndarray, truth: Sequence[Box]) -> Record:
    """The IoU, in per cent, at every threshold: of our grid, and of MaxBoxAcc and its second version."""
    ours = [best_iou(box, truth) for box in Threshold.grid_boxes(photo, M)]
    first, second = (found.tolist() for found in max_box_acc.overlaps(M, truth))
    overlaps = {"iou": ours, "max_box_acc": first, "max_box_acc_v2": second}
    return {"settings": "every threshold", **{name: list(map(in_percent, found)) for name, found in overlaps.items()}}


def boxes_of(rows: Sequence[Row], photo: np.ndarray, maps: dict[str, dict[int, Any]]) -> list[dict[int, Any]]:
    """For each row the box of every class."""
    boxes: list[dict[int, Any]] = [{} for _ in rows]
    for name, by_class in maps.items():
        here = [k for k, row in enumerate(rows) if row.map == name]
        blind = next(iter(by_class)) if name == BLIND else None  # asked for one class, it has answered for all
        for c, M in by_class.items():
            for k, box in zip(here, row_boxes([rows[k].rule for k in here], photo, M), strict=True):
                boxes[k][c] = box
            if c == blind:
                for k in here:
                    boxes[k] = dict.fromkeys(by_class, boxes[k][c])
                break
    return boxes


def row_boxes(rules: Sequence[Rule], photo: np.ndarray, M: np.ndarray) -> list[Any]:
    """The boxes of several rules on one map; those that cut share their colour models."""
    cuts = [rule.settings for rule in rules if isinstance(rule, Cut)]
    cut = iter(cut_boxes(photo, M, cuts) if cuts else ())
    return [next(cut) if isinstance(rule, Cut) else rule.box(photo, M) for rule in rules]


# ---------------------------------------------------------------------- for duets


def duet_records(net: Network, picture: Picture, rows: Sequence[Row]) -> list[Record]:
    """For each of the two classes and each row: the box for that class, the IoU with its object and with the other."""
    classes = list(picture.objects)
    seen = maps_of(net, picture.photo, sorted({row.map for row in rows}), classes)
    records = []
    for row, boxes in zip(rows, boxes_of(rows, picture.photo, seen), strict=True):
        for c, other in zip(classes, reversed(classes), strict=True):
            about: Record = {"image": picture.name, "class": c, "method": row.method, "settings": row.settings}
            asked, beside = (best_iou(boxes[c], picture.objects[which]) for which in (c, other))
            records.append({**about, "asked": asked, "other": beside})
    return records
