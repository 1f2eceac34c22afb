"""Something to train in a blink: striped images of 6×6 pixels, and a network for them.

    python -m tests.tiny_training train stripes --network tiny …

is `minicnn train` on them, in a process of its own that can be killed.
"""

from __future__ import annotations

import sys

import numpy as np

from layers import Dropout, Flatten, Layer, MaxPool, ReLU
from minicnn import architectures, datasets
from minicnn.architectures import Architecture
from minicnn.architectures.placeholders import conv, fully_connected
from minicnn.datasets import Dataset, Splits
from minicnn.images import Preprocessing
from visualize import cli


def tiny(classes: int = 3) -> dict[str, Layer]:
    """Tiny."""
    return {
        "conv1": conv(1, 4, 3),
        "relu1": ReLU(),
        "pool1": MaxPool(2),
        "flatten": Flatten(),
        "drop2": Dropout(0.2),
        "fc2": fully_connected(16, classes),
    }


TINY = Architecture("Tiny", tiny, Preprocessing((6, 6), mean=(128.0,), order="L"))


def stripes(rng: np.random.Generator, count: int) -> Dataset:
    """Class 0 has rows, class 1 columns, class 2 neither: a problem that a small network can solve."""
    labels = rng.integers(0, 3, count)
    patterns = np.zeros((3, 6, 6))
    patterns[0, ::2] = patterns[1, :, ::2] = 1
    images = 60 + 100 * patterns[labels] + rng.integers(0, 50, (count, 6, 6))
    return Dataset(images.astype(np.uint8), labels, ["rows", "columns", "neither"])


def splits(folder: object, seed: int, progress: object) -> Splits:
    return Splits(stripes(np.random.default_rng([seed, 0]), 80), stripes(np.random.default_rng([seed, 1]), 40))


if __name__ == "__main__":
    architectures.ARCHITECTURES["tiny"] = TINY
    datasets.DATASETS["stripes"] = splits
    sys.exit(cli.main(sys.argv[1:]))
