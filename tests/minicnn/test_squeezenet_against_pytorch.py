"""The whole network against PyTorch: the same weights, the same photograph, scores and gradient in float64."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")
from tests.torch_layers import run  # noqa: E402


@pytest.fixture(scope="module")
def net(squeezenet):
    return squeezenet.astype(np.float64)


def test_scores_and_the_gradient_of_a_class(net, chelsea):
    x = net.preprocessing.to_input(net.preprocessing.centre_crop(chelsea)).astype(np.float64)
    X = torch.tensor(x, requires_grad=True)
    S = run(net.layers.values(), X)
    S[0, 285].backward()

    trace = net.forward(x)
    np.testing.assert_allclose(trace.scores, S.detach().numpy(), rtol=1e-10, atol=1e-10)
    seed = np.zeros((1, 1000))
    seed[0, 285] = 1
    gradient = net.backward(trace, seed)
    assert gradient.any()
    np.testing.assert_allclose(gradient, X.grad.numpy(), rtol=1e-9, atol=1e-12 * np.abs(gradient).max() + 1e-14)


def test_a_batch_of_odd_sizes(net, rng):
    x = 50 * rng.standard_normal((2, 3, 64, 71))
    X = torch.tensor(x, requires_grad=True)
    S = run(net.layers.values(), X)
    R = rng.standard_normal((2, 1000))
    S.backward(torch.tensor(R))
    trace = net.forward(x)
    np.testing.assert_allclose(trace.scores, S.detach().numpy(), rtol=1e-10, atol=1e-10)
    gradient = net.backward(trace, R)
    np.testing.assert_allclose(gradient, X.grad.numpy(), rtol=1e-9, atol=1e-10 * np.abs(gradient).max())
