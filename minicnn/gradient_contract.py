"""The layer contract as the gradient check enforces it, and the gradients that common mistakes give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from layers import Layer
from layers.arrays import Array, array_module

from .gradient_difference import STEP, numeric_gradient


class BrokenContract(ValueError):
    """A method of a layer broke the contract."""


def unchanged(layer: Layer, method: str, array: Array, *others: Any, x: Array | None = None) -> Any:
    """layer.method(array, …); BrokenContract if it writes into the array or into the x of the cache."""
    inputs = {"the layer's input" if method == "forward" else "the gradient it is given": array}
    if x is not None:
        inputs["X_n, which the cache holds"] = x
    before = {what: a.copy() for what, a in inputs.items()}
    result = getattr(layer, method)(array, *others)
    for what, a in inputs.items():
        nan = (a != a) & (before[what] != before[what])  # NaN equals nothing, itself included
        if changed := int(((a != before[what]) & ~nan).sum()):
            raise BrokenContract(
                f"`{method}` writes into {what}: {changed:,} of {a.size:,} entries are changed by it; "
                "write to a new array (look for out=, +=, *= and [...] = on an argument)"
            )
    return result


def checked_gradient(gradients: object, name: str, layer: Layer) -> Array:
    """gradients[name]; BrokenContract if `parameter_gradients` returned no such array."""
    expected = "{" + ", ".join(f'"{letter}": …' for letter in layer.trainable) + "}"
    if isinstance(gradients, Mapping) and name in gradients:
        return gradients[name]
    if type(layer).parameter_gradients is Layer.parameter_gradients:
        raise BrokenContract(f"{type(layer).__name__} has no `parameter_gradients`: write one that returns {expected}")
    got = f"a dictionary of {sorted(gradients)}" if isinstance(gradients, Mapping) else f"{type(gradients).__name__}"
    raise BrokenContract(f"`parameter_gradients` gives nothing for {name}: expected {expected}, got {got}")


def suspects(layer: Layer, x: Array) -> dict[str, Callable[[Array], Array]]:
    """Gradients that common mistakes in `backward` would give: functions of r, by their description."""
    found: dict[str, Callable[[Array], Array]] = {
        "as if what comes down decided (grad > 0), as in a DeconvNet, not what came up (X_n > 0)": lambda r: (
            r * (r > 0)
        ),
        "as if both gates were closed, as in guided back-propagation": lambda r: (
            r * (r > 0) * (x > 0 if x.shape == r.shape else 0)
        ),
    }
    for name, parameter in layer.trainable.items():
        for text, changed in variants(name, parameter):
            found[text] = pullback_of(layer.with_parameters({name: changed}), x)
    return found


def pullback_of(layer: Layer, x: Array) -> Callable[[Array], Array]:
    """The numeric gradient of another layer, as a function of r."""
    return lambda r: numeric_gradient(lambda x: layer.forward(x)[0], x, r, STEP)


def variants(name: str, p: Array) -> list[tuple[str, Array]]:
    """Parameters as common mistakes would use them: (description, array), each of p's own shape."""
    found = []
    if p.ndim == 4 and max(p.shape[2:]) > 1:
        found = [
            ("as if the kernel were not flipped: K̂ is turned by half, K[:, :, ::-1, ::-1]", p[..., ::-1, ::-1]),
            ("as if the kernel were flipped from left to right only", p[..., ::-1, :]),
            ("as if the kernel were flipped from top to bottom only", p[..., ::-1]),
            ("as if the kernel's rows and columns were exchanged", p.swapaxes(2, 3)),
        ]
    if p.ndim in (2, 4):
        mistake = "were not transposed" if p.ndim == 2 else "'s channels were not exchanged"
        found += [(f"as if {name}{' ' if p.ndim == 2 else ''}{mistake}", p.swapaxes(0, 1))]
    return [(text, array_module(p).ascontiguousarray(other)) for text, other in found if other.shape == p.shape]
