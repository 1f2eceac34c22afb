"""How time and memory grow with pixels, with images, and with channels.

python -m benchmarks.growth OF ENGINE SECONDS LARGEST    prints one engine's as JSON: it has a process of its own
"""

from __future__ import annotations

import json
import math
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from layers import Conv
from layers.engine import engine
from minicnn import architectures
from visualize.saliency_maps import saliency

from . import processes
from .measure import in_turns

LARGEST = {"pixels": 896, "images": 64, "channels": 512}
QUICK = {"pixels": 448, "images": 8, "channels": 256}


@dataclass(frozen=True)
class Growth:
    """times and bytes at each of `sizes`, and the exponent of time:  time ∝ size^exponent, from the larger sizes."""

    of: str
    engine: str
    sizes: list[int]
    seconds: list[float]
    peak_bytes: list[int]
    exponent: float


def peak(run: Callable[[], object]) -> int:
    """The most bytes that Python and NumPy held at once above what they held before."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def grown(of: str, name: str, sizes: Sequence[int], run_of: Callable[[int], Callable[[], object]], s: float) -> Growth:
    """One size after the other in turns, s seconds each, so that a slow minute of the machine bends no curve."""
    with engine(name):
        runs = {size: run_of(size) for size in sizes}
        times = in_turns({str(size): run for size, run in runs.items()}, s * len(sizes))
        peaks = [peak(run) for run in runs.values()]
    medians = [times[str(size)].median for size in sizes]
    return Growth(of, name, list(sizes), medians, peaks, exponent(sizes, medians))


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of the line through the larger two thirds, both axes logarithmic."""
    larger = len(sizes) // 3
    return float(np.polyfit(np.log(sizes[larger:]), np.log(seconds[larger:]), 1)[0])


def of_pixels(pixels: int) -> Callable[[], object]:
    """A saliency map of SqueezeNet, of an image of so many pixels."""
    net = architectures.build("squeezenet1_1", np.random.default_rng(0))
    x = np.random.default_rng(0).standard_normal((1, 3, math.isqrt(pixels), math.isqrt(pixels)), dtype=np.float32)
    return lambda: saliency(net, x, 0)


def of_images(images: int) -> Callable[[], object]:
    """Saliency maps of SqueezeNet, of so many images at once."""
    net = architectures.build("squeezenet1_1", np.random.default_rng(0))
    x = np.random.default_rng(0).standard_normal((images, 3, 224, 224), dtype=np.float32)
    return lambda: saliency(net, x, 0)


def of_channels(C: int) -> Callable[[], object]:
    """A 3×3 convolution from C channels to C, up and down, on 28×28 pixels: C² products."""
    rng = np.random.default_rng(0)
    conv = Conv(rng.standard_normal((C, C, 3, 3), dtype=np.float32), pad=1)
    x = rng.standard_normal((1, C, 28, 28), dtype=np.float32)
    return lambda: conv.backward(*conv.forward(x))


def measured(of: str, name: str, seconds: float, largest: int) -> Growth:
    if of == "pixels":
        return grown(of, name, [side**2 for side in (112, 224, 448, 896) if side <= largest], of_pixels, seconds)
    if of == "images":
        return grown(of, name, [n for n in (1, 2, 4, 8, 16, 32, 64) if n <= largest], of_images, seconds)
    return grown(of, name, [C for C in (16, 32, 64, 128, 256, 512) if largest >= C], of_channels, seconds)


def alone(of: str, name: str, seconds: float, largest: int) -> Growth:
    """The same, measured in a fresh process."""
    _, printed = processes.python("-m", "benchmarks.growth", of, name, str(seconds), str(largest))
    return Growth(**json.loads(printed.splitlines()[-1]))


if __name__ == "__main__":
    of, name, seconds, largest = sys.argv[1:]
    print(json.dumps(asdict(measured(of, name, float(seconds), int(largest)))))
