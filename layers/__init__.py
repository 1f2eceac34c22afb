"""The ground floor: one layer a file, each with its formulas up and down.  Start with `relu.py`."""

from .add import Add
from .arrays import array_module, cuda_available, to_device, to_host
from .average_pool import AveragePool, GlobalAveragePool, PaddedAveragePool
from .batch_norm import BatchNorm
from .concat import Concat
from .convolution import Conv
from .dropout import Dropout
from .engine import plain
from .flatten import Flatten
from .fully_connected import FullyConnected
from .grouped_convolution import GroupedConv
from .layer import Layer, ShapeError
from .local_response_norm import LocalResponseNorm
from .max_pool import MaxPool
from .relu import ReLU

__all__ = [
    "Add", "AveragePool", "BatchNorm", "Concat", "Conv", "Dropout", "Flatten", "FullyConnected",
    "GlobalAveragePool", "GroupedConv", "Layer", "LocalResponseNorm", "MaxPool", "PaddedAveragePool", "ReLU",
    "ShapeError", "array_module", "cuda_available", "plain", "to_device", "to_host",
]  # fmt: skip
