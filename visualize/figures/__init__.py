"""Drawing: the only place where raw arrays become pictures.

Everything that is done for the eye alone (stretching, clipping, colours) is done here, and each figure says so.
Figures are built without pyplot, so there is no global state and no window.

A file for each kind of figure; what they share (sizes, letters, colours) is in `panels`.
"""

from ..matplotlib_import import import_matplotlib

import_matplotlib()

from .class_models import (  # noqa: E402
    class_model_curves_figure,
    class_models_figure,
    contrasted,
    score_and_posterior_figure,
)
from .deconv import RULE_TITLES, SIGNED_PERCENTILE, deconv_figure, extent, in_colour, signed  # noqa: E402
from .localization import SEED_COLOURS, cut_out, localization_figure, seed_picture  # noqa: E402
from .panels import COLOURS, DASHES, PERCENTILES, YELLOW, new_figure, outline, save_figure, show, stretched  # noqa: E402
from .saliency import overlay, saliency_figure  # noqa: E402
from .training import training_figure  # noqa: E402

__all__ = [
    "COLOURS",
    "DASHES",
    "PERCENTILES",
    "RULE_TITLES",
    "SEED_COLOURS",
    "SIGNED_PERCENTILE",
    "YELLOW",
    "class_model_curves_figure",
    "class_models_figure",
    "contrasted",
    "cut_out",
    "deconv_figure",
    "extent",
    "in_colour",
    "localization_figure",
    "new_figure",
    "outline",
    "overlay",
    "saliency_figure",
    "save_figure",
    "score_and_posterior_figure",
    "seed_picture",
    "show",
    "signed",
    "stretched",
    "training_figure",
]
