"""Are `vivid` class models what they are said to be?  PyTorch judges, with SqueezeNet's weights; prints a table.

    python -m tests.vivid_report                  twelve classes, some minutes
    python -m tests.vivid_report tiger --steps 60

Each picture is judged as it would be stored, in bytes, as it is and moved by ten pixels in eight directions (what moves
in at a border is the mirror image of what is there).  Needs the extra `oracles`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from layers.engine import engine, engine_of_long_work
from minicnn.class_names import find_class, short_name
from minicnn.images import to_bytes
from minicnn.network import Network
from minicnn.pretrained import squeezenet
from tests.torch_layers import run
from visualize.class_models import Vivid, class_model

CLASSES = (
    "ostrich", "zebra", "flamingo", "tiger", "strawberry", "goldfish", "lorikeet", "hen",
    "pineapple", "monarch", "goose", "school bus",
)  # fmt: skip
DISTANCE = 10  # pixels


@dataclass(frozen=True)
class Verdict:
    """Of one class model: S_c and its rank as it is, the worst rank and the least lead over all moves."""

    name: str
    score: float
    rank: int
    worst_rank: int
    least_lead: float  # of S_c over the best other score


def moved_copies(image: np.ndarray, distance: int = DISTANCE) -> list[np.ndarray]:
    """The image (h, w, 3) as it is, and moved in eight directions."""
    h, w = image.shape[:2]
    around = np.pad(image, [(distance, distance), (distance, distance), (0, 0)], mode="symmetric")
    corners = [(distance, distance), *product((0, distance, 2 * distance), repeat=2)]
    return [around[y : y + h, x : x + w] for y, x in dict.fromkeys(corners)]


def judged(net: Network, c: int, image: np.ndarray) -> Verdict:
    x = net.preprocessing.to_input(*moved_copies(to_bytes(image)))
    with torch.no_grad():
        S = run(net.layers.values(), torch.tensor(x)).numpy()
    ranks = 1 + (S[:, [c]] < S).sum(axis=1)
    lead = S[:, c] - np.delete(S, c, axis=1).max(axis=1)
    return Verdict(short_name(net.classes, c), float(S[0, c]), int(ranks[0]), int(ranks.max()), float(lead.min()))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("classes", nargs="*", default=CLASSES)
    parser.add_argument("--steps", type=int, default=Vivid().steps)
    args = parser.parse_args(argv)
    net = squeezenet()
    classes = [find_class(name, net.classes, len(net.classes)) for name in args.classes]
    print("| class | S_c | rank | worst rank, moved | least lead over the next score |\n|---|---|---|---|---|")
    ranks = []
    for c in classes:
        with engine(engine_of_long_work()):
            model = class_model(net, c, Vivid(steps=args.steps))
        v = judged(net, c, model.image)
        ranks.append(v.worst_rank)
        print(f"| {v.name} | {v.score:.0f} | {v.rank} | {v.worst_rank} | {v.least_lead:.0f} |", flush=True)
    return int(max(ranks) > 1)


if __name__ == "__main__":
    sys.exit(main())
