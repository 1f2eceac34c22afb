"""What does one unit respond to?  Its signal sent back down to the image, by three rules (paper, section 4).

At the output of a layer all units but one are set to zero, and what is left goes down.  Every layer sends the three
signals down alike, except the ReLU (and response normalisation, which DeconvNets leave out); it multiplies them

    gradient:    ∂f/∂X_n = ∂f/∂X_{n+1} · 1(X_n > 0)            what came up decides
    DeconvNet:   R_n = R_{n+1} · 1(R_{n+1} > 0)                what comes down decides
    guided:      G_n = G_{n+1} · 1(X_n > 0) · 1(G_{n+1} > 0)   both must agree

A DeconvNet proper reconstructs from convolutional layers; here any unit of any layer will do, class scores included.

Two things that people ask when they see a DeconvNet's picture:

Why has it negative values, where every ReLU lets only positive ones pass?  Because the lowest layer is a convolution,
R_0 = R_1 ⋆ K̂.  R_1 ≥ 0, but K̂ has weights of both signs, and there is no ReLU below it.

Why does SqueezeNet's look alike for every class?  Because every ReLU keeps the positive part of what comes down and
nothing else.  Two classes' signals may begin at right angles or opposite to each other; once both are positive they can
no longer cancel, and layer upon layer of mixing and keeping the positive part turns both into the same direction, which
belongs to the network, not to the class.  What the image adds are the switches of its max-pools, the same for every
class ([Mahendran2016], [Nie2018]).  SqueezeNet shown a cat, cosine of the signals of "Egyptian cat" and "espresso" on
their way down:

              below conv10   2nd ReLU   3rd ReLU   4th ReLU   …   image
    gradient         −0.01      −0.01       0.09       0.11        0.05
    DeconvNet        −0.02       0.33       0.87       0.94        1.00
    guided           −0.01       0.29       0.67       0.79        0.98

(The convolutions between, which mix, do more of it than the ReLUs.  The 1st ReLU lies above conv10.)

A network of few layers need not forget: in the one for generated scenes (`pretrained.shapes`), DeconvNets of the first
and the second answer are less alike than gradients are, and it is the guided signals that can hardly be told apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from layers.arrays import Array, array_module
from minicnn.network import Network, Trace
from minicnn.units import Unit, activation, index_of

from .dead_signal import report_death

Seed: TypeAlias = float | Literal["activation"]  # a number, or the unit's own activation


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What arrived at the image from one unit.

    signal:     raw, in the network's input space: (C, H, W)
    seed:       the number that was sent down
    activation: the unit's own value
    """

    signal: Array
    layer: str
    unit: Unit
    rule: str
    seed: float
    activation: float


def reconstruct(net: Network, x: Array, layer: str, unit: Unit, rule: str, seed: Seed = 1.0) -> Reconstruction:
    """Send `unit` of the output of `layer` down to the image x by a rule: "gradient", "deconv" or "guided".

    x: one image (C, H, W) or (1, C, H, W); unit: (channel, row, column) of maps, or the number of a feature.
    The seed, 1 or the unit's "activation", is the signal at the unit.  A larger seed makes a larger picture and no
    other: R_0 of a·R is a times R_0 of R, for a > 0.  Its *sign* matters: a ReLU going down would close it.
    """
    return send_down(net, net.forward(one_image(x)), layer, unit, rule, seed)


def send_down(net: Network, trace: Trace, layer: str, unit: Unit, rule: str, seed: Seed = 1.0) -> Reconstruction:
    """`reconstruct` from a trace: one way up serves any number of ways down."""
    top = seed_signal(trace, layer, unit, seed)
    signal = net.down(rule, trace, top, start=layer)
    report_death(net, rule, trace, top, signal, start=layer)
    return Reconstruction(signal[0], layer, unit, rule, float(top.sum()), activation(trace, layer, unit))


def seed_signal(trace: Trace, layer: str, unit: Unit, seed: Seed) -> Array:
    """The signal at the output of `layer`: the seed at the unit, 0 elsewhere; (1, C, H, W) or (1, D)."""
    index = (0, *index_of(trace, layer, unit))
    signal = array_module(trace[layer]).zeros_like(trace[layer])
    signal[index] = trace[layer][index] if seed == "activation" else seed
    return signal


def one_image(x: Array) -> Array:
    """The image as a batch of one: (1, C, H, W), or (1, D) for features."""
    batch = x[None] if x.ndim in (1, 3) else x
    if len(batch) != 1:
        raise ValueError(f"expected one image, (C, H, W) or (1, C, H, W), got {x.shape}")
    return batch
