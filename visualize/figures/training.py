"""How a training run went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .panels import NOTE, TITLE, new_plots, points, whole_numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from minicnn.training import Epoch
WIDTH = 9.0  # inches


def training_figure(log: Sequence[Epoch], title: str) -> Figure:
    """Loss and errors of each epoch: on the images learnt from, as the network changed, and on those held out."""
    figure, panels = new_plots(2, WIDTH, height=4)
    epochs = [line.epoch for line in log]
    curves = {
        "loss": ([line.loss for line in log], [line.validation_loss for line in log]),
        "errors (%)": (
            [100 * (1 - line.accuracy) for line in log],
            [100 * (1 - line.validation_accuracy) for line in log],
        ),
    }
    for panel, (name, (training, validation)) in zip(panels, curves.items(), strict=True):
        panel.plot(epochs, training, marker="o", markersize=4, label="training (with jitter and dropout)")
        panel.plot(epochs, validation, marker="s", markersize=4, label="validation")
        panel.set(xlabel="epoch", ylabel=name)
        whole_numbers(panel)
        panel.set_ylim(bottom=0)
    panels[0].legend(fontsize=points(WIDTH, NOTE))
    figure.suptitle(title, fontsize=points(WIDTH, TITLE))
    return figure
