"""AlexNet, three times: as its first paper has it, as Caffe trained it, and as torchvision ships it."""

from __future__ import annotations

from layers import Dropout, Flatten, Layer, LocalResponseNorm, MaxPool, ReLU

from .placeholders import conv, fully_connected, grouped_conv


def alexnet_2012(classes: int = 1000) -> dict[str, Layer]:
    """AlexNet as published ([Krizhevsky2012], section 3): two groups, normalised, then pooled.

    [Krizhevsky2012] says 224×224 pixels; its 55×55 maps after conv1 need 227.
    """
    return {
        "conv1": conv(3, 96, 11, stride=4),
        "relu1": ReLU(),
        "norm1": LocalResponseNorm(5, kappa=2, alpha=1e-4, beta=0.75),
        "pool1": MaxPool(3, stride=2),
        "conv2": grouped_conv(96, 256, 5, groups=2, pad=2),
        "relu2": ReLU(),
        "norm2": LocalResponseNorm(5, kappa=2, alpha=1e-4, beta=0.75),
        "pool2": MaxPool(3, stride=2),
        **upper_half(classes),
    }


def caffenet(classes: int = 1000) -> dict[str, Layer]:
    """CaffeNet ([Jia2014], bvlc_reference_caffenet): AlexNet pooled first, then normalised."""
    return {
        "conv1": conv(3, 96, 11, stride=4),
        "relu1": ReLU(),
        "pool1": MaxPool(3, stride=2),
        "norm1": LocalResponseNorm.averaging(5, kappa=1, alpha=1e-4, beta=0.75),
        "conv2": grouped_conv(96, 256, 5, groups=2, pad=2),
        "relu2": ReLU(),
        "pool2": MaxPool(3, stride=2),
        "norm2": LocalResponseNorm.averaging(5, kappa=1, alpha=1e-4, beta=0.75),
        **upper_half(classes),
    }


def upper_half(classes: int) -> dict[str, Layer]:
    """From conv3 up the two are one: 256 maps of 13×13 → the scores."""
    return {
        "conv3": conv(256, 384, 3, pad=1),
        "relu3": ReLU(),
        "conv4": grouped_conv(384, 384, 3, groups=2, pad=1),
        "relu4": ReLU(),
        "conv5": grouped_conv(384, 256, 3, groups=2, pad=1),
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


def alexnet(classes: int = 1000) -> dict[str, Layer]:
    """AlexNet as in torchvision [Krizhevsky2014]: one group, no normalisation.

    Torchvision averages the last maps down to 6×6 before flattening them.  At 224×224 they have that size.
    """
    return {
        "conv1": conv(3, 64, 11, stride=4, pad=2),
        "relu1": ReLU(),
        "pool1": MaxPool(3, stride=2),
        "conv2": conv(64, 192, 5, pad=2),
        "relu2": ReLU(),
        "pool2": MaxPool(3, stride=2),
        "conv3": conv(192, 384, 3, pad=1),
        "relu3": ReLU(),
        "conv4": conv(384, 256, 3, pad=1),
        "relu4": ReLU(),
        "conv5": conv(256, 256, 3, pad=1),
        "relu5": ReLU(),
        "pool5": MaxPool(3, stride=2),
        "flatten": Flatten(),
        "drop5": Dropout(0.5),
        "fc6": fully_connected(256 * 6 * 6, 4096),
        "relu6": ReLU(),
        "drop6": Dropout(0.5),
        "fc7": fully_connected(4096, 4096),
        "relu7": ReLU(),
        "fc8": fully_connected(4096, classes),
    }
