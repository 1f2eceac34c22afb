"""Units: single outputs of a layer.  In maps a unit is (channel, row, column), in features a number.

Shapes: maps (1, C, H, W), features (1, D); of a larger batch, only the first image is used.
"""

from __future__ import annotations

from typing import TypeAlias

from layers.arrays import Array

from .class_names import find_class, short_name
from .network import Network, Trace

Unit: TypeAlias = int | tuple[int, int, int]


def index_of(trace: Trace, layer: str, unit: Unit) -> tuple[int, ...]:
    """The unit's index in the layer's output of one image: (channel, row, column) or (number,).

    Raises ValueError for a unit that the layer does not have, and KeyError for an unknown layer.
    """
    sizes = trace[layer].shape[1:]
    index = unit if isinstance(unit, tuple) else (unit,)
    if len(index) != len(sizes) or not all(0 <= i < size for i, size in zip(index, sizes, strict=True)):
        raise ValueError(f"layer {layer} has no unit {unit_text(unit)}: expected {_range_text(sizes)}")
    return index


def activation(trace: Trace, layer: str, unit: Unit) -> float:
    """The unit's value, X_{n+1}(unit)."""
    return float(trace[layer][0][index_of(trace, layer, unit)])


def strongest_position(trace: Trace, layer: str, channel: int) -> Unit:
    """(channel, row, column) where the channel is largest; the first of equals.  In features, the number itself."""
    output = trace[layer][0]
    if not 0 <= channel < len(output):
        raise ValueError(f"layer {layer} has no channel {channel}: expected 0 … {len(output) - 1}")
    if output.ndim == 1:
        return channel
    row, column = divmod(int(output[channel].argmax()), output.shape[2])
    return channel, row, column


def strongest_units(trace: Trace, layer: str, k: int = 1) -> list[Unit]:
    """The k channels with the largest maxima, largest first, each at its strongest position; in features, k numbers."""
    peaks: list[float] = _peaks(trace[layer][0]).tolist()
    strongest = sorted(range(len(peaks)), key=lambda channel: -peaks[channel])[:k]
    return [strongest_position(trace, layer, channel) for channel in strongest]


def _peaks(output: Array) -> Array:
    """The largest value of each channel; features are their own."""
    return output if output.ndim == 1 else output.max(axis=(1, 2))


# ---------------------------------------------------------------------- from and to text


def find_unit(net: Network, trace: Trace, layer: str, query: str) -> Unit:
    """The unit that `query` means: "12,3,4" (channel, row, column) or "12" (a channel where it is strongest, a number).

    For the class scores, the name of a class as well.  Raises ValueError that says what is expected.
    """
    if trace[layer] is trace.scores and trace.scores.ndim == 2:
        return find_class(query, net.classes, trace.scores.shape[1])
    try:
        numbers = tuple(int(part) for part in query.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) == 1:
        return strongest_position(trace, layer, numbers[0])
    if len(numbers) == 3:
        index_of(trace, layer, numbers)
        return numbers
    raise ValueError(f"{query!r} is no unit of layer {layer}: expected {_range_text(trace[layer].shape[1:])}")


def unit_text(unit: Unit) -> str:
    """The unit as `find_unit` reads it: "12,3,4" or "12"."""
    return ",".join(map(str, unit)) if isinstance(unit, tuple) else str(unit)


def unit_title(net: Network, trace: Trace, layer: str, unit: Unit) -> str:
    """The unit's title in figures and tables; for a class score the name of the class."""
    if isinstance(unit, int) and net.classes is not None and trace[layer] is trace.scores:
        return f"{layer}  {short_name(net.classes, unit)}"
    return f"{layer}  {unit_text(unit)}"


def _range_text(sizes: tuple[int, ...]) -> str:
    if len(sizes) == 1:
        return f"a number 0 … {sizes[0] - 1}"
    C, H, W = sizes
    return f"channel,row,column up to {C - 1},{H - 1},{W - 1}, or a channel alone for its strongest position"
