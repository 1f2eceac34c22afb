"""Batch normalisations folded into the convolutions before them: the same scores from fewer layers."""

from __future__ import annotations

from collections.abc import Mapping

from layers import BatchNorm, Conv, Layer
from layers.branches import Branches

from .network import Network


def fold_batch_norms(net: Network) -> Network:
    """The same network, each BatchNorm folded into the convolution directly before it; others stay.

    Scores, gradients and DeconvNet signals stay the same: two affine layers in a row are one.
    """
    return Network(folded(net.layers), net.preprocessing, net.classes)


def folded(chain: Mapping[str, Layer]) -> dict[str, Layer]:
    layers: dict[str, Layer] = {}
    for name, layer in chain.items():
        below, conv = next(reversed(layers.items()), ("", None))
        if isinstance(layer, BatchNorm) and isinstance(conv, Conv):
            layers[below] = layer.folded_into(conv)
        elif isinstance(layer, Branches):
            named = {branch: {str(n): inner for n, inner in enumerate(c)} for branch, c in layer.branches.items()}
            layers[name] = type(layer)({branch: list(folded(c).values()) for branch, c in named.items()})
        else:
            layers[name] = layer
    return layers
