"""DeconvNet and guided back-propagation draw the same picture

Lesson 6, hard, 15 minutes

Meant to be: the DeconvNet's ReLU, R_n = R_{n+1} · 1(R_{n+1} > 0) (paper, section 4): what comes down decides.

Symptom: this DeconvNet's pictures are sharper and tell classes apart better than those of the paper on DeconvNets. Put
next to guided back-propagation they are equal to the last digit.

Hint: write the table of all four cases, X_n positive or negative, R_{n+1} positive or negative, for each of the three
rules.
"""

import numpy as np

from layers import ReLU


class MyReLU(ReLU):
    """X_{n+1} = max(X_n, 0)."""

    def deconv(self, R, x):
        """R_n = R_{n+1} · 1(R_{n+1} > 0)."""
        return np.maximum(self.backward(R, x), 0)  # no negative signal comes down


def check(MyReLU=MyReLU):
    relu = MyReLU()
    x, R = np.array([[-1.0, 2.0, -1.0, 2.0], [3.0, 3.0, -3.0, -3.0]])
    down = relu.deconv(R, relu.forward(x)[1]).tolist()
    assert min(down) >= 0, f"a negative signal came down: R_n = {down}"
    assert sum(down) == 6, (
        f"for R_{{n+1}} = {R.tolist()} the paper's formula gives a total of 6 at R_n; it is {sum(down):g}"
    )
    assert down == [3, 3, 0, 0], f"for R_{{n+1}} = {R.tolist()} the paper's formula does not give R_n = {down}"
    rng = np.random.default_rng(0)
    R = rng.standard_normal((1, 2, 4, 5))
    one, another = (relu.deconv(R, relu.forward(rng.standard_normal(R.shape))[1]) for _ in range(2))
    assert np.array_equal(one, another), "the same signal came down differently over two different images"
