"""Tiles of 4×4 positions of a convolution with 3×3 kernels, and the 6×6 pixels that each of them sees: where they lie.

What is done with them is Winograd's (winograd.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from .arrays import Array, array_module
from .cores import CORES
from .portions import Portion, portions
from .windows import Pair, Sides, framed, pixelwise

TILES = 100  # in a portion; enough for a product to run at its full rate
TILE_BYTES = (20 << 20) // CORES  # … and what is computed of a portion takes about so much memory at most


class Tiles:
    """The tiles of 4×4 positions (N, I, J) of X ⋆ K for M kernels, and the 6×6 pixels that each sees."""

    def __init__(self, x: Array, M: int, size: Pair, pad: Sides) -> None:
        self.x, self.M, self.pad = x, M, pad
        self.rows, self.columns = (-(-positions // 4) for positions in size)

    def portions(self) -> list[Portion]:
        """(images, rows of tiles) of portions of so many tiles that a product runs at its full rate."""
        bytes_each = 2 * 36 * (self.x.shape[1] + self.M) * self.x.itemsize
        most = max(1, min(TILES, TILE_BYTES // bytes_each))
        return list(portions(self.x.shape[0], self.rows, self.columns, most))

    def pixels(self, portion: Portion) -> Array:
        """The 6×6 pixels that each tile sees: (tiles of the portion, 36, C)."""
        xp, (images, rows), (C, H, W) = array_module(self.x), portion, self.x.shape[1:]
        (top, _, left, _), width = self.pad, 4 * self.columns + 2
        first, last = 4 * rows.start - top, 4 * rows.stop + 2 - top  # the rows of X that they see
        seen = framed(self.x[images], -first, last - H, left, width - left - W)
        pixels = xp.ascontiguousarray(pixelwise(seen))
        to_image, to_row, to_pixel, to_channel = pixels.strides
        X = xp.lib.stride_tricks.as_strided(
            pixels,
            (images.stop - images.start, rows.stop - rows.start, self.columns, 6, 6, C),
            (to_image, 4 * to_row, 4 * to_pixel, to_row, to_pixel, to_channel),
        )
        return X.reshape(-1, 36, C)

    def positions(self, portion: Portion, Y: Array, y: Array) -> Iterator[tuple[Array, Array]]:
        """Position (i, j) of every tile, for all i and j: in Y (tiles, 16, M), and where it lies in y (N, M, I, J).

        Both are views (images, rows, columns, M) of what there is: the last tiles may reach beyond the maps.
        """
        images, rows = portion
        by_place = Y.reshape(images.stop - images.start, rows.stop - rows.start, self.columns, 4, 4, -1)
        for i in range(4):
            for j in range(4):
                there = pixelwise(y)[images, 4 * rows.start + i : 4 * rows.stop : 4, j::4]
                yield by_place[:, : there.shape[1], : there.shape[2], i, j], there
