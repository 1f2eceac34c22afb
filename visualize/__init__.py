"""The top floor: the paper's visualisations as plain functions of a network and arrays, and the command line."""

from .class_models import class_model
from .comparison import compare_rules
from .deconvnet import reconstruct
from .explorer import explore
from .localization import guesses, localize, locate
from .saliency_maps import linearize, photo_saliency, saliency, ten_crop_saliency, ten_crop_saliency_of_square

__all__ = [
    "class_model",
    "compare_rules",
    "explore",
    "guesses",
    "linearize",
    "localize",
    "locate",
    "photo_saliency",
    "reconstruct",
    "saliency",
    "ten_crop_saliency",
    "ten_crop_saliency_of_square",
]
