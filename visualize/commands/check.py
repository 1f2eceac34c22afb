"""Checks every gradient of a network, or of a layer of your own, against finite differences, in float64.

Each layer is checked at its input maps for an image of noise: ∂f/∂X_n, and ∂f/∂parameter where it has any; then ∂S/∂I
through the whole network.  The table has one line for each type of layer.  Outputs with a kink (a ReLU at 0) or a tie
(in a max-pool) within reach of the step are left out of the comparison.  The last column says whether the DeconvNet
signal equals the gradient.  Below the table each wrong gradient is compared entry by entry.  Exit code 1 if any
gradient is wrong.

FILE.py:NAME checks a layer of your own: a class, or a layer that the file makes.  The file is executed, so check only
files that you would run.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from layers import Layer
from layers.arrays import Array, array_module
from minicnn.gradient_check import LEFT_OUT, TOLERANCE, Check, check_layer, check_pullback
from minicnn.network import Network, input_of, preprocessing_of

from .common import add_json, add_network, load_network, print_json
from .own_layer import blamed_on, own_layer, shape_for
from .screen import progress

EXAMPLE = "minicnn check mylayer.py:MyLayer --probes 4"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "layer", nargs="?", metavar="FILE.py:NAME", help="a layer of your own (default: the network's); runs the file"
    )
    parser.add_argument(
        "--shape",
        type=shape,
        metavar="N,C,H,W",
        help="of the maps before your own layer (default: what fits its kernels)",
    )
    add_network(parser)
    parser.add_argument(
        "--probes", type=int, default=2, metavar="N", help="directions for each gradient (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the noise and the directions (default: %(default)s)"
    )
    parser.add_argument("--every-layer", action="store_true", help="a line for every gradient of every layer")
    add_json(parser)


def shape(text: str) -> tuple[int, ...]:
    """2,3,8,8 as a tuple."""
    try:
        lengths = tuple(int(length) for length in text.split(","))
    except ValueError:
        lengths = ()
    if not lengths or min(lengths) < 1 or np.prod(lengths, dtype=float) > 1e7:
        raise argparse.ArgumentTypeError(f"{text}: expected lengths of 1 or more, such as 2,3,8,8")
    return lengths


@dataclass(frozen=True)
class Line:
    """A line of the table: one or several checks together, by name."""

    name: str
    layers: int
    checks: dict[str, Check]
    deconv_is_gradient: bool | None

    @property
    def verdict(self) -> str:
        verdicts = {check.verdict for check in self.checks.values()}
        return next(verdict for verdict in ("WRONG", "undecided", "ok") if verdict in verdicts)

    def record(self) -> dict[str, object]:
        """The line as a JSON object."""
        return {
            "checked": self.name,
            "layers": self.layers,
            "gradients": len(self.checks),
            "error": self._worst_error(),
            "left_out": max(check.left_out for check in self.checks.values()),
            "verdict": self.verdict,
            "deconv_is_gradient": self.deconv_is_gradient,
            "wrong": [
                {"gradient": name, "breaks": check.breaks} | (check.differs.record() if check.differs else {})
                for name, check in self.checks.items()
                if check.verdict == "WRONG"
            ],
        }

    def _worst_error(self) -> float | None:
        errors = [c.error for c in self.checks.values() if c.verdict != "undecided" and not np.isnan(c.error)]
        return float(np.max(errors)) if errors else None


def run(args: argparse.Namespace) -> int:
    if args.probes < 1:
        raise ValueError(f"--probes {args.probes}: expected 1 or more")
    if args.seed < 0:
        raise ValueError(f"--seed {args.seed}: expected 0 or more")
    rng = np.random.default_rng(args.seed)
    if args.layer is not None:
        lines = one_by_one([check_own(args, rng)])
    else:
        if args.shape is not None:
            raise ValueError("--shape is that of the maps before a layer of your own: give FILE.py:NAME, too")
        net = load_network(args, otherwise="plain").astype(np.float64)  # an image of noise is as good in any range
        found = check_everything(net, rng, args.probes)
        lines = one_by_one(found) if args.every_layer else by_type(net, found)
    if args.json:
        for line in lines:
            print_json(line.record())
    else:
        print(table(lines))
    return 1 if any(line.verdict == "WRONG" for line in lines) else 0


def check_own(args: argparse.Namespace, rng: np.random.Generator) -> Line:
    """A layer of the user's own, at random maps."""
    if args.network is not None or args.weights is not None:
        raise ValueError(f"{args.layer} is checked by itself: leave out --network and --weights")
    name, layer = own_layer(args.layer, rng)
    x = rng.standard_normal(args.shape or shape_for(layer))
    with blamed_on(args.layer.rpartition(":")[0]):
        return check_one(name, layer, x, rng, args.probes)


def check_one(name: str, layer: Layer, x: Array, rng: np.random.Generator, probes: int) -> Line:
    """One layer at its input maps x, and whether its DeconvNet signal equals its gradient."""
    checks = {f"{name}.{check.name}": check for check in check_layer(layer, x, rng, probes).checks}
    y, cache = layer.forward(x.copy())
    signal = array_module(x).asarray(rng.standard_normal(y.shape))
    try:
        deconv = layer.deconv(signal.copy(), cache)
    except NotImplementedError:  # a user's layer need not have all three rules
        return Line(name, 1, checks, None)
    same = array_module(x).array_equal(deconv, layer.backward(signal.copy(), cache))  # False if their shapes differ
    return Line(name, 1, checks, bool(same))


def check_everything(net: Network, rng: np.random.Generator, probes: int) -> list[Line]:
    """Every layer at its input maps, and the whole network, for an image of noise."""
    preprocessing = preprocessing_of(net)
    noise = rng.integers(0, 256, (*preprocessing.size, 3), dtype=np.uint8)
    x = input_of(net, preprocessing.centre_crop(noise)).astype(np.float64)
    trace = net.forward(x)
    lines = []
    for n, (name, layer) in enumerate(progress(net.layers.items(), "layers")):
        lines.append(check_one(name, layer, trace.maps[n], rng, probes))
    whole = check_pullback(net.scores, x, lambda r: net.backward(trace, r), rng, "image", probes)
    return [*lines, Line("scores → image", len(net.layers), {"scores → image": whole}, None)]


def one_by_one(lines: list[Line]) -> list[Line]:
    """A line for each gradient; the last column is filled for that of the layer's input."""
    return [
        Line(name, line.layers, {name: check}, line.deconv_is_gradient if check.name == "input" else None)
        for line in lines
        for name, check in line.checks.items()
    ]


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
            {name: check for line in group for name, check in line.checks.items()},
            None if group[0].deconv_is_gradient is None else all(line.deconv_is_gradient for line in group),
        )
        for kind, group in groups.items()
    ]


def table(lines: list[Line]) -> str:
    """The lines as text, and below them the wrong gradients."""
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
    checks = {name: check for line in lines for name, check in line.checks.items()}
    rows += [LEFT_OUT] * any(check.left_out for check in checks.values())
    rows += [f"\n{name}: {check.explanation}" for name, check in checks.items() if check.explanation]
    return "\n".join(rows)
