"""The class model: an ascent from start to end, and its result."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from layers.arrays import to_host
from minicnn.class_names import short_name
from minicnn.images import Preprocessing
from minicnn.network import Network, preprocessing_of

from .ascent import Ascent, ascend
from .diagnosis import Stalled, diagnose, remedies
from .history import History
from .presets import PAPER, AnySettings
from .vivid import Vivid, ascend_vividly, canvas


@dataclass(frozen=True, eq=False)
class ClassModel:
    """The result of an ascent; for several classes, each array has a leading axis.

    offset: I, in X_0 units around the mean (C, h, w)
    image:  mean + I, in pixel values (h, w, 3), neither clipped nor rounded
    curves: before each step and at the end, (steps + 1,) each: "scores" S_c, "objective" S_c − λ‖I‖², "norms" ‖I‖
    step, decay: as used, where the settings leave them to `rule_of_thumb`
    settings: repeat the ascent
    interrupted: whether Ctrl-C ended the ascent; the settings say after how many steps
    """

    classes: int | list[int]
    offset: np.ndarray
    image: np.ndarray
    curves: dict[str, np.ndarray]
    step: np.ndarray
    decay: np.ndarray
    settings: AnySettings
    interrupted: bool = False

    @property
    def scores(self) -> np.ndarray:
        """S_c before each step and at the end."""
        return self.curves["scores"]

    @property
    def steps(self) -> int:
        """The number of steps."""
        return len(self.scores) - 1

    @property
    def climbed(self) -> str:
        """The objective, for a title."""
        if isinstance(self.settings, Vivid):
            return "S_c"
        return f"{'log P_c' if self.settings.score == 'posterior' else 'S_c'} − λ‖I‖²"

    def first(self) -> ClassModel:
        """The model of the first class by itself, without the leading axis."""
        assert isinstance(self.classes, list)
        curves = {name: curve[:, 0] for name, curve in self.curves.items()}
        arrays = self.offset[0], self.image[0], curves, self.step[0], self.decay[0]
        return ClassModel(self.classes[0], *arrays, self.settings, self.interrupted)


def class_model(
    net: Network,
    c: int | Sequence[int],
    settings: AnySettings = PAPER,
    progress: Callable[[Iterator[Ascent]], Iterable[Ascent]] = iter,
) -> ClassModel:
    """argmax_I S_c(I) − λ‖I‖², by gradient ascent from the zero image: for one class, or for several as one batch.

    The same settings give the same image.  `progress` may wrap the steps, as tqdm does.  Ctrl-C ends the ascent early
    and keeps its state; the result's settings repeat it.
    If a score does not rise, a `Stalled` warning says what to change.  ValueError if the first step already gives NaN
    or infinity.
    """
    classes = [int(k) for k in np.atleast_1d(c)]
    history, interrupted = climbed(progress(states(net, classes, settings)))
    if history.exploded:
        message = f"not a number after {len(history)} steps: {remedies(settings)[0]}"
        if len(history) < 2:
            raise ValueError(message)
        warnings.warn(message, Stalled, stacklevel=2)
    assert history.last is not None
    offset, step, decay = (to_host(array) for array in (history.last.offset, history.last.step, history.last.decay))
    image = space(net, settings).to_pixels(offset)  # X_0 = 0 is the mean image: this adds it
    settings = settings.stopped_after(len(history) - 1)
    model = ClassModel(classes, offset, image, history.curves, step, decay, settings, interrupted)
    f = model.curves["objective"] + decay * model.curves["norms"] ** 2  # S_c or log P_c
    for k, advice in enumerate(diagnose(net, classes, offset, f, settings)):
        if advice:
            warnings.warn(f"{short_name(net.classes, classes[k])} {advice}", Stalled, stacklevel=2)
    return model.first() if np.ndim(c) == 0 else model


def climbed(steps: Iterable[Ascent]) -> tuple[History, bool]:
    """The history of the ascent, and whether Ctrl-C ended it early."""
    history = History()
    with np.errstate(over="ignore", invalid="ignore"):  # reported by the caller, in words
        try:
            for state in steps:
                if not history.add(state):
                    break
        except KeyboardInterrupt:
            history.fetch()
            if len(history) < 2:
                raise
            return history, True
        history.fetch()
    return history, False


def states(net: Network, classes: Sequence[int], settings: AnySettings) -> Iterator[Ascent]:
    """The ascent for these settings: pixel by pixel, or vivid."""
    if isinstance(settings, Vivid):
        return ascend_vividly(net, classes, settings)
    return ascend(net, classes, settings)


def space(net: Network, settings: AnySettings) -> Preprocessing:
    """The preprocessing whose inverse turns I into pixels."""
    return canvas(net, settings) if isinstance(settings, Vivid) else preprocessing_of(net)
