"""Convolution:  X_{n+1} = X_n ⋆ K + b,   and back:  ∂f/∂X_n = ∂f/∂X_{n+1} ⋆ K̂   (paper, section 4).

K̂ is K with its taps flipped and its input and output channels exchanged.  The gradient of a convolution is again a
convolution, and it is exactly what a DeconvNet does on the way down: in this file the two are one function.

The layer comes first, then the three sums that it is made of.
"""

from __future__ import annotations

from .arrays import Array, array_module, floating, in_dtype_of
from .engine import accelerated
from .layer import Layer, ShapeError
from .windows import Pair, Sides, four_sides, padded, pair, unpadded, window_count, windows


class Conv(Layer):
    """X_{n+1}(m, i, j) = b(m) + Σ_{c,u,v} K(m, c, u, v) · X_n(c, s·i + u − top, s·j + v − left).

    K: (M, C, kh, kw) kernels, b: (M,) biases (zero if left out); X_n: (N, C, H, W) → X_{n+1}: (N, M, I, J).
    `stride` is a number or (vertical, horizontal), `pad` (with zeros) a number or (top, bottom, left, right).
    """

    parameter_names = ("K", "b")

    def __init__(self, K: Array, b: Array | None = None, stride: int | Pair = 1, pad: int | Sides = 0) -> None:
        if K.ndim != 4 or 0 in K.shape[2:]:
            raise ShapeError(self, f"expects kernels K of shape (M, C, kh, kw), got {K.shape}")
        self.K = K
        self.b = array_module(K).zeros(K.shape[0], dtype=K.dtype) if b is None else b
        self.stride, self.pad = pair(stride), four_sides(pad)
        if self.b.shape != K.shape[:1]:
            raise ShapeError(self, f"expects one bias for each of its {K.shape[0]} kernels, got {self.b.shape}")
        if min(self.stride) < 1:
            raise ValueError(f"Conv expects a stride of 1 or more, got {stride}")

    def forward(self, x: Array) -> tuple[Array, Array]:
        """X_{n+1} = X_n ⋆ K + b."""
        x = self._maps(x)
        return correlate(x, in_dtype_of(x, self.K), in_dtype_of(x, self.b), self.stride, self.pad), x

    def backward(self, grad: Array, x: Array) -> Array:
        """∂f/∂X_n = ∂f/∂X_{n+1} ⋆ K̂."""
        grad = floating(grad)
        return correlate_transposed(grad, in_dtype_of(grad, self.K), x.shape, self.stride, self.pad)

    deconv = backward  # R_n = R_{n+1} ⋆ K̂: the same function, on purpose; a DeconvNet has no bias to add
    guided = backward

    def parameter_gradients(self, grad: Array, x: Array) -> dict[str, Array]:
        """∂f/∂K = Σ over positions of ∂f/∂X_{n+1} times the patch it saw;  ∂f/∂b = Σ over positions of ∂f/∂X_{n+1}."""
        grad = floating(grad)
        return {"K": kernel_gradient(grad, x, self.K.shape[2:], self.stride, self.pad), "b": position_sums(grad)}

    def _maps(self, x: Array) -> Array:
        """x, if it is maps that the kernels fit into."""
        C, kh, kw = self.K.shape[1:]
        if x.ndim != 4:
            raise ShapeError(self, f"expects maps (N, {C}, H, W), got {x.shape}")
        if x.shape[1] != C:
            raise ShapeError(self, f"expects {C} channels, got {x.shape[1]}: {x.shape}")
        (H, W), (top, bottom, left, right), (sh, sw) = x.shape[2:], self.pad, self.stride
        if min(window_count(H, kh, sh, top, bottom), window_count(W, kw, sw, left, right)) < 1:
            raise ShapeError(self, f"finds no room for a {kh}×{kw} kernel with padding {self.pad} in {x.shape}")
        return floating(x)

    def __repr__(self) -> str:
        M, C, kh, kw = self.K.shape
        return f"Conv({C}→{M}, {kh}×{kw}, stride={self.stride}, pad={self.pad})"


@accelerated
def correlate(x: Array, K: Array, b: Array | None = None, stride: Pair = (1, 1), pad: Sides = (0, 0, 0, 0)) -> Array:
    """Y = X ⋆ K + b:   Y(n, m, i, j) = b(m) + Σ_{c,u,v} K(m, c, u, v) · X(n, c, s·i + u, s·j + v), X padded with zeros.

    Shapes: x (N, C, H, W), K (M, C, kh, kw), b (M,) → (N, M, I, J).
    """
    seen = windows(padded(x, *pad), K.shape[2:], stride)  # (N, C, I, J, kh, kw)
    y = array_module(x).einsum("ncijuv,mcuv->nmij", seen, K, optimize=True)
    return y if b is None else y + b[:, None, None]


@accelerated
def correlate_transposed(grad: Array, K: Array, shape: tuple[int, ...], stride: Pair, pad: Sides) -> Array:
    """∂f/∂X = ∂f/∂Y ⋆ K̂,   K̂(c, m, u, v) = K(m, c, kh−1−u, kw−1−v).

    Each gradient is put where its patch begins, a stride apart with zeros between; then every pixel collects, by the
    flipped kernel, from all patches that it was part of.  Shapes: grad (N, M, I, J), K (M, C, kh, kw) → `shape`.
    """
    (kh, kw), (sh, sw), (top, bottom, left, right) = K.shape[2:], stride, pad
    (N, M, I, J), (H, W) = grad.shape, shape[2:]
    K_hat = K[:, :, ::-1, ::-1].swapaxes(0, 1)
    spread = array_module(grad).zeros_like(grad, shape=(N, M, top + H + bottom + kh - 1, left + W + right + kw - 1))
    spread[:, :, kh - 1 : kh - 1 + sh * I : sh, kw - 1 : kw - 1 + sw * J : sw] = grad
    return unpadded(correlate(spread, K_hat), *pad)


@accelerated
def kernel_gradient(grad: Array, x: Array, kernel: Pair, stride: Pair, pad: Sides) -> Array:
    """∂f/∂K(m, c, u, v) = Σ_{n,i,j} ∂f/∂Y(n, m, i, j) · X(n, c, s·i + u, s·j + v): the same windows once more.

    Shapes: grad (N, M, I, J), x (N, C, H, W) → (M, C, kh, kw).
    """
    seen = windows(padded(x, *pad), kernel, stride)
    return array_module(x).einsum("nmij,ncijuv->mcuv", grad, seen, optimize=True)


@accelerated
def position_sums(grad: Array) -> Array:
    """∂f/∂b(m) = Σ_{n,i,j} ∂f/∂Y(n, m, i, j):  (N, M, I, J) → (M,)."""
    return array_module(grad).einsum("nmij->m", grad)
