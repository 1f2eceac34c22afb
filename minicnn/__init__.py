"""The middle floor: the network around the layers, photographs, trained weights, gradient checks."""

from .network import Network, Trace

__all__ = ["Network", "Trace"]
