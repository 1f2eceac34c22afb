"""Networks small enough to be trained in minutes."""

from __future__ import annotations

from layers import Dropout, Flatten, Layer, MaxPool, ReLU

from .placeholders import conv, fully_connected


def small(channels: int, size: int, classes: int = 10) -> dict[str, Layer]:
    """A small VGG for images of {size}×{size} pixels: two blocks of two convolutions."""
    return {
        "conv1_1": conv(channels, 32, 3, pad=1),
        "relu1_1": ReLU(),
        "conv1_2": conv(32, 32, 3, pad=1),
        "relu1_2": ReLU(),
        "pool1": MaxPool(2),
        "conv2_1": conv(32, 64, 3, pad=1),
        "relu2_1": ReLU(),
        "conv2_2": conv(64, 64, 3, pad=1),
        "relu2_2": ReLU(),
        "pool2": MaxPool(2),
        "flatten": Flatten(),
        "fc3": fully_connected(64 * (size // 4) ** 2, 128),
        "relu3": ReLU(),
        "drop3": Dropout(0.5),
        "fc4": fully_connected(128, classes),
    }
