"""What max-pooling and average-pooling share: windows that slide over each map by itself, and their geometry."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from .arrays import Array
from .cores import Portion, portions
from .layer import Layer, ShapeError
from .windows import Pair, Sides, four_sides, framed, pair, window_count


class Pool(Layer):
    """Windows Ω(p) of kh×kw pixels, one for each output position p; they may overlap.

    X_n: (N, C, H, W) → X_{n+1}: (N, C, I, J).  `size` and `stride` are numbers or (vertical, horizontal), the stride
    defaults to the size; `pad` is a number or (top, bottom, left, right), smaller than the window; `ceil` admits a
    last, incomplete window (Caffe's rule: it must start inside the image or its left padding).
    """

    def __init__(
        self, size: int | Pair, stride: int | Pair | None = None, pad: int | Sides = 0, ceil: bool = False
    ) -> None:
        self.size, self.pad, self.ceil = pair(size), four_sides(pad), ceil
        self.stride = self.size if stride is None else pair(stride)
        kind = type(self).__name__
        if min(self.size) < 1 or min(self.stride) < 1:
            raise ValueError(f"{kind} expects a size and a stride of 1 or more, got size {size}, stride {stride}")
        if max(self.pad[:2]) >= self.size[0] or max(self.pad[2:]) >= self.size[1]:
            raise ValueError(f"{kind} expects a padding smaller than its window, got pad {pad}, size {size}")

    def taps(self, x: Array, I: int, J: int) -> Iterator[Array]:
        """The maps as tap q of every window sees them, q = 0 … kh·kw − 1 in row-major order: views (N, C, I, J)."""
        (kh, kw), (sh, sw) = self.size, self.stride
        for u in range(kh):
            for v in range(kw):
                yield x[:, :, u : u + sh * (I - 1) + 1 : sh, v : v + sw * (J - 1) + 1 : sw]

    def parts(self, shape: tuple[int, ...], x: Array) -> list[Portion]:
        """(images, rows of windows) of portions that stay in a core's cache while all taps go by; a GPU takes all.

        shape: of the maps; x: one of the arrays.
        """
        (N, C, H, W), I = shape, self.output_size(shape)[0]
        return list(portions(N, I, C * H * W // I, most=1 << 17 if isinstance(x, np.ndarray) else N * C * H * W))

    def apart(self, parts: list[Portion]) -> list[list[Portion]]:
        """The portions in groups, none of which sees a pixel that another sees: where windows overlap, by images."""
        if self.size[0] <= self.stride[0]:
            return [[part] for part in parts]
        return [list(of_an_image) for _, of_an_image in groupby(parts, key=lambda part: part[0].start)]

    def rows_seen(self, rows: slice) -> slice:
        """The rows of the framed maps that some rows of windows see."""
        return slice(self.stride[0] * rows.start, self.stride[0] * (rows.stop - 1) + self.size[0])

    def framed_part(self, x: Array, part: Portion, fill: float) -> Array:
        """What a portion of the windows sees, of the maps in their frame."""
        (images, rows), (top, _, left, right) = part, self.frame(x.shape)
        seen = self.rows_seen(rows)
        return framed(x[images], top - seen.start, seen.stop - top - x.shape[2], left, right, fill)

    def output_size(self, shape: tuple[int, ...]) -> Pair:
        """(I, J), the number of rows and columns of windows over maps of this shape."""
        if len(shape) != 4:
            raise ShapeError(self, f"expects maps (N, C, H, W), got {shape}")
        top, bottom, left, right = self.pad
        I = window_count(shape[2], self.size[0], self.stride[0], top, bottom, self.ceil)
        J = window_count(shape[3], self.size[1], self.stride[1], left, right, self.ceil)
        if min(I, J) < 1:
            raise ShapeError(self, f"finds no room for a {self.size[0]}×{self.size[1]} window in {shape}")
        return I, J

    def frame(self, shape: tuple[int, ...]) -> Sides:
        """The padding that the windows really reach: an incomplete last window reaches further, a remainder less."""
        (I, J), (top, _, left, _) = self.output_size(shape), self.pad
        bottom = (I - 1) * self.stride[0] + self.size[0] - top - shape[2]
        right = (J - 1) * self.stride[1] + self.size[1] - left - shape[3]
        return top, max(bottom, 0), left, max(right, 0)

    def __repr__(self) -> str:
        details = f"{self.size[0]}×{self.size[1]}, stride={self.stride}, pad={self.pad}"
        return f"{type(self).__name__}({details}{', ceil' if self.ceil else ''})"
