"""PyTorch as an independent oracle: the same numbers through code that others wrote."""

from __future__ import annotations

import numpy as np
import pytest

from layers import AveragePool, Conv, FullyConnected, GlobalAveragePool, MaxPool, PaddedAveragePool, ShapeError

torch = pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")
F = torch.nn.functional


def agree(layer, x: np.ndarray, theirs, host_rng: np.random.Generator) -> None:
    """Our map and gradient at x are those of the PyTorch function `theirs`."""
    X = torch.tensor(x, requires_grad=True)
    Y = theirs(X)
    y, cache = layer.forward(x)
    np.testing.assert_allclose(y, Y.detach().numpy(), rtol=1e-12, atol=1e-12, strict=True)
    grad = host_rng.standard_normal(y.shape)
    Y.backward(torch.tensor(grad))
    np.testing.assert_allclose(layer.backward(grad, cache), X.grad.numpy(), rtol=1e-12, atol=1e-12, strict=True)


@pytest.mark.parametrize("k", [1, 2, 3, 7, 11])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("pad", [0, 1, 3])
def test_convolution(k, stride, pad, host_rng):
    K, b = host_rng.standard_normal((5, 3, k, k)), host_rng.standard_normal(5)
    theirs = [torch.tensor(p, requires_grad=True) for p in (K, b)]
    conv, x = Conv(K, b, stride, pad), host_rng.standard_normal((2, 3, 14, 17))
    agree(conv, x, lambda X: F.conv2d(X, *theirs, stride=stride, padding=pad), host_rng)

    y, cache = conv.forward(x)
    for p in theirs:
        p.grad = None
    F.conv2d(torch.tensor(x), *theirs, stride=stride, padding=pad).backward(torch.tensor(y))
    ours = conv.parameter_gradients(y, cache)
    np.testing.assert_allclose(ours["K"], theirs[0].grad.numpy(), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(ours["b"], theirs[1].grad.numpy(), rtol=1e-11, atol=1e-11)


def test_convolution_with_four_sided_padding_and_a_pair_of_strides(host_rng):
    K, b = host_rng.standard_normal((5, 3, 2, 4)), host_rng.standard_normal(5)
    x, (top, bottom, left, right) = host_rng.standard_normal((2, 3, 9, 8)), (0, 1, 2, 3)

    def theirs(X):
        return F.conv2d(F.pad(X, (left, right, top, bottom)), torch.tensor(K), torch.tensor(b), stride=(3, 2))

    agree(Conv(K, b, (3, 2), (top, bottom, left, right)), x, theirs, host_rng)


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("pad", [0, 1])
def test_max_and_average_pool(size, stride, ceil, pad, host_rng):
    geometry = {"stride": stride, "padding": pad, "ceil_mode": ceil}
    for H, W in [(9, 8), (7, 12), (3, 2), (2, 5)]:
        x = host_rng.standard_normal((2, 3, H, W))
        largest, average = MaxPool(size, stride, pad, ceil), AveragePool(size, stride, pad, ceil)
        try:
            F.max_pool2d(torch.tensor(x), size, **geometry)
        except RuntimeError:  # no room for a window, says PyTorch, so there must be none for ours
            for pool in (largest, average):
                with pytest.raises(ShapeError, match="finds no room"):
                    pool.forward(x)
            continue
        agree(largest, x, lambda X: F.max_pool2d(X, size, **geometry), host_rng)
        agree(average, x, lambda X: F.avg_pool2d(X, size, count_include_pad=False, **geometry), host_rng)
        padded = PaddedAveragePool(size, stride, pad, ceil)
        agree(padded, x, lambda X: F.avg_pool2d(X, size, count_include_pad=True, **geometry), host_rng)


def test_max_pool_switches_with_ties(host_rng):
    x = host_rng.integers(0, 3, (2, 3, 9, 9)).astype(float)
    _, (_, switches) = MaxPool(3, stride=2).forward(x)
    _, places = F.max_pool2d(torch.tensor(x), 3, stride=2, return_indices=True)  # row · W + column of the winner
    i, j = np.mgrid[:4, :4]
    rows, columns = 2 * i + switches // 3, 2 * j + switches % 3
    assert np.array_equal(rows * 9 + columns, places.numpy())


def test_fully_connected_and_global_average(host_rng):
    W, b = host_rng.standard_normal((4, 6)), host_rng.standard_normal(4)
    agree(
        FullyConnected(W, b),
        host_rng.standard_normal((3, 6)),
        lambda X: F.linear(X, torch.tensor(W), torch.tensor(b)),
        host_rng,
    )
    agree(GlobalAveragePool(), host_rng.standard_normal((2, 3, 5, 4)), lambda X: X.mean((2, 3)), host_rng)
