"""The softmax: probabilities, whatever the scores."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.loss import softmax
from tests.devices import close, equal


@pytest.fixture
def rng(draws):
    return draws


def test_by_hand(on):
    assert close(softmax(on(np.log([[1.0, 2.0, 5.0]]))), [[0.125, 0.25, 0.625]])


def test_each_image_s_probabilities_sum_to_one(rng):
    P = softmax(rng.standard_normal((4, 10)))
    assert close(P.sum(axis=1), 1)
    assert (P > 0).all()


def test_only_differences_of_scores_matter(rng):
    S = rng.standard_normal((4, 10))
    assert close(softmax(S + 100), softmax(S))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_scores_do_not_overflow(xp, dtype):
    P = softmax(xp.array([1e30, 0, -1e30], dtype))
    assert equal(P, [1, 0, 0])
    assert P.dtype == dtype
