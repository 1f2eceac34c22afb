"""The cross-entropy, and the gradient that training descends."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.gradient_check import check_gradient
from minicnn.loss import cross_entropy, log_softmax, softmax


def test_cross_entropy_by_hand():
    """P = (1/8, 2/8, 5/8) and (1/2, 1/4, 1/4); the classes are 2 and 0."""
    S = np.log([[1.0, 2.0, 5.0], [2.0, 1.0, 1.0]])
    loss, grad = cross_entropy(S, np.array([2, 0]))
    assert loss == pytest.approx((np.log(8 / 5) + np.log(2)) / 2)
    assert np.allclose(grad, [[1 / 16, 1 / 8, -3 / 16], [-1 / 4, 1 / 8, 1 / 8]])


def test_a_network_that_knows_nothing_pays_log_of_the_number_of_classes():
    assert cross_entropy(np.zeros((4, 10)), np.arange(4))[0] == pytest.approx(np.log(10))


def test_its_gradient_is_right_by_finite_differences(rng):
    S, labels = 3 * rng.standard_normal((5, 7)), rng.integers(0, 7, 5)
    check = check_gradient(lambda S: cross_entropy(S, labels)[0], S, cross_entropy(S, labels)[1], rng)
    assert check.verdict == "ok"
    wrong = cross_entropy(S, labels)[1] * 1.001
    assert check_gradient(lambda S: cross_entropy(S, labels)[0], S, wrong, rng).verdict == "WRONG"


@pytest.mark.parametrize("size", [1, 30, 1000])
def test_loss_and_gradient_are_pytorchs(size, rng):
    torch = pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")
    S, labels = size * rng.standard_normal((6, 5)), rng.integers(0, 5, 6)
    theirs = torch.tensor(S, requires_grad=True)
    their_loss = torch.nn.functional.cross_entropy(theirs, torch.tensor(labels))
    their_loss.backward()
    loss, grad = cross_entropy(S, labels)
    np.testing.assert_allclose(loss, their_loss.item(), rtol=1e-12)
    np.testing.assert_allclose(grad, theirs.grad.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_hopelessly_wrong_and_perfectly_right_scores_have_finite_losses(dtype):
    S = np.array([[0, 1e4], [1e4, 0]], dtype)
    loss, grad = cross_entropy(S, np.array([0, 0], np.uint8))
    assert loss == 5000
    assert np.array_equal(grad, [[-0.5, 0.5], [0, 0]])
    assert loss.dtype == grad.dtype == dtype


def test_each_image_s_gradients_sum_to_zero_for_only_differences_matter(rng):
    _, grad = cross_entropy(rng.standard_normal((4, 10)), np.arange(4))
    assert np.allclose(grad.sum(axis=1), 0)


def test_the_scores_are_left_as_they_are(rng):
    S = rng.standard_normal((3, 4))
    S.flags.writeable = False
    cross_entropy(S, np.arange(3))


def test_scores_of_nan_are_not_hidden():
    assert np.isnan(cross_entropy(np.array([[np.nan, 1.0]]), np.array([1]))[0])


@pytest.mark.parametrize(("scores", "labels"), [((3, 4), (2,)), ((3, 4), (3, 1)), ((3,), (3,)), ((0, 4), (0,))])
def test_shapes_that_do_not_fit_are_refused(scores, labels):
    with pytest.raises(ValueError, match="expected scores"):
        cross_entropy(np.zeros(scores), np.zeros(labels, int))


def test_log_softmax_is_the_logarithm_of_softmax(rng):
    S = rng.standard_normal((3, 4))
    assert np.allclose(log_softmax(S), np.log(softmax(S)))
