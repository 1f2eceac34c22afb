"""Class models by score and by posterior: what the paper tried, and found worse (section 2)."""

from __future__ import annotations

from dataclasses import replace

from minicnn.network import Network

from .model import ClassModel, class_model
from .settings import Settings


def score_and_posterior(net: Network, c: int, settings: Settings) -> tuple[ClassModel, ClassModel]:
    """The class climbed by its score and by its posterior, at equal ‖I‖.

    P_c = exp S_c / Σ_k exp S_k can be raised in two ways: S_c up, or the other scores down.  In SqueezeNet all scores
    rise, and once S_c leads the others by seven to ten, 1 − P_c is a thousandth or less, so that
    ∂ log P_c/∂S_k = 1(k = c) − P_k  is nearly 0.  There the ascent stops, before the image shows the class clearly.
    The score has no such limit; for the comparison it is held at the ‖I‖ that the posterior reached.
    """
    settings = replace(settings, decay=0.0)  # in place of λ, ‖I‖ itself is limited
    posterior = class_model(net, c, replace(settings, score="posterior"))
    if posterior.interrupted:  # incomplete: no comparison
        raise KeyboardInterrupt
    reached = float(posterior.curves["norms"][-1])
    if reached == 0:
        raise ValueError(f"the posterior of class {c} has no gradient at the zero image: start from noise")
    return class_model(net, c, replace(settings, score="class", max_norm=reached)), posterior
