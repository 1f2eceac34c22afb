"""Does it compute on this GPU what it computes with NumPy, and how fast?  Prints a report to paste into an issue.

    python -m tests.gpu_report

Needs CuPy and a GPU, and of minicnn the extra `test`.  The same comparisons are tests: python -m pytest -m gpu
"""

from __future__ import annotations

import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from layers.arrays import why_no_cuda
from minicnn import architectures
from minicnn.datasets import Dataset
from minicnn.network import RULES, Network, input_of
from minicnn.training import Run, Settings, epoch
from tests.devices import host, moved
from tests.examples import every_layer
from visualize.class_models import Settings as Ascending
from visualize.class_models import Stalled, ascend, class_model
from visualize.comparison import compare_rules
from visualize.deconvnet import reconstruct
from visualize.saliency_maps import linearize, saliency, ten_crop_saliency

LAYER_TOLERANCE = 1e-12  # float64
RESULT_TOLERANCE = 1e-3  # float32, through a whole network


@dataclass(frozen=True)
class Parity:
    """The largest difference between the device and NumPy, relative to the largest number of NumPy's."""

    name: str
    error: float
    tolerance: float

    @property
    def ok(self) -> bool:
        return self.error <= self.tolerance

    def __str__(self) -> str:
        return f"{self.name:44} {self.error:9.1e}  {'ok' if self.ok else 'WRONG'}"


def difference(there: Any, here: Any) -> float:
    """Of two arrays, or of two lists or dictionaries of arrays, pair by pair."""
    if isinstance(here, dict):
        there, here = [there[name] for name in here], list(here.values())
    if isinstance(here, list | tuple):
        return float(np.max([0.0, *(difference(a, b) for a, b in zip(there, here, strict=True))]))  # NaN if any is
    a, b = (np.asarray(host(array), np.float64) for array in (there, here))
    largest = np.abs(b).max() if b.size else 0.0
    return float(np.abs(a - b).max() / (largest or 1)) if b.size else 0.0


# ---------------------------------------------------------------------- parity


def parities(xp: ModuleType) -> Iterator[Parity]:
    """Every layer, up, down by every rule, and its parameters' gradients; then every result of a network."""
    for name, (layer, shape) in every_layer().items():
        here, there = (passes(on, layer, shape) for on in (lambda a: a, lambda a: moved(xp, a)))
        yield Parity(name, difference(there, here), LAYER_TOLERANCE)
    for name, result in RESULTS.items():
        net = small_network()
        yield Parity(name, difference(result(moved(xp, net)), result(net)), RESULT_TOLERANCE)


def passes(on: Callable[[Any], Any], layer: Any, shape: tuple[int, ...]) -> list[Any]:
    rng, layer = np.random.default_rng(0), on(layer)
    y, cache = layer.forward(on(rng.standard_normal(shape)))
    signal = on(rng.standard_normal(y.shape))
    down = [getattr(layer, method)(signal, cache) for method in RULES.values()]
    return [y, *down, layer.parameter_gradients(signal, cache)]


def small_network() -> Network:
    return architectures.build("small32", np.random.default_rng(0))


PHOTO = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)


def image(net: Network) -> Any:
    return input_of(net, PHOTO[:32, :32])


def tangent(net: Network) -> Any:
    """w, and the score that the model gives its own image; b by itself is 0 but for rounding, without biases."""
    x = image(net)
    w, b = linearize(net, x, 3)
    return [w, (w * x).sum() + b]


def trained(net: Network) -> Any:
    run = Run.start(net, Settings(epochs=1, batch=8))
    images = np.random.default_rng(2).integers(0, 256, (24, 32, 32, 3), dtype=np.uint8)
    for _ in epoch(run, Dataset(images, np.arange(24) % 10, [str(c) for c in range(10)]), np.zeros((3, 3))):
        pass
    return run.net.parameters


def ascended(net: Network) -> Any:
    settings = Ascending(steps=20, step=0.01, decay=0.0, jitter=3, blur=0.6, total_variation=1e-4, noise=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Stalled)  # the network knows nothing: how high it climbs is no matter here
        model = class_model(net, [1, 7], settings)
    return [model.image, *model.curves.values()]


RESULTS: dict[str, Callable[[Network], Any]] = {
    "scores": lambda net: net.scores(image(net)),
    "Taylor model": lambda net: tangent(net),
    "saliency": lambda net: saliency(net, image(net), 3),
    "saliency of ten crops": lambda net: np.nan_to_num(ten_crop_saliency(net, PHOTO, 3)),
    **{f"unit by {rule}": lambda net, r=rule: reconstruct(net, image(net), "fc4", 3, r).signal for rule in RULES},
    "comparison of the rules": lambda net: [
        np.array([step.cosine or 0.0, step.difference or 0.0]) for step in compare_rules(net, image(net)).steps
    ],
    "class model, 20 steps": ascended,
    "training, 3 steps": trained,
}


# ---------------------------------------------------------------------- nothing waits


def work_that_must_not_wait(xp: ModuleType, waiting_is_an_error: Callable[[], AbstractContextManager[Any]]) -> None:
    """Up and down through a network, and steps of an ascent: nothing in there may wait for the device."""
    net = moved(xp, small_network())
    x = image(net)
    list(zip(range(2), ascend(net, [1], Ascending()), strict=False))  # kernels are compiled
    with waiting_is_an_error():
        trace = net.forward(x)
        for rule in RULES:
            net.down(rule, trace, trace.scores)
        net.parameter_gradients(trace, trace.scores)
        list(zip(range(3), ascend(net, [1], Ascending()), strict=False))


@contextmanager
def cupy_may_not_wait() -> Iterator[None]:
    """Inside this block CuPy raises where it would wait; it may miss some.  (What it warns of is its removal.)"""
    import cupyx

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "cupyx.allow_synchronize", UserWarning)
        with cupyx.allow_synchronize(False):
            yield


# ---------------------------------------------------------------------- timings


def timings(xp: ModuleType, wait: Callable[[], None], rounds: int = 10) -> Iterator[tuple[str, float]]:
    """Seconds: the median of some rounds, the first left out."""
    paper = moved(xp, architectures.build("paper", np.random.default_rng(0)))
    x = xp.asarray(np.random.default_rng(1).standard_normal((1, 3, 224, 224), dtype=np.float32))
    small = moved(xp, small_network())
    batch = xp.asarray(np.random.default_rng(1).standard_normal((64, 3, 32, 32), dtype=np.float32))

    def step() -> None:
        trace = small.forward_training(batch, np.random.default_rng(0))
        small.parameter_gradients(trace, trace.scores)

    for name, work in {
        "scores of the paper's ConvNet, 1 image": lambda: paper.scores(x),
        "saliency of the paper's ConvNet, 1 image": lambda: saliency(paper, x, 0),
        "gradients of small32, 64 images": step,
    }.items():
        seconds = []
        for _ in range(rounds + 1):
            wait()
            began = time.perf_counter()
            work()
            wait()
            seconds.append(time.perf_counter() - began)
        yield name, float(np.median(seconds[1:]))


# ---------------------------------------------------------------------- the report


def main() -> int:
    problem = why_no_cuda()
    if problem:
        print(f"no report: {problem}", file=sys.stderr)
        return 2
    import cupy

    gpu = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    driver, runtime = cupy.cuda.runtime.driverGetVersion(), cupy.cuda.runtime.runtimeGetVersion()
    print(f"minicnn on {gpu}: CuPy {cupy.__version__}, driver {driver}, CUDA {runtime}, NumPy {np.__version__}")
    print(
        f"{platform.platform()}, Python {platform.python_version()}\n\nagainst NumPy, relative to the largest number:"
    )
    found = list(parities(cupy))
    print(*found, sep="\n")
    work_that_must_not_wait(cupy, cupy_may_not_wait)
    print("\nnothing waited for the GPU where nothing should\n\nmilliseconds, median of 10:           NumPy      GPU")
    here = dict(timings(np, lambda: None))
    for name, seconds in timings(cupy, cupy.cuda.Device().synchronize):
        print(f"{name:42} {1000 * here[name]:8.2f} {1000 * seconds:8.2f}")
    return 0 if all(parity.ok for parity in found) else 1


if __name__ == "__main__":
    sys.exit(main())
