"""SqueezeNet: AlexNet's accuracy with a fiftieth of its weights, for it has no fully connected layer."""

from __future__ import annotations

from layers import Concat, Dropout, GlobalAveragePool, Layer, MaxPool, ReLU

from .placeholders import conv


def squeezenet1_0(classes: int = 1000) -> dict[str, Layer]:
    """SqueezeNet 1.0 ([Iandola2016], table 1).

    The table's maps of 111, 55, 27 and 13 pixels need images of 227, as AlexNet's do; torchvision's are 224.
    """
    return {
        "conv1": conv(3, 96, 7, stride=2),
        "relu1": ReLU(),
        "pool1": MaxPool(3, stride=2, ceil=True),
        **fire("fire2", 96, 16, 64),
        **fire("fire3", 128, 16, 64),
        **fire("fire4", 128, 32, 128),
        "pool4": MaxPool(3, stride=2, ceil=True),
        **fire("fire5", 256, 32, 128),
        **fire("fire6", 256, 48, 192),
        **fire("fire7", 384, 48, 192),
        **fire("fire8", 384, 64, 256),
        "pool8": MaxPool(3, stride=2, ceil=True),
        **fire("fire9", 512, 64, 256),
        "drop9": Dropout(0.5),
        "conv10": conv(512, classes, 1),
        "relu10": ReLU(),
        "pool10": GlobalAveragePool(),
    }


def squeezenet1_1(classes: int = 1000) -> dict[str, Layer]:
    """SqueezeNet 1.1, the authors' second release: as accurate, with 2.4 times fewer multiplications."""
    return {
        "conv1": conv(3, 64, 3, stride=2),
        "relu1": ReLU(),
        "pool1": MaxPool(3, stride=2, ceil=True),
        **fire("fire2", 64, 16, 64),
        **fire("fire3", 128, 16, 64),
        "pool3": MaxPool(3, stride=2, ceil=True),
        **fire("fire4", 128, 32, 128),
        **fire("fire5", 256, 32, 128),
        "pool5": MaxPool(3, stride=2, ceil=True),
        **fire("fire6", 256, 48, 192),
        **fire("fire7", 384, 48, 192),
        **fire("fire8", 384, 64, 256),
        **fire("fire9", 512, 64, 256),
        "drop9": Dropout(0.5),
        "conv10": conv(512, classes, 1),
        "relu10": ReLU(),
        "pool10": GlobalAveragePool(),
    }


def fire(name: str, C: int, squeezed: int, expanded: int) -> dict[str, Layer]:
    """A fire module: 1×1 kernels squeeze C channels into few, then 1×1 and 3×3 kernels expand them side by side.

    (The ReLU of the two expansions is applied once, after they are joined: it is elementwise.)
    """
    expansions = {
        "expand1x1": [conv(squeezed, expanded, 1)],
        "expand3x3": [conv(squeezed, expanded, 3, pad=1)],
    }
    return {
        f"{name}/squeeze1x1": conv(C, squeezed, 1),
        f"{name}/relu_squeeze": ReLU(),
        f"{name}/expand": Concat(expansions),
        f"{name}/relu_expand": ReLU(),
    }
