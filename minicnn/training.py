"""Training: stochastic gradient descent with momentum.  (The paper takes the weights as given: here is how they come.)

For each batch of images a forward pass, a backward pass, and a step against the gradient:

    g = ∂L/∂w,      v ← μ v + g + λ w,      w ← w − η v              as PyTorch has it
                    v ← μ v − η (g + λ w),  w ← w + v                as [Krizhevsky2012] has it

With a constant η the two are one; where η falls, as here, Krizhevsky's v goes on with the larger steps of before.
The loop is `epoch`; everything that it changes is a `Run`, which a checkpoint keeps (checkpoint.py).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from layers.arrays import Array, array_module, to_device

from .datasets import Dataset
from .images import Preprocessing
from .jitter import Jitter, colour_axes
from .loss import cross_entropy
from .network import Network, preprocessing_of
from .schedules import SCHEDULES, rate_at
from .settings import check, setting
from .tally import Diverged, Tally, numbers


@dataclass(frozen=True)
class Settings:
    """How to train."""

    epochs: int = setting(10, "how often every image is seen", minimum=1)
    batch: int = setting(64, "images in a step", minimum=1)
    rate: float = setting(0.05, "η, the learning rate, before its schedule", above=0)
    schedule: str = setting("linear", "how η changes (minicnn/schedules.py)", choices=SCHEDULES)
    warm_up: int = setting(0, "steps in which η grows from almost nothing", minimum=0)
    momentum: float = setting(0.9, "μ, the fraction of each step that the next one keeps", minimum=0, below=1)
    weight_decay: float = setting(5e-4, "λ, by which each step shrinks the weights", minimum=0)
    jitter: Jitter = field(default_factory=Jitter)
    seed: int = setting(0, "of every random number", minimum=0)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Epoch:
    """Metrics of one epoch: training loss and accuracy averaged over its steps, validation loss and accuracy at its
    end, and how long its steps took.
    """

    epoch: int
    steps: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float
    images_per_second: float


@dataclass
class Run:
    """A training run: everything that changes, and the settings, which do not.

    velocity: v, for every trainable parameter
    rng:      for the order of the images, their jitter and the masks of Dropout
    step:     how many steps were taken
    log:      the metrics of each finished epoch
    about:    anything else that a checkpoint should record, such as the data set
    """

    net: Network
    settings: Settings
    velocity: dict[str, Array]
    rng: np.random.Generator
    step: int = 0
    log: list[Epoch] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def start(cls, net: Network, settings: Settings, rng: np.random.Generator | None = None) -> Run:
        """A run that begins with this network.  ValueError for one that cannot be trained here."""
        refuse_running_statistics(net)
        velocity = {name: array_module(w).zeros_like(w) for name, w in net.trainable.items()}
        return cls(net, settings, velocity, np.random.default_rng(settings.seed) if rng is None else rng)

    def to(self, device: str) -> Run:
        """The run with its arrays on "cpu" or "cuda"; random numbers stay NumPy's."""
        velocity = {name: to_device(v, device) for name, v in self.velocity.items()}
        return replace(self, net=self.net.to(device), velocity=velocity)

    @property
    def best(self) -> Epoch:
        """The first of the epochs with the highest accuracy on the validation images."""
        return max(self.log, key=lambda line: line.validation_accuracy)


# ---------------------------------------------------------------------- the loop


def train(
    run: Run,
    training: Dataset,
    validation: Dataset,
    progress: Callable[[Iterator[Tally]], Iterable[Tally]] = iter,
) -> Iterator[Epoch]:
    """Train to the last epoch; yields the metrics of each (and run.log keeps them).

    progress: may wrap the steps of an epoch, as tqdm does.  Raises Diverged when the loss becomes NaN or infinite.
    """
    axes = colour_axes(training.images)
    while len(run.log) < run.settings.epochs:
        began = time.perf_counter()
        with np.errstate(over="ignore", invalid="ignore"):  # divergence is reported by the loss
            for tally in progress(epoch(run, training, axes)):
                pass
            tally.fetch()
            seconds = time.perf_counter() - began
            loss, accuracy = evaluate(run.net, validation)
        if not math.isfinite(loss):
            raise Diverged(f"the validation loss was {loss} after step {run.step}; try a smaller rate or a warm-up")
        speed = tally.images / seconds
        run.log.append(Epoch(len(run.log) + 1, run.step, tally.loss, tally.accuracy, loss, accuracy, seconds, speed))
        yield run.log[-1]


def epoch(run: Run, training: Dataset, axes: np.ndarray) -> Iterator[Tally]:
    """Every image once, in a new random order.  Yields the tally of the epoch so far after each step."""
    settings, tally = run.settings, Tally(run.step)
    steps = settings.epochs * step_count(training, settings.batch)
    order = run.rng.permutation(len(training))
    for begin in range(0, len(order), settings.batch):
        chosen = order[begin : begin + settings.batch]
        images = settings.jitter(training.images[chosen], axes, run.rng)
        x, labels = on_device_of(run.net, images, training.labels[chosen])

        trace = run.net.forward_training(x, run.rng)
        loss, grad = cross_entropy(trace.scores, labels)
        gradients = run.net.parameter_gradients(trace, grad)
        rate = rate_at(run.step, steps, settings.rate, settings.schedule, settings.warm_up)
        run.net, run.velocity = sgd_step(
            run.net, run.velocity, gradients, rate, settings.momentum, settings.weight_decay
        )

        run.step += 1
        tally.add(loss, (trace.scores.argmax(axis=1) == labels).sum(), len(chosen))
        yield tally


def sgd_step(
    net: Network,
    velocity: Mapping[str, Array],
    gradients: Mapping[str, Array],
    rate: float,
    momentum: float,
    weight_decay: float,
) -> tuple[Network, dict[str, Array]]:
    """v ← μ v + g + λ w,   w ← w − η v  (PyTorch's) for each trainable parameter: the network after the step, and v."""
    v = {name: momentum * velocity[name] + gradients[name] + weight_decay * w for name, w in net.trainable.items()}
    return net.with_parameters({name: w - rate * v[name] for name, w in net.trainable.items()}), v


def evaluate(net: Network, data: Dataset, batch: int = 128) -> tuple[float, float]:
    """The mean loss, and the accuracy: the fraction of images whose class has the highest score."""
    if not len(data):
        raise ValueError("there are no images to evaluate with")
    losses, hits = [], []
    for begin in range(0, len(data), batch):
        part = data[begin : begin + batch]
        x, labels = on_device_of(net, part.images, part.labels)
        scores = net.scores(x)
        losses.append(cross_entropy(scores, labels)[0] * len(part))
        hits.append((scores.argmax(axis=1) == labels).sum())
    return float(numbers(losses).sum() / len(data)), float(numbers(hits).sum() / len(data))


# ---------------------------------------------------------------------- around the loop


def on_device_of(net: Network, images: np.ndarray, labels: np.ndarray) -> tuple[Array, Array]:
    """A batch as the network takes it, X_0 and labels: on its device, X_0 of its dtype."""
    w = next(iter(net.trainable.values()))
    xp = array_module(w)
    x = xp.asarray(preprocessing_of(net).to_input(*images))
    return x.astype(w.dtype, copy=False), xp.asarray(labels)


def step_count(data: Dataset, batch: int) -> int:
    """Steps in an epoch; the last one may have fewer images."""
    return -(-len(data) // batch)


def refuse_running_statistics(net: Network) -> None:
    """ValueError for a network with a BatchNorm, whose running statistics are not updated here."""
    statistics = net.parameters.keys() - net.trainable.keys()
    if statistics:
        raise ValueError(
            f"a network with batch normalisation cannot be trained here ({min(statistics)} is a running statistic); "
            "choose one without"
        )


def held_out(data: Dataset, fraction: float, rng: np.random.Generator) -> tuple[Dataset, Dataset]:
    """A random split: training images, and this fraction of them (one image at least) for validation."""
    count = max(1, round(fraction * len(data))) if 0 < fraction < 1 else 0
    if not 0 < count < len(data):
        raise ValueError(f"validation {fraction:g}: expected a fraction between 0 and 1 that leaves images to train on")
    order = rng.permutation(len(data))
    return data[np.sort(order[count:])], data[np.sort(order[:count])]


def fitted_preprocessing(data: Dataset, resize: int | None = None) -> Preprocessing:
    """X_0 = (pixels − mean) / deviation, both of the data's own pixels, for each channel."""
    channels = [data.images] if data.images.ndim == 3 else [data.images[..., c] for c in range(3)]
    counts = np.stack([np.bincount(channel.ravel(), minlength=256) for channel in channels])
    frequencies, values = counts / counts.sum(axis=1, keepdims=True), np.arange(256)
    mean = frequencies @ values
    deviation = np.sqrt(frequencies @ values**2 - mean**2)
    H, W = data.images.shape[1:3]
    return Preprocessing(
        (H, W),
        mean=tuple(mean.tolist()),
        scale=tuple((1 / np.maximum(deviation, 1)).tolist()),
        order="L" if data.images.ndim == 3 else "RGB",
        resize=resize,
    )
