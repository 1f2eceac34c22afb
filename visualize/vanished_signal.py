"""A warning when a gradient or DeconvNet signal vanishes, with the layer at which it became zero."""

from __future__ import annotations

import warnings

from layers.arrays import Array
from minicnn.network import Network, Trace

RULE_NAMES = {"gradient": "gradient", "deconv": "DeconvNet signal", "guided": "guided signal"}  # in sentences


class VanishedSignal(UserWarning):
    """A signal became zero everywhere in a backward pass; the message names the layer."""


def warn_if_vanished(net: Network, rule: str, trace: Trace, seed: Array, end: Array, start: str | None = None) -> None:
    """Warn if `end`, the signal at the image, is zero everywhere, naming the layer.

    `seed`: the signal at the output of layer `start` (default: the scores); `rule`: the rule of the backward pass.
    """
    if end.size == 0 or end.any():
        return
    where = where_it_vanished(net, rule, trace, seed, start)
    warnings.warn(f"the {RULE_NAMES[rule]} is zero everywhere: {where}", VanishedSignal, 3)


def where_it_vanished(net: Network, rule: str, trace: Trace, seed: Array, start: str | None = None) -> str:
    """The layer at which a signal became zero, in words."""
    if not seed.any():
        return f"it was zero from the start, at the output of layer {start or trace.names[-1]}"
    way_down = net.descend(rule, trace, seed, start)
    name = next(name for name, signal in way_down if not signal.any())
    return f"it vanished at layer {name}, {net[name]!r}"
