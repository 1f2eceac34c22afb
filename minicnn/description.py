"""A network described in words and numbers that JSON can hold, and built again from them.

A layer is its kind, its settings, its branches, and the shapes of its parameters, which themselves lie elsewhere:

    {"name": "conv1", "kind": "Conv", "stride": [4, 4], "pad": [0, 0, 0, 0], "K": [64, 3, 11, 11], "b": [64]}
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import layers as ground
from layers import Layer
from layers.branches import Branches

from .errors import FileError
from .images import MAX_PIXELS, Preprocessing
from .network import Network

SETTINGS: dict[type[Layer], tuple[str, ...]] = {  # kind of layer → its constructor's arguments besides the parameters
    ground.Conv: ("stride", "pad"),
    ground.GroupedConv: ("groups", "stride", "pad"),
    ground.BatchNorm: ("eps",),
    ground.LocalResponseNorm: ("N", "kappa", "alpha", "beta"),
    **dict.fromkeys((ground.MaxPool, ground.AveragePool, ground.PaddedAveragePool), ("size", "stride", "pad", "ceil")),
    ground.Dropout: ("p",),
    **dict.fromkeys((ground.FullyConnected, ground.ReLU, ground.GlobalAveragePool, ground.Flatten), ()),
    **dict.fromkeys((ground.Concat, ground.Add), ()),
}
KINDS = {kind.__name__: kind for kind in SETTINGS}

Take = Callable[[str, tuple[int, ...]], np.ndarray]  # a parameter's name and shape → the parameter


# ---------------------------------------------------------------------- network → description


def describe(net: Network) -> dict[str, Any]:
    """The network without its parameters; of a mean that is an array, too, only the shape."""
    return {
        "layers": [{"name": name, **describe_layer(layer)} for name, layer in net.layers.items()],
        "preprocessing": None if net.preprocessing is None else describe_preprocessing(net.preprocessing),
        "classes": net.classes,
    }


def describe_layer(layer: Layer) -> dict[str, Any]:
    kind = type(layer)
    if kind not in SETTINGS:
        raise ValueError(f"a layer of kind {kind.__name__} cannot be saved: choose from {', '.join(KINDS)}")
    described = {"kind": kind.__name__, **{name: getattr(layer, name, None) for name in SETTINGS[kind]}}
    if isinstance(layer, ground.LocalResponseNorm):
        described["N"] = layer.before, layer.after
    if isinstance(layer, Branches):
        branches = {name: [describe_layer(inner) for inner in chain] for name, chain in layer.branches.items()}
        return {**described, "branches": branches}
    return {**described, **{letter: list(p.shape) for letter, p in layer.parameters.items()}}


def describe_preprocessing(p: Preprocessing) -> dict[str, Any]:
    is_image = isinstance(p.mean, np.ndarray)
    rounding = {} if p.rounding == "nearest" else {"rounding": p.rounding}
    return {
        "size": [int(n) for n in p.size],
        "mean image" if is_image else "mean": list(np.shape(p.mean)) if is_image else [float(m) for m in p.mean],
        "scale": np.asarray(p.scale, np.float64).tolist(),
        "order": p.order,
        "resize": [int(n) for n in p.resize] if isinstance(p.resize, tuple) else p.resize,
        **rounding,
    }


# ---------------------------------------------------------------------- description → network


def rebuild(description: Any, take: Take) -> Network:
    """The network described; `take` hands out its parameters.  FileError for a description that makes no network."""
    try:
        layers: dict[str, Layer] = {}
        for entry in description["layers"]:
            name = text(entry.pop("name"))
            if name in layers:
                raise FileError(f"two layers are called {name!r}")
            layers[name] = rebuild_layer(name, entry, take)
        preprocessing, classes = description["preprocessing"], description["classes"]
        return Network(
            layers,
            None if preprocessing is None else rebuild_preprocessing(preprocessing, take),
            None if classes is None else [text(c) for c in classes],
        )
    except FileError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise FileError(f"its description makes no network: {type(error).__name__} {error}") from None


def rebuild_layer(name: str, entry: dict[str, Any], take: Take) -> Layer:
    """One layer; `name` is how its parameters' names begin."""
    kind = KINDS.get(entry.pop("kind"))
    if kind is None:
        raise FileError(f"{name!r} is of an unknown kind: choose from {', '.join(KINDS)}")
    arguments: dict[str, Any] = {setting: plain(entry.pop(setting)) for setting in SETTINGS[kind]}
    if issubclass(kind, Branches):
        arguments["branches"] = {
            branch: [rebuild_layer(f"{name}.{branch}.{n}", inner, take) for n, inner in enumerate(chain)]
            for branch, chain in entry.pop("branches").items()
        }
    for letter in kind.parameter_names:
        arguments[letter] = take(f"{name}.{letter}", shape(entry.pop(letter)))
    if entry:
        raise FileError(f"{name!r}: a {kind.__name__} knows no {next(iter(entry))!r}")
    return kind(**arguments)


def rebuild_preprocessing(entry: dict[str, Any], take: Take) -> Preprocessing:
    size = shape(entry["size"])
    if len(size) != 2 or 0 in size or math.prod(size) > MAX_PIXELS:
        raise FileError(f"expected images of one size of at most {MAX_PIXELS:,} pixels, got {size}")
    return Preprocessing(
        size,
        mean=take("mean image", shape(entry["mean image"])) if "mean image" in entry else plain(entry["mean"]),
        scale=plain(entry["scale"]),
        order=text(entry["order"]),
        resize=resize(entry["resize"]),
        rounding=text(entry.get("rounding", "nearest")),
    )


def resize(value: Any) -> int | tuple[int, int] | None:
    """A number, a pair (height, width), or nothing."""
    if value is None:
        return None
    if not isinstance(value, list):
        return shape([value])[0]
    height, width = shape(value)
    return height, width


# ---------------------------------------------------------------------- JSON's values, believed only if they are plain


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r:.80}")
    return value


def shape(values: Any) -> tuple[int, ...]:
    """A list of integers, none of them negative."""
    if not isinstance(values, list) or not all(type(n) is int and n >= 0 for n in values):
        raise TypeError(f"expected a list of counts, got {values!r:.80}")
    return tuple(values)


def plain(value: Any) -> Any:
    """A setting: a number, yes or no, or a list of them as a tuple."""
    if isinstance(value, list):
        return tuple(plain(one) for one in value)
    if not isinstance(value, (bool, int, float)) or not math.isfinite(value):
        raise TypeError(f"expected a number, got {value!r:.80}")
    return value
