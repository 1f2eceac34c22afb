"""The Taylor model is tangent to the score, and the saliency map is the largest |w| of each pixel."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from layers import Conv, Flatten, FullyConnected, MaxPool, ReLU
from minicnn import Network
from tests.devices import close, equal, frozen
from tests.examples import random_conv
from visualize import batches, linearize, saliency
from visualize.vanished_signal import VanishedSignal


@pytest.fixture
def rng(draws):
    return draws


def network(rng: np.random.Generator, channels: int = 3) -> Network:
    return Network(
        {
            "conv1": random_conv(rng, 4, channels, 3, 3),
            "relu1": ReLU(),
            "pool1": MaxPool(2),
            "flatten": Flatten(),
            "full2": FullyConnected(rng.standard_normal((6, 36)), rng.standard_normal(6)),
        }
    )


@pytest.fixture
def net(rng) -> Network:
    return network(rng)


@pytest.fixture
def x(rng) -> np.ndarray:
    return rng.standard_normal((2, 3, 8, 8))


def test_shapes_of_one_image_of_a_batch_and_of_grey(xp, net, x, rng):
    w, b = linearize(net, x[0], 2)
    assert (w.shape, b.shape, saliency(net, x[0], 2).shape) == ((3, 8, 8), (), (8, 8))
    w, b = linearize(net, x, 2)
    assert (w.shape, b.shape, saliency(net, x, 2).shape) == ((2, 3, 8, 8), (2,), (2, 8, 8))
    grey = network(rng, channels=1)
    w, _ = linearize(grey, x[0, :1], 2)
    assert equal(saliency(grey, x[0, :1], 2), xp.abs(w[0]))


def test_at_the_image_the_model_is_the_score(net, x):
    """⟨w, I_0⟩ + b = S_c(I_0)."""
    S = net.scores(x)
    for c in range(6):
        w, b = linearize(net, x, c)
        assert close((w * x).sum(axis=(1, 2, 3)) + b, S[:, c], rtol=1e-12)


def test_the_model_is_tangent(net, x, rng):
    """S_c(I_0 + t·v) − model → 0 faster than t.  Between kinks this network is linear: there the two are equal."""
    w, b = linearize(net, x[0], 2)
    v = rng.standard_normal(x[0].shape)
    for t in (1e-4, 1e-6):
        moved = x[0] + t * v
        assert float(net.scores(moved[None])[0, 2]) == pytest.approx(float((w * moved).sum() + b), rel=1e-12)
    far = x[0] + 2 * v
    assert float(net.scores(far[None])[0, 2]) != pytest.approx(
        float((w * far).sum() + b), rel=1e-3
    )  # a model for nearby only


def test_the_model_of_a_linear_network_holds_everywhere(net, x, rng):
    linear = Network({name: net[name] for name in ("conv1", "flatten")})
    w, b = linearize(linear, x[0], 5)
    far = 100 * rng.standard_normal(x[0].shape)
    assert float(linear.scores(far[None])[0, 5]) == pytest.approx(float((w * far).sum() + b), rel=1e-12)


def test_the_map_is_the_largest_absolute_weight_of_each_pixel(net, x):
    w, _ = linearize(net, x[0], 2)
    M = saliency(net, x[0], 2)
    for i, j in np.ndindex(8, 8):
        assert M[i, j] == max(abs(w[0, i, j]), abs(w[1, i, j]), abs(w[2, i, j]))


def test_absolute_value_first_then_the_maximum(xp):
    w = xp.array([-5.0, 1.0, 2.0])
    linear = Network({"conv": Conv(w.reshape(1, 3, 1, 1)), "flatten": Flatten()})
    assert saliency(linear, xp.ones((3, 1, 1)), 0) == 5


def test_the_map_is_raw(net, x):
    """No normalisation: ten times the score has ten times the map."""
    louder = net.with_parameters({"full2.W": 10 * net["full2"].W})
    assert close(saliency(louder, x, 2), 10 * saliency(net, x, 2), rtol=1e-12)


def test_one_class_for_all_images_or_one_for_each(net, x):
    w, b = linearize(net, x, [2, 4])
    for n, c in enumerate([2, 4]):
        w_n, b_n = linearize(net, x[n], c)
        assert close(w[n], w_n, rtol=1e-12)
        assert close(b[n], b_n, rtol=1e-12)


def test_the_maps_of_a_large_batch_are_those_of_its_images(xp, net, rng, monkeypatch):
    """It is worked on in parts: two full ones and a rest."""
    monkeypatch.setattr(batches, "AT_ONCE", 3)
    x, classes = rng.standard_normal((7, 3, 8, 8)), [0, 5, 1, 4, 2, 3, 0]
    assert close(saliency(net, x, classes), xp.stack([saliency(net, x[n], classes[n]) for n in range(7)]), rtol=1e-12)
    assert close(saliency(net, x, 2), xp.stack([saliency(net, x[n], 2) for n in range(7)]), rtol=1e-12)
    with pytest.raises(ValueError, match="one for each of 7 images"):
        saliency(net, x, classes[:3])


def test_features_have_a_taylor_model_but_no_map(rng):
    net = Network({"full": FullyConnected(rng.standard_normal((3, 5)), rng.standard_normal(3))})
    w, b = linearize(net, rng.standard_normal(5), 1)
    assert close(w, net["full"].W[1])
    assert close(b, net["full"].b[1])
    with pytest.raises(ValueError, match=r"a saliency map needs an image \(C, H, W\), got \(5,\)"):
        saliency(net, rng.standard_normal(5), 1)


def test_float32_stays_float32(net, x):
    assert saliency(net.astype(np.float32), x.astype(np.float32), 2).dtype == np.float32


@pytest.mark.parametrize("explain", [linearize, saliency])
def test_a_gradient_that_dies_is_reported_with_the_layer_at_which_it_died(xp, net, x, explain):
    dead = net.with_parameters({"conv1.b": xp.full(4, -1e6)})  # no unit of relu1 fires
    with pytest.warns(VanishedSignal, match=r"^the gradient is zero everywhere: it vanished at layer relu1, ReLU\(\)$"):
        explain(dead, x, 2)
    mute = net.with_parameters({"full2.W": xp.zeros((6, 36))})
    with pytest.warns(VanishedSignal, match=r"it vanished at layer full2, FullyConnected\(36→6\)$"):
        explain(mute, x, 2)


def test_the_warning_points_at_the_line_that_asked(xp, net, x):
    dead = net.with_parameters({"conv1.b": xp.full(4, -1e6)})
    with pytest.warns(VanishedSignal) as caught:
        linearize(dead, x, 2)
    assert caught[0].filename == __file__


def test_a_living_gradient_is_not_reported(net, x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        saliency(net, x, 2)


def test_the_image_is_not_written_to(net, x):
    saliency(net, frozen(x), 2)


def test_the_map_of_a_network_that_looks_at_one_pixel_is_that_pixel(xp):
    look = Network({"conv": Conv(xp.array([0.0, -3.0, 2.0]).reshape(1, 3, 1, 1)), "flatten": Flatten()})
    M = saliency(look, xp.ones((3, 4, 5)), 7)  # class 7 is pixel (1, 2)
    expected = xp.zeros((4, 5))
    expected[1, 2] = 3
    assert equal(M, expected)


def test_in_a_real_network_the_salient_pixels_are_those_that_move_the_score(squeezenet, chelsea):
    """Changed by a tenth of a grey level along w, the 1 % most salient pixels raise S_c as the model says."""
    x = squeezenet.preprocessing.to_input(squeezenet.preprocessing.centre_crop(chelsea))[0]
    w, _ = linearize(squeezenet, x, 285)
    M = saliency(squeezenet, x, 285)
    assert M.shape == (227, 227)
    score = squeezenet.scores(x[None])[0, 285]

    def rise(pixels):
        change = 0.1 * np.sign(w) * pixels
        return squeezenet.scores((x + change)[None])[0, 285] - score, np.sum(w * change)

    actual, predicted = rise(np.quantile(M, 0.99) <= M)
    assert actual == pytest.approx(predicted, rel=0.05)
    assert actual > 10 * abs(rise(np.quantile(M, 0.01) >= M)[0])
