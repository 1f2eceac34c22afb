"""Max-pooling:  X_{n+1}(p) = max_{q∈Ω(p)} X_n(q),   and back through the *switches* (paper, section 4).

The switch of output p is the place s of the winner in its window Ω(p).  The gradient goes where the winner was; that is
what a DeconvNet's "unpooling" does too.
"""

from __future__ import annotations

import numpy as np

from .arrays import Array, array_module
from .cores import in_parallel
from .pool import Part, Pool
from .windows import framed, unframed


class MaxPool(Pool):
    """X_{n+1}(p) = max_{q∈Ω(p)} X_n(q), with Ω(p) the kh×kw window of output p.  Padding is −∞ and never wins."""

    def forward(self, x: Array) -> tuple[Array, tuple[tuple[int, ...], Array]]:
        """The maximum of each window, and which tap it was: the cache is (shape of X_n, switches).

        switches (N, C, I, J): the winner's place q in its window, 0 … kh·kw − 1, row-major; of equals the first wins.
        """
        xp, sizes = array_module(x), self.output_size(x.shape)
        y = xp.empty_like(x, shape=(*x.shape[:2], *sizes))
        switches = xp.zeros_like(y, dtype=np.min_scalar_type(self.size[0] * self.size[1] - 1))

        def compare(part: Part) -> None:
            best, winner = y[part], switches[part]
            for q, seen in enumerate(self.taps(self.framed_part(x, part, fill=-np.inf), *best.shape[2:])):
                if q == 0:
                    best[...] = seen
                    continue
                won = (seen > best) * switches.dtype.type(q)  # strictly greater: of equals the first keeps its place
                xp.maximum(winner, won, out=winner)  # q only grows: the last winner has the largest q
                xp.maximum(best, seen, out=best)

        in_parallel(compare, self.parts(x.shape, x), x)
        return y, (x.shape, switches)

    def backward(self, grad: Array, cache: tuple[tuple[int, ...], Array]) -> Array:
        """∂f/∂X_n(s) = Σ_p ∂f/∂X_{n+1}(p) · 1(s = argmax_{q∈Ω(p)} X_n(q)).  Overlapping windows add up."""
        shape, switches = cache
        frame = self.frame(shape)
        below = framed(array_module(grad).zeros_like(grad, shape=shape), *frame)

        def pass_on(part: Part) -> None:
            for q, seen in enumerate(self.taps(below[self.seen_by(part)], *grad[part].shape[2:])):
                seen += grad[part] * (switches[part] == q)  # 1(s = argmax): only the winner passes the gradient

        self.add_in_parallel(pass_on, self.parts(shape, grad), grad)
        return unframed(below, *frame)

    deconv = guided = backward  # the argmax *is* the DeconvNet's switch
