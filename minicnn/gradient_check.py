"""Is this gradient right?  Compare it with central differences along random directions, in float64.

    ⟨∂f/∂x, v⟩  ≈  (f(x + h·v) − f(x − h·v)) / 2h,      f(x) = ⟨r, y(x)⟩,      v and r random

One direction v tests every component of x at once, so a few forward passes do what a loop over all pixels would.  The
random cotangent r weighs the outputs y: a plain sum would let many wrong gradients pass.

At a kink (a ReLU at 0) or a tie (equal pixels in a max-pool's window) there is no derivative, and the comparison means
nothing.  A second difference tells: over a smooth stretch it shrinks to a quarter as h is halved,

    y(h) − 2 y(0) + y(−h)  ≈  4 · [ y(h/2) − 2 y(0) + y(−h/2) ],

and over a kink it does not.  Outputs with a kink within ±h are left out of the comparison (their r is 0) and counted.

When a check fails, the gradient is compared entry by entry, to say where it is wrong (`gradient_difference`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from layers import Layer
from layers.arrays import Array, array_module

from .gradient_contract import BrokenContract, checked_gradient, suspects, unchanged
from .gradient_difference import STEP, Difference, difference
from .network import Network

TOLERANCE = 1e-7
PROBES = 4
LEFT_OUT = (
    "left out: outputs at a kink (a ReLU at 0) or a tie (equal pixels in a max-pool's window, such as the zeros\n"
    "behind a ReLU) have no derivative, so they cannot be compared; all others were"
)


@dataclass(frozen=True)
class Check:
    """The gradient with respect to one array, compared.

    error:    the largest relative error over the probes that could be compared (NaN if none could)
    probes:   number of random directions
    kinks:    how many of them had a kink or a tie at every output
    left_out: the largest fraction of outputs that a probe had to leave out, for a kink or a tie
    differs:  where it is wrong: the worst entries, and what they have in common
    breaks:   which rule of the layer contract is broken, such as writing into the input ("": none)
    """

    name: str
    shape: tuple[int, ...]
    error: float
    probes: int
    kinks: int
    left_out: float
    tolerance: float
    differs: Difference | None = None
    breaks: str = ""

    @property
    def verdict(self) -> str:
        """One of "ok", "WRONG", and "undecided": every probe met kinks, so check at another point."""
        if self.breaks:
            return "WRONG"
        if self.kinks == self.probes:
            return "undecided"
        return "ok" if self.error <= self.tolerance else "WRONG"  # NaN compares as wrong, as it should

    @property
    def explanation(self) -> str:
        """Why a gradient is wrong; "" if it is not."""
        return "\n".join(filter(None, [self.breaks, str(self.differs or "")]))


@dataclass(frozen=True)
class Report:
    """The checks of a layer or a network; `print(report)` shows a table, then each wrong gradient."""

    checks: list[Check]

    @property
    def ok(self) -> bool:
        """Every gradient was compared and found right."""
        return all(check.verdict == "ok" for check in self.checks)

    def __str__(self) -> str:
        width = max(len("gradient"), *(len(check.name) for check in self.checks))
        shapes = max(len("shape"), *(len(str(check.shape)) for check in self.checks))
        lines = [f"{'gradient':{width}}  {'shape':{shapes}}  relative error  probes  kinks  left out  verdict"]
        for c in self.checks:
            numbers = f"{c.error:14.1e}  {c.probes:6}  {c.kinks:5}  {c.left_out:8.2%}"
            lines.append(f"{c.name:{width}}  {c.shape!s:{shapes}}  {numbers}  {c.verdict}")
        lines += [LEFT_OUT] * any(check.left_out for check in self.checks)
        lines += [f"\n{check.name}: {check.explanation}" for check in self.checks if check.explanation]
        return "\n".join(lines)


def check_gradient(
    f: Callable[[Array], float],
    x: Array,
    gradient: Array,
    rng: np.random.Generator,
    name: str = "input",
    probes: int = PROBES,
    step: float = STEP,
    tolerance: float = TOLERANCE,
) -> Check:
    """Compare `gradient`, which claims to be ∂f/∂x at x, with central differences of the scalar function f."""
    xp = array_module(x)
    return check_pullback(lambda x: xp.asarray(f(x)), x, lambda r: r * gradient, rng, name, probes, step, tolerance)


def check_layer(layer: Layer, x: Array, rng: np.random.Generator, probes: int = PROBES) -> Report:
    """Compare a layer's `backward` and `parameter_gradients` at x with central differences of its `forward`."""
    x = x.astype(np.float64)
    layer = layer.map_parameters(lambda p: p.astype(np.float64))
    try:
        _, cache = unchanged(layer, "forward", x)
    except BrokenContract as broken:
        return Report([broken_check("input", x, str(broken))])

    def output(x: Array) -> Array:
        return layer.forward(x)[0]

    def backward(r: Array) -> Array:
        return unchanged(layer, "backward", r, cache, x=x)

    checks = [attempt(output, x, backward, rng, "input", probes, suspects(layer, x))]
    for name, parameter in layer.trainable.items():

        def forward(p: Array, name: str = name) -> Array:
            return layer.with_parameters({name: p}).forward(x)[0]

        def pullback(r: Array, name: str = name) -> Array:
            gradients = unchanged(layer, "parameter_gradients", r, cache, x=x)
            return checked_gradient(gradients, name, layer)

        checks.append(attempt(forward, parameter, pullback, rng, name, probes))
    return Report(checks)


def attempt(
    y: Callable[[Array], Array],
    x: Array,
    pullback: Callable[[Array], Array],
    rng: np.random.Generator,
    name: str,
    probes: int,
    suspects: Mapping[str, Callable[[Array], Array]] = {},
) -> Check:
    """The check of one gradient of a layer; a broken contract makes it wrong, too."""
    try:
        return check_pullback(y, x, pullback, rng, name, probes, suspects=suspects)
    except BrokenContract as broken:
        return broken_check(name, x, str(broken))


def broken_check(name: str, x: Array, problem: str) -> Check:
    return Check(name, x.shape, float("nan"), 0, 0, 0.0, TOLERANCE, breaks=problem)


def check_network(net: Network, x: Array, rng: np.random.Generator, probes: int = PROBES) -> Report:
    """Compare a network's gradients of its scores, with respect to the image and the trainable parameters."""
    x = x.astype(np.float64)
    net = net.astype(np.float64)
    trace = net.forward(x)
    checks = [check_pullback(net.scores, x, lambda r: net.backward(trace, r), rng, "input", probes)]
    for name, parameter in net.trainable.items():

        def forward(p: Array, name: str = name) -> Array:
            return net.with_parameters({name: p}).scores(x)

        def pullback(r: Array, name: str = name) -> Array:
            return net.parameter_gradients(trace, r)[name]

        checks.append(check_pullback(forward, parameter, pullback, rng, name, probes))
    return Report(checks)


def check_pullback(
    y: Callable[[Array], Array],
    x: Array,
    pullback: Callable[[Array], Array],
    rng: np.random.Generator,
    name: str = "input",
    probes: int = PROBES,
    step: float = STEP,
    tolerance: float = TOLERANCE,
    suspects: Mapping[str, Callable[[Array], Array]] = {},
) -> Check:
    """Compare `pullback(r)`, which claims to be ∂⟨r, y(x)⟩/∂x, with central differences of the function y.

    An error is relative to the larger of the two numbers compared, or to ‖∂f/∂x‖, the typical size of ⟨∂f/∂x, v⟩:
    otherwise a direction that happens to be orthogonal to the gradient would look like an error.
    suspects: results of common mistakes, by their description (`gradient_difference`).
    """
    x, xp = x.astype(np.float64), array_module(x)
    h = step * max(1.0, float((x**2).mean()) ** 0.5) if x.size else step
    errors, left_out, breaks, differs = [], [], "", None
    for _ in range(probes):
        v = xp.asarray(rng.standard_normal(x.shape))
        slope, smooth = _slope(y, x, v, h, tolerance)
        left_out.append(1 - float(smooth.mean()) if smooth.size else 0.0)
        if left_out[-1] == 1:
            continue
        r = xp.asarray(rng.standard_normal(slope.shape)) * smooth
        gradient = pullback(r)
        if not hasattr(gradient, "shape"):
            raise BrokenContract(f"the gradient of {name} is {type(gradient).__name__}, expected an array {x.shape}")
        if gradient.shape != x.shape:
            raise BrokenContract(f"the gradient of {name} has shape {gradient.shape}, expected {x.shape}")
        if gradient.dtype != x.dtype:
            breaks = (
                f"the gradient of {name} is {gradient.dtype}, expected {x.dtype}: a layer keeps the type it is given"
            )
        numeric, claimed = float((r * slope).sum()), float((gradient * v).sum())
        size = float(np.max([abs(numeric), abs(claimed), norm(gradient)]))  # NaN if any of them is
        errors.append(0.0 if size == 0 else abs(numeric - claimed) / size)
        if not errors[-1] <= tolerance and differs is None:
            differs = difference(y, x, r, gradient, h, suspects)
    worst = float(np.max(errors)) if errors else float("nan")
    return Check(name, x.shape, worst, probes, probes - len(errors), max(left_out), tolerance, differs, breaks)


def _slope(y: Callable[[Array], Array], x: Array, v: Array, h: float, tolerance: float) -> tuple[Array, Array]:
    """(y(x + h·v) − y(x − h·v)) / 2h for each output, and which outputs are smooth within ±h.

    If no output is smooth, the step is tried ten and a hundred times smaller: it may fit between the kinks.
    """
    y_0, xp = y(x), array_module(x)
    largest = float(xp.abs(y_0).max()) if y_0.size else 0.0
    for shrink in (1, 10, 100):
        h_k = h / shrink
        near, far = ((y(x + t * v), y(x - t * v)) for t in (h_k / 2, h_k))
        slope = (far[0] - far[1]) / (2 * h_k)
        bend = xp.abs((far[0] - 2 * y_0 + far[1]) - 4 * (near[0] - 2 * y_0 + near[1])) / (2 * h_k)
        typical = float((slope**2).mean()) ** 0.5 if slope.size else 0.0
        size = xp.maximum(xp.abs(slope), typical)
        round_off = 8 * np.finfo(np.float64).eps * largest / h_k  # bends straight lines, too
        smooth = bend <= xp.minimum(xp.maximum(round_off, tolerance / 10 * size), tolerance / 3 * size)
        if smooth.any():
            break
    return slope, smooth


def norm(x: Array) -> float:
    """‖x‖, of any shape."""
    return float((x**2).sum()) ** 0.5
