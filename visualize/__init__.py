"""The top floor: the paper's results as plain functions of a network and arrays, and the command line."""

from .localization import guesses, localize, locate
from .saliency import linearize, saliency

__all__ = ["guesses", "linearize", "localize", "locate", "saliency"]
