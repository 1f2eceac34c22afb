"""What does the network think an ostrich is?  Class models (paper, section 2).

    argmax_I  S_c(I) − λ‖I‖²

The weights are fixed; gradient ascent changes the *image*, from the zero image (in the network's mean-subtracted space)
along  ∂S_c/∂I − 2λI.  At the end the mean of the training images is added, for display.

S_c is the unnormalised score.  The posterior P_c = softmax(S)_c can also be raised by pushing the other scores down;
the paper tried it and found the images less prominent.  It is here as a lesson: `score="posterior"`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from layers.arrays import Array, array_module, to_host
from minicnn.class_names import short_name
from minicnn.loss import log_softmax, softmax
from minicnn.network import Network, one_hot, preprocessing_of

from .dead_signal import where_it_died


@dataclass(frozen=True)
class Settings:
    """How to climb.  The defaults are the paper's plain recipe; what is marked † is not in the paper.

    steps:    of the ascent
    step:     how far a gradient of 1 moves the image, in X_0 units; None: `rule_of_thumb`
    decay:    λ, the weight of ‖I‖²; None: `rule_of_thumb`
    momentum: velocity ← momentum · velocity + direction
    score:    "class" climbs S_c, "posterior" climbs log P_c
    jitter:   † before each step the image is rolled by up to so many random pixels, and back after it
    blur:     † after every `blur_every` steps the image is blurred with a Gaussian of so many pixels
    total_variation: † weight of the image's total variation, which is taken off the objective
    max_norm: † the image is scaled back to this ‖I‖ where a step leads beyond it; None: no limit
    noise:    † size of the normal noise to start from in place of zero
    seed:     of jitter and noise
    """

    steps: int = 200
    step: float | None = None
    decay: float | None = None
    momentum: float = 0.9
    score: str = "class"
    jitter: int = 0
    blur: float = 0.0
    blur_every: int = 4
    total_variation: float = 0.0
    max_norm: float | None = None
    noise: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "blur_every", "jitter", "seed"):
            if type(getattr(self, name)) is not int:
                raise ValueError(f"{name} must be a whole number, got {getattr(self, name)!r}")
        for name in ("steps", "blur_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        for name in ("decay", "jitter", "blur", "total_variation", "noise", "seed"):
            if not 0 <= (getattr(self, name) or 0) < np.inf:
                raise ValueError(f"{name} must be a number of 0 or more, got {getattr(self, name)}")
        for name in ("step", "max_norm"):
            if getattr(self, name) is not None and not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be a positive number, got {getattr(self, name)}")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must be at least 0 and less than 1, got {self.momentum}")
        if self.score not in ("class", "posterior"):
            raise ValueError(f'score must be "class" or "posterior", got {self.score!r}')


PAPER = Settings()

PRESETS = {
    "paper": PAPER,
    "jitter": Settings(jitter=8),  # whole objects in place of many outlined copies
    "smooth": Settings(jitter=8, blur=0.6, total_variation=2e-4),  # and less of the pixel noise
}


@dataclass(frozen=True, eq=False)
class Ascent:
    """Where the ascent stands.  All classes of the batch at once: I is (N, C, h, w), everything else (N,).

    objective is S_c − λ‖I‖², or log P_c − λ‖I‖² where the posterior is climbed; step and decay are those in use.
    """

    offset: Array
    scores: Array
    objective: Array
    norms: Array
    step: Array
    decay: Array


@dataclass(frozen=True, eq=False)
class ClassModel:
    """What the ascent reached; of several classes, each array has a leading axis for them.

    offset: I, in X_0 units around the mean (C, h, w)
    image:  mean + I, in pixel values (h, w, 3), neither clipped nor rounded
    curves: before each step and at the end, (steps + 1,) each: "scores" S_c, "objective" S_c − λ‖I‖², "norms" ‖I‖
    step, decay: as used, where the settings left them to `rule_of_thumb`
    interrupted: whether Ctrl-C ended the ascent; the settings say how many steps were done
    """

    classes: int | list[int]
    offset: np.ndarray
    image: np.ndarray
    curves: dict[str, np.ndarray]
    step: np.ndarray
    decay: np.ndarray
    settings: Settings
    interrupted: bool = False

    @property
    def scores(self) -> np.ndarray:
        """S_c before each step and at the end."""
        return self.curves["scores"]


class History:
    """What an ascent has been through: the curves, and where it stood last.

    The states are looked at a block at a time.  On a GPU each look waits until everything has been computed; between
    two looks the GPU works off the steps that the program hands it, and the curves stay there.
    """

    BLOCK = 16
    CURVES = ("scores", "objective", "norms")

    def __init__(self) -> None:
        self.fetched: dict[str, list[np.ndarray]] = {name: [] for name in self.CURVES}
        self.last: Ascent | None = None  # the last state that has been looked at and found to be made of numbers
        self.unseen: list[Ascent] = []
        self.exploded = False

    def add(self, state: Ascent) -> bool:
        """Takes down a state; False as soon as it is known that one was not a number, and nothing more is wanted."""
        self.unseen.append(state)
        if len(self.unseen) == self.BLOCK:
            self.look()
        return not self.exploded

    def look(self) -> None:
        """Fetches the curves of the states not seen yet, up to the first that is not a number."""
        if self.exploded or not self.unseen:
            return
        xp = array_module(self.unseen[0].scores)
        curves = {name: to_host(xp.stack([getattr(state, name) for state in self.unseen])) for name in self.CURVES}
        good = np.isfinite(curves["objective"]).all(axis=1)
        count = len(good) if good.all() else int(good.argmin())
        for name, curve in curves.items():
            self.fetched[name].extend(curve[:count])
        self.last = self.unseen[count - 1] if count else self.last
        self.exploded, self.unseen = count < len(good), []

    def __len__(self) -> int:
        """How many states were looked at and found to be made of numbers."""
        return len(self.fetched["scores"])


class Stalled(UserWarning):
    """A class model that did not rise; the message says what to change."""


def class_model(
    net: Network,
    c: int | Sequence[int],
    settings: Settings = PAPER,
    progress: Callable[[Iterator[Ascent]], Iterable[Ascent]] = iter,
) -> ClassModel:
    """argmax_I S_c(I) − λ‖I‖², climbed from the zero image: for one class, or for several at once as one batch.

    The same settings give the same image.  `progress` may wrap the steps, as tqdm does.  Ctrl-C ends the ascent and
    keeps what has been reached; the result's settings then say how many steps that were, and repeat it.
    A class that does not rise raises a `Stalled` warning that says what to change; ValueError if there is nothing to
    keep, for the first step already led out of the numbers.
    """
    single, classes = np.ndim(c) == 0, [int(k) for k in np.atleast_1d(c)]
    history, interrupted = History(), False
    with np.errstate(over="ignore", invalid="ignore"):  # reported below, in words
        try:
            for state in progress(ascend(net, classes, settings)):
                if not history.add(state):
                    break
        except KeyboardInterrupt:  # keep what has been reached
            history.look()
            if len(history) < 2:
                raise
            interrupted = True
        history.look()
    if history.exploded:
        message = f"not a number after {len(history)} steps: take a smaller step"
        if len(history) < 2:
            raise ValueError(message)
        warnings.warn(message, Stalled, stacklevel=2)
    assert history.last is not None
    settings = replace(settings, steps=len(history) - 1)
    offset, step, decay = (to_host(array) for array in (history.last.offset, history.last.step, history.last.decay))
    image = preprocessing_of(net).to_pixels(offset)  # X_0 = 0 is the mean image: this adds it
    curves = {name: np.array(curve) for name, curve in history.fetched.items()}
    model = ClassModel(classes, offset, image, curves, step, decay, settings, interrupted)
    for k, advice in enumerate(diagnose(net, classes, model)):
        if advice:
            warnings.warn(f"{short_name(net.classes, classes[k])} {advice}", Stalled, stacklevel=2)
    if not single:
        return model
    curves = {name: curve[:, 0] for name, curve in curves.items()}
    return ClassModel(classes[0], offset[0], image[0], curves, model.step[0], model.decay[0], settings, interrupted)


def ascend(net: Network, classes: Sequence[int], settings: Settings) -> Iterator[Ascent]:
    """The ascent a step at a time, from the start to the end: settings.steps + 1 states.

    velocity ← momentum · velocity + ∂S_c/∂I − 2λI,      I ← I + step · velocity
    """
    step, decay = rule_of_thumb(net, classes, settings)
    preprocessing = preprocessing_of(net)
    shape = (preprocessing.channels, *preprocessing.size)
    generators = [np.random.default_rng([settings.seed, c]) for c in classes]  # a class's own, whatever the batch
    I = settings.noise * np.stack([rng.standard_normal(shape, np.float32) for rng in generators])
    I, xp = net.xp.asarray(I, precision(net)), net.xp  # chance is NumPy's: a seed means the same on every device
    velocity = xp.zeros_like(I)
    rng = np.random.default_rng(settings.seed)
    for t in range(settings.steps + 1):
        down, right = rng.integers(-settings.jitter, settings.jitter + 1, 2).tolist()
        scores, climbed, gradient = slope(net, xp.roll(I, (down, right), axis=(2, 3)), classes, settings.score)
        gradient = xp.roll(gradient, (-down, -right), axis=(2, 3))
        squared_norm = (I**2).sum(axis=(1, 2, 3))
        objective = climbed - decay.ravel() * squared_norm
        yield Ascent(I, scores, objective, xp.sqrt(squared_norm), step.ravel(), decay.ravel())
        direction = gradient - 2 * decay * I - settings.total_variation * total_variation_gradient(I)
        velocity = settings.momentum * velocity + direction
        I = I + step * velocity
        if settings.max_norm is not None:
            norm = xp.sqrt((I**2).sum(axis=(1, 2, 3), keepdims=True))
            I = I * xp.minimum(1, settings.max_norm / xp.maximum(norm, settings.max_norm))
        if settings.blur and (t + 1) % settings.blur_every == 0:
            I = blurred(I, settings.blur)


def score_and_posterior(net: Network, c: int, settings: Settings) -> tuple[ClassModel, ClassModel]:
    """The class climbed by its score and by its posterior, at equal ‖I‖: the paper's counter-example.

    The posterior is as good as 1 after a few steps; then ∂ log P_c/∂S_k = 1(k = c) − P_k vanishes, and the ascent
    stops.  That of the score is held at the ‖I‖ that the posterior's has reached.
    """
    settings = replace(settings, decay=0.0)  # in place of λ, ‖I‖ itself is held
    posterior = class_model(net, c, replace(settings, score="posterior"))
    if posterior.interrupted:  # half an ascent is no comparison
        raise KeyboardInterrupt
    reached = float(posterior.curves["norms"][-1])
    if reached == 0:
        raise ValueError(f"the posterior of class {c} has no gradient at the zero image: start from noise")
    return class_model(net, c, replace(settings, score="class", max_norm=reached)), posterior


NO_POSTERIOR = "the network has a single score: its posterior, a softmax, is 1 for every image; climb the score itself"


def slope(net: Network, x: Array, classes: Sequence[int], score: str) -> tuple[Array, Array, Array]:
    """(S_c, f, ∂f/∂I) for each image and its class: f = S_c, or for the posterior f = log P_c."""
    trace = net.forward(x)
    if score == "posterior" and trace.scores.shape[1] == 1:
        raise ValueError(NO_POSTERIOR)
    wanted = one_hot(trace.scores, classes)
    scores = (trace.scores * wanted).sum(axis=1)
    climbed = scores if score == "class" else (log_softmax(trace.scores) * wanted).sum(axis=1)
    return scores, climbed, net.backward(trace, top_gradient(trace.scores, classes, score))


def top_gradient(scores: Array, classes: Sequence[int], score: str) -> Array:
    """∂f/∂S:  1(k = c) for f = S_c;  1(k = c) − P_k for f = log P_c, which pushes the other scores down."""
    wanted = one_hot(scores, classes)
    return wanted if score == "class" else wanted - softmax(scores)


def rule_of_thumb(net: Network, classes: Sequence[int], settings: Settings) -> tuple[Array, Array]:
    """(step, λ) of each class (N, 1, 1, 1): as set, or scaled by the size g of the class's gradient at the zero image.

    step = 0.4·u / g  moves the pixels by 0.4 grey levels at first, and  λ = 0.05·g / u  lets them go about as far as in
    photographs;  u is a grey level in X_0 units.  (SqueezeNet: g ≈ 0.0002, so step ≈ 2000 and λ ≈ 1e-5.  Smaller steps
    climb higher, S_c − λ‖I‖² = 194, 373, 465 for the ostrich with 2000, 1000, 500, but to blots in place of outlines.)
    """
    preprocessing, xp = preprocessing_of(net), net.xp
    zero = xp.zeros((len(classes), preprocessing.channels, *preprocessing.size), precision(net))
    _, _, gradient = slope(net, zero, classes, settings.score)
    g = xp.sqrt((gradient**2).mean(axis=(1, 2, 3), keepdims=True))
    g = xp.where(g > 0, g, np.float32(1))  # dead at the zero image: reported when the ascent has come to nothing
    u = float(np.mean(preprocessing.scale))
    step = 0.4 * u / g if settings.step is None else xp.full_like(g, settings.step)
    decay = 0.05 * g / u if settings.decay is None else xp.full_like(g, settings.decay)
    return step, decay


def precision(net: Network) -> np.dtype[Any]:
    """Of the ascent: the network's own.  `net.astype(numpy.float64)` climbs in double precision."""
    return np.result_type(np.float32, *(p.dtype for p in net.parameters.values()))


def total_variation_gradient(I: Array) -> Array:
    """∂/∂I of Σ |I(i+1, j) − I(i, j)| + |I(i, j+1) − I(i, j)|: each pixel is pulled towards its neighbours' side."""
    xp = array_module(I)
    down, right = xp.sign(xp.diff(I, axis=2)), xp.sign(xp.diff(I, axis=3))
    gradient = xp.zeros_like(I)
    gradient[:, :, 1:] += down
    gradient[:, :, :-1] -= down
    gradient[:, :, :, 1:] += right
    gradient[:, :, :, :-1] -= right
    return gradient


def blurred(I: Array, sigma: float) -> Array:
    """The images through a Gaussian of `sigma` pixels, one matrix for the rows and one for the columns: G_h I G_wᵀ."""
    G_h, G_w = (array_module(I).asarray(gaussian_matrix(n, sigma).astype(I.dtype)) for n in I.shape[2:])
    return G_h @ I @ G_w.T


def gaussian_matrix(n: int, sigma: float) -> np.ndarray:
    """G_ij ∝ exp(−(i − j)² / 2σ²), its rows summing to 1: at the borders only what is there counts."""
    i = np.arange(n)
    G = np.exp(-((i[:, None] - i) ** 2) / (2 * sigma**2))
    return G / G.sum(axis=1, keepdims=True)


def diagnose(net: Network, classes: Sequence[int], model: ClassModel) -> Iterator[str | None]:
    """For each class why it did not rise and what to change, or None if it did."""
    preprocessing = preprocessing_of(net)
    grey_level = float(np.mean(preprocessing.scale))
    size = np.sqrt((model.offset**2).mean(axis=(1, 2, 3))) / grey_level  # of I, in grey levels
    climbed = model.curves["objective"] + model.decay * model.curves["norms"] ** 2  # S_c or log P_c
    rise = climbed - climbed[0]
    for k, c in enumerate(classes):
        if size[k] == 0:
            yield f"does not move: its gradient is zero at the start, {place_of_death(net, c, model)}; start from noise"
        elif size[k] > 255:
            yield f"has gone {size[k]:.3g} grey levels from the mean: take a smaller step, or another decay"
        elif rise[-1, k] < rise[:, k].max() / 2 or rise[-1, k] <= 0:
            best, end = climbed[:, k].max(), climbed[-1, k]
            yield f"ends at {end:.3g} after {best:.3g} on the way: take a smaller step, or a smaller decay"
        elif size[k] < 1:
            yield "has moved its pixels by less than one grey level: take a smaller decay, or more steps"
        else:
            yield None


def place_of_death(net: Network, c: int, model: ClassModel) -> str:
    """Where the gradient of what is climbed dies on its way down to the zero image."""
    trace = net.forward(net.xp.asarray(model.offset[:1] * 0))
    return where_it_died(net, "gradient", trace, top_gradient(trace.scores, [c], model.settings.score))
