"""Grouped convolution:  X_{n+1} = [X_n¹ ⋆ K¹ + b¹, X_n² ⋆ K² + b², …],   each group of channels by itself.

[Krizhevsky2012] split their network over two graphics cards: kernels of one saw the channels of that card only
(but for the third convolution, which sees both).
A grouped convolution is a convolution whose K is zero between the groups, and the zeros are left out.
"""

from __future__ import annotations

from .arrays import Array, array_module, floating
from .convolution import Conv
from .layer import ShapeError
from .windows import Pair, Sides


class GroupedConv(Conv):
    """X_{n+1}^g = X_n^g ⋆ K^g + b^g for each group g of channels.

    K: (M, C/groups, kh, kw) kernels, the first M/groups of them for the first group; b: (M,).
    X_n: (N, C, H, W) → X_{n+1}: (N, M, I, J).
    """

    def __init__(
        self, K: Array, b: Array | None = None, groups: int = 2, stride: int | Pair = 1, pad: int | Sides = 0
    ) -> None:
        super().__init__(K, b, stride, pad)
        self.groups = groups
        if groups < 1 or K.shape[0] % groups:
            raise ShapeError(self, f"cannot share its kernels {K.shape} among {groups} groups")

    @property
    def convs(self) -> list[Conv]:
        """An ordinary convolution for each group; its kernels are views of K."""
        shared = zip(self.parts(self.K, axis=0), self.parts(self.b, axis=0), strict=True)
        return [Conv(K, b, self.stride, self.pad) for K, b in shared]

    def parts(self, x: Array, axis: int = 1) -> list[Array]:
        """Cuts an axis into `groups` equal parts; by default the channels of maps."""
        return array_module(x).split(x, self.groups, axis=axis)

    def forward(self, x: Array) -> tuple[Array, Array]:
        """[X_n^g ⋆ K^g + b^g for each g]."""
        C = self.groups * self.K.shape[1]
        if x.ndim != 4 or x.shape[1] != C:
            raise ShapeError(self, f"expects maps (N, {C}, H, W), got {x.shape}")
        x = floating(x)
        groups = zip(self.convs, self.parts(x), strict=True)
        return array_module(x).concatenate([conv.forward(x_g)[0] for conv, x_g in groups], axis=1), x

    def backward(self, grad: Array, x: Array) -> Array:
        """∂f/∂X_n = [∂f/∂X_{n+1}^g ⋆ K̂^g for each g]."""
        groups = zip(self.convs, self.parts(grad), self.parts(x), strict=True)
        return array_module(grad).concatenate([conv.backward(grad_g, x_g) for conv, grad_g, x_g in groups], axis=1)

    deconv = guided = backward  # as for every convolution

    def parameter_gradients(self, grad: Array, x: Array) -> dict[str, Array]:
        """∂f/∂K = [∂f/∂K^g for each g], and so for b."""
        groups = zip(self.convs, self.parts(grad), self.parts(x), strict=True)
        found = [conv.parameter_gradients(grad_g, x_g) for conv, grad_g, x_g in groups]
        return {name: array_module(grad).concatenate([each[name] for each in found]) for name in ("K", "b")}

    def __repr__(self) -> str:
        M, C, kh, kw = self.K.shape
        details = f"{self.groups} groups, stride={self.stride}, pad={self.pad}"
        return f"GroupedConv({self.groups * C}→{M}, {kh}×{kw}, {details})"
