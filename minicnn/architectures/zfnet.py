"""The network whose features the pictures of [Zeiler2014] show."""

from __future__ import annotations

from layers import Dropout, Flatten, Layer, LocalResponseNorm, MaxPool, ReLU

from .placeholders import conv, fully_connected


def zfnet(classes: int = 1000) -> dict[str, Layer]:
    """ZFNet, the DeconvNet paper's network ([Zeiler2014], figure 3).

    The figure gives maps of 110, 55, 26, 13 and 6 pixels; the padding here is what leads to them.  It asks for
    normalisation across maps without saying how: these are AlexNet's constants, for AlexNet is what it started from.
    """
    return {
        "conv1": conv(3, 96, 7, stride=2, pad=1),
        "relu1": ReLU(),
        "pool1": MaxPool(3, stride=2, ceil=True),
        "norm1": LocalResponseNorm(5, kappa=2, alpha=1e-4, beta=0.75),
        "conv2": conv(96, 256, 5, stride=2),
        "relu2": ReLU(),
        "pool2": MaxPool(3, stride=2, ceil=True),
        "norm2": LocalResponseNorm(5, kappa=2, alpha=1e-4, beta=0.75),
        "conv3": conv(256, 384, 3, pad=1),
        "relu3": ReLU(),
        "conv4": conv(384, 384, 3, pad=1),
        "relu4": ReLU(),
        "conv5": conv(384, 256, 3, pad=1),
        "relu5": ReLU(),
        "pool5": MaxPool(3, stride=2),
        "flatten": Flatten(),
        "fc6": fully_connected(256 * 6 * 6, 4096),
        "relu6": ReLU(),
        "drop6": Dropout(0.5),
        "fc7": fully_connected(4096, 4096),
        "relu7": ReLU(),
        "drop7": Dropout(0.5),
        "fc8": fully_connected(4096, classes),
    }
