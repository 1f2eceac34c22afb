"""For a linear map A the way down is its adjoint: ⟨A x, y⟩ = ⟨x, Aᵀ y⟩ for all x and y."""

from __future__ import annotations

import pytest

from tests.examples import affine_layers, layers_with_switches, trainable_parameters

RULES = ["backward", "deconv", "guided"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", affine_layers())
def test_the_way_down_is_the_adjoint_of_the_way_up(xp, on, name, rule, rng):
    layer, shape = on(affine_layers()[name])
    x = rng.standard_normal(shape)
    up, cache = layer.forward(x)
    up = up - layer.forward(xp.zeros(shape))[0]  # A x: without the bias
    y = rng.standard_normal(up.shape)
    down = getattr(layer, rule)(y, cache)
    assert down.shape == shape
    assert float((up * y).sum()) == pytest.approx(float((x * down).sum()), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", layers_with_switches())
def test_with_its_switches_fixed_a_max_pool_is_linear_and_the_way_down_its_adjoint(on, name, rule, rng):
    """y = S x with a matrix S of zeros and ones, so ⟨S x, y⟩ = ⟨x, Sᵀ y⟩ at the x that set the switches."""
    layer, shape = on(layers_with_switches()[name])
    x = rng.standard_normal(shape)
    up, cache = layer.forward(x)
    y = rng.standard_normal(up.shape)
    down = getattr(layer, rule)(y, cache)
    assert float((up * y).sum()) == pytest.approx(float((x * down).sum()), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", affine_layers())
def test_gradients_of_parameters_are_adjoints_too(on, name, rng):
    """The output is affine in each parameter p on its own: ⟨y(p + v) − y(p), r⟩ = ⟨v, ∂⟨y, r⟩/∂p⟩."""
    layer, shape = on(affine_layers()[name])
    x = rng.standard_normal(shape)
    y, cache = layer.forward(x)
    r = rng.standard_normal(y.shape)
    gradients = layer.parameter_gradients(r, cache)
    assert sorted(gradients) == sorted(trainable_parameters(layer))
    for letter in gradients:
        p = layer.parameters[letter]
        v = rng.standard_normal(p.shape)
        moved, _ = layer.with_parameters({letter: p + v}).forward(x)
        assert gradients[letter].shape == p.shape
        slope = float((v * gradients[letter]).sum())
        assert float(((moved - y) * r).sum()) == pytest.approx(slope, rel=1e-10, abs=1e-10)
