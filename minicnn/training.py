"""Training: how the weights came to be what the paper holds fixed.

For each batch of images, up, down, and a step against the gradient (stochastic gradient descent with momentum):

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

from layers.arrays import Array, array_module, to_device, to_host

from .datasets import Dataset
from .images import Preprocessing
from .jitter import Jitter, colour_axes
from .loss import cross_entropy
from .network import Network, preprocessing_of
from .schedules import SCHEDULES, rate_at

LOOK = 20  # steps from one look at the losses to the next: on a GPU each look waits until it has caught up


@dataclass(frozen=True)
class Settings:
    """How to train.

    epochs:       how often every image is seen
    batch:        images in a step
    rate:         η, the learning rate, before its schedule
    schedule:     how η changes: "constant", "step", "linear" or "cosine" (schedules.py)
    warm_up:      steps in which η grows from almost nothing
    momentum:     μ, the share of each step that the next one keeps
    weight_decay: λ
    jitter:       what is done to the images (jitter.py)
    seed:         of everything that is drawn
    """

    epochs: int = 10
    batch: int = 64
    rate: float = 0.05
    schedule: str = "linear"
    warm_up: int = 0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    jitter: Jitter = field(default_factory=Jitter)
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch", 1), ("warm_up", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} {getattr(self, name)}: expected {least} or more")
        if not 0 < self.rate < math.inf:
            raise ValueError(f"rate {self.rate:g}: expected a number above 0")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum {self.momentum:g}: expected 0 ≤ momentum < 1")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay {self.weight_decay:g}: expected 0 or more")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule {self.schedule!r}: choose from {', '.join(SCHEDULES)}")


@dataclass(frozen=True)
class Epoch:
    """What is told of an epoch: the mean loss and accuracy over its steps, as the network changed, and at its end on
    images that it never learns from; how long its steps took.
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
    """A training under way: all that changes, and the settings that do not.

    velocity: v, for every trainable parameter
    rng:      draws the order of the images, their jitter and the masks of Dropout
    step:     how many steps were taken
    log:      a line for each epoch done
    about:    whatever else a checkpoint should know, of which data it learns from, say
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
        refuse_measured(net)
        velocity = {name: array_module(w).zeros_like(w) for name, w in net.trainable.items()}
        return cls(net, settings, velocity, np.random.default_rng(settings.seed) if rng is None else rng)

    def to(self, device: str) -> Run:
        """The run with what it computes with on "cpu" or "cuda"; chance stays NumPy's."""
        velocity = {name: to_device(v, device) for name, v in self.velocity.items()}
        return replace(self, net=self.net.to(device), velocity=velocity)

    @property
    def best(self) -> Epoch:
        """The first of the epochs with the highest accuracy on the validation images."""
        return max(self.log, key=lambda line: line.validation_accuracy)


class Diverged(ValueError):
    """The loss is no number any more."""


# ---------------------------------------------------------------------- the loop


def train(
    run: Run,
    training: Dataset,
    validation: Dataset,
    progress: Callable[[Iterator[Tally]], Iterable[Tally]] = iter,
) -> Iterator[Epoch]:
    """Train to the last epoch; yields after each one what there is to tell of it (and run.log keeps it).

    progress: may wrap the steps of an epoch, as tqdm does.  Raises Diverged when the loss is no number any more.
    """
    axes = colour_axes(training.images)
    while len(run.log) < run.settings.epochs:
        began = time.perf_counter()
        with np.errstate(over="ignore", invalid="ignore"):  # of a run that diverges the loss tells
            for tally in progress(epoch(run, training, axes)):
                pass
            tally.look()
            seconds = time.perf_counter() - began
            loss, accuracy = evaluate(run.net, validation)
        if not math.isfinite(loss):
            raise Diverged(f"the validation loss was {loss} after step {run.step}; try a smaller rate or a warm-up")
        speed = tally.images / seconds
        run.log.append(Epoch(len(run.log) + 1, run.step, tally.loss, tally.accuracy, loss, accuracy, seconds, speed))
        yield run.log[-1]


def epoch(run: Run, training: Dataset, axes: np.ndarray) -> Iterator[Tally]:
    """Every image once, in a new order.  Yields after each step the tally of the epoch so far."""
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
        run.net, run.velocity = descend(
            run.net, run.velocity, gradients, rate, settings.momentum, settings.weight_decay
        )

        run.step += 1
        tally.add(loss, (trace.scores.argmax(axis=1) == labels).sum(), len(chosen))
        yield tally


def descend(
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
    """The mean loss and the share of images that get their class as first answer."""
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


class Tally:
    """The losses and hits of an epoch's steps so far.  They are looked at only now and then, for a GPU works ahead.

    loss, accuracy: means over the images up to the last look
    """

    def __init__(self, step: int) -> None:
        self.step, self.images, self.seen = step, 0, 0
        self.loss = self.accuracy = math.nan
        self._sums = np.zeros(2)
        self._waiting: list[tuple[Array, Array, int]] = []

    def add(self, loss: Array, hits: Array, images: int) -> None:
        """A step's loss, right answers, and number of images."""
        self.images += images
        self._waiting.append((loss, hits, images))
        if len(self._waiting) == LOOK:
            self.look()

    def look(self) -> None:
        """Fetch what waits.  Raises Diverged, naming the step, if a loss among it is no number."""
        if not self._waiting:
            return
        losses, hits, images = zip(*self._waiting, strict=True)
        self._waiting = []
        found = numbers(losses)
        wrong = np.flatnonzero(~np.isfinite(found))
        if wrong.size:
            raise Diverged(
                f"the loss was {found[wrong[0]]} at step {self.step + int(wrong[0]) + 1}; "
                "try a smaller rate or a warm-up"
            )
        self.step += len(found)
        self.seen += sum(images)
        self._sums += found @ np.array(images), numbers(hits).sum()
        self.loss, self.accuracy = (float(n) for n in self._sums / self.seen)


def numbers(arrays: Iterable[Array]) -> np.ndarray:
    """Arrays of no dimension, wherever they are, as float64 on the host; one journey for all."""
    arrays = list(arrays)
    return to_host(array_module(arrays[0]).stack(arrays)).astype(np.float64)


def on_device_of(net: Network, images: np.ndarray, labels: np.ndarray) -> tuple[Array, Array]:
    """A batch as the network takes it, X_0 and labels, in the network's kind of arrays and of its dtype."""
    w = next(iter(net.trainable.values()))
    xp = array_module(w)
    x = xp.asarray(preprocessing_of(net).to_input(*images))
    return x.astype(w.dtype, copy=False), xp.asarray(labels)


def step_count(data: Dataset, batch: int) -> int:
    """Steps in an epoch; the last one may have fewer images."""
    return -(-len(data) // batch)


def refuse_measured(net: Network) -> None:
    """ValueError for a network with parameters that training would have to measure, a BatchNorm's."""
    statistics = net.parameters.keys() - net.trainable.keys()
    if statistics:
        raise ValueError(
            f"a network with batch normalisation cannot be trained here ({min(statistics)} would have to be measured); "
            "choose one without"
        )


def held_out(data: Dataset, share: float, rng: np.random.Generator) -> tuple[Dataset, Dataset]:
    """Two parts, drawn at random: what to learn from, and this share of it (one image at least) to try on."""
    count = max(1, round(share * len(data))) if 0 < share < 1 else 0
    if not 0 < count < len(data):
        raise ValueError(f"validation {share:g}: expected a share between 0 and 1 that leaves images to learn from")
    order = rng.permutation(len(data))
    return data[np.sort(order[count:])], data[np.sort(order[:count])]


def fitted_preprocessing(data: Dataset, resize: int | None = None) -> Preprocessing:
    """X_0 = (pixels − mean) / deviation, both of the data's own pixels, for each channel."""
    channels = [data.images] if data.images.ndim == 3 else [data.images[..., c] for c in range(3)]
    counts = np.stack([np.bincount(channel.ravel(), minlength=256) for channel in channels])
    shares, values = counts / counts.sum(axis=1, keepdims=True), np.arange(256)
    mean = shares @ values
    deviation = np.sqrt(shares @ values**2 - mean**2)
    H, W = data.images.shape[1:3]
    return Preprocessing(
        (H, W),
        mean=tuple(mean.tolist()),
        scale=tuple((1 / np.maximum(deviation, 1)).tolist()),
        order="L" if data.images.ndim == 3 else "RGB",
        resize=resize,
    )
