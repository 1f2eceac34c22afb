"""Score or posterior?  What the paper tried, and found worse (section 2)."""

from __future__ import annotations

from dataclasses import replace

from minicnn.network import Network

from .model import ClassModel, class_model
from .settings import Settings


def score_and_posterior(net: Network, c: int, settings: Settings) -> tuple[ClassModel, ClassModel]:
    """The class climbed by its score and by its posterior, at equal ‖I‖.

    P_c = exp S_c / Σ_k exp S_k can be raised in two ways: S_c up, or the other scores down.  What is seen in SqueezeNet
    is neither of them alone: all scores rise, and once S_c leads the others by seven to ten, P_c is 1 but for a
    thousandth or less, so that  ∂ log P_c/∂S_k = 1(k = c) − P_k  is as good as 0.  There the ascent comes to rest,
    before the image shows clearly what the class is.  The score has no such end; it is held at the ‖I‖ that the
    posterior has reached.
    """
    settings = replace(settings, decay=0.0)  # in place of λ, ‖I‖ itself is held
    posterior = class_model(net, c, replace(settings, score="posterior"))
    if posterior.interrupted:  # half an ascent is no comparison
        raise KeyboardInterrupt
    reached = float(posterior.curves["norms"][-1])
    if reached == 0:
        raise ValueError(f"the posterior of class {c} has no gradient at the zero image: start from noise")
    return class_model(net, c, replace(settings, score="class", max_norm=reached)), posterior
