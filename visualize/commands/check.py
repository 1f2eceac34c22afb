"""Checks every gradient of a network against finite differences, in float64.

Each layer is checked at the maps that a noise image puts before it: ∂f/∂X_n, and ∂f/∂parameter where it has any; then
∂S/∂I through the whole network.  The table has one line for each type of layer.  Outputs with a kink (a ReLU at 0) or a
tie (in a max-pool) within reach of the step are left out of the comparison.  The last column says whether the DeconvNet
sends the same signal down as the gradient.  Exit code 1 if any gradient is wrong.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from layers import Layer
from minicnn.gradient_check import TOLERANCE, Check, check_layer, check_pullback
from minicnn.network import Network, input_of, preprocessing_of

from .common import add_json, add_network, load_network, print_json
from .screen import progress

EXAMPLE = "minicnn check --network squeezenet --probes 4"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_network(parser)
    parser.add_argument(
        "--probes", type=int, default=2, metavar="N", help="directions for each gradient (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the noise and the directions (default: %(default)s)"
    )
    parser.add_argument("--every-layer", action="store_true", help="a line for every gradient of every layer")
    add_json(parser)


@dataclass(frozen=True)
class Line:
    """A line of the table: one or several checks together."""

    name: str
    layers: int
    checks: list[Check]
    deconv_is_gradient: bool | None

    @property
    def verdict(self) -> str:
        verdicts = {check.verdict for check in self.checks}
        return next(verdict for verdict in ("WRONG", "undecided", "ok") if verdict in verdicts)

    def record(self) -> dict[str, object]:
        """The line as a JSON object."""
        return {
            "checked": self.name,
            "layers": self.layers,
            "gradients": len(self.checks),
            "error": self._worst_error(),
            "left_out": max(check.left_out for check in self.checks),
            "verdict": self.verdict,
            "deconv_is_gradient": self.deconv_is_gradient,
        }

    def _worst_error(self) -> float | None:
        errors = [check.error for check in self.checks if check.verdict != "undecided"]
        return float(np.max(errors)) if errors else None


def run(args: argparse.Namespace) -> int:
    if args.probes < 1:
        raise ValueError(f"--probes {args.probes}: expected 1 or more")
    if args.seed < 0:
        raise ValueError(f"--seed {args.seed}: expected 0 or more")
    net = load_network(args, otherwise="plain").astype(np.float64)  # an image of noise is as good in any range
    lines = check_everything(net, np.random.default_rng(args.seed), args.probes)
    if not args.every_layer:
        lines = by_type(net, lines)
    if args.json:
        for line in lines:
            print_json(line.record())
    else:
        print(table(lines))
    return 1 if any(line.verdict == "WRONG" for line in lines) else 0


def check_everything(net: Network, rng: np.random.Generator, probes: int) -> list[Line]:
    """Every layer at the maps before it, and the whole network, at an image of noise."""
    preprocessing = preprocessing_of(net)
    noise = rng.integers(0, 256, (*preprocessing.size, 3), dtype=np.uint8)
    x = input_of(net, preprocessing.centre_crop(noise)).astype(np.float64)
    trace = net.forward(x)
    lines = []
    for n, (name, layer) in enumerate(progress(net.layers.items(), "layers")):
        report = check_layer(layer, trace.maps[n], rng, probes)
        signal = net.xp.asarray(rng.standard_normal(trace.maps[n + 1].shape))
        same = bool((layer.deconv(signal, trace.caches[n]) == layer.backward(signal, trace.caches[n])).all())
        lines.append(Line(name, 1, report.checks, same))
    whole = check_pullback(net.scores, x, lambda r: net.backward(trace, r), rng, "image", probes)
    return [*lines, Line("scores → image", len(net.layers), [whole], None)]


def by_type(net: Network, lines: list[Line]) -> list[Line]:
    """The same checks, one line for each type of layer, in the order in which the types first appear."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        layer: Layer | None = net.layers.get(line.name)
        groups.setdefault(line.name if layer is None else type(layer).__name__, []).append(line)
    return [
        Line(
            kind,
            sum(line.layers for line in group),
            [check for line in group for check in line.checks],
            None if group[0].deconv_is_gradient is None else all(line.deconv_is_gradient for line in group),
        )
        for kind, group in groups.items()
    ]


def table(lines: list[Line]) -> str:
    """The lines as text."""
    width = max(len(line.name) for line in lines)
    rows = [f"{'':{width}}  layers  gradients  worst error  left out    verdict  DeconvNet = gradient"]
    for line in lines:
        record = line.record()
        error = "–" if record["error"] is None else f"{record['error']:.1e}"
        same = {True: "yes", False: "no", None: ""}[line.deconv_is_gradient]
        rows.append(
            f"{line.name:{width}}  {line.layers:6}  {len(line.checks):9}  {error:>11}  {record['left_out']:8.2%}"
            f"  {line.verdict:>9}  {same}".rstrip()
        )
    rows.append(f"worst error: relative, against central differences; more than {TOLERANCE:g} is wrong")
    return "\n".join(rows)
