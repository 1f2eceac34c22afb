"""How to climb S_c(I) − λ‖I‖²: what the paper says, what it leaves open, and what others have added."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from minicnn.schedules import SCHEDULES


@dataclass(frozen=True)
class Settings:
    """How to climb from the zero image, pixel by pixel.

    The paper gives the objective, the zero image and gradient ascent.  Steps, step, schedule, momentum and λ it leaves
    open: the defaults are ours, chosen by what they reach (docs/class_models.md).  What is marked † is not in the paper
    at all, and carries its source.

    steps:    of the ascent
    step:     how far a gradient of 1 moves the image at first, in X_0 units; None: `rule_of_thumb`
    schedule: how the step shrinks on the way, a name in `minicnn.schedules`
    decay:    λ, the weight of ‖I‖²; None: `rule_of_thumb`
    momentum: velocity ← momentum · velocity + direction
    score:    "class" climbs S_c, "posterior" climbs log P_c
    jitter:   † before each step the image is rolled by up to so many random pixels, and back after it
              [Mordvintsev2015]
    blur:     † after every `blur_every` steps the image is blurred with a Gaussian of so many pixels at first, which
              shrink as the step does [Yosinski2015]
    total_variation: † weight of the image's total variation, which is taken off the objective
              [Mahendran2015]
    max_norm: † the image is scaled back to this ‖I‖ where a step leads beyond it; None: no limit
    noise:    † size of the normal noise to start from in place of zero
    seed:     of jitter and noise
    stop:     the ascent ends after so many of its steps, as one that was interrupted did; None: after all
    """

    steps: int = 400
    step: float | None = None
    schedule: str = "cosine"
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
    stop: int | None = None

    def __post_init__(self) -> None:
        whole_numbers(self, steps=1, blur_every=1, jitter=0, seed=0)
        numbers(self, "decay", "jitter", "blur", "total_variation", "noise", "seed")
        for name in ("step", "max_norm"):
            if getattr(self, name) is not None:
                positive_numbers(self, name)
        if self.stop is not None:
            whole_numbers(self, stop=1)
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must be at least 0 and less than 1, got {self.momentum}")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {self.schedule!r}")
        if self.score not in ("class", "posterior"):
            raise ValueError(f'score must be "class" or "posterior", got {self.score!r}')

    @property
    def length(self) -> int:
        """How many steps are done."""
        return self.steps if self.stop is None else min(self.stop, self.steps)

    def stopped_after(self, steps: int) -> Settings:
        """Settings that end where an ascent with these had come to: its schedule is still that of all steps."""
        return self if steps >= self.steps else replace(self, stop=steps)

    def step_at(self, t: int) -> float:
        """The step at step t, as a share of the first."""
        return SCHEDULES[self.schedule](t / self.steps)


# ---------------------------------------------------------------------- what the fields of settings may be


def whole_numbers(settings: object, **least: int) -> None:
    """ValueError unless these fields are whole numbers, and at least so large."""
    for name, smallest in least.items():
        value = getattr(settings, name)
        if type(value) is not int:
            raise ValueError(f"{name} must be a whole number, got {value!r}")
        if value < smallest:
            raise ValueError(f"{name} must be {smallest} or more, got {value}")


def numbers(settings: object, *names: str) -> None:
    """ValueError unless these fields are numbers of 0 or more, or None."""
    for name in names:
        if not 0 <= (getattr(settings, name) or 0) < np.inf:
            raise ValueError(f"{name} must be a number of 0 or more, got {getattr(settings, name)}")


def positive_numbers(settings: object, *names: str) -> None:
    for name in names:
        if not 0 < getattr(settings, name) < np.inf:
            raise ValueError(f"{name} must be a positive number, got {getattr(settings, name)}")
