"""The top floor: the paper's results as plain functions of a network and arrays, and the command line."""

from .comparison import compare_rules
from .deconvnet import reconstruct
from .localization import guesses, localize, locate
from .saliency import linearize, saliency

__all__ = ["compare_rules", "guesses", "linearize", "localize", "locate", "reconstruct", "saliency"]
