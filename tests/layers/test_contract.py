"""What every layer promises: it writes into nothing, keeps the dtype, and its caches serve again and again."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from tests.devices import assert_close, equal, frozen
from tests.examples import arrays_in, every_layer

WAYS = ["backward", "deconv", "guided", "parameter_gradients"]


@pytest.mark.parametrize("name", every_layer())
def test_no_layer_writes_into_its_arguments(on, name, rng):
    layer, shape = on(every_layer()[name])
    layer = layer.map_parameters(lambda p: frozen(p.copy()))
    x = frozen(rng.standard_normal(shape))
    y, cache = layer.forward(x)
    for array in arrays_in(cache):
        frozen(array)
    signal = frozen(rng.standard_normal(y.shape))
    for way in WAYS:
        getattr(layer, way)(signal, cache)  # writing into a frozen array raises


@pytest.mark.parametrize("of_parameters", [np.float32, np.float64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", every_layer())
def test_a_layer_keeps_the_dtype_it_is_given(on, name, dtype, of_parameters, rng):
    layer, shape = on(every_layer()[name])
    layer = layer.map_parameters(lambda p: p.astype(of_parameters))
    y, cache = layer.forward(rng.standard_normal(shape).astype(dtype))
    assert y.dtype == dtype
    for way in WAYS[:3]:
        assert getattr(layer, way)(y, cache).dtype == dtype
    assert all(gradient.dtype == dtype for gradient in layer.parameter_gradients(y, cache).values())


@pytest.mark.parametrize("name", every_layer())
def test_a_cache_serves_every_rule_in_any_order_and_any_number_of_times(on, name, rng):
    layer, shape = on(every_layer()[name])
    y, cache = layer.forward(rng.standard_normal(shape))
    signal = rng.standard_normal(y.shape)
    first = {way: getattr(layer, way)(signal, cache) for way in WAYS[:3]}
    layer.forward(rng.standard_normal(shape))  # another image in between changes nothing
    for way in ["guided", "guided", "deconv", "backward", "deconv", "backward"]:
        assert equal(getattr(layer, way)(signal, cache), first[way])
        layer.parameter_gradients(signal, cache)


@pytest.mark.parametrize("name", [name for name in every_layer() if name != "Dropout"])
def test_only_dropout_behaves_differently_in_training(on, name, rng):
    layer, shape = on(every_layer()[name])
    x, nothing_is_drawn = rng.standard_normal(shape), None
    assert equal(layer.forward_training(x, nothing_is_drawn)[0], layer.forward(x)[0])


@pytest.mark.parametrize("name", every_layer())
def test_images_of_a_batch_do_not_see_each_other(on, name, rng):
    layer, shape = on(every_layer()[name])
    x = rng.standard_normal((3, *shape[1:]))
    y, cache = layer.forward(x)
    signal = rng.standard_normal(y.shape)
    for n in range(3):
        y_n, cache_n = layer.forward(x[n : n + 1])
        assert_close(y_n, y[n : n + 1], rtol=1e-12, atol=1e-12)
        for way in WAYS[:3]:
            alone, together = getattr(layer, way)(signal[n : n + 1], cache_n), getattr(layer, way)(signal, cache)
            assert_close(alone, together[n : n + 1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", every_layer())
def test_a_batch_of_no_images_goes_up_and_down(xp, on, name):
    layer, shape = on(every_layer()[name])
    y, cache = layer.forward(xp.zeros((0, *shape[1:])))
    assert len(y) == 0
    for way in WAYS[:3]:
        assert getattr(layer, way)(y, cache).shape == (0, *shape[1:])
    gradients = layer.parameter_gradients(y, cache)
    assert not any(gradient.any() for gradient in gradients.values())


@pytest.mark.parametrize("name", every_layer())
def test_views_and_transposed_arrays_are_as_good_as_any(on, name, rng):
    layer, shape = on(every_layer()[name])
    x = rng.standard_normal(shape[::-1]).T  # Fortran order
    y, cache = layer.forward(x)
    expected, expected_cache = layer.forward(x.copy())
    assert_close(y, expected, rtol=1e-12, atol=1e-12)
    signal = rng.standard_normal(y.shape[::-1]).T
    for way in WAYS[:3]:
        down = getattr(layer, way)(signal.copy(), expected_cache)
        assert_close(getattr(layer, way)(signal, cache), down, rtol=1e-12, atol=1e-12)


def test_two_threads_may_share_a_layer(on, rng):
    layer, shape = on(every_layer()["Concat with ReLUs"])
    inputs = [rng.standard_normal(shape) for _ in range(2)]
    expected = [layer.backward(*layer.forward(x)) for x in inputs]
    wrong = []

    def work(n: int) -> None:
        for _ in range(50):
            if not equal(layer.backward(*layer.forward(inputs[n])), expected[n]):
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_with_parameters_makes_a_copy_and_refuses_what_does_not_fit(xp, on, rng):
    layer, shape = on(every_layer()["FullyConnected"])
    x = rng.standard_normal(shape)
    before, _ = layer.forward(x)
    other = layer.with_parameters({"W": xp.zeros_like(layer.W)})
    assert equal(other.forward(x)[0], xp.broadcast_to(layer.b, before.shape))
    assert equal(layer.forward(x)[0], before)
    with pytest.raises(ValueError, match="FullyConnected has no parameter 'K'"):
        layer.with_parameters({"K": layer.W})
    with pytest.raises(ValueError, match=r"FullyConnected expects W of shape \(4, 5\), got \(5, 4\)"):
        layer.with_parameters({"W": layer.W.T})
