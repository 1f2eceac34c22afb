"""The check of exercise 2: dark pictures come out of the max-pool with a bright frame."""

import numpy as np

from minicnn.gradient_check import check_layer


def check(MyMaxPool):
    rng = np.random.default_rng(0)
    pool = MyMaxPool(3, stride=1, pad=1)
    four, _ = pool.forward(np.array([[[[-4.0, -3.0], [-2.0, -1.0]]]]))
    assert (four == -1).all(), (
        f"every 3×3 window over the map [[−4, −3], [−2, −1]] sees all four pixels, and should answer −1; "
        f"the answers are {four.ravel().tolist()}"
    )
    x = rng.standard_normal((2, 3, 5, 6))
    darker, plain = pool.forward(x - 100)[0], pool.forward(x)[0]
    assert np.allclose(darker, plain - 100), "if every pixel is darker by 100, so is every maximum; here some are not"
    assert check_layer(pool, x, rng).ok, "the gradient does not agree with finite differences of the output"
