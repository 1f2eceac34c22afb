"""What max-pooling and average-pooling share: windows that slide over each map by itself, and their geometry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby

import numpy as np

from .arrays import Array
from .cores import CORES, in_parallel
from .layer import Layer, ShapeError
from .portions import portions
from .windows import Pair, Sides, four_sides, framed, pair, window_count

PORTION = 1 << 20  # numbers of the maps in a portion, about
WORTH_SHARING = 1 << 19  # fewer are done before another core has woken up
Part = tuple[slice, slice, slice]  # images, channels, and rows: of windows, or of pixels


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

    def parts(self, shape: tuple[int, ...], x: Array) -> list[Part]:
        """The windows over maps of this shape in portions.

        Small enough that all taps go by near the processor, large enough that threads seldom wait for the interpreter's
        lock.  x: one of the arrays; a GPU takes all windows at once.
        """
        (N, C, H, W), I = shape, self.output_size(shape)[0]
        numbers = max(1, C * H * W // I)  # of the maps for each row of windows
        if not isinstance(x, np.ndarray) or N * C * H * W < WORTH_SHARING:
            most = N * C * H * W
        else:
            most = min(PORTION, -(-N * I // CORES) * numbers)
        return [(images, slice(None), rows) for images, rows in portions(N, I, numbers, most)]

    def seen_by(self, part: Part) -> Part:
        """The images, channels and rows of the framed maps that a part of the windows sees."""
        images, channels, rows = part
        return images, channels, slice(self.stride[0] * rows.start, self.stride[0] * (rows.stop - 1) + self.size[0])

    def framed_part(self, x: Array, part: Part, fill: float) -> Array:
        """Those of the framed maps alone: framed(x, *self.frame(x.shape))[self.seen_by(part)], without the rest."""
        (images, channels, rows), (top, _, left, right) = self.seen_by(part), self.frame(x.shape)
        return framed(x[images, channels], top - rows.start, rows.stop - top - x.shape[2], left, right, fill)

    def add_in_parallel(self, add: Callable[[Part], None], parts: list[Part], x: Array) -> None:
        """add(part) for all parts, each of which adds to what it sees; where windows overlap, only images are apart."""

        def add_in_order(some: list[Part]) -> None:
            for part in some:
                add(part)

        overlap = self.size[0] > self.stride[0]
        by_images = [list(of_these) for _, of_these in groupby(parts, key=lambda part: part[0].start)]
        in_parallel(add_in_order, by_images if overlap else [[part] for part in parts], x)

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
