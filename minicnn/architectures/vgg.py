"""VGG: nothing but 3×3 convolutions, ReLUs and 2×2 pools, in five blocks."""

from __future__ import annotations

from layers import Dropout, Flatten, Layer, MaxPool, ReLU

from .placeholders import batch_norm, conv, fully_connected

CHANNELS = (64, 128, 256, 512, 512)  # of the five blocks
CONVOLUTIONS = {  # in each of the five blocks
    11: (1, 1, 2, 2, 2),  # column A of [Simonyan2015]'s table 1
    13: (2, 2, 2, 2, 2),  # column B
    16: (2, 2, 3, 3, 3),  # column D
    19: (2, 2, 4, 4, 4),  # column E
}


def vgg(depth: int, classes: int = 1000) -> dict[str, Layer]:
    """VGG-{depth} ([Simonyan2015], table 1)."""
    layers: dict[str, Layer] = {}
    C = 3
    for block, (count, M) in enumerate(zip(CONVOLUTIONS[depth], CHANNELS, strict=True), start=1):
        for place in range(1, count + 1):
            layers[f"conv{block}_{place}"] = conv(C, M, 3, pad=1)
            layers[f"relu{block}_{place}"] = ReLU()
            C = M
        layers[f"pool{block}"] = MaxPool(2)
    return {
        **layers,
        "flatten": Flatten(),
        "fc6": fully_connected(512 * 7 * 7, 4096),
        "relu6": ReLU(),
        "drop6": Dropout(0.5),
        "fc7": fully_connected(4096, 4096),
        "relu7": ReLU(),
        "drop7": Dropout(0.5),
        "fc8": fully_connected(4096, classes),
    }


def vgg_bn(depth: int, classes: int = 1000) -> dict[str, Layer]:
    """VGG-{depth} with a batch normalisation after each convolution, as in torchvision."""
    layers: dict[str, Layer] = {}
    for name, layer in vgg(depth, classes).items():
        layers[name] = layer
        if name.startswith("conv"):
            layers[name.replace("conv", "bn")] = batch_norm(len(layer.parameters["b"]))
    return layers
