"""The network: a list of layers, with its forward pass and its backward passes by three rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from layers import Layer, ShapeError
from layers.arrays import Array, array_module, module_of, to_device

from .images import Crop, Preprocessing
from .trace import Trace as Trace
from .trace import known

RULES = {"gradient": "backward", "deconv": "deconv", "guided": "guided"}  # a rule's name → the layers' method


class Network:
    """X_0 → layer → X_1 → layer → … → X_N = S(I), the class scores.  A network never contains its softmax.

    Network({"conv1": Conv(K, b), "relu1": ReLU(), …}, preprocessing=…, classes=["tench", …])
    """

    def __init__(
        self,
        layers: Mapping[str, Layer],
        preprocessing: Preprocessing | None = None,
        classes: Sequence[str] | None = None,
    ) -> None:
        if not layers:
            raise ValueError("a network needs at least one layer")
        self.layers = dict(layers)
        self.preprocessing = preprocessing
        self.classes = list(classes) if classes is not None else None

    @property
    def names(self) -> list[str]:
        """The layers' names, lowest first."""
        return list(self.layers)

    def __getitem__(self, name: str) -> Layer:
        return self.layers[known(name, self.names)]

    # ------------------------------------------------------------------ the way up: the forward pass

    def forward(self, x: Array) -> Trace:
        """The forward pass, remembering everything that the ways down need.  x = X_0: (N, C, H, W)."""
        maps, caches = [x], []
        try:
            for name, layer in self.layers.items():
                x, cache = layer.forward(x)
                maps.append(x)
                caches.append(cache)
        except ShapeError as error:
            raise error.at(name) from None
        return Trace(self.names, maps, caches)

    def forward_training(self, x: Array, rng: Any) -> Trace:
        """The forward pass of a step of training: rng, a random generator, draws the masks of Dropout layers."""
        maps, caches = [x], []
        try:
            for name, layer in self.layers.items():
                x, cache = layer.forward_training(x, rng)
                maps.append(x)
                caches.append(cache)
        except ShapeError as error:
            raise error.at(name) from None
        return Trace(self.names, maps, caches)

    def scores(self, x: Array) -> Array:
        """S(I) alone: the forward pass, with nothing kept."""
        try:
            for name, layer in self.layers.items():
                x, _cache = layer.forward(x)
        except ShapeError as error:
            raise error.at(name) from None
        return x

    # ------------------------------------------------------------------ the ways down: backward passes

    def backward(self, trace: Trace, grad: Array, start: str | None = None, stop: str | None = None) -> Array:
        """∂f/∂X_stop from grad = ∂f/∂X_start: the chain rule, layer by layer.

        From the *output* of layer `start` (default: the scores) to the *input* of layer `stop` (default: the image).
        No gradient of a parameter is computed: the weights are fixed.
        """
        return self.down("gradient", trace, grad, start, stop)

    def deconv(self, trace: Trace, R: Array, start: str | None = None, stop: str | None = None) -> Array:
        """R_stop from R_start: the DeconvNet (paper, section 4).  `start` and `stop` as in `backward`."""
        return self.down("deconv", trace, R, start, stop)

    def guided(self, trace: Trace, G: Array, start: str | None = None, stop: str | None = None) -> Array:
        """G_stop from G_start: guided back-propagation.  `start` and `stop` as in `backward`."""
        return self.down("guided", trace, G, start, stop)

    def down(self, rule: str, trace: Trace, signal: Array, start: str | None = None, stop: str | None = None) -> Array:
        """`backward`, `deconv` or `guided`, by the rule's name: "gradient", "deconv" or "guided"."""
        for _name, signal in self.descend(rule, trace, signal, start, stop):  # noqa: B020
            pass
        return signal

    def descend(
        self, rule: str, trace: Trace, signal: Array, start: str | None = None, stop: str | None = None
    ) -> Iterator[tuple[str, Array]]:
        """The way down one layer at a time: (name, the signal at that layer's *input*), highest layer first."""
        if rule not in RULES:
            raise ValueError(f"unknown rule {rule!r}: choose from {', '.join(RULES)}")
        top = self._position(start, default=len(self.layers) - 1)
        bottom = self._position(stop, default=0)
        if bottom > top:
            raise ValueError(f"cannot go down from layer {start!r} to {stop!r}, which is above it")
        if signal.shape != trace.maps[top + 1].shape:
            raise ShapeError("Network", f"expects a signal of shape {trace.maps[top + 1].shape}, got {signal.shape}")
        for n in range(top, bottom - 1, -1):
            name = trace.names[n]
            signal = getattr(self.layers[name], RULES[rule])(signal, trace.caches[n])
            yield name, signal

    def parameter_gradients(self, trace: Trace, grad: Array) -> dict[str, Array]:
        """∂f/∂parameter for each of `trainable`, under the same names, from grad = ∂f/∂S.  Only training needs it."""
        gradients: dict[str, Array] = {}
        for n, (name, layer) in reversed(list(enumerate(self.layers.items()))):
            for letter, gradient in layer.parameter_gradients(grad, trace.caches[n]).items():
                gradients[f"{name}.{letter}"] = gradient
            if n > 0:  # ∂f/∂I is not needed
                grad = layer.backward(grad, trace.caches[n])
        return gradients

    # ------------------------------------------------------------------ parameters

    @property
    def parameters(self) -> dict[str, Array]:
        """Every array of every layer by the layer's name and the array's letter: {"conv1.K": …, "conv1.b": …}."""
        return {f"{name}.{letter}": p for name, layer in self.layers.items() for letter, p in layer.parameters.items()}

    @property
    def trainable(self) -> dict[str, Array]:
        """The parameters that training changes: all but the running statistics (a BatchNorm's mean and variance)."""
        return {f"{name}.{letter}": p for name, layer in self.layers.items() for letter, p in layer.trainable.items()}

    def with_parameters(self, parameters: Mapping[str, Array]) -> Network:
        """A copy with `parameters` (all of them, or some) in place of its own."""
        unknown = parameters.keys() - self.parameters.keys()
        if unknown:
            raise ValueError(f"the network has no parameter {sorted(unknown)[0]!r}")
        layers = {}
        for name, layer in self.layers.items():
            full_names = {letter: f"{name}.{letter}" for letter in layer.parameters}
            own = {letter: parameters[full] for letter, full in full_names.items() if full in parameters}
            try:
                layers[name] = layer.with_parameters(own)
            except ShapeError as error:
                raise error.at(name) from None
        return Network(layers, self.preprocessing, self.classes)

    def astype(self, dtype: object) -> Network:
        """A copy with parameters of another type: `net.astype(numpy.float64)` for gradient checks."""
        return self.map_layers(lambda layer: layer.map_parameters(lambda p: p.astype(dtype)))

    def to(self, device: str) -> Network:
        """A copy whose parameters are on "cpu" or "cuda"; the images it is given must be there, too (`input_of`)."""
        return self.map_layers(lambda layer: layer.map_parameters(lambda p: to_device(p, device)))

    @property
    def xp(self) -> ModuleType:
        """The module, `numpy` or `cupy`, that owns the parameters; NumPy if there are none."""
        return module_of(self.parameters)

    def map_layers(self, change: Callable[[Layer], Layer]) -> Network:
        """A copy with every layer replaced by change(layer)."""
        layers = {name: change(layer) for name, layer in self.layers.items()}
        return Network(layers, self.preprocessing, self.classes)

    def without(self, kind: type[Layer]) -> Network:
        """A copy without layers of one kind, in branches too: `net.without(ReLU)` is a network's linear relative."""
        layers = {name: layer.without(kind) for name, layer in self.layers.items() if not isinstance(layer, kind)}
        return Network(layers, self.preprocessing, self.classes)

    # ------------------------------------------------------------------

    def _position(self, name: str | None, default: int) -> int:
        return default if name is None else self.names.index(known(name, self.names))

    def __repr__(self) -> str:
        width = max(map(len, self.layers))
        return "\n".join(f"{name:{width}}  {layer!r}" for name, layer in self.layers.items())


def input_of(net: Network, *crops: Crop | np.ndarray) -> Array:
    """X_0 of one or several crops (or arrays of pixels), on the network's device: (N, C, h, w), float32."""
    return net.xp.asarray(preprocessing_of(net).to_input(*crops))


def preprocessing_of(net: Network) -> Preprocessing:
    """The network's preprocessing; ValueError if it has none."""
    if net.preprocessing is None:
        raise ValueError("this network has no preprocessing: give it one, Network(layers, preprocessing=…)")
    return net.preprocessing


def one_hot(scores: Array, c: int | Sequence[int]) -> Array:
    """∂S_c/∂S: 1 at class c of each image, 0 elsewhere; c is one class for all images or one for each.

    Raises ValueError for a class that is not among 0 … classes − 1.
    """
    xp = array_module(scores)
    count = scores.shape[-1]
    if np.ndim(c) > 0 and np.shape(c) != scores.shape[:1]:
        raise ValueError(f"expected one class, or one for each of {scores.shape[0]} images, got {c}")
    for k in np.atleast_1d(c):
        if k not in range(count):
            raise ValueError(f"there is no class {k}: expected 0 … {count - 1}")
    seed = xp.zeros_like(scores)
    seed[xp.arange(scores.shape[0]), xp.asarray(c)] = 1
    return seed
