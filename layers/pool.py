"""What max-pooling and average-pooling share: windows that slide over each map by itself, and their geometry."""

from __future__ import annotations

from .layer import Layer, ShapeError
from .windows import Pair, Sides, four_sides, pair, window_count


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

    def padding(self, shape: tuple[int, ...]) -> Sides:
        """`pad`, and more below and to the right where an incomplete last window reaches further."""
        (I, J), (top, bottom, left, right) = self.output_size(shape), self.pad
        bottom = max(bottom, (I - 1) * self.stride[0] + self.size[0] - top - shape[2])
        right = max(right, (J - 1) * self.stride[1] + self.size[1] - left - shape[3])
        return top, bottom, left, right

    def __repr__(self) -> str:
        details = f"{self.size[0]}×{self.size[1]}, stride={self.stride}, pad={self.pad}"
        return f"{type(self).__name__}({details}{', ceil' if self.ceil else ''})"
