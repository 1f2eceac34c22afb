"""The check of exercise 16: deconvNet and guided back-propagation draw the same picture."""

import numpy as np


def check(MyReLU):
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
