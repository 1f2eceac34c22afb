"""Class models: images that maximise the score of a class (paper, section 2).

    argmax_I  S_c(I) − λ‖I‖²

The weights are fixed; gradient ascent changes the *image*, from the zero image (in the network's mean-subtracted space)
along  ∂S_c/∂I − 2λI.  At the end the mean of the training images is added, for display.

Read `objective` (the objective and its gradient), `ascent` (the loop), `model` (the result); then `vivid`, the same
ascent in another basis.
"""

from .ascent import Ascent, ascend, rule_of_thumb
from .diagnosis import Stalled
from .history import History
from .model import ClassModel, class_model, states
from .objective import NO_POSTERIOR, slope, top_gradient
from .posterior import score_and_posterior
from .presets import PAPER, PRESETS, AnySettings
from .restraints import blurred, total_variation_gradient
from .settings import Settings
from .vivid import Vivid, ascend_vividly

__all__ = [
    "NO_POSTERIOR",
    "PAPER",
    "PRESETS",
    "AnySettings",
    "Ascent",
    "ClassModel",
    "History",
    "Settings",
    "Stalled",
    "Vivid",
    "ascend",
    "ascend_vividly",
    "blurred",
    "class_model",
    "rule_of_thumb",
    "score_and_posterior",
    "slope",
    "states",
    "top_gradient",
    "total_variation_gradient",
]
