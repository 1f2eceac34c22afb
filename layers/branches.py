"""Branches: several small chains of layers that read the same input; what every junction of a network is made of."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from .arrays import Array, floating
from .layer import Cache, Layer

Same = TypeVar("Same", bound="Branches")


class Branches(Layer):
    """f_1(X_n), f_2(X_n), …, each branch f_k a chain of layers; a subclass says how the outputs meet (`join`), and what
    each branch gets of the signal that comes down (`share`).

    `branches` is a list of chains, or a dictionary that names them; an empty chain hands X_n on.
    A parameter is called branch.place.letter, counted from 0: "1.0.K", or "expand3x3.0.K" with named branches.
    """

    def __init__(self, branches: Sequence[Sequence[Layer]] | Mapping[str, Sequence[Layer]]) -> None:
        if not branches:
            raise ValueError(f"{type(self).__name__} expects at least one branch")
        named = branches.items() if isinstance(branches, Mapping) else enumerate(branches)
        self.branches = {str(name): list(chain) for name, chain in named}

    def join(self, outputs: list[Array], caches: list[list[Cache]]) -> tuple[Array, Cache]:
        """X_{n+1} from the output of every branch, and the junction's cache from those of its layers."""
        raise NotImplementedError

    def share(self, signal: Array, cache: Cache) -> tuple[Sequence[Array], Sequence[Sequence[Cache]]]:
        """What each branch gets of the signal, and the caches of its layers."""
        raise NotImplementedError

    def forward(self, x: Array) -> tuple[Array, Cache]:
        return self.join(*self.run_up("forward", x))

    def forward_training(self, x: Array, rng: Any) -> tuple[Array, Cache]:
        return self.join(*self.run_up("forward_training", x, rng))

    def run_up(self, method: str, x: Array, *rng: Any) -> tuple[list[Array], list[list[Cache]]]:
        """The output of every branch, and the caches of its layers, by their `forward` or `forward_training`."""
        outputs, caches = [], []
        x = floating(x)  # sums of whole numbers may overflow
        for chain in self.branches.values():
            y, seen = x, []
            for layer in chain:
                y, cache = getattr(layer, method)(y, *rng)
                seen.append(cache)
            outputs.append(y)
            caches.append(seen)
        return outputs, caches

    def run_down(self, rule: str, signals: Sequence[Array], caches: Sequence[Sequence[Cache]]) -> Array:
        """Σ_k of what comes down branch k by one rule ("backward", "deconv" or "guided"): at X_n the signals add up."""
        arrived = []
        for chain, signal, seen in zip(self.branches.values(), map(floating, signals), caches, strict=True):
            for layer, cache in zip(reversed(chain), reversed(seen), strict=True):
                signal = getattr(layer, rule)(signal, cache)
            arrived.append(signal)
        return sum(arrived[1:], start=arrived[0])

    def backward(self, grad: Array, cache: Cache) -> Array:
        """∂f/∂X_n = Σ_k (∂f_k/∂X_n)ᵀ · (what branch k gets of ∂f/∂X_{n+1})."""
        return self.run_down("backward", *self.share(grad, cache))

    def deconv(self, R: Array, cache: Cache) -> Array:
        """R_n = Σ_k (the DeconvNet of branch k applied to what it gets of R_{n+1})."""
        return self.run_down("deconv", *self.share(R, cache))

    def guided(self, G: Array, cache: Cache) -> Array:
        """G_n = Σ_k (the guided pass of branch k applied to what it gets of G_{n+1})."""
        return self.run_down("guided", *self.share(G, cache))

    def parameter_gradients(self, grad: Array, cache: Cache) -> dict[str, Array]:
        """∂f/∂parameter of every layer in every branch, by its name."""
        found, shares = {}, zip(*self.share(grad, cache), strict=True)
        for (branch, chain), (grad, seen) in zip(self.branches.items(), shares, strict=True):
            for place, layer in reversed(list(enumerate(chain))):
                for letter, gradient in layer.parameter_gradients(grad, seen[place]).items():
                    found[f"{branch}.{place}.{letter}"] = gradient
                grad = layer.backward(grad, seen[place])
        return found

    @property
    def parameters(self) -> dict[str, Array]:
        return self._by_full_name("parameters")

    @property
    def trainable(self) -> dict[str, Array]:
        return self._by_full_name("trainable")

    def _by_full_name(self, which: str) -> dict[str, Array]:
        return {
            f"{branch}.{place}.{letter}": p
            for branch, chain in self.branches.items()
            for place, layer in enumerate(chain)
            for letter, p in getattr(layer, which).items()
        }

    def with_parameters(self: Same, parameters: Mapping[str, Array]) -> Same:
        unknown = parameters.keys() - self.parameters.keys()
        if unknown:
            raise ValueError(f"{type(self).__name__} has no parameter {sorted(unknown)[0]!r}")
        twin = copy.copy(self)
        twin.branches = {branch: list(chain) for branch, chain in self.branches.items()}
        for branch, chain in twin.branches.items():
            for place, layer in enumerate(chain):
                prefix = f"{branch}.{place}."
                own = {key.removeprefix(prefix): p for key, p in parameters.items() if key.startswith(prefix)}
                chain[place] = layer.with_parameters(own)
        return twin

    def without(self: Same, kind: type[Layer]) -> Same:
        twin = copy.copy(self)
        twin.branches = {
            branch: [layer.without(kind) for layer in chain if not isinstance(layer, kind)]
            for branch, chain in self.branches.items()
        }
        return twin

    def __repr__(self) -> str:
        chains = (" → ".join(map(repr, chain)) or "identity" for chain in self.branches.values())
        return f"{type(self).__name__}({' | '.join(chains)})"
