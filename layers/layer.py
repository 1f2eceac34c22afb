"""The contract that every layer keeps.

A layer holds parameters and nothing else.  What the way down (the backward pass) needs is *returned* by the way up
(the forward pass), so one trace serves gradient, DeconvNet and guided back-propagation in any order and any number of
times::

    y, cache = layer.forward(x)
    grad_x   = layer.backward(grad, cache)             # ∂f/∂X_n       from  ∂f/∂X_{n+1}
    R_x      = layer.deconv(R, cache)                  # R_n           from  R_{n+1}
    G_x      = layer.guided(G, cache)                  # both gates must be open; differs from backward only in ReLU
    grads    = layer.parameter_gradients(grad, cache)  # {"K": ∂f/∂K, "b": ∂f/∂b}; only training asks
    y, cache = layer.forward_training(x, rng)          # only training; differs from forward only in Dropout

Maps have the shape (N, C, H, W), features (N, D); of floating-point numbers, whose type a layer keeps, or of whole
numbers, which become float64.  No method writes into its arguments.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .arrays import Array

Same = TypeVar("Same", bound="Layer")  # a layer and its copy are of one kind
Cache = Any  # whatever this layer's way down needs; opaque to everyone else


class ShapeError(ValueError):
    """An array of the wrong shape met a layer.  The network adds the layer's name on the way out."""

    def __init__(self, layer: Layer | str, complaint: str, name: str = "") -> None:
        self.kind = layer if isinstance(layer, str) else type(layer).__name__
        self.complaint = complaint
        super().__init__(" ".join(filter(None, [self.kind, name, complaint])))

    def at(self, name: str) -> ShapeError:
        """The same error, saying which layer of the network it was."""
        return ShapeError(self.kind, self.complaint, name)


class Layer:
    """X_{n+1} = layer(X_n).  See the module's docstring for the contract."""

    parameter_names: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()  # those that are not trained: BatchNorm's running mean and variance

    def forward(self, x: Array, /) -> tuple[Array, Cache]:
        """X_{n+1}, and what the way down needs."""
        raise NotImplementedError

    def forward_training(self, x: Array, rng: Any, /) -> tuple[Array, Cache]:
        """The same while the network is being trained; rng draws what is random then, which only a Dropout has."""
        return self.forward(x)

    def backward(self, grad: Array, cache: Cache, /) -> Array:
        """∂f/∂X_n from grad = ∂f/∂X_{n+1}: the chain rule."""
        raise NotImplementedError

    def deconv(self, R: Array, cache: Cache, /) -> Array:
        """R_n from R = R_{n+1}: the DeconvNet's reconstruction (paper, section 4)."""
        raise NotImplementedError

    def guided(self, G: Array, cache: Cache, /) -> Array:
        """G_n from G = G_{n+1}: guided back-propagation ([Springenberg2014]; not in the paper)."""
        raise NotImplementedError

    def parameter_gradients(self, grad: Array, cache: Cache, /) -> dict[str, Array]:
        """∂f/∂parameter for each of `trainable`."""
        return {}

    @property
    def parameters(self) -> dict[str, Array]:
        """The arrays that make this layer what it is by their letter, e.g. {"K": …, "b": …}."""
        return {name: getattr(self, name) for name in self.parameter_names}

    @property
    def trainable(self) -> dict[str, Array]:
        """The parameters that training changes: all but the running statistics."""
        return {name: p for name, p in self.parameters.items() if name not in self.statistics}

    def with_parameters(self: Same, parameters: Mapping[str, Array]) -> Same:
        """A copy of this layer that holds `parameters` (all of them, or some) in place of its own."""
        unknown = parameters.keys() - set(self.parameter_names)
        if unknown:
            raise ValueError(f"{type(self).__name__} has no parameter {sorted(unknown)[0]!r}")
        twin = copy.copy(self)
        for name, array in parameters.items():
            if array.shape != getattr(self, name).shape:
                expected = getattr(self, name).shape
                raise ShapeError(self, f"expects {name} of shape {expected}, got {array.shape}")
            setattr(twin, name, array)
        return twin

    def map_parameters(self: Same, change: Callable[[Array], Array]) -> Same:
        """A copy with every parameter replaced by change(parameter): another dtype, another device."""
        return self.with_parameters({name: change(p) for name, p in self.parameters.items()})

    def without(self: Same, kind: type[Layer]) -> Same:
        """This layer without the layers of one kind inside it; only layers made of layers have any."""
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
