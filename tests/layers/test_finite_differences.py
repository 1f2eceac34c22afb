"""Every derivative against differences of the forward pass, in float64 and away from kinks."""

from __future__ import annotations

import pytest

import layers
from layers import Layer, ShapeError
from minicnn.gradient_check import check_layer
from tests.devices import close, host
from tests.examples import every_layer, trainable_parameters
from tests.oracles import slope_by_slope


@pytest.mark.parametrize("name", every_layer())
def test_along_random_directions_within_1e_7(on, name, rng):
    layer, shape = on(every_layer()[name])
    report = check_layer(layer, rng.standard_normal(shape), rng)
    assert [check.name for check in report.checks] == ["input", *trainable_parameters(layer)]
    assert report.ok, f"\n{report}"
    assert max(check.error for check in report.checks) <= 1e-7
    assert max(check.left_out for check in report.checks) == 0  # nothing was excused


@pytest.mark.parametrize("name", every_layer())
def test_component_by_component_without_the_checker(on, name, rng):
    """The plain loop over all components: it shares no code with the checker."""
    layer, shape = on(every_layer()[name])
    x = rng.standard_normal(shape)
    y, cache = layer.forward(x)
    r = rng.standard_normal(y.shape)
    gradients = {"x": layer.backward(r, cache), **layer.parameter_gradients(r, cache)}
    numeric = slope_by_slope(lambda moved: float((r * layer.forward(on(moved))[0]).sum()), host(x))
    assert close(gradients["x"], numeric, rtol=1e-6, atol=1e-7)
    assert gradients.keys() == {"x", *trainable_parameters(layer)}
    for letter in trainable_parameters(layer):
        p = layer.parameters[letter]

        def f(q, name=letter):
            return float((r * layer.with_parameters({name: on(q)}).forward(x)[0]).sum())

        numeric = slope_by_slope(f, host(p))
        assert close(gradients[letter], numeric, rtol=1e-6, atol=1e-7)


def test_every_kind_of_layer_has_an_example():
    kinds = {value for value in vars(layers).values() if isinstance(value, type) and issubclass(value, Layer)}
    assert kinds - {Layer} == {type(layer) for layer, _ in every_layer().values()}
    assert not issubclass(ShapeError, Layer)
