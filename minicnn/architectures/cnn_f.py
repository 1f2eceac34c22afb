"""The paper's ConvNet."""

from __future__ import annotations

from layers import Dropout, Flatten, Layer, LocalResponseNorm, MaxPool, ReLU

from .placeholders import conv, fully_connected


def cnn_f(classes: int = 1000) -> dict[str, Layer]:
    """The paper's ConvNet, filled in as CNN-F ([Chatfield2014], table 1).

    The paper says conv64-conv256-conv256-conv256-conv256-full4096-full4096-full1000 (section 1), and that it is like
    [Krizhevsky2012], less wide.  The rest is CNN-F's, known as "VGG-F", the same laboratory's network of exactly these
    widths: kernels, strides, response normalisation, pools of 3×3 with stride 2, images of 224×224.
    """
    return {
        "conv1": conv(3, 64, 11, stride=4),
        "relu1": ReLU(),
        "norm1": LocalResponseNorm(5, kappa=2, alpha=1e-4, beta=0.75),
        "pool1": MaxPool(3, stride=2, ceil=True),
        "conv2": conv(64, 256, 5, pad=2),
        "relu2": ReLU(),
        "norm2": LocalResponseNorm(5, kappa=2, alpha=1e-4, beta=0.75),
        "pool2": MaxPool(3, stride=2, ceil=True),
        "conv3": conv(256, 256, 3, pad=1),
        "relu3": ReLU(),
        "conv4": conv(256, 256, 3, pad=1),
        "relu4": ReLU(),
        "conv5": conv(256, 256, 3, pad=1),
        "relu5": ReLU(),
        "pool5": MaxPool(3, stride=2, ceil=True),
        "flatten": Flatten(),
        "full6": fully_connected(256 * 6 * 6, 4096),
        "relu6": ReLU(),
        "drop6": Dropout(0.5),
        "full7": fully_connected(4096, 4096),
        "relu7": ReLU(),
        "drop7": Dropout(0.5),
        "full8": fully_connected(4096, classes),
    }
