"""The sentences of the paper's section 3 about S_c(I) ≈ wᵀI + b, each as a test."""

import numpy as np
import pytest

from layers import Conv, Flatten, FullyConnected, LocalResponseNorm, MaxPool, ReLU
from minicnn.network import Network, one_hot
from tests.devices import equal
from visualize import linearize, saliency


@pytest.fixture
def rng(draws):
    return draws


def piecewise_linear(rng, norm=None):
    """Convolutions, ReLUs, max-pools and fully connected layers, as in the paper; 16×16 colour images, 4 classes."""
    layers = {"conv1": Conv(rng.standard_normal((8, 3, 3, 3)), rng.standard_normal(8), pad=1), "relu1": ReLU()}
    if norm is not None:
        layers["norm1"] = norm
    return Network(
        layers
        | {
            "pool1": MaxPool(2),
            "conv2": Conv(rng.standard_normal((8, 8, 3, 3)) / 8, rng.standard_normal(8)),
            "relu2": ReLU(),
            "flatten": Flatten(),
            "full3": FullyConnected(rng.standard_normal((16, 288)) / 16, rng.standard_normal(16)),
            "relu3": ReLU(),
            "full4": FullyConnected(rng.standard_normal((4, 16)), rng.standard_normal(4)),
        }
    )


LRN = LocalResponseNorm(3, kappa=2.0, alpha=0.1, beta=0.75)


def biases_times_their_gradients(net, x, c):
    """Σ over layers ⟨bias, ∂S_c/∂bias⟩."""
    trace = net.forward(x)
    gradients = net.parameter_gradients(trace, one_hot(trace.scores, c))
    return sum(float((p * gradients[name]).sum()) for name, p in net.parameters.items() if name.endswith(".b"))


def test_the_offset_is_what_the_biases_contribute(rng):
    # Inside one linear piece the score is linear in image and biases together: homogeneous of degree one, so by Euler
    # S_c = ⟨I, ∂S_c/∂I⟩ + Σ ⟨bias, ∂S_c/∂bias⟩, and b = S_c − ⟨w, I⟩ is the second part.
    net = piecewise_linear(rng)
    x = rng.standard_normal((1, 3, 16, 16))
    for c in range(4):
        _, b = linearize(net, x, c)
        assert float(b[0]) == pytest.approx(biases_times_their_gradients(net, x, c), rel=1e-12)


def test_the_offset_is_what_the_biases_contribute_on_a_real_network_too(squeezenet, chelsea):
    net = squeezenet.astype(np.float64)
    x = net.preprocessing.to_input(net.preprocessing.centre_crop(chelsea)).astype(np.float64)
    _, b = linearize(net, x, 285)
    assert b[0] == pytest.approx(biases_times_their_gradients(net, x, 285), rel=1e-9)


def test_with_response_normalisation_it_is_not(rng):
    # LRN divides by what grows with its input: twice the maps are not twice the output, and Euler's sentence fails
    net = piecewise_linear(rng, LRN)
    x = rng.standard_normal((1, 3, 16, 16))
    _, b = linearize(net, x, 2)
    assert abs(b[0] - biases_times_their_gradients(net, x, 2)) > 0.01 * abs(b[0])


def test_within_one_linear_piece_the_taylor_model_is_the_score(rng):
    net = piecewise_linear(rng)
    x, v = rng.standard_normal((2, 1, 3, 16, 16))
    w, b = linearize(net, x, 1)
    near = x + 1e-7 * v
    assert all(equal(a > 0, b > 0) for a, b in zip(net.forward(x).maps, net.forward(near).maps, strict=True))
    assert float((w * near).sum() + b[0]) == pytest.approx(float(net.scores(near)[0, 1]), rel=1e-13)


def test_where_the_score_is_curved_the_error_shrinks_with_the_square_of_the_step(rng):
    net = piecewise_linear(rng, LRN)
    x, v = rng.standard_normal((2, 1, 3, 16, 16))
    w, b = linearize(net, x, 1)
    steps = (1e-4, 5e-5, 2.5e-5)
    errors = [float(abs((w * (x + h * v)).sum() + b[0] - net.scores(x + h * v)[0, 1])) for h in steps]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize("name", ["chelsea", "coffee"])
def test_the_most_salient_pixels_need_to_be_changed_the_least_to_change_the_score_the_most(name, request, squeezenet):
    rng = np.random.default_rng(0)
    photo = request.getfixturevalue(name)
    x = squeezenet.preprocessing.to_input(squeezenet.preprocessing.centre_crop(photo))
    scores = squeezenet.scores(x)
    c = int(scores.argmax())
    w, _ = linearize(squeezenet, x, c)
    M = saliency(squeezenet, x, c)[0]
    count = M.size // 20  # 5 %

    def drop(pixels):
        """How far S_c falls when these pixels are moved against w by 8 grey levels each."""
        moved = np.zeros(M.size, bool)
        moved[pixels] = True
        return float((scores - squeezenet.scores(x - 8 * np.sign(w) * moved.reshape(M.shape)))[0, c])

    most_salient = drop(np.argsort(M.ravel())[-count:])
    at_random = [drop(rng.choice(M.size, count, replace=False)) for _ in range(10)]
    assert most_salient > max(at_random)


def test_on_a_grey_image_the_map_is_the_absolute_value_of_w(rng):
    net = Network({"conv": Conv(rng.standard_normal((2, 1, 5, 5))), "flatten": Flatten()})
    x = rng.standard_normal((3, 1, 5, 5))
    w, _ = linearize(net, x, [0, 1, 0])
    assert equal(saliency(net, x, [0, 1, 0]), abs(w[:, 0]))
    assert equal(w[1], net["conv"].K[1])  # of a linear score, w is the kernel itself


def test_one_image_and_a_batch_of_one_say_the_same(rng):
    net = piecewise_linear(rng)
    x = rng.standard_normal((3, 16, 16))
    w, b = linearize(net, x, 2)
    assert w.shape == x.shape
    assert np.ndim(b) == 0
    assert equal(linearize(net, x[None], 2)[0][0], w)
    assert saliency(net, x, 2).shape == (16, 16)
