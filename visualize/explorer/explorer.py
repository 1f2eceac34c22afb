"""The explorer's questions about a network and a photograph, and the answers.

    {"ask": "overview"}                                               photograph, best classes, every layer
    {"ask": "way", "layer": …, "unit": […]}                           the signals of a class or unit by the three rules
    {"ask": "down", "layer": …, "unit": […], "step": k, "place": …}   the arithmetic of one place of that backward pass
    {"ask": "up", "node": k, "place": …}                              the arithmetic of one place of the forward pass
    {"ask": "class", "query": …}                                      the class of a name or number

A notebook widget answers any question; a file contains the answers that its view needs (`file.py`).
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from layers import ReLU
from minicnn.answer import Answer
from minicnn.class_names import find_class
from minicnn.network import Network, input_of, preprocessing_of
from minicnn.receptive_field import photo_box
from minicnn.units import Unit, strongest_units, unit_title

from .encoding import block_of, figures, quantised, reduced, scale_of
from .microscope import LISTINGS, Place, as_json
from .nodes import Node, nodes_of, on_host, trace_of
from .upward import up
from .way import SIDE, Way, as_maps

UP_MAPS = 6  # of each layer, so many of its strongest channels are shown
UP_CELLS = 24  # … and of features


class Explorer:
    """The answers about one photograph's centre crop.

    name:    the title of the photograph
    classes: these come first, before the best ones
    """

    def __init__(
        self, net: Network, photo: np.ndarray, name: str = "", classes: Sequence[int] | None = None, answers: int = 5
    ) -> None:
        self.net, self.name = net, name
        self.crop = preprocessing_of(net).centre_crop(photo)
        nodes = nodes_of(net, input_of(net, self.crop))
        self.trace = trace_of(nodes)
        self.nodes = [on_host(node) for node in nodes]
        refuse_nonfinite(self.nodes)
        if self.trace.scores.ndim != 2:
            got = self.trace.scores.shape
            raise ValueError(f"the explorer needs a network whose scores are (N, classes), got {got}")
        self.scored = Answer.of_scores(net, self.trace.scores)
        self.classes = list(dict.fromkeys([*(classes or []), *self.scored.best(answers)]))
        self._last_way: tuple[object, Way] | None = None

    def answer(self, question: Mapping[str, Any]) -> Any:
        """The answer as `encoding.pack` takes it.  Raises ValueError or KeyError for an invalid question."""
        kind = question.get("ask")
        if kind == "overview":
            return self.overview()
        if kind == "way":
            return self.way(question["layer"], unit_of(question["unit"])).described(preprocessing_of(self.net).order)
        if kind == "down":
            way = self.way(question["layer"], unit_of(question["unit"]))
            return with_listings(as_json(way.record(int(question["step"]), place_of(question["place"]))))
        if kind == "up":
            return with_listings(self.up(int(question["node"]), place_of(question["place"])))
        if kind == "class":
            return {"index": find_class(question["query"], self.net.classes, self.trace.scores.shape[1])}
        raise ValueError(f"unknown question {kind!r}: expected overview, way, down, up or class")

    def way(self, layer: str, unit: Unit) -> Way:
        """The backward passes of a unit; the last ones are kept, for questions about their places follow."""
        key = layer, unit
        if self._last_way is None or self._last_way[0] != key:
            self._last_way = key, Way(self.net, self.nodes, self.trace, layer, unit)
        return self._last_way[1]

    def up(self, k: int, place: Place) -> dict[str, Any]:
        node = self.nodes[k]
        inside = [one for one in self.nodes[:k] if one.name.startswith(f"{node.name}.") and one.depth == node.depth + 1]
        last = {one.branch: one for one in inside}  # of each branch its last layer
        return as_json(up(node, place, list(last.values())))

    # ------------------------------------------------------------------ the overview

    def overview(self) -> dict[str, Any]:
        """The photograph, the best classes, and the strongest channels of every layer."""
        H, W = self.crop.pixels.shape[:2]
        return {
            "name": self.name,
            "photo": png_address(self.crop.pixels),
            "size": [W, H],
            "box": [figures(v) for v in photo_box(self.crop, (0, 0, W, H))],
            "any": True,
            "order": preprocessing_of(self.net).order,
            "answers": self.first_answers(),
            "class_count": int(self.trace.scores.shape[1]),
            "score_layer": self.trace.names[-1],
            "has_relu": any(isinstance(node.layer, ReLU) for node in self.nodes),
            "nodes": [self.described(node) for node in self.nodes],
        }

    def first_answers(self) -> list[dict[str, Any]]:
        kind = self.scored.probability_name
        found = (self.scored.described(c) for c in self.classes)
        return [
            {
                "index": one["index"],
                "name": one["name"],
                "score": figures(one["score"]),
                "probability": figures(one[kind]),
                "kind": kind,
            }
            for one in found
        ]

    def described(self, node: Node) -> dict[str, Any]:
        """A layer for the view, its maps quantised by one scale."""
        channels = self.shown(node)
        maps = as_maps(node.y[0])
        by, shown = block_of(maps.shape, SIDE), maps[channels]
        scale = scale_of(shown)
        return {
            "name": node.name,
            "kind": type(node.layer).__name__,
            "text": type(node.layer).__name__ if hasattr(node.layer, "branches") else repr(node.layer),
            "depth": node.depth,
            "branch": node.branch,
            "shape": node.y.shape[1:],
            "channels": channels,
            "by": by,
            "maps": quantised(reduced(shown, by), scale),
            "scale": figures(scale, 3),
            "units": [] if node.depth else self.strongest(node.name),
        }

    def shown(self, node: Node) -> list[int]:
        """The channels with the largest maxima, largest first; of features the largest."""
        peaks = as_maps(node.y[0]).max(axis=(1, 2))
        return [int(c) for c in np.argsort(-peaks, kind="stable")[: UP_CELLS if node.y.ndim == 2 else UP_MAPS]]

    def strongest(self, layer: str, count: int = UP_MAPS) -> list[dict[str, Any]]:
        """The strongest units of a layer, without those that are 0 or less."""
        found = []
        for unit in strongest_units(self.trace, layer, count):
            index = unit if isinstance(unit, tuple) else (unit,)
            value = float(self.trace[layer][0][index])
            if value > 0:
                title = unit_title(self.net, self.trace, layer, unit).removeprefix(layer).strip()
                found.append({"unit": list(index), "title": title, "value": figures(value)})
        return found


def refuse_nonfinite(nodes: Sequence[Node]) -> None:
    """ValueError if the output of a layer contains NaN or infinity."""
    for node in nodes:
        if not np.isfinite(node.y).all():
            raise ValueError(f"layer {node.name} gives numbers that are infinite or NaN: its signals mean nothing")


def with_listings(record: dict[str, Any]) -> dict[str, Any]:
    """The record and the code that it names."""
    return {**record, "listings": {where: LISTINGS[where] for where in record["code"]}}


def unit_of(numbers: Sequence[int]) -> Unit:
    """[12] or [3, 5, 7] as a unit."""
    return int(numbers[0]) if len(numbers) == 1 else (int(numbers[0]), int(numbers[1]), int(numbers[2]))


def place_of(numbers: Sequence[int]) -> Place:
    place = tuple(map(int, numbers))
    if min(place) < 0:
        raise ValueError(f"there is no place {place}")
    return place


def png_address(pixels: np.ndarray) -> str:
    """Pixels as an image within a page: data:image/png;base64,…"""
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()
