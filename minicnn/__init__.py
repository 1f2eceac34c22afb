"""The middle floor: networks of layers, photographs as inputs, data sets, training, weight files, gradient checks."""

from .network import Network, Trace

__all__ = ["Network", "Trace"]
