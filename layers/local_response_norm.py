"""Local response normalisation:  X_{n+1}(c) = X_n(c) / D(c)^β,   D(c) = κ + α Σ_{j∈Ω(c)} X_n(j)².

At each pixel, channel c is divided by what its neighbouring channels Ω(c) do there ([Krizhevsky2012], section 3.3).
CNN-F, which stands in for the paper's ConvNet, has two such layers; the paper does not speak of any.  The only layer
here that is not piecewise linear.
"""

from __future__ import annotations

from .arrays import Array, floating
from .engine import accelerated
from .layer import Layer, ShapeError
from .windows import Pair


class LocalResponseNorm(Layer):
    """X_{n+1}(c) = X_n(c) · (κ + α Σ_{j∈Ω(c)} X_n(j)²)^(−β);  any shape (N, C, …).

    Ω(c) is the window of N channels c − ⌊(N−1)/2⌋ … c + ⌈(N−1)/2⌉; at the first and last channels it shrinks.
    N may also be the pair (channels before c, channels after c): an even window is off centre, and PyTorch's lies the
    other way round.  α multiplies the plain sum, as in Krizhevsky's formula and MatConvNet's files; for those who
    multiply it to the mean see `averaging`.
    """

    def __init__(self, N: int | Pair, kappa: float, alpha: float, beta: float) -> None:
        self.before, self.after = ((N - 1) // 2, N // 2) if isinstance(N, int) else N
        self.kappa, self.alpha, self.beta = float(kappa), float(alpha), float(beta)
        if min(self.before, self.after) < 0:
            raise ValueError(f"LocalResponseNorm expects a window of 1 channel or more, got {N}")
        if not self.kappa > 0:
            raise ValueError(f"LocalResponseNorm expects kappa > 0 (it divides by 0 where all is 0), got {kappa}")

    @classmethod
    def averaging(cls, N: int | Pair, kappa: float, alpha: float, beta: float) -> LocalResponseNorm:
        """The convention of Caffe, PyTorch and ONNX: they write α/N for our α.  (The N also where the window shrinks.)

        PyTorch's window of an even N is (N // 2, N // 2 − 1), ONNX's is ours; Caffe has odd windows only.
        """
        channels = N if isinstance(N, int) else sum(N) + 1
        return cls(N, kappa, alpha / max(channels, 1), beta)

    def forward(self, x: Array) -> tuple[Array, tuple[Array, Array]]:
        """X_{n+1} = X_n · D^(−β); the cache is (X_n, D)."""
        if x.ndim < 2:
            raise ShapeError(self, f"expects maps (N, C, H, W), got {x.shape}")
        x = floating(x)
        y, D = normalize(x, self.before, self.after, self.kappa, self.alpha, self.beta)
        return y, (x, D)

    def backward(self, grad: Array, cache: tuple[Array, Array]) -> Array:
        """∂f/∂X_n, through each output's numerator and through its neighbours' D: see `normalize_gradient`."""
        return normalize_gradient(floating(grad), *cache, self.before, self.after, self.alpha, self.beta)

    guided = backward

    def deconv(self, R: Array, cache: tuple[Array, Array]) -> Array:
        """R_n = R_{n+1}: DeconvNets reconstruct without normalisation.

        [Zeiler2014], section 2.1: "we do not use any contrast normalization operations" on this way.  It is one of two
        things in which, they say, their reconstruction differs from the gradient; the ReLU is the other.
        """
        return R

    def __repr__(self) -> str:
        window = self.before + self.after + 1
        skewed = "" if self.after - self.before in (0, 1) else f" (−{self.before} … +{self.after})"
        formula = f"kappa={self.kappa:g}, alpha={self.alpha:g}, beta={self.beta:g}"
        return f"LocalResponseNorm({window} channels{skewed}, {formula})"


@accelerated
def normalize(x: Array, before: int, after: int, kappa: float, alpha: float, beta: float) -> tuple[Array, Array]:
    """Y = X · D^(−β) and D(c) = κ + α Σ_{j∈Ω(c)} X(j)²; each (N, C, …)."""
    D = kappa + alpha * window_sums(x * x, before, after)
    return x * D**-beta, D


@accelerated
def normalize_gradient(grad: Array, x: Array, D: Array, before: int, after: int, alpha: float, beta: float) -> Array:
    """∂f/∂X(j) = ∂f/∂Y(j) · D(j)^(−β) − 2αβ X(j) · Σ_{c: j∈Ω(c)} ∂f/∂Y(c) · X(c) · D(c)^(−β−1).

    The first term is X(j)'s own output, the second what it takes from its neighbours' (and from itself).
    """
    own = grad * D**-beta
    taken = window_sums(own * x / D, after, before)  # j∈Ω(c): the window seen from its other end
    return own - 2 * alpha * beta * x * taken


def window_sums(x: Array, before: int, after: int) -> Array:
    """Σ_{j = c − before}^{c + after} x(j) over the channels j that exist: (N, C, …) → (N, C, …)."""
    sums = x.copy()
    for shift in range(1, before + 1):
        sums[:, shift:] += x[:, :-shift]
    for shift in range(1, after + 1):
        sums[:, :-shift] += x[:, shift:]
    return sums
