"""Settings of the ascent of S_c(I) − λ‖I‖²: the paper's, those it leaves open, and those that others added."""

from __future__ import annotations

from dataclasses import dataclass, replace

from minicnn.schedules import SCHEDULES
from minicnn.settings import check, setting


@dataclass(frozen=True)
class Settings:
    """Settings of the ascent from the zero image, pixel by pixel.

    The paper gives the objective, the zero image and gradient ascent.  It leaves steps, step, schedule, momentum and λ
    open: these defaults are ours (docs/class_models.md says why).  What is marked † is not in the paper; where it is
    somebody's, that work is cited beside it.
    """

    steps: int = setting(400, "steps of the ascent", minimum=1)
    step: float | None = setting(
        None,
        "how far a gradient of 1 moves the image at first, in X_0 units (default: by the gradient at the zero image)",
        above=0,
    )
    schedule: str = setting("cosine", "how the step shrinks on the way (minicnn/schedules.py)", choices=SCHEDULES)
    decay: float | None = setting(None, "λ, the weight of ‖I‖² (default: by the gradient at the zero image)", minimum=0)
    momentum: float = setting(0.9, "fraction of each step that the next one keeps", minimum=0, below=1)
    score: str = setting("class", "class climbs S_c, posterior log P_c", choices=("class", "posterior"))
    jitter: int = setting(  # † [Mordvintsev2015]
        0, "roll the image by up to so many random pixels before each step, and back after it", minimum=0
    )
    blur: float = setting(  # † [Yosinski2015]
        0.0, "blur with a Gaussian of so many pixels at first, shrinking as the step does …", minimum=0
    )
    blur_every: int = setting(4, "… after every so many steps", minimum=1)
    total_variation: float = setting(  # † [Mahendran2015]
        0.0, "weight of the image's total variation, subtracted from the objective", minimum=0
    )
    max_norm: float | None = setting(  # † ([Erhan2009] holds ‖I‖ fixed)
        None, "scale the image back to this ‖I‖ where it goes beyond", above=0
    )
    noise: float = setting(0.0, "size of the normal noise to start from in place of zero", minimum=0)  # †
    seed: int = setting(0, "of every random number", minimum=0)
    stop: int | None = setting(None, "end after so many of the steps, as an interrupted ascent did", minimum=1)

    def __post_init__(self) -> None:
        check(self)

    @property
    def length(self) -> int:
        """The number of steps to do."""
        return self.steps if self.stop is None else min(self.stop, self.steps)

    def stopped_after(self, steps: int) -> Settings:
        """These settings, ended after so many steps; the schedule is still that of all steps."""
        return self if steps >= self.steps else replace(self, stop=steps)

    def step_at(self, t: int) -> float:
        """The step at step t, as a fraction of the first."""
        return SCHEDULES[self.schedule](t / self.steps)
