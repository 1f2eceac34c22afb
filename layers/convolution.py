"""Convolution:  X_{n+1} = X_n ⋆ K + b,   and back:  ∂f/∂X_n = ∂f/∂X_{n+1} ⋆ K̂   (paper, section 4).

K̂ is K with its taps flipped and its input and output channels exchanged.  The gradient of a convolution is again a
convolution, and it is exactly what a DeconvNet does on the way down: in this file the two are one function.
"""

from __future__ import annotations

from .arrays import Array, array_module, in_dtype_of
from .correlation import correlate, correlation_size, kernel_gradient
from .layer import Layer, ShapeError
from .products import sum_of_positions, without_silent_channels
from .windows import Pair, Sides, four_sides, framed, pair, pixelwise


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
        self._expect_maps(x)
        K, b = in_dtype_of(x, self.K), in_dtype_of(x, self.b)
        return correlate(x, K, self.stride, self.pad, b), x

    def backward(self, grad: Array, x: Array) -> Array:
        """∂f/∂X_n = ∂f/∂X_{n+1} ⋆ K̂.

        With a stride s the pixels of X_n fall into s×s phases: pixel s·i + φ was met by every s-th tap of K only, those
        of phase φ.  K̂ holds the flipped taps of each phase as a kernel of its own, so that one correlation yields all
        phases side by side as channels, and interleaving them yields ∂f/∂X_n.  With s = 1 the image is the one phase.
        """
        H, W = x.shape[2:]
        grad, K = without_silent_channels(grad, in_dtype_of(grad, self.K))
        K_hat = flipped_phases(K, self.stride)
        cut_above, above, below = _reach(H, grad.shape[2], K_hat.shape[2], self.stride[0], self.pad[0])
        cut_left, left, right = _reach(W, grad.shape[3], K_hat.shape[3], self.stride[1], self.pad[2])
        phases = correlate(grad, K_hat, pad=(above, below, left, right))
        return interleave(phases, self.stride)[:, :, cut_above : cut_above + H, cut_left : cut_left + W]

    deconv = backward  # R_n = R_{n+1} ⋆ K̂: the same function, on purpose; a DeconvNet has no bias to add
    guided = backward

    def parameter_gradients(self, grad: Array, x: Array) -> dict[str, Array]:
        """∂f/∂K = Σ over positions of ∂f/∂X_{n+1} times the patch it saw;  ∂f/∂b = Σ over positions of ∂f/∂X_{n+1}."""
        return {
            "K": kernel_gradient(grad, x, self.K.shape[2:], self.stride, self.pad),
            "b": sum_of_positions(grad),
        }

    def _expect_maps(self, x: Array) -> None:
        C, kh, kw = self.K.shape[1:]
        if x.ndim != 4:
            raise ShapeError(self, f"expects maps (N, {C}, H, W), got {x.shape}")
        if x.shape[1] != C:
            raise ShapeError(self, f"expects {C} channels, got {x.shape[1]}: {x.shape}")
        if min(correlation_size(x, (kh, kw), self.stride, self.pad)) < 1:
            raise ShapeError(self, f"finds no room for a {kh}×{kw} kernel with padding {self.pad} in {x.shape}")

    def __repr__(self) -> str:
        M, C, kh, kw = self.K.shape
        return f"Conv({C}→{M}, {kh}×{kw}, stride={self.stride}, pad={self.pad})"


def flipped_phases(K: Array, stride: Pair) -> Array:
    """K̂: channels exchanged, taps flipped, phase by phase.

    Shapes: (M, C, kh, kw) → (sh·sw·C, M, ⌈kh/sh⌉, ⌈kw/sw⌉).  For stride 1: K̂(c, m, u, v) = K(m, c, kh−1−u, kw−1−v).
    """
    (M, C, kh, kw), (sh, sw) = K.shape, stride
    th, tw = -(-kh // sh), -(-kw // sw)  # taps in a phase
    taps = framed(K, 0, th * sh - kh, 0, tw * sw - kw).reshape(M, C, th, sh, tw, sw)
    # Axes in the order of a patch (u, v, m), a column for each phase and channel; for stride 1 this is a view of K.
    K_hat = taps[:, :, ::-1, :, ::-1].transpose(2, 4, 0, 3, 5, 1).reshape(th, tw, M, sh * sw * C)
    return K_hat.transpose(3, 2, 0, 1)


def interleave(phases: Array, stride: Pair) -> Array:
    """Depth to space: channel (φ, ψ, c) at (i, j) becomes channel c at (sh·i + φ, sw·j + ψ).

    Shapes: (N, sh·sw·C, I, J) → (N, C, sh·I, sw·J).
    """
    N, channels, I, J = phases.shape
    sh, sw = stride
    C = channels // (sh * sw)
    side_by_side = pixelwise(phases).reshape(N, I, J, sh, sw, C)
    return side_by_side.transpose(0, 1, 3, 2, 4, 5).reshape(N, sh * I, sw * J, C).transpose(0, 3, 1, 2)


def _reach(size: int, outputs: int, taps: int, stride: int, before: int) -> tuple[int, int, int]:
    """Along one axis: where the image begins in the interleaved phases, and the frame that the gradient needs.

    Pixel p of the image is pixel before + p of the padded image, which is position (before + p) // stride of its phase;
    position q is reached by gradients q − taps + 1 … q.
    """
    first, last = before // stride, (before + size - 1) // stride
    return before - stride * first, taps - 1 - first, last - (outputs - 1)
