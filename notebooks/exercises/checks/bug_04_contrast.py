"""The check of exercise 4: twice the contrast, twice the gradient."""

import numpy as np

from minicnn.gradient_check import check_layer


def check(MyReLU):
    rng = np.random.default_rng(0)
    relu = MyReLU()
    x, grad = rng.standard_normal((2, 1, 3, 4, 5))
    once, twice = (relu.backward(grad, relu.forward(contrast * x)[1]) for contrast in (1, 2))
    assert np.array_equal(once == 0, x <= 0), "the gradient is not zero just where X_n ≤ 0"
    assert np.allclose(once, twice), (
        "X_n and 2·X_n open the same ReLUs, so the same gradient should come down; "
        f"for 2·X_n it is {np.linalg.norm(twice) / np.linalg.norm(once):.2f} times as large"
    )
    report = check_layer(relu, x, rng)
    assert report.ok, f"the gradient does not agree with finite differences:\n{report}"
