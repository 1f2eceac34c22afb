"""Gradient, DeconvNet and guided signal of one unit, compared layer by layer: where do they diverge?

From the top down, gradient and DeconvNet signal are the same array until the first ReLU at which

    a negative signal meets an open unit       (the gradient passes it, the DeconvNet does not), or
    a positive signal meets a closed unit      (the DeconvNet passes it, the gradient does not),

or the first response normalisation, which the gradient passes by its derivative and the DeconvNet leaves out.  Below
that layer they differ.
"""

from __future__ import annotations

from dataclasses import dataclass

from layers import ReLU
from layers.arrays import Array, array_module
from minicnn.network import RULES, Network, Trace
from minicnn.units import Unit, activation, strongest_units, unit_text

from .deconvnet import Seed, one_image, seed_signal
from .vanished_signal import RULE_NAMES
from .way_down import Passage, way_down


@dataclass(frozen=True)
class Step:
    """One layer on the way down, and the signals at its input, X_n.

    shape:      of the signals, without the batch
    open:       of a ReLU: the fraction of its units with X_n > 0
    closed:     of a ReLU: for each rule, the fraction of the non-zero signal from above that the gate sets to zero
    cosine:     of gradient and DeconvNet signal, ⟨grad, R⟩ / ‖grad‖‖R‖;   None if one of them is zero
    difference: ‖R − grad‖ / ‖grad‖;   None if the gradient is zero
    same:       gradient and DeconvNet signal are equal, to the last bit
    nonzero:    for each rule, whether its signal is non-zero anywhere
    """

    layer: str
    kind: str
    shape: tuple[int, ...]
    open: float | None
    closed: dict[str, float | None]
    cosine: float | None
    difference: float | None
    same: bool
    nonzero: dict[str, bool]


@dataclass(frozen=True)
class Comparison:
    """The steps from one unit down to the image, highest layer first; `print(comparison)` shows a table."""

    layer: str
    unit: Unit
    seed: float
    activation: float
    steps: list[Step]

    @property
    def first_divergence(self) -> str | None:
        """The first layer from the top below which gradient and DeconvNet differ; None if they never do."""
        return next((step.layer for step in self.steps if not step.same), None)

    @property
    def vanished(self) -> dict[str, str]:
        """The rules whose signal at the image is zero, and the layer at which it vanished.

        Empty if the seed is zero.
        """
        found = {}
        for rule in RULES:
            nonzero = [n for n, step in enumerate(self.steps) if step.nonzero[rule]]
            first_zero = nonzero[-1] + 1 if nonzero else 0
            if self.seed != 0 and first_zero < len(self.steps):
                found[rule] = self.steps[first_zero].layer
        return found

    def __str__(self) -> str:
        return table(self)


def compare_rules(
    net: Network, x: Array, layer: str | None = None, unit: Unit | None = None, seed: Seed = 1.0
) -> Comparison:
    """Send one unit down to the image x by all three rules, and compare them after every layer.

    x: one image (C, H, W) or (1, C, H, W).  The default layer is the last one, the default unit the strongest of the
    layer: the class with the highest score.  ReLUs within the branches of a Concat have steps of their own, called
    layer.branch.place, branch after branch; then comes the Concat, with the sum of the signals of its branches.
    """
    return compare_from(net, net.forward(one_image(x)), layer, unit, seed)


def compare_from(
    net: Network, trace: Trace, layer: str | None = None, unit: Unit | None = None, seed: Seed = 1.0
) -> Comparison:
    """`compare_rules` from a trace."""
    layer = trace.names[-1] if layer is None else layer
    unit = strongest_units(trace, layer)[0] if unit is None else unit
    top = seed_signal(trace, layer, unit, seed)
    ways = {rule: way_down(net, rule, trace, top, layer) for rule in RULES}
    steps = [compared(dict(zip(ways, passages, strict=True))) for passages in zip(*ways.values(), strict=True)]
    return Comparison(layer, unit, float(top.sum()), activation(trace, layer, unit), steps)


# ---------------------------------------------------------------------- one line of the table


def compared(passages: dict[str, Passage]) -> Step:
    """The signals of the three rules, just below one layer."""
    passage = passages["gradient"]
    is_relu = isinstance(passage.layer, ReLU)
    grad, R = passages["gradient"].below, passages["deconv"].below
    return Step(
        layer=passage.name,
        kind=type(passage.layer).__name__,
        shape=passage.below.shape[1:],
        open=float((passage.cache > 0).mean()) if is_relu else None,  # a ReLU's cache is X_n
        closed={rule: closed_fraction(p) if is_relu else None for rule, p in passages.items()},
        cosine=cosine(grad, R),
        difference=relative_difference(grad, R),
        same=bool((grad == R).all()),
        nonzero={rule: bool(p.below.any()) for rule, p in passages.items()},
    )


def closed_fraction(passage: Passage) -> float | None:
    """The fraction of the non-zero signal from above that a ReLU's gate sets to zero; None if there is none."""
    came = int((passage.above != 0).sum())
    return 1 - int((passage.below != 0).sum()) / came if came else None


def cosine(a: Array, b: Array) -> float | None:
    """⟨a, b⟩ / ‖a‖‖b‖; None if one of them is zero."""
    a, b = a.astype(float), b.astype(float)
    sizes = norm(a) * norm(b)
    return float((a * b).sum()) / sizes if sizes > 0 else None


def relative_difference(a: Array, b: Array) -> float | None:
    """‖b − a‖ / ‖a‖; None if a is zero."""
    a, b = a.astype(float), b.astype(float)
    return norm(b - a) / norm(a) if norm(a) > 0 else None


def norm(a: Array) -> float:
    return float(array_module(a).sqrt((a**2).sum()))


# ---------------------------------------------------------------------- the table


def table(comparison: Comparison) -> str:
    """The comparison as text."""
    steps, diverged = comparison.steps, comparison.first_divergence
    names = max(len("down through"), *(len(step.layer) for step in steps))
    shapes = max(len("shape"), *(len(_shape(step)) for step in steps))
    rows = [
        f"from {comparison.layer}, unit {unit_text(comparison.unit)}: activation {comparison.activation:.4g},"
        f" seed {comparison.seed:.4g}",
        f"{'':{names}}  {'':{shapes}}   ReLU        it closes of       gradient, DeconvNet",
        f"{'down through':{names}}  {'shape':>{shapes}}   open    grad. deconv guided    cosine  difference",
    ]
    for step in steps:
        gates = "  ".join(_percent(step.closed[rule]) for rule in RULES)
        rows.append(
            f"{step.layer:{names}}  {_shape(step):>{shapes}}  {_percent(step.open)}    {gates}   {_alike(step)}"
            f"{'  ← here they part' if step.layer == diverged else ''}".rstrip()
        )
    return "\n".join([*rows, _verdict(comparison)])


def _verdict(comparison: Comparison) -> str:
    diverged = comparison.first_divergence
    if comparison.seed == 0:
        return f"all signals are zero from the start, at the output of layer {comparison.layer}"
    if diverged is None:
        verdict = "gradient and DeconvNet are the same all the way down"
    else:
        verdict = f"gradient and DeconvNet are the same down to layer {diverged}, and part there"
    vanished = (f"the {RULE_NAMES[rule]} vanished at layer {layer}" for rule, layer in comparison.vanished.items())
    return "; ".join([verdict, *vanished])


def _shape(step: Step) -> str:
    return "×".join(map(str, step.shape))


def _percent(fraction: float | None) -> str:
    return "     " if fraction is None else f"{fraction:5.0%}"


def _alike(step: Step) -> str:
    if step.same:
        return f"{'same':>8}  {'0':>10}"
    cosine = "–" if step.cosine is None else f"{step.cosine:.4f}"
    difference = "–" if step.difference is None else f"{step.difference:.3g}"
    return f"{cosine:>8}  {difference:>10}"
