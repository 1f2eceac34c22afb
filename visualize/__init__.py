"""The top floor: the paper's results as plain functions of a network and arrays, and the command line."""

from .saliency import linearize, saliency

__all__ = ["linearize", "saliency"]
