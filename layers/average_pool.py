"""Average-pooling:  X_{n+1}(p) = (1/|Ω(p)|) Σ_{q∈Ω(p)} X_n(q),   and back:  every pixel gets its share.

The paper's network has none; SqueezeNet ends with one.  It is linear, so its DeconvNet pass is its gradient.
"""

from __future__ import annotations

from .arrays import Array, array_module
from .layer import Layer, ShapeError
from .pool import Pool
from .windows import framed, unframed


class AveragePool(Pool):
    """X_{n+1}(p) = (1/|Ω(p)|) Σ_{q∈Ω(p)} X_n(q).  |Ω(p)| counts pixels of the image only, never its padding."""

    def forward(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        return self._window_sums(x) / self._window_areas(x), x.shape

    def backward(self, grad: Array, shape: tuple[int, ...]) -> Array:
        """∂f/∂X_n(q) = Σ_{p: q∈Ω(p)} ∂f/∂X_{n+1}(p) / |Ω(p)|."""
        below = array_module(grad).zeros_like(grad, shape=shape)
        share = grad / self._window_areas(below)
        framed_below = framed(below, *self.frame(shape))
        for seen in self.taps(framed_below, *grad.shape[2:]):
            seen += share
        return unframed(framed_below, *self.frame(shape))

    deconv = guided = backward

    def _window_sums(self, x: Array) -> Array:
        """Σ_{q∈Ω(p)} X_n(q)."""
        sizes = self.output_size(x.shape)
        sums = array_module(x).zeros_like(x, shape=(*x.shape[:2], *sizes))
        for seen in self.taps(framed(x, *self.frame(x.shape)), *sizes):
            sums += seen
        return sums

    def _window_areas(self, x: Array) -> Array:
        """|Ω(p)| (1, 1, I, J): the window sums of an image of ones."""
        return self._window_sums(array_module(x).ones((1, 1, *x.shape[2:]), dtype=x.dtype))


class PaddedAveragePool(AveragePool):
    """X_{n+1}(p) = (1/|Ω(p)|) Σ_{q∈Ω(p)} X_n(q), where |Ω(p)| counts the padding too, as pixels that are 0.

    Caffe's average, and PyTorch's and ONNX's where they are asked to count_include_pad.  So |Ω(p)| = kh·kw, and less
    only where a last, incomplete window reaches beyond the padding.
    """

    def _window_areas(self, x: Array) -> Array:
        """|Ω(p)| (1, 1, I, J): the window sums of an image of ones in a frame of ones."""
        top, bottom, left, right = self.pad
        _, reached_below, _, reached_right = self.frame(x.shape)
        ones = array_module(x).ones((1, 1, top + x.shape[2] + bottom, left + x.shape[3] + right), dtype=x.dtype)
        sizes = self.output_size(x.shape)
        seen = self.taps(framed(ones, 0, reached_below - bottom, 0, reached_right - right), *sizes)
        return sum(seen)


class GlobalAveragePool(Layer):
    """X_{n+1}(c) = mean over all pixels of X_n(c): maps (N, C, H, W) → features (N, C)."""

    def forward(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        if x.ndim != 4 or 0 in x.shape[2:]:
            raise ShapeError(self, f"expects maps (N, C, H, W) of at least one pixel, got {x.shape}")
        return x.mean(axis=(2, 3)), x.shape

    def backward(self, grad: Array, shape: tuple[int, ...]) -> Array:
        """∂f/∂X_n(c, q) = ∂f/∂X_{n+1}(c) · 1 / (H·W)."""
        H, W = shape[2:]
        share = grad / (H * W)
        return (share[:, None, None] * array_module(grad).ones((H, W, 1), dtype=grad.dtype)).transpose(0, 3, 1, 2)

    deconv = guided = backward
