"""How time and memory grow with pixels, with images, and with channels."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from layers import Conv
from minicnn import architectures
from visualize.saliency_maps import saliency

from .measure import in_turns


@dataclass(frozen=True)
class Growth:
    """times and bytes at each of `sizes`, and the exponent of time:  time ∝ size^exponent, from the larger sizes."""

    of: str
    sizes: list[int]
    seconds: list[float]
    peak_bytes: list[int]
    exponent: float

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def peak(run: Callable[[], object]) -> int:
    """The most bytes that Python and NumPy held at once above what they held before."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def grown(of: str, sizes: Sequence[int], run_of: Callable[[int], Callable[[], object]], seconds: float) -> Growth:
    """One size after the other in turns, so that a slow minute of the machine bends no curve."""
    runs = {size: run_of(size) for size in sizes}
    times = in_turns({str(size): run for size, run in runs.items()}, seconds * len(sizes), least=3)
    medians = [times[str(size)].median for size in sizes]
    logs = np.log([[size, median] for size, median in zip(sizes, medians, strict=True)][len(sizes) // 3 :])
    exponent = float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])
    return Growth(of, list(sizes), medians, [peak(run) for run in runs.values()], exponent)


def with_pixels(seconds: float, largest: int = 896) -> Growth:
    """A saliency map of SqueezeNet, of images of 112×112 to 896×896 pixels."""
    net = architectures.build("squeezenet1_1", np.random.default_rng(0))

    def run_of(pixels: int) -> Callable[[], object]:
        x = np.random.default_rng(0).standard_normal((1, 3, math.isqrt(pixels), math.isqrt(pixels)), dtype=np.float32)
        return lambda: saliency(net, x, 0)

    return grown("pixels", [side**2 for side in (112, 224, 448, 896) if side <= largest], run_of, seconds)


def with_images(seconds: float, largest: int = 64) -> Growth:
    """Saliency maps of SqueezeNet, of 1 to 64 images at once."""
    net = architectures.build("squeezenet1_1", np.random.default_rng(0))

    def run_of(images: int) -> Callable[[], object]:
        x = np.random.default_rng(0).standard_normal((images, 3, 224, 224), dtype=np.float32)
        return lambda: saliency(net, x, 0)

    return grown("images", [n for n in (1, 2, 4, 8, 16, 32, 64) if n <= largest], run_of, seconds)


def with_channels(seconds: float, largest: int = 512) -> Growth:
    """A 3×3 convolution from C channels to C, up and down, on 28×28 pixels: C² products."""

    def run_of(C: int) -> Callable[[], object]:
        rng = np.random.default_rng(0)
        conv = Conv(rng.standard_normal((C, C, 3, 3), dtype=np.float32), pad=1)
        x = rng.standard_normal((1, C, 28, 28), dtype=np.float32)
        return lambda: conv.backward(*conv.forward(x))

    return grown("channels", [C for C in (16, 32, 64, 128, 256, 512) if largest >= C], run_of, seconds)
