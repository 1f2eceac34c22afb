"""Why the score of a class model did not rise, and what to change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from minicnn.network import Network, preprocessing_of
from visualize.vanished_signal import where_it_vanished

from .objective import top_gradient
from .presets import AnySettings
from .settings import Settings
from .vivid import Vivid


class Stalled(UserWarning):
    """The score of a class model did not rise; the message says what to change."""


# Against an ascent that explodes, goes too far, falls back, hardly moves: pixel by pixel, and in waves.
REMEDIES = (
    ("take a smaller step", "take a smaller step, or another decay", "take a smaller step, or a smaller decay",
     "take a smaller decay, or more steps"),
    ("take a smaller rate", "take a smaller rate", "take a smaller rate, or more steps", "take a larger rate"),
)  # fmt: skip


def remedies(settings: AnySettings) -> tuple[str, str, str, str]:
    return REMEDIES[0 if isinstance(settings, Settings) else 1]


def diagnose(
    net: Network, classes: Sequence[int], offset: np.ndarray, climbed: np.ndarray, settings: AnySettings
) -> Iterator[str | None]:
    """For each class why it did not rise and what to change, or None if it did.

    offset: the last I (N, C, h, w); climbed: S_c or log P_c at each state (states, N).
    """
    _, too_far, fell_back, hardly_moved = remedies(settings)
    size = np.sqrt((offset**2).mean(axis=(1, 2, 3))) / np.mean(preprocessing_of(net).scale)  # of I, in grey levels
    rise = climbed - climbed[0]
    for k, c in enumerate(classes):
        if isinstance(settings, Vivid) and np.ptp(climbed[:, k]) == 0:
            yield "does not move: its gradient is zero at the start, near grey; take a larger noise, or another preset"
        elif size[k] == 0:
            yield f"does not move: its gradient is zero at the start, {where_it_is_zero(net, c, offset, settings)}"
        elif size[k] > 255:
            yield f"has gone {size[k]:.3g} grey levels from the mean: {too_far}"
        elif rise[-1, k] < rise[:, k].max() / 2 or rise[-1, k] <= 0:
            yield f"ends at {climbed[-1, k]:.3g} after {climbed[:, k].max():.3g} on the way: {fell_back}"
        elif size[k] < 1:
            yield f"has moved its pixels by less than one grey level: {hardly_moved}"
        else:
            yield None


def where_it_is_zero(net: Network, c: int, offset: np.ndarray, settings: AnySettings) -> str:
    """The layer at which the gradient of the objective at the zero image vanishes."""
    score = settings.score if isinstance(settings, Settings) else "class"
    trace = net.forward(net.xp.asarray(offset[:1] * 0))
    where = where_it_vanished(net, "gradient", trace, top_gradient(trace.scores, [c], score))
    return f"{where}; start from noise"
