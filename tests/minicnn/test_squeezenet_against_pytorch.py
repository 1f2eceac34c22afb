"""The whole network against PyTorch: the same weights, the same photograph, scores and gradient in float64."""

from __future__ import annotations

import numpy as np
import pytest

from layers import Concat, Conv, Dropout, GlobalAveragePool, Layer, MaxPool, ReLU

torch = pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")
F = torch.nn.functional


def theirs(layer: Layer, X):
    """The layer as PyTorch has it, from the layer's parameters."""
    match layer:
        case Conv():
            assert len(set(layer.pad)) == 1
            return F.conv2d(X, torch.tensor(layer.K), torch.tensor(layer.b), layer.stride, layer.pad[0])
        case ReLU():
            return F.relu(X)
        case MaxPool():
            assert not any(layer.pad)
            return F.max_pool2d(X, layer.size, layer.stride, ceil_mode=layer.ceil)
        case GlobalAveragePool():
            return F.adaptive_avg_pool2d(X, 1).flatten(1)
        case Dropout():
            return X  # nothing is dropped from a trained network
        case Concat():
            return torch.cat([run(chain, X) for chain in layer.branches.values()], dim=1)
        case _:
            raise NotImplementedError(layer)


def run(layers, X):
    for layer in layers:
        X = theirs(layer, X)
    return X


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
