"""Architectures as tables: the same one for random weights and for trained ones."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.architectures import build, he_weights


def test_a_random_squeezenet_has_the_trained_one_s_layers_and_shapes(squeezenet, rng):
    net = build("squeezenet1_1", rng)
    assert net.names == squeezenet.names
    assert {n: p.shape for n, p in net.parameters.items()} == {n: p.shape for n, p in squeezenet.parameters.items()}
    assert all(p.dtype == np.float32 for p in net.parameters.values())


def test_the_same_seed_gives_the_same_network():
    one, two, other = (build("squeezenet1_1", np.random.default_rng(seed))["conv1"].K for seed in (0, 0, 1))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_random_weights_keep_the_size_of_the_maps(rng):
    """He's initialisation: K ~ N(0, 2 / fan-in), b = 0."""
    K, b = he_weights(rng)("conv", (64, 32, 3, 3))
    assert K.std() == pytest.approx(np.sqrt(2 / (32 * 9)), rel=0.02)
    assert K.mean() == pytest.approx(0, abs=0.002)
    assert not b.any()


def test_an_unknown_architecture_lists_the_known():
    with pytest.raises(ValueError, match="there is no architecture 'vgg99': choose from squeezenet1_1"):
        build("vgg99", np.random.default_rng(0))
