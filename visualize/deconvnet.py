"""DeconvNets: the signal of one unit, propagated back to the image by three rules (paper, section 4).

At the output of a layer all units but one are set to zero; then comes a backward pass.  The three rules differ only at
the ReLU (and at response normalisation, which DeconvNets leave out):

    gradient:    ∂f/∂X_n = ∂f/∂X_{n+1} · 1(X_n > 0)            the forward value decides
    DeconvNet:   R_n = R_{n+1} · 1(R_{n+1} > 0)                the signal decides
    guided:      G_n = G_{n+1} · 1(X_n > 0) · 1(G_{n+1} > 0)   both decide

The original DeconvNet reconstructs units of convolutional layers; here it may be any unit, class scores included.

Two frequent questions:

Why does the picture have negative values, if every ReLU passes only positive ones?  Because the lowest layer is a
convolution, R_0 = R_1 ⋆ K̂.  R_1 ≥ 0, but K̂ has weights of both signs, and there is no ReLU below it.

Why do SqueezeNet's pictures look alike for every class?  Because every ReLU keeps only the positive part of the signal.
The signals of two classes may begin orthogonal or opposite to each other; once both are positive they can no longer
cancel, and layer after layer of mixing and keeping the positive part turns both into the same direction, which depends
on the network, not on the class.  The image enters by the switches of its max-pools, the same for every class
([Mahendran2016], [Nie2018]).  SqueezeNet on a cat, cosine of the signals of "Egyptian cat" and "espresso":

              below conv10   2nd ReLU   3rd ReLU   4th ReLU   …   image
    gradient         −0.01      −0.01       0.09       0.11        0.05
    DeconvNet        −0.02       0.33       0.87       0.94        1.00
    guided           −0.01       0.29       0.67       0.79        0.98

(The convolutions between, which mix, contribute more to this than the ReLUs.  The 1st ReLU is above conv10.)

In a network of few layers this need not happen: in the one for generated scenes (`pretrained.shapes`) the DeconvNet
signals of the two best classes are less alike than their gradients; there the guided signals are nearly the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from layers.arrays import Array, array_module
from minicnn.network import Network, Trace
from minicnn.units import Unit, activation, index_of

from .vanished_signal import warn_if_vanished

Seed: TypeAlias = float | Literal["activation"]  # a number, or the unit's own activation


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """The signal of one unit at the image.

    signal:     raw, in the network's input space: (C, H, W)
    seed:       the signal at the unit
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
    The seed, 1 or the unit's "activation", is the signal at the unit.  A larger seed only scales the
    picture: R_0 of a·R is a times R_0 of R, for a > 0.  A negative seed is set to zero by the first ReLU.
    """
    return send_down(net, net.forward(one_image(x)), layer, unit, rule, seed)


def send_down(net: Network, trace: Trace, layer: str, unit: Unit, rule: str, seed: Seed = 1.0) -> Reconstruction:
    """`reconstruct` from a trace: one forward pass serves any number of backward passes."""
    top = seed_signal(trace, layer, unit, seed)
    signal = net.down(rule, trace, top, start=layer)
    warn_if_vanished(net, rule, trace, top, signal, start=layer)
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
