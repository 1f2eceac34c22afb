"""Options for the preprocessing of photographs."""

from __future__ import annotations

import argparse
import math

from minicnn import architectures
from minicnn.formats.limits import LARGEST_SIDE
from minicnn.preparation import Preparation

PREPARATION = ("preprocessing", "mean", "scale", "order", "size")


def add_preparation(parser: argparse.ArgumentParser) -> None:
    """Options for the preprocessing, if the network's file does not say it (ONNX files rarely do)."""
    parser.add_argument(
        "--preprocessing",
        choices=architectures.PREPROCESSINGS,
        help="how photographs are preprocessed, if FILE does not say (ONNX files rarely do); size and channels "
        "are FILE's own; plain: pixels from 0 to 1",
    )
    group = parser.add_argument_group("preprocessing in numbers", "X = (pixels - mean) * scale, pixels 0 ... 255")
    group.add_argument("--mean", metavar="M[,M,M]", type=numbers, help="one number, or one for each channel")
    group.add_argument("--scale", metavar="S[,S,S]", type=numbers, help="likewise; fractions too: 1/255")
    order = group.add_mutually_exclusive_group()
    order.add_argument("--order", choices=("RGB", "BGR", "L"), help="of the channels; L is grey")
    order.add_argument("--grey", dest="order", action="store_const", const="L", help="the same as --order L")
    group.add_argument("--size", metavar="H[xW]", type=size, help="in pixels, for a FILE that does not say it")


def numbers(text: str) -> tuple[float, ...]:
    """ "0.5", "104,117,123" or "1/255" as numbers."""
    fractions = [part.split("/") for part in text.split(",")]
    try:
        found = tuple(float(top) / math.prod(float(part) for part in below) for top, *below in fractions)
        if not all(map(math.isfinite, found)):
            raise ValueError
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text!r} is no number, nor several with commas between") from None
    return found


def size(text: str) -> tuple[int, int]:
    """ "32" or "20x30" as (height, width)."""
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(part.isdecimal() and 0 < int(part) <= LARGEST_SIDE for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no size in pixels; expected H or HxW, at most {LARGEST_SIDE}")
    return int(parts[0]), int(parts[-1])


def preparation(args: argparse.Namespace) -> Preparation | None:
    """The preprocessing of the options; None if there are none."""
    given = Preparation(args.preprocessing, args.mean, args.scale, args.order, args.size)
    return None if given == Preparation() else given
