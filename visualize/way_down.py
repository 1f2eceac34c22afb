"""Watching a signal come down: what it was above and below every layer that it passed."""

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
    """A signal that passed a layer: `above` at the layer's output, `below` at its input."""

    name: str
    layer: Layer
    cache: Cache
    above: Array
    below: Array


class Watched(Layer):
    """Stands in for a layer on the way down and notes what passes.  Layers hold no state: the same caches serve."""

    def __init__(self, name: str, layer: Layer, passages: list[Passage]) -> None:
        self.name, self.layer, self.passages = name, layer, passages

    def backward(self, grad: Array, cache: Cache) -> Array:
        return self._noted(grad, cache, self.layer.backward(grad, cache))

    def deconv(self, R: Array, cache: Cache) -> Array:
        return self._noted(R, cache, self.layer.deconv(R, cache))

    def guided(self, G: Array, cache: Cache) -> Array:
        return self._noted(G, cache, self.layer.guided(G, cache))

    def _noted(self, above: Array, cache: Cache, below: Array) -> Array:
        self.passages.append(Passage(self.name, self.layer, cache, above, below))
        return below


def way_down(
    net: Network, rule: str, trace: Trace, signal: Array, start: str, inner: type[Layer] = ReLU
) -> list[Passage]:
    """Every layer that the signal passes from the output of layer `start` to the image, highest first.

    Of the layers within branches those of the kind `inner`, called layer.branch.place, branch after branch; then comes
    the layer that they are part of.
    """
    passages: list[Passage] = []
    layers = {name: inside_watched(name, layer, passages, inner) for name, layer in net.layers.items()}
    watched_net = Network({name: Watched(name, layer, passages) for name, layer in layers.items()})
    for _ in watched_net.descend(rule, trace, signal, start):
        pass
    return passages


def inside_watched(name: str, layer: Layer, passages: list[Passage], inner: type[Layer]) -> Layer:
    """A layer with branches, each layer of the kind `inner` in them watched; any other layer as it is."""
    if not isinstance(layer, Branches):
        return layer
    twin = copy.copy(layer)
    twin.branches = {branch: list(chain) for branch, chain in layer.branches.items()}
    for branch, chain in twin.branches.items():
        for place, one in enumerate(chain):
            full_name = f"{name}.{branch}.{place}"
            chain[place] = inside_watched(full_name, one, passages, inner)
            if isinstance(one, inner):
                chain[place] = Watched(full_name, chain[place], passages)
    return twin
