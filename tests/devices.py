"""Where the tests compute: with NumPy, on the strict stand-in for CuPy, and with CuPy where there is a GPU for it.

A test that takes the fixture `xp` runs once with each.  What goes into the network is moved there by `on(…)`, or drawn
there by `draws`; what is compared comes back by the functions below, so that no comparison needs to know.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from layers import Layer
from layers.arrays import cuda_available, to_host
from minicnn.network import Network
from tests.strict_cupy import strict


def modules() -> dict[str, ModuleType]:
    """The array modules that can compute here."""
    found: dict[str, ModuleType] = {"numpy": np, "strict": strict}
    if cuda_available():
        import cupy

        found["cupy"] = cupy
    return found


def moved(xp: ModuleType, thing: Any) -> Any:
    """Arrays, layers and networks, and lists, tuples and dictionaries of them, with their arrays on the device."""
    if isinstance(thing, np.ndarray):
        return xp.asarray(thing)
    if isinstance(thing, Layer):
        return thing.map_parameters(xp.asarray)
    if isinstance(thing, Network):
        return thing.map_layers(lambda layer: moved(xp, layer))
    if isinstance(thing, list | tuple):
        return type(thing)(moved(xp, part) for part in thing)
    if isinstance(thing, dict):
        return {key: moved(xp, part) for key, part in thing.items()}
    return thing


def host(thing: Any) -> Any:
    """An array as NumPy's; so are the arrays in lists, tuples and dictionaries."""
    if isinstance(thing, list | tuple):
        return type(thing)(map(host, thing))
    if isinstance(thing, dict):
        return {key: host(part) for key, part in thing.items()}
    return to_host(thing) if hasattr(thing, "dtype") else thing


class Draws:
    """NumPy's random generator, with its arrays moved to the device: the same numbers everywhere."""

    def __init__(self, xp: ModuleType, seed: int = 0) -> None:
        self.xp, self.host = xp, np.random.default_rng(seed)

    def __getattr__(self, name: str) -> Any:
        draw = getattr(self.host, name)
        return lambda *args, **kwargs: moved(self.xp, draw(*args, **kwargs))


def equal(a: Any, b: Any, **options: Any) -> bool:
    """np.array_equal, wherever the two are."""
    return np.array_equal(host(a), host(b), **host(options))


def close(a: Any, b: Any, **options: Any) -> bool:
    """np.allclose, wherever the two are."""
    return np.allclose(host(a), host(b), **host(options))


def assert_equal(a: Any, b: Any) -> None:
    np.testing.assert_array_equal(host(a), host(b))


def assert_close(a: Any, b: Any, **options: Any) -> None:
    np.testing.assert_allclose(host(a), host(b), **host(options))


def frozen(array: Any) -> Any:
    """The array, which must not be written to any more: writing raises.  (CuPy has no such thing; there it may.)"""
    below = getattr(array, "_a", array)  # what a strict array wraps
    if isinstance(below, np.ndarray):
        below.flags.writeable = False
    return array
