"""Average-pooling:  X_{n+1}(p) = (1/|Ω(p)|) Σ_{q∈Ω(p)} X_n(q),   and back:  every pixel gets its share.

The paper names none in its network; SqueezeNet ends with one.  It is linear, so its DeconvNet pass is its gradient.
"""

from __future__ import annotations

from .arrays import Array, array_module, floating
from .engine import accelerated
from .layer import Layer, ShapeError
from .pool import Pool
from .windows import padded, taps, unpadded


class AveragePool(Pool):
    """X_{n+1}(p) = (1/|Ω(p)|) Σ_{q∈Ω(p)} X_n(q).  |Ω(p)| counts pixels of the image only, never its padding."""

    def forward(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        """X_{n+1}(p) = (1/|Ω(p)|) Σ_{q∈Ω(p)} X_n(q); the cache is the shape of X_n."""
        x = floating(x)
        return self._window_sums(x) / self._window_areas(x), x.shape

    def backward(self, grad: Array, shape: tuple[int, ...]) -> Array:
        """∂f/∂X_n(q) = Σ_{p: q∈Ω(p)} ∂f/∂X_{n+1}(p) / |Ω(p)|."""
        grad, pad = floating(grad), self.padding(shape)
        below = array_module(grad).zeros_like(grad, shape=shape)
        share, below = grad / self._window_areas(below), padded(below, *pad)
        for seen in taps(below, self.size, self.stride, grad.shape[2:]):
            seen += share
        return unpadded(below, *pad)

    deconv = guided = backward

    def _window_sums(self, x: Array) -> Array:
        """Σ_{q∈Ω(p)} X_n(q)."""
        return sum(taps(padded(x, *self.padding(x.shape)), self.size, self.stride, self.output_size(x.shape)))

    def _window_areas(self, x: Array) -> Array:
        """|Ω(p)| (1, 1, I, J): the window sums of an image of ones."""
        return self._window_sums(array_module(x).ones((1, 1, *x.shape[2:]), dtype=x.dtype))


class PaddedAveragePool(AveragePool):
    """X_{n+1}(p) = (1/|Ω(p)|) Σ_{q∈Ω(p)} X_n(q), where |Ω(p)| counts the padding too, as pixels that are 0.

    Caffe's average, and PyTorch's and ONNX's where they are asked to count_include_pad.  So |Ω(p)| = kh·kw, and less
    only where a last, incomplete window reaches beyond the padding.
    """

    def _window_areas(self, x: Array) -> Array:
        """|Ω(p)| (1, 1, I, J): the window sums of an image of ones, padded with ones."""
        ones = padded(array_module(x).ones((1, 1, *x.shape[2:]), dtype=x.dtype), *self.pad, fill=1)
        beyond = [reach - pad for reach, pad in zip(self.padding(x.shape), self.pad, strict=True)]
        return sum(taps(padded(ones, *beyond), self.size, self.stride, self.output_size(x.shape)))


class GlobalAveragePool(Layer):
    """X_{n+1}(c) = mean over all pixels of X_n(c): maps (N, C, H, W) → features (N, C)."""

    def forward(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        """X_{n+1}(c) = 1 / (H·W) · Σ_q X_n(c, q); the cache is the shape of X_n."""
        if x.ndim != 4 or 0 in x.shape[2:]:
            raise ShapeError(self, f"expects maps (N, C, H, W) of at least one pixel, got {x.shape}")
        return mean_over_pixels(floating(x)), x.shape

    def backward(self, grad: Array, shape: tuple[int, ...]) -> Array:
        """∂f/∂X_n(c, q) = ∂f/∂X_{n+1}(c) · 1 / (H·W), the same for every pixel q (a view that cannot be written)."""
        H, W = shape[2:]
        return array_module(grad).broadcast_to((floating(grad) / (H * W))[:, :, None, None], shape)

    deconv = guided = backward


@accelerated
def mean_over_pixels(x: Array) -> Array:
    """Y(n, c) = 1 / (H·W) · Σ_q X(n, c, q):  (N, C, H, W) → (N, C)."""
    return x.mean(axis=(2, 3))
