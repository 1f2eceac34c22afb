"""The explorer as one HTML file: the view and all answers that it needs, without any request to a server.

Answers are packed, compressed by zlib and written in base64; the view unpacks one when it is needed.  The records of
arithmetic are those of the strongest place in each field of a grid; the view goes to the nearest.  The size of a file
is limited: classes come first, then the strongest unit of every layer, then the second strongest.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minicnn.files import atomic_write
from minicnn.receptive_field import receptive_field

from .encoding import pack
from .explorer import Explorer, unit_of
from .microscope import LISTINGS, as_json
from .way import Way, as_maps, strongest_places

VIEW = Path(__file__).parent / "view"
SCRIPTS = ("draw.js", "source.js", "photo.js", "network.js", "signals.js", "steps.js", "microscope.js", "explorer.js")
LIMIT = 8_000_000  # bytes of a file, unless one class alone is larger
ROOM = 100_000  # of them for the quoted code and the page around the answers
CLASSES = 0.7  # fraction of them for classes at most, the rest for units
UP, CLASS, UNIT = 3, 3, 2  # fields across the grids of places: on the way up, of a class, of a unit


def module_text() -> str:
    """The view as one ES module: its parts, one after the other."""
    return "\n".join((VIEW / name).read_text(encoding="utf-8") for name in SCRIPTS)


def style_text() -> str:
    return (VIEW / "explorer.css").read_text(encoding="utf-8")


def write_explorer(
    path: str | os.PathLike[str], explorer: Explorer, units: int = 1, limit: int = LIMIT
) -> dict[str, Any]:
    """Write the file; returns its content in numbers: {"classes", "units", "left_out", "bytes"}."""
    kept = Contents(explorer, limit)
    kept.add_class_ways()
    kept.add_unit_ways(units)
    page = page_text(kept.answers(), explorer.name)
    with atomic_write(path) as file:
        file.write(page)
    return {**kept.counts(), "bytes": len(page)}


class Contents:
    """The answers of a file."""

    def __init__(self, explorer: Explorer, limit: int) -> None:
        self.explorer, self.limit = explorer, limit
        self.overview = {**explorer.overview(), "any": False}
        self.fixed = len(encoded(self.overview)) + len(module_text()) + len(style_text()) + ROOM
        self.ways: dict[str, dict[str, str]] = {}  # "way" and "records", each encoded
        self.parts: dict[str, list[Any]] = {}  # the rest of another way: [its key, its steps above, the field]
        self.left_out = 0
        self.first: tuple[int, int] | None = None  # the first way: how many bytes, of how many values
        self.up = encoded({"records": dict(records_up(explorer))})

    def add_class_ways(self) -> None:
        """Add the classes: the first in any case, the others within the limit."""
        layer = self.overview["score_layer"]
        for c in self.explorer.classes:
            self.add(layer, [c], CLASS, self.limit * CLASSES)

    def add_unit_ways(self, units: int) -> None:
        """Add the strongest units of each layer, highest first: a lower unit's pass is often part of a higher one's."""
        nodes = [node for node in reversed(self.overview["nodes"]) if node["depth"] == 0]
        for rank in range(units):
            for node in nodes:
                if rank < len(node["units"]) and node["name"] != self.overview["score_layer"]:
                    self.add(node["name"], node["units"][rank]["unit"], UNIT, self.limit)

    def add(self, layer: str, unit: Sequence[int], across: int, limit: float) -> None:
        """Add the backward passes of a unit, if the file stays within the limit; the first in any case."""
        key = key_of(layer, unit)
        if key in self.ways or key in self.parts:
            return
        if self.first and self.size() + self.expected_size(layer, unit) > limit:
            self.left_out += 1
            return
        way = self.explorer.way(layer, unit_of(unit))
        entry = {
            "way": encoded(way.described(self.overview["order"])),
            "records": encoded({"records": dict(records_down(way, across))}),
        }
        if self.first and self.size() + size_of(entry) > limit:
            self.left_out += 1
            return
        self.first = self.first or (size_of(entry), self.values_below(layer, unit))
        self.ways[key] = entry
        for name, place, steps in ways_within(way):
            field = receptive_field(self.explorer.net, self.explorer.trace, name, unit_of(place))
            self.parts.setdefault(key_of(name, place), [key, steps, field])

    def expected_size(self, layer: str, unit: Sequence[int]) -> float:
        """An estimate of the size before anything is computed: as many bytes a value as the first unit's."""
        first_bytes, first_values = self.first or (0, 1)
        return first_bytes * self.values_below(layer, unit) / first_values

    def values_below(self, layer: str, unit: Sequence[int]) -> int:
        """About how many values are in the receptive field of a unit, over all maps below it."""
        trace, names = self.explorer.trace, self.explorer.trace.names
        x0, y0, x1, y1 = receptive_field(self.explorer.net, trace, layer, unit_of(unit))
        areas = (math.prod(x.shape[2:]) for x in trace.maps[: names.index(layer) + 1])
        return 1 + sum(areas) * (x1 - x0) * (y1 - y0) // math.prod(trace.maps[0].shape[2:])

    def size(self) -> int:
        return self.fixed + len(self.up) + sum(map(size_of, self.ways.values()))

    def answers(self) -> dict[str, Any]:
        overview = {**self.overview, "left_out": self.left_out, "limit": self.limit, "listings": LISTINGS}
        parts = {key: part for key, part in self.parts.items() if key not in self.ways}
        return {"overview": encoded(overview), "up": self.up, "ways": self.ways, "parts": parts}

    def counts(self) -> dict[str, Any]:
        scores = self.overview["score_layer"]
        classes = sum(key.startswith(f"{scores}|") for key in self.ways)
        units = len(self.ways.keys() | self.parts.keys()) - classes
        return {"classes": classes, "units": units, "left_out": self.left_out}


def size_of(entry: dict[str, str]) -> int:
    return sum(map(len, entry.values()))


def key_of(layer: str, unit: Sequence[int]) -> str:
    return f"{layer}|{','.join(map(str, unit))}"


def records_down(way: Way, across: int) -> Iterator[tuple[str, Any]]:
    """The records of a way: "step|place" → record."""
    for k in range(len(way.steps)):
        fields = max(1, round(across / len(way.channels[k]) ** 0.5)) if k < len(way.steps) - 1 else across
        for place in way.places(k, fields):
            yield f"{k}|{','.join(map(str, place))}", as_json(way.record(k, place))


def records_up(explorer: Explorer) -> Iterator[tuple[str, Any]]:
    """The records of the way up: "node|place" → record."""
    for k, node in enumerate(explorer.nodes):
        channels = explorer.shown(node)
        sizes = np.abs(as_maps(node.y[0])[channels])
        for channel, row, column in strongest_places(sizes, UP):
            place = (channels[channel], row, column) if node.y.ndim == 4 else (channels[channel],)
            yield f"{k}|{','.join(map(str, place))}", explorer.up(k, place)


def ways_within(way: Way) -> Iterator[tuple[str, list[int], int]]:
    """Units whose backward passes are the rest of this one: (layer, unit, after how many steps).

    Where all three signals are 1 at one unit of X_n and 0 elsewhere (below an open ReLU, below the pool that it won),
    the rest is the backward pass of that unit of the layer below.
    """
    names = way.trace.names
    for k, passages in enumerate(way.steps[:-1]):
        name = passages["gradient"].name
        if name not in names or names.index(name) == 0:
            continue
        below = [passage.below[0] for passage in passages.values()]
        places = np.argwhere(below[0])
        if len(places) != 1 or not all((other == below[0]).all() for other in below) or below[0].max() != 1:
            return
        yield names[names.index(name) - 1], [int(i) for i in places[0]], k + 1


def encoded(answer: Any) -> str:
    return base64.b64encode(zlib.compress(pack(answer), 6)).decode()


# ---------------------------------------------------------------------- the page


def page_text(answers: dict[str, Any], name: str) -> bytes:
    """The page.  Its content security policy allows its own style, script and images, and no request at all."""
    script = f"{module_text()}\nstart(document);\n"
    style = style_text()
    policy = (
        f"default-src 'none'; script-src '{digest(script)}'; style-src '{digest(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {"policy": policy, "title": html.escape(f"minicnn explorer: {name}"), "style": style, "script": script,
             "answers": in_script(answers)}  # fmt: skip
    text = (VIEW / "page.html").read_text(encoding="utf-8")
    return b"".join(filled(text, parts))


def filled(template: str, parts: dict[str, str]) -> Iterable[bytes]:
    """The template with each {{name}} replaced, once, by its part."""
    for k, piece in enumerate(template.replace("}}", "{{").split("{{")):
        yield (parts[piece] if k % 2 else piece).encode("utf-8", "replace")


def in_script(value: Any) -> str:
    """JSON in which no text can end the script element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
