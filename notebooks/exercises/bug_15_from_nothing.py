"""A DeconvNet that draws something from nothing

Lesson 6, easy, 5 minutes

Meant to be: the DeconvNet's way down through a convolution, R_n = R_{n+1} ⋆ K̂ (paper, section 4).

Symptom: with R_{n+1} = 0 everywhere, with no signal at all, the DeconvNet still draws a picture: always the same
texture. It lies beneath every other reconstruction, too, and the weaker the signal the more of it one sees.

Hint: the way down is the transpose of the way up, not its inverse. What does not depend on X_n has no part in it.
"""

import numpy as np

from layers import Conv


class MyConv(Conv):
    """X_{n+1} = X_n ⋆ K + b."""

    def deconv(self, R, x):
        """R_n = R_{n+1} ⋆ K̂."""
        R = R - self.b[:, None, None]  # what was added on the way up
        return self.backward(R, x)


def check(MyConv=MyConv):
    rng = np.random.default_rng(0)
    conv = MyConv(rng.standard_normal((4, 3, 3, 3)), rng.standard_normal(4), stride=2, pad=1)
    x = rng.standard_normal((1, 3, 9, 8))
    y, cache = conv.forward(x)
    R = rng.standard_normal(y.shape)
    assert not conv.deconv(np.zeros(y.shape), cache).any(), "R_{n+1} = 0 comes down as something else than 0"
    assert np.allclose(conv.deconv(2 * R, cache), 2 * conv.deconv(R, cache)), (
        "twice the signal does not come down as twice the picture"
    )
    up, down = np.sum((y - conv.forward(0 * x)[0]) * R), np.sum(x * conv.deconv(R, cache))
    assert np.isclose(up, down), f"⟨Ax, R⟩ = {up:.4f} and ⟨x, AᵀR⟩ = {down:.4f}: what comes down is not the transpose"
