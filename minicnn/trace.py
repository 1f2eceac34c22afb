"""What a forward pass keeps: the output of every layer, and its cache for the backward passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from layers.arrays import Array
from layers.layer import Cache


@dataclass(frozen=True, repr=False)
class Trace:
    """The maps and caches of one forward pass.

    names:  the layers' names, lowest first
    maps:   [X_0, X_1, …, X_N]: the images (N, C, H, W), the output of each layer, at last the scores (N, classes)
    caches: what the backward pass through each layer needs
    """

    names: list[str]
    maps: list[Array]
    caches: list[Cache]

    @property
    def scores(self) -> Array:
        """S(I), the unnormalised outputs of the last layer: (N, classes)."""
        return self.maps[-1]

    def __getitem__(self, name: str) -> Array:
        """The output of the layer called `name`."""
        return self.maps[self.names.index(known(name, self.names)) + 1]

    def __repr__(self) -> str:
        """A table: each layer's name, and of its output the shape, the smallest and the largest value."""
        rows = [("layer", "output", "smallest", "largest")]
        for name, x in zip(["image", *self.names], self.maps, strict=True):
            values = (f"{float(x.min()):.4g}", f"{float(x.max()):.4g}") if x.size else ("", "")
            rows.append((name, "×".join(map(str, x.shape)), *values))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            f"{name:{widths[0]}}  {shape:{widths[1]}}  {low:>{widths[2]}}  {high:>{widths[3]}}"
            for name, shape, low, high in rows
        )


def known(name: str, names: Sequence[str]) -> str:
    """The layer's name, if it is among the names; KeyError that lists them otherwise."""
    if name not in names:
        raise KeyError(f"no layer is called {name!r}; the layers are {', '.join(names)}")
    return name
