"""ResNet: blocks compute f(X) + X, so that the gradient passes each of them by the identity."""

from __future__ import annotations

from layers import Add, Conv, GlobalAveragePool, Layer, MaxPool, ReLU

from .placeholders import batch_norm, blank, fully_connected


def resnet18(classes: int = 1000) -> dict[str, Layer]:
    """ResNet-18 ([He2016], table 1).

    Two residual blocks of 64, 128, 256 and 512 channels each; the first of 128, 256 and 512 halves the
    maps.  Its convolutions have no bias, for the batch normalisation above each has one.
    """
    return {
        "conv1": unbiased_conv(3, 64, 7, stride=2, pad=3),
        "bn1": batch_norm(64),
        "relu1": ReLU(),
        "pool1": MaxPool(3, stride=2, pad=1),
        **block("conv2_1", 64, 64),
        **block("conv2_2", 64, 64),
        **halving_block("conv3_1", 64, 128),
        **block("conv3_2", 128, 128),
        **halving_block("conv4_1", 128, 256),
        **block("conv4_2", 256, 256),
        **halving_block("conv5_1", 256, 512),
        **block("conv5_2", 512, 512),
        "pool5": GlobalAveragePool(),
        "fc": fully_connected(512, classes),
    }


def block(name: str, C: int, M: int) -> dict[str, Layer]:
    """max(f(X) + X, 0)."""
    return {name: Add({"residual": residual(C, M, stride=1), "shortcut": []}), f"{name}/relu": ReLU()}


def halving_block(name: str, C: int, M: int) -> dict[str, Layer]:
    """max(f(X) + X ⋆ K, 0), with a stride of 2 on both sides, and 1×1 kernels K that lead from C channels to M."""
    shortcut = [unbiased_conv(C, M, 1, stride=2, pad=0), batch_norm(M)]
    return {name: Add({"residual": residual(C, M, stride=2), "shortcut": shortcut}), f"{name}/relu": ReLU()}


def residual(C: int, M: int, stride: int) -> list[Layer]:
    """f(X): two 3×3 convolutions, the stride in the first."""
    return [
        unbiased_conv(C, M, 3, stride, pad=1),
        batch_norm(M),
        ReLU(),
        unbiased_conv(M, M, 3, stride=1, pad=1),
        batch_norm(M),
    ]


def unbiased_conv(C: int, M: int, k: int, stride: int, pad: int) -> Conv:
    return Conv(blank(M, C, k, k), stride=stride, pad=pad)
