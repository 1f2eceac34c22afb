"""The portrait of a unit: its receptive field, and its gradient, DeconvNet and guided signal side by side.

The picture that would go with the paper's section 4, which compares them in words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layers import ReLU
from layers.arrays import to_host
from minicnn.network import RULES, Network, Trace
from minicnn.receptive_field import receptive_field
from minicnn.units import Unit, activation, strongest_units, unit_title

from .deconvnet import Seed, send_down


@dataclass(frozen=True, eq=False)
class Portrait:
    """One unit of one image.

    field:   (x0, y0, x1, y1), the input pixels that the unit depends on; outside, every signal is 0
    signals: for each rule the signal at the image, raw, in the network's input space: (C, H, W)
    """

    title: str
    layer: str
    unit: Unit
    activation: float
    seed: Seed
    field: tuple[int, int, int, int]
    signals: dict[str, np.ndarray]


def portrait(net: Network, trace: Trace, layer: str, unit: Unit, seed: Seed = 1.0) -> Portrait:
    """The signals of a unit by every rule."""
    return Portrait(
        unit_title(net, trace, layer, unit),
        layer,
        unit,
        activation(trace, layer, unit),
        seed,
        receptive_field(net, trace, layer, unit),
        {rule: to_host(send_down(net, trace, layer, unit, rule, seed).signal) for rule in RULES},
    )


def strongest_portraits(net: Network, trace: Trace, layer: str, k: int, seed: Seed = 1.0) -> list[Portrait]:
    """The k strongest channels of a layer, each at its strongest position."""
    return [portrait(net, trace, layer, unit, seed) for unit in strongest_units(trace, layer, k)]


def representative_layers(net: Network, trace: Trace) -> list[str]:
    """Layers to look at in any network: the last ReLU of each map size, and the scores.

    The lowest ReLU is left out: below it the three rules give the same signal of an active unit.
    """
    maps = dict(zip(net.names, trace.maps[1:], strict=True))
    relus = [name for name, y in maps.items() if y.ndim == 4 and isinstance(net[name], ReLU)]
    last_of_size = {maps[name].shape[2:]: name for name in relus[1:]}
    return list(dict.fromkeys([*last_of_size.values(), net.names[-1]]))
