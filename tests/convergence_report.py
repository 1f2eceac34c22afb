"""Does the class models' ascent converge?  Prints a table of what is left of the slope, for ten classes of SqueezeNet.

    python -m tests.convergence_report                              the defaults: ten classes, some minutes
    python -m tests.convergence_report --steps 200 --first 0.4      other numbers of steps; other first steps
    python -m tests.convergence_report ostrich --schedule constant

With I* the last image and d(I) = ∂S_c/∂I − 2λI the slope of what is climbed, `last slope` is ‖d(I*)‖ / ‖∂S_c/∂I‖.
S_c consists of linear pieces.  At a maximum that lies where several pieces meet, none of their slopes is zero, but
a mixture of them is: Σ w_i d(I_i) = 0, w_i ≥ 0, Σ w_i = 1.  `mixed slope` is the least norm of such mixtures over the
last points I_i of the ascent, again over ‖∂S_c/∂I‖, and `radius` how far these points are from I*, over ‖I*‖: the
measure of gradient sampling [Burke2005].
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace

import numpy as np

from layers.engine import engine, engine_of_long_work
from minicnn.class_names import find_class, short_name
from minicnn.network import Network
from minicnn.pretrained import squeezenet
from minicnn.schedules import SCHEDULES
from visualize.class_models import PAPER, Settings, ascend, rule_of_thumb, slope

CLASSES = (
    "ostrich", "zebra", "flamingo", "goldfish", "hen", "Egyptian cat", "limousine", "espresso", "strawberry", "lighter",
)  # fmt: skip
LAST = 40  # points of the ascent that are mixed


@dataclass(frozen=True)
class Row:
    """What one ascent came to."""

    name: str
    objective: float
    score: float
    norm: float
    last_slope: float
    mixed_slope: float
    radius: float


def climbed(net: Network, c: int, settings: Settings) -> Row:
    """The ascent from its start to its end, and what is left of the slope."""
    points, slopes = [], []
    for t, state in enumerate(ascend(net, [c], settings)):
        if t > settings.steps - LAST:
            I, decay = state.offset, float(state.decay[0])
            gradient = slope(net, I, [c])[2]
            points.append(I.ravel().astype(np.float64))
            slopes.append((gradient - 2 * decay * I).ravel().astype(np.float64))
    size = float(np.linalg.norm(gradient))
    norm = float(np.linalg.norm(points[-1]))
    return Row(
        short_name(net.classes, c),
        float(state.objective[0]),
        float(state.scores[0]),
        norm,
        float(np.linalg.norm(slopes[-1])) / size,
        least_norm_of_mixtures(np.stack(slopes)) / size,
        max(float(np.linalg.norm(point - points[-1])) for point in points) / norm,
    )


def least_norm_of_mixtures(slopes: np.ndarray) -> float:
    """min ‖Σ w_i d_i‖ over w_i ≥ 0, Σ w_i = 1, by non-negative least squares with the sum as a heavy equation."""
    from scipy.optimize import nnls

    values, axes = np.linalg.eigh(slopes @ slopes.T)  # ‖Σ w_i d_i‖² = ‖√Λ Qᵀ w‖²
    root = np.sqrt(np.maximum(values, 0))[:, None] * axes.T
    heavy = 1e4 * np.linalg.norm(root)
    w, _ = nnls(np.vstack([root, np.full(len(slopes), heavy)]), np.append(np.zeros(len(slopes)), heavy))
    return float(np.linalg.norm(root @ (w / w.sum())))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("classes", nargs="*", default=CLASSES)
    parser.add_argument("--steps", type=int, default=PAPER.steps)
    parser.add_argument("--first", type=float, default=1.0, help="first step, in times of the rule of thumb's")
    parser.add_argument("--schedule", choices=SCHEDULES, default=PAPER.schedule)
    parser.add_argument("--momentum", type=float, default=PAPER.momentum)
    args = parser.parse_args(argv)
    net = squeezenet()
    print(
        f"{args.steps} steps, the first {args.first:g} grey levels, {args.schedule}, momentum {args.momentum:g}"
        "\n\n| class | S_c − λ‖I‖² | S_c | ‖I‖ | last slope | mixed slope | radius |\n|---|---|---|---|---|---|---|"
    )
    for name in args.classes:
        c = find_class(name, net.classes, len(net.classes))
        settings = replace(PAPER, steps=args.steps, schedule=args.schedule, momentum=args.momentum)
        with engine(engine_of_long_work()):
            step, _ = rule_of_thumb(net, [c], settings)
            row = climbed(net, c, replace(settings, step=args.first * float(step[0, 0, 0, 0])))
        numbers = [f"{row.objective:.0f}", f"{row.score:.0f}", f"{row.norm:.0f}"]
        shares = [f"{value:.1%}" for value in (row.last_slope, row.mixed_slope, row.radius)]
        print(f"| {' | '.join([row.name, *numbers, *shares])} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
