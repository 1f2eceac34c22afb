"""Where do gradient and DeconvNet part?  One signal sent down by all three rules, compared layer by layer.

From the top down the two are the same array until the first ReLU at which

    a negative signal meets an open unit       (the gradient passes it, the DeconvNet does not), or
    a positive signal meets a closed unit      (the DeconvNet passes it, the gradient does not),

or the first response normalisation, which the gradient passes by its derivative and the DeconvNet leaves out.  From
there on they differ, and all that lies below only carries the difference on.
"""

from __future__ import annotations

from dataclasses import dataclass

from layers import ReLU
from layers.arrays import Array, array_module
from minicnn.network import RULES, Network, Trace
from minicnn.units import Unit, activation, strongest_units, unit_text

from .dead_signal import RULE_NAMES
from .deconvnet import Seed, one_image, seed_signal
from .way_down import Passage, way_down


@dataclass(frozen=True)
class Step:
    """One layer on the way down, and the signals at its input, X_n.

    shape:      of the signals, without the batch
    open:       of a ReLU: the share of its units with X_n > 0
    closed:     of a ReLU: for each rule, the share of what came down (of its non-zero part) that the gate closed
    cosine:     of gradient and DeconvNet signal, ⟨grad, R⟩ / ‖grad‖‖R‖;   None if one of them is zero
    difference: ‖R − grad‖ / ‖grad‖;   None if the gradient is zero
    same:       gradient and DeconvNet signal are equal, to the last bit
    alive:      for each rule, whether its signal is anything but zero
    """

    layer: str
    kind: str
    shape: tuple[int, ...]
    open: float | None
    closed: dict[str, float | None]
    cosine: float | None
    difference: float | None
    same: bool
    alive: dict[str, bool]


@dataclass(frozen=True)
class Comparison:
    """The steps from one unit down to the image, highest layer first; `print(comparison)` shows the table."""

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
    def deaths(self) -> dict[str, str]:
        """The rules whose signal is zero when it arrives at the image, and the layer at which it died.

        None of them has died if the seed is zero: nothing was ever alive.
        """
        found = {}
        for rule in RULES:
            living = [n for n, step in enumerate(self.steps) if step.alive[rule]]
            died = living[-1] + 1 if living else 0
            if self.seed != 0 and died < len(self.steps):
                found[rule] = self.steps[died].layer
        return found

    def __str__(self) -> str:
        return table(self)


def compare_rules(
    net: Network, x: Array, layer: str | None = None, unit: Unit | None = None, seed: Seed = 1.0
) -> Comparison:
    """Send one unit down to the image x by all three rules, and compare them after every layer.

    x: one image (C, H, W) or (1, C, H, W).  By default the unit is the strongest of the layer, the layer the last one:
    the best class.  ReLUs within the branches of a Concat have steps of their own, called layer.branch.place, branch
    after branch; then comes the Concat itself, with the sum of what its branches sent down.
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
    seen = passages["gradient"]
    is_relu = isinstance(seen.layer, ReLU)
    grad, R = passages["gradient"].below, passages["deconv"].below
    return Step(
        layer=seen.name,
        kind=type(seen.layer).__name__,
        shape=seen.below.shape[1:],
        open=float((seen.cache > 0).mean()) if is_relu else None,  # a ReLU's cache is X_n
        closed={rule: closed_share(passage) if is_relu else None for rule, passage in passages.items()},
        cosine=cosine(grad, R),
        difference=relative_difference(grad, R),
        same=bool((grad == R).all()),
        alive={rule: bool(passage.below.any()) for rule, passage in passages.items()},
    )


def closed_share(passage: Passage) -> float | None:
    """Of what came down to a ReLU, the non-zero part, the share that its gate closed; None if nothing came down."""
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
    steps, parted = comparison.steps, comparison.first_divergence
    names = max(len("down through"), *(len(step.layer) for step in steps))
    shapes = max(len("shape"), *(len(_shape(step)) for step in steps))
    rows = [
        f"from {comparison.layer}, unit {unit_text(comparison.unit)}: activation {comparison.activation:.4g},"
        f" seed {comparison.seed:.4g}",
        f"{'':{names}}  {'':{shapes}}   ReLU        it closes of       gradient, DeconvNet",
        f"{'down through':{names}}  {'shape':>{shapes}}   open    grad. deconv guided    cosine  difference",
    ]
    for step in steps:
        gates = "  ".join(_share(step.closed[rule]) for rule in RULES)
        rows.append(
            f"{step.layer:{names}}  {_shape(step):>{shapes}}  {_share(step.open)}    {gates}   {_alike(step)}"
            f"{'  ← here they part' if step.layer == parted else ''}".rstrip()
        )
    return "\n".join([*rows, _verdict(comparison)])


def _verdict(comparison: Comparison) -> str:
    parted = comparison.first_divergence
    if comparison.seed == 0:
        return f"all signals are zero from the start, at the output of layer {comparison.layer}"
    if parted is None:
        verdict = "gradient and DeconvNet are the same all the way down"
    else:
        verdict = f"gradient and DeconvNet are the same down to layer {parted}, and part there"
    deaths = (f"the {RULE_NAMES[rule]} died at layer {layer}" for rule, layer in comparison.deaths.items())
    return "; ".join([verdict, *deaths])


def _shape(step: Step) -> str:
    return "×".join(map(str, step.shape))


def _share(share: float | None) -> str:
    return "     " if share is None else f"{share:5.0%}"


def _alike(step: Step) -> str:
    if step.same:
        return f"{'same':>8}  {'0':>10}"
    cosine = "–" if step.cosine is None else f"{step.cosine:.4f}"
    difference = "–" if step.difference is None else f"{step.difference:.3g}"
    return f"{cosine:>8}  {difference:>10}"
