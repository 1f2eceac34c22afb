"""The ground floor: one layer a file, each with the paper's formula up and down.  Start with `relu.py`."""

from .arrays import array_module
from .average_pool import AveragePool, GlobalAveragePool
from .concat import Concat
from .convolution import Conv
from .flatten import Flatten
from .fully_connected import FullyConnected
from .layer import Layer, ShapeError
from .max_pool import MaxPool
from .relu import ReLU

__all__ = [
    "AveragePool",
    "Concat",
    "Conv",
    "Flatten",
    "FullyConnected",
    "GlobalAveragePool",
    "Layer",
    "MaxPool",
    "ReLU",
    "ShapeError",
    "array_module",
]
