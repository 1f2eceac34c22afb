"""The backward passes of one class or unit by the three rules: what the view shows of every step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from layers import Concat, Layer, ReLU
from layers.arrays import to_host
from layers.branches import Branches
from layers.concat import split
from minicnn.class_names import short_name
from minicnn.network import RULES, Network, Trace
from minicnn.receptive_field import receptive_field
from minicnn.units import Unit, activation, unit_title
from visualize.comparison import compared
from visualize.deconvnet import seed_signal
from visualize.way_down import Passage, way_down

from .downward import downward, junction
from .encoding import block_of, figures, quantised, reduced, scale_of
from .microscope import Place, Record
from .nodes import Node

CELLS = 48  # of features, so many of the strongest are shown
MAPS = 4  # of small maps, so many of the strongest channels are shown
AREA = 2048  # … and as many as have no more pixels than this together, at least one
SIDE, IMAGE_SIDE = 128, 256  # larger maps are reduced

Passages = dict[str, Passage]  # by rule


class Way:
    """The backward passes of one unit, step by step, highest layer first."""

    def __init__(self, net: Network, nodes: Sequence[Node], trace: Trace, layer: str, unit: Unit) -> None:
        self.net, self.trace, self.layer, self.unit = net, trace, layer, unit
        self.nodes = {node.name: node for node in nodes}
        top = seed_signal(trace, layer, unit, 1.0)
        ways = [way_down(net, rule, trace, top, layer, inner=Layer) for rule in RULES]
        self.steps: list[Passages] = [
            {rule: on_host(passage) for rule, passage in zip(RULES, passages, strict=True)}
            for passages in zip(*ways, strict=True)
        ]
        self.channels = [self.chosen_channels(k) for k in range(len(self.steps))]

    def described(self, order: str) -> dict[str, Any]:
        """All steps for the view; `order`, RGB, BGR or L, is that of the image's channels."""
        field = receptive_field(self.net, self.trace, self.layer, self.unit) if self.trace.maps[0].ndim == 4 else None
        steps = [self.step(k, order) for k in range(len(self.steps))]
        return {
            "class": self.class_name(),
            "title": unit_title(self.net, self.trace, self.layer, self.unit),
            "layer": self.layer,
            "unit": list(self.unit) if isinstance(self.unit, tuple) else [self.unit],
            "activation": figures(activation(self.trace, self.layer, self.unit)),
            "field": field,
            "parted": next((k for k, step in enumerate(steps) if not step["same"]), None),
            "steps": steps,
        }

    def class_name(self) -> str | None:
        """The name of the class, if the unit is a class score."""
        return (
            short_name(self.net.classes, self.unit)
            if isinstance(self.unit, int) and self.layer == self.net.names[-1]
            else None
        )

    def step(self, k: int, order: str) -> dict[str, Any]:
        """Step k: the signals of some channels, and the numbers that compare them."""
        passages = self.steps[k]
        numbers = compared(passages)
        node = self.nodes[numbers.layer]
        channels = self.channels[k]
        values = {rule: as_maps(passage.below[0])[channels] for rule, passage in passages.items()}
        by = block_of(as_maps(node.x[0]).shape, SIDE if k < len(self.steps) - 1 else IMAGE_SIDE)
        scales = {rule: scale_of(of_rule) for rule, of_rule in values.items()}
        if k == len(self.steps) - 1 and order == "BGR":
            channels, values = channels[::-1], {rule: of_rule[::-1] for rule, of_rule in values.items()}
        step: dict[str, Any] = {
            "name": numbers.layer,
            "kind": numbers.kind,
            "depth": node.depth,
            "branch": node.branch,
            "shape": numbers.shape,
            "channels": channels.tolist(),
            "by": by,
            "maps": {rule: quantised(reduced(of_rule, by), scales[rule]) for rule, of_rule in values.items()},
            "scales": {rule: figures(scale, 3) for rule, scale in scales.items()},
            "closed": {rule: None if x is None else figures(x, 4) for rule, x in numbers.closed.items()},
            "open": None if numbers.open is None else figures(numbers.open, 4),
            "cosine": None if numbers.cosine is None else figures(numbers.cosine, 5),
            "difference": None if numbers.difference is None else figures(numbers.difference, 4),
            "same": numbers.same,
            "nonzero": numbers.nonzero,
        }
        if isinstance(node.layer, ReLU):
            step["gates"] = self.gates(k, channels, by)
        return step

    def chosen_channels(self, k: int) -> np.ndarray:
        """The channels shown: those with the largest energy of the three signals, each normalised."""
        maps = [as_maps(passage.below[0]) for passage in self.steps[k].values()]
        if k == len(self.steps) - 1:
            return np.arange(len(maps[0]))  # the image's colours
        strength = sum(energies / energies.sum() for energies in map(energy, maps) if energies.any())
        H, W = maps[0].shape[1:]
        count = CELLS if H * W == 1 else min(MAPS, max(1, AREA // (H * W)))
        return np.argsort(-np.broadcast_to(strength, len(maps[0])), kind="stable")[:count]

    def gates(self, k: int, channels: np.ndarray, by: int) -> np.ndarray:
        """1(X_n > 0) + 2 · 1(R > 0) of the channels shown; 4 more where both signals are zero."""
        passages = self.steps[k]
        x = as_maps(self.nodes[passages["gradient"].name].x[0])[channels]
        R, grad = (as_maps(passages[rule].above[0])[channels] for rule in ("deconv", "gradient"))
        codes = (x > 0) + 2 * (R > 0) + 4 * ((R == 0) & (grad == 0))
        return codes[:, ::by, ::by].astype(np.int8)

    # ------------------------------------------------------------------ the microscope

    def record(self, k: int, place: Place) -> Record:
        """The arithmetic of the three signals at one place of step k."""
        passages = self.steps[k]
        node = self.nodes[passages["gradient"].name]
        if isinstance(node.layer, Branches):
            return junction(node.layer, {rule: self.arrived(k, node, rule) for rule in RULES}, place)
        return downward(node.layer, node, passages, place)

    def arrived(self, k: int, node: Node, rule: str) -> dict[str, np.ndarray]:
        """The signal of each branch of step k at X_n; an empty branch passes its own on unchanged."""
        assert isinstance(node.layer, Branches)
        passed: dict[str, np.ndarray] = {step[rule].name: step[rule].below for step in self.steps[:k]}
        above, branches = self.steps[k][rule].above, node.layer.branches
        parts = split(above, node.cache[0]) if isinstance(node.layer, Concat) else [above] * len(branches)
        return {
            branch: passed.get(f"{node.name}.{branch}.0", part) for branch, part in zip(branches, parts, strict=True)
        }

    def places(self, k: int, across: int) -> Iterator[Place]:
        """In each channel shown, the place of the strongest signal in every field of a grid of across×across.

        At a ReLU the signal above it, to include places that its gates set to zero.
        """
        channels, passages = self.channels[k], self.steps[k]
        at_relu = isinstance(self.nodes[passages["gradient"].name].layer, ReLU)
        signals = [as_maps((p.above if at_relu else p.below)[0])[channels] for p in passages.values()]
        strength = np.zeros(signals[0].shape)
        for maps in signals:
            strength += np.abs(maps) / max(np.abs(maps).max(), np.finfo(np.float32).tiny)
        flat = passages["gradient"].below.ndim == 2
        for channel, row, column in strongest_places(strength, across):
            c = int(channels[channel])
            yield (c,) if flat else (c, row, column)


def strongest_places(strength: np.ndarray, across: int) -> Iterator[tuple[int, int, int]]:
    """The place of the largest value in each field of a grid over the maps (C, H, W)."""
    C, H, W = strength.shape
    for channel in range(C):
        for rows in np.array_split(np.arange(H), min(across, H)):
            for columns in np.array_split(np.arange(W), min(across, W)):
                part = strength[channel, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                row, column = divmod(int(part.argmax()), part.shape[1])
                yield channel, int(rows[0]) + row, int(columns[0]) + column


def as_maps(values: np.ndarray) -> np.ndarray:
    """Maps (C, H, W) as they are; features (D,) as maps of one pixel."""
    return values if values.ndim == 3 else values.reshape(-1, 1, 1)


def energy(maps: np.ndarray) -> np.ndarray:
    """Σ over pixels of the squares, for each channel."""
    return np.einsum("chw,chw->c", maps, maps, dtype=np.float64)


def on_host(passage: Passage) -> Passage:
    return replace(passage, above=to_host(passage.above), below=to_host(passage.below))
