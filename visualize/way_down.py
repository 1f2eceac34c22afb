"""A backward pass with all intermediate signals: those at the output and at the input of every layer."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from layers import Layer, ReLU
from layers.arrays import Array
from layers.branches import Branches
from layers.layer import Cache
from minicnn.network import Network, Trace


@dataclass(frozen=True, eq=False)
class Passage:
    """The signal at one layer: `above` at its output, `below` at its input."""

    name: str
    layer: Layer
    cache: Cache
    above: Array
    below: Array


class Recorded(Layer):
    """A layer that records the signals of its backward passes.  Layers hold no state, so it uses the same caches."""

    def __init__(self, name: str, layer: Layer, passages: list[Passage]) -> None:
        self.name, self.layer, self.passages = name, layer, passages

    def backward(self, grad: Array, cache: Cache) -> Array:
        return self._recorded(grad, cache, self.layer.backward(grad, cache))

    def deconv(self, R: Array, cache: Cache) -> Array:
        return self._recorded(R, cache, self.layer.deconv(R, cache))

    def guided(self, G: Array, cache: Cache) -> Array:
        return self._recorded(G, cache, self.layer.guided(G, cache))

    def _recorded(self, above: Array, cache: Cache, below: Array) -> Array:
        self.passages.append(Passage(self.name, self.layer, cache, above, below))
        return below


def way_down(
    net: Network, rule: str, trace: Trace, signal: Array, start: str, inner: type[Layer] = ReLU
) -> list[Passage]:
    """Every layer that the signal passes from the output of layer `start` to the image, highest first.

    Layers of the kind `inner` within branches are included, called layer.branch.place, branch after branch; then comes
    the layer that they are part of.
    """
    passages: list[Passage] = []
    layers = {name: recording(name, layer, passages, inner) for name, layer in net.layers.items()}
    recording_net = Network({name: Recorded(name, layer, passages) for name, layer in layers.items()})
    for _ in recording_net.descend(rule, trace, signal, start):
        pass
    return passages


def recording(name: str, layer: Layer, passages: list[Passage], inner: type[Layer]) -> Layer:
    """A layer with branches, each layer of the kind `inner` in them recorded; any other layer as it is."""
    if not isinstance(layer, Branches):
        return layer
    copied = copy.copy(layer)
    copied.branches = {branch: list(chain) for branch, chain in layer.branches.items()}
    for branch, chain in copied.branches.items():
        for place, one in enumerate(chain):
            full_name = f"{name}.{branch}.{place}"
            chain[place] = recording(full_name, one, passages, inner)
            if isinstance(one, inner):
                chain[place] = Recorded(full_name, chain[place], passages)
    return copied
