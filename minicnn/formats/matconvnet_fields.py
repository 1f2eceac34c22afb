"""Fields of MatConvNet's structs, believed only if they are what a layer needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from layers.windows import Pair, Sides

from .empty_batch import LARGEST_STEP
from .errors import FileError

Struct = Mapping[str, Any]


def listed(layers: Any) -> list[Struct]:
    """`layers` as a list of structs."""
    layers = layers if isinstance(layers, list) else [layers]
    if not layers or not all(isinstance(stored, dict) for stored in layers):
        raise FileError("`layers` is no cell array of structs; expected a network of MatConvNet's SimpleNN")
    return layers


def pair(stored: Struct, field: str, default: int | None = None) -> Pair:
    """(vertical, horizontal)."""
    rows, columns = whole(stored, field, 2, default)
    return rows, columns


def sides(stored: Struct, field: str) -> Sides:
    """[top bottom left right], in MatConvNet's order as in ours; 0 unless told."""
    top, bottom, left, right = whole(stored, field, 4, default=0)
    return top, bottom, left, right


def whole(
    stored: Struct, field: str, count: int, default: int | None = None, largest: int = LARGEST_STEP
) -> tuple[int, ...]:
    """`count` whole numbers of a field, e.g. a stride; one number stands for all."""
    values = np.ravel(stored.get(field, [])).tolist() or ([] if default is None else [default])
    if len(values) == 1:
        values *= count
    if len(values) != count or not all(isinstance(v, (int, float)) and v in range(largest + 1) for v in values):
        raise FileError(f"{field} is {values}; expected {count} whole numbers of 0 … {largest}")
    return tuple(int(v) for v in values)
