"""A network for the generated scenes of `minicnn.datasets.shapes`."""

from __future__ import annotations

from layers import Flatten, Layer, MaxPool, ReLU

from .placeholders import conv, fully_connected


def shapes(classes: int = 10) -> dict[str, Layer]:
    """Four blocks of convolution, ReLU and pool for scenes of 64×64 pixels: 12, 24, 48, 96 channels."""
    layers: dict[str, Layer] = {}
    C = 3
    for block, M in enumerate((12, 24, 48, 96), start=1):
        layers |= {f"conv{block}": conv(C, M, 3, pad=1), f"relu{block}": ReLU(), f"pool{block}": MaxPool(2)}
        C = M
    return {
        **layers,
        "flatten": Flatten(),
        "fc5": fully_connected(96 * 4 * 4, 112),
        "relu5": ReLU(),
        "fc6": fully_connected(112, classes),
    }
