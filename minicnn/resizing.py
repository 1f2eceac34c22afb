"""The size to which a photograph is resized before it is cropped, and the place of the middle crop.

With s the shorter side and l the longer one, the shorter side becomes `to` and the longer one to·l/s, the aspect kept.
That is seldom a whole number, and neither is half of what a crop leaves over.  Every framework rounds in its
own way, and a network should get the crops that it was trained with:

    nearest       long side to the nearest pixel      middle rounded down       minicnn's default
    torchvision   long side rounded down              middle to the nearest     Resize, CenterCrop and FiveCrop
    matlab        long side rounded up                middle rounded down       imresize by a factor, as MatConvNet does
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

Size = tuple[int, int]  # (height, width)


@dataclass(frozen=True)
class Rounding:
    """long_side: of to·l/s, a whole number;  middle: of what a crop leaves over, how much is before it."""

    long_side: Callable[[float], int]
    middle: Callable[[int], int]


ROUNDINGS = {
    "nearest": Rounding(round, lambda left_over: left_over // 2),
    "torchvision": Rounding(int, lambda left_over: round(left_over / 2)),  # a half goes to the even number
    "matlab": Rounding(ceil, lambda left_over: left_over // 2),
}


def resized(photo: Size, to: int | Size | None, crop: Size, how: str) -> Size:
    """(height, width) of a photograph after resizing.

    to: a number keeps the aspect, the shorter side becomes so long; a pair (height, width) warps the photograph to
    just that; None keeps the aspect and takes the least size that holds the crop.
    """
    H, W = photo
    if isinstance(to, tuple):
        return to
    if to is None:
        grow = max(crop[0] / H, crop[1] / W)
        return max(crop[0], round(H * grow)), max(crop[1], round(W * grow))
    long_side = max(to, ROUNDINGS[how].long_side(to * max(H, W) / min(H, W)))
    return (to, long_side) if H <= W else (long_side, to)
