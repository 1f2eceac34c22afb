"""The same network as a function of JAX, compiled by `jit` for the processor; gradients of the image only."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from layers import (
    Add,
    AveragePool,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    Flatten,
    FullyConnected,
    GlobalAveragePool,
    GroupedConv,
    Layer,
    LocalResponseNorm,
    MaxPool,
    PaddedAveragePool,
    ReLU,
)
from layers.pool import Pool
from minicnn import Network

jax.config.update("jax_platforms", "cpu")

Parameters = Mapping[str, jax.Array]


def scores(net: Network, parameters: Parameters, x: jax.Array) -> jax.Array:
    """S(I), layer by layer, with the network's parameters by their full names."""
    for name, layer in net.layers.items():
        x = up(layer, below(name, parameters), x)
    return x


def below(name: str, parameters: Parameters) -> Parameters:
    """Those of one layer, by the rest of their names."""
    return {key.removeprefix(f"{name}."): p for key, p in parameters.items() if key.startswith(f"{name}.")}


def up(layer: Layer, p: Parameters, x: jax.Array) -> jax.Array:
    match layer:
        case Conv():
            top, bottom, left, right = layer.pad
            groups = layer.groups if isinstance(layer, GroupedConv) else 1
            return lax.conv_general_dilated(
                x, p["K"], layer.stride, [(top, bottom), (left, right)], feature_group_count=groups
            ) + p["b"].reshape(-1, 1, 1)
        case FullyConnected():
            return x @ p["W"].T + p["b"]
        case MaxPool():
            return over_windows(layer, lax.max, -jnp.inf, x)
        case AveragePool() if not isinstance(layer, PaddedAveragePool):
            return over_windows(layer, lax.add, 0.0, x) / over_windows(layer, lax.add, 0.0, jnp.ones_like(x))
        case GlobalAveragePool():
            return x.mean(axis=(2, 3))
        case BatchNorm():
            mean, variance, gamma, beta = (
                p[name].reshape(-1, *[1] * (x.ndim - 2)) for name in ("mean", "variance", "gamma", "beta")
            )
            return gamma * (x - mean) / jnp.sqrt(variance + layer.eps) + beta
        case LocalResponseNorm():
            window = (1, layer.before + layer.after + 1, 1, 1)
            padding = [(0, 0), (layer.before, layer.after), (0, 0), (0, 0)]
            sums = lax.reduce_window(x * x, 0.0, lax.add, window, (1, 1, 1, 1), padding)
            return x * (layer.kappa + layer.alpha * sums) ** -layer.beta
        case ReLU():
            return jax.nn.relu(x)
        case Flatten():
            return x.reshape(len(x), -1)
        case Dropout():
            return x
        case Concat():
            return jnp.concatenate(branches(layer, p, x), axis=1)
        case Add():
            return sum(branches(layer, p, x))
    raise NotImplementedError(f"not written in JAX: {type(layer).__name__}")


def over_windows(layer: Pool, operation: Callable, start: float, x: jax.Array) -> jax.Array:
    top, bottom, left, right = layer.padding(x.shape)
    padding = [(0, 0), (0, 0), (top, bottom), (left, right)]
    return lax.reduce_window(x, start, operation, (1, 1, *layer.size), (1, 1, *layer.stride), padding)


def branches(layer: Concat | Add, p: Parameters, x: jax.Array) -> list[jax.Array]:
    """The output of each branch; its layers are called branch.place."""
    outputs = []
    for branch, chain in layer.branches.items():
        y = x
        for place, inner in enumerate(chain):
            y = up(inner, below(f"{branch}.{place}", p), y)
        outputs.append(y)
    return outputs


def gradient_of(net: Network, x: np.ndarray, c: int) -> Callable[[], jax.Array]:
    """∂S_c/∂I for a batch of images."""
    return compiled(net, x, c, lambda w: w)


def saliency(net: Network, x: np.ndarray, c: int) -> Callable[[], jax.Array]:
    """M_ij = max over channels of |∂S_c/∂I|."""
    return compiled(net, x, c, lambda w: jnp.abs(w).max(axis=1))


def compiled(net: Network, x: np.ndarray, c: int, finish: Callable[[jax.Array], jax.Array]) -> Callable[[], jax.Array]:
    """The weights are arguments, not constants: XLA would fold those for minutes."""

    @jax.jit
    def run(parameters: Parameters, I: jax.Array) -> jax.Array:
        return finish(jax.grad(lambda I: scores(net, parameters, I)[:, c].sum())(I))

    parameters, I = jax.device_put((dict(net.parameters), x))
    return lambda: run(parameters, I).block_until_ready()
