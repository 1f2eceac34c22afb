"""A signal that is zero everywhere: said aloud, with the layer at which it died, instead of a black picture."""

from __future__ import annotations

import warnings

from layers.arrays import Array
from minicnn.network import Network, Trace

RULE_NAMES = {"gradient": "gradient", "deconv": "DeconvNet signal", "guided": "guided signal"}  # as sentences have them


class DeadSignal(UserWarning):
    """A signal became zero everywhere on its way down; the message names the layer at which it died."""


def report_death(net: Network, rule: str, trace: Trace, seed: Array, arrived: Array, start: str | None = None) -> None:
    """Warn if what `arrived` at the image is zero everywhere, and say where on the way down it died.

    `seed` is the signal at the output of layer `start` (default: the scores), `rule` the one that sent it down.
    """
    if arrived.size == 0 or arrived.any():
        return
    warnings.warn(
        f"the {RULE_NAMES[rule]} is zero everywhere: {where_it_died(net, rule, trace, seed, start)}", DeadSignal, 3
    )


def where_it_died(net: Network, rule: str, trace: Trace, seed: Array, start: str | None = None) -> str:
    """The layer at which a signal that arrives as zero became so, in words."""
    if not seed.any():
        return f"it was zero from the start, at the output of layer {start or trace.names[-1]}"
    way_down = net.descend(rule, trace, seed, start)
    name = next(name for name, signal in way_down if not signal.any())
    return f"it died at layer {name}, {net[name]!r}"
