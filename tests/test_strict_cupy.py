"""The stand-in for CuPy refuses what it should, gives what NumPy gives, and catches mistakes planted in our code."""

from __future__ import annotations

import sys
import warnings
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from layers import Conv, Dropout, Flatten, FullyConnected, MaxPool, ReLU
from layers.arrays import array_module, to_host, why_no_cuda
from minicnn.datasets import Dataset
from minicnn.images import Preprocessing
from minicnn.network import Network
from tests.cupy_calls import complaints, complaints_about_methods
from tests.devices import host, moved
from tests.refusals import HOST, NEEDING_A_GPU, REFUSED, STRICTER, VIEWS, outcome
from tests.strict_cupy import HiddenTransfer, UndefinedInCuPy, no_transfers, no_waiting, strict, watching

HOUSE = Path(__file__).resolve().parent.parent


def on_strict() -> dict[str, object]:
    return {name: strict.asarray(array) for name, array in HOST.items()}


@pytest.mark.parametrize(("expression", "error"), {**REFUSED, **STRICTER, **NEEDING_A_GPU}.items())
def test_what_cupy_refuses_is_refused_with_its_exception(expression, error):
    assert type(outcome(expression, strict, on_strict())) is error


@pytest.mark.parametrize("expression", VIEWS)
def test_what_is_given_is_what_numpy_gives_and_stays_on_the_device(expression):
    result = outcome(expression, strict, on_strict())
    expected = outcome(expression, np, {**HOST})
    assert type(result) is strict.ndarray
    assert (result.shape, result.dtype) == (np.shape(expected), expected.dtype)
    assert np.array_equal(host(result), expected)


@pytest.mark.parametrize("expression", ["x.sum()", "x.max()", "x[1, 2]", "x.argmax()", "(x > 3).any()", "xp.sqrt(s)"])
def test_single_numbers_are_arrays_without_axes_on_the_device(expression):
    result = outcome(expression, strict, on_strict())
    assert type(result) is strict.ndarray
    assert result.shape == ()


def test_a_view_writes_through_and_a_copy_does_not():
    x = strict.zeros((2, 3))
    part = x[0]
    part += 1
    x[1, 2] = strict.asarray(np.array(7.0))
    x.copy()[0] = 9
    assert host(x).tolist() == [[1, 1, 1], [0, 0, 7]]


def test_what_empty_holds_is_no_number():
    assert np.isnan(host(strict.empty((2, 3)))).all()
    assert np.isnan(host(strict.empty_like(strict.ones(3)))).all()
    assert (host(strict.empty(3, dtype=np.uint8)) == 255).all()


def test_to_assign_to_one_place_twice_is_refused_unless_it_is_one_number():
    x, twice = strict.zeros(4), strict.asarray(np.array([1, 1]))
    with pytest.raises(UndefinedInCuPy):
        x[twice] = strict.asarray(np.array([1.0, 2.0]))
    x[twice] = 5
    x[strict.asarray(np.array([0, 3]))] = strict.asarray(np.array([1.0, 2.0]))
    assert host(x).tolist() == [1, 5, 0, 2]


def test_crossings_are_counted_and_can_be_forbidden():
    x = strict.ones(3)
    with watching() as seen:
        strict.asarray(np.ones(3))
        x.get(), float(x.sum()), bool(x.any()), x.tolist(), int(x.argmax()), f"{x.sum():.2f}", x[x > 0]
        x.sum(), x + 1, strict.sqrt(x), strict.asarray(x)
    assert (seen.to_host, seen.to_device) == (7, 1)
    with no_waiting():
        strict.asarray(np.ones(3))
        with pytest.raises(HiddenTransfer, match=r"float\(array\) moves an array to host"):
            float(x.sum())
    with no_transfers(), pytest.raises(HiddenTransfer, match=r"cupy.array\(\) moves an array to device"):
        strict.asarray(np.ones(3))


def test_its_arrays_belong_to_it_and_it_passes_for_a_working_cupy(monkeypatch):
    assert array_module(strict.zeros(3)) is strict
    assert type(to_host(strict.zeros(3))) is np.ndarray
    monkeypatch.setitem(sys.modules, "cupy", strict)
    assert why_no_cuda() == ""


# ---------------------------------------------------------------------- mistakes planted in our own code


def planted(path: str, right: str, wrong: str) -> ModuleType:
    """A file of the house as a module, with a mistake in it."""
    source = (HOUSE / path).read_text(encoding="utf-8")
    assert source.count(right) == 1, f"{path} has changed: plant this mistake anew"
    module = ModuleType(path.removesuffix(".py").replace("/", "."))
    import_module(module.__name__)  # dataclasses look for the module that they are made in
    module.__package__ = module.__name__.rpartition(".")[0]
    module.__dict__["np"] = np
    exec(compile(source.replace(right, wrong), path, "exec"), module.__dict__)
    return module


RNG = np.random.default_rng(0)


def small_network() -> Network:
    layers = {
        "conv": Conv(RNG.standard_normal((4, 3, 3, 3), np.float32)),
        "relu": ReLU(),
        "pool": MaxPool(2),
        "flatten": Flatten(),
        "drop": Dropout(0.5),
        "fc": FullyConnected(RNG.standard_normal((5, 36), np.float32)),
    }
    return moved(strict, Network(layers, Preprocessing((8, 8), mean=(120.0, 115.0, 105.0))))


def device_array(*shape: int) -> object:
    return strict.asarray(RNG.standard_normal(shape))


def up_and_down(layer: object, *shape: int) -> None:
    y, cache = layer.forward(device_array(*shape))
    layer.backward(y, cache)


def a_step_of_training(training: ModuleType) -> None:
    images = RNG.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    run = training.Run.start(small_network(), training.Settings(epochs=1, batch=4))
    with no_waiting():
        next(training.epoch(run, Dataset(images, np.array([0, 1, 2, 3]), list("abcde")), np.zeros((3, 3))))


def three_steps_of_ascent(class_model: ModuleType) -> None:
    with no_waiting():
        settings = class_model.Settings(steps=2, step=1.0, decay=0.1, jitter=1, blur=1.0, blur_every=1, max_norm=1.0)
        for _ in class_model.ascend(small_network(), [1, 2], settings):
            pass


def a_checked_layer(gradient_check: ModuleType) -> None:
    layer = moved(strict, FullyConnected(RNG.standard_normal((2, 3))))
    gradient_check.check_layer(layer, device_array(4, 3), np.random.default_rng(0))


def a_map(saliency: ModuleType) -> None:
    saliency.photo_saliency(small_network(), RNG.integers(0, 256, (9, 10, 3), dtype=np.uint8), 1)


def log_softmax(loss: ModuleType) -> None:
    loss.log_softmax(device_array(2, 5))


def a_loss(loss: ModuleType) -> None:
    loss.cross_entropy(device_array(2, 5), strict.asarray(np.array([1, 3])))


def one_hot(network: ModuleType) -> None:
    network.one_hot(device_array(2, 5), [1, 3])


def fully_connected(module: ModuleType) -> None:
    up_and_down(module.FullyConnected(device_array(4, 5), device_array(4)), 2, 5)


def concat(module: ModuleType) -> None:
    up_and_down(module.Concat([[], []]), 1, 2, 3, 3)


def response_norm(module: ModuleType) -> None:
    up_and_down(module.LocalResponseNorm(3, 2.0, 0.5, 0.75), 1, 4, 2, 2)


def dropout(module: ModuleType) -> None:
    module.Dropout(0.5).forward_training(device_array(2, 5), np.random.default_rng(0))


def scores_of_a_photo(network: ModuleType) -> None:
    net = small_network()
    net.forward(network.input_of(net, RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8)))


def a_picture(images: ModuleType) -> None:
    images.to_bytes(strict.ones((4, 4, 3)))


PLANTED = {
    "host zeros in the backward": (
        fully_connected, "layers/fully_connected.py",
        "return affine_transposed(grad,", "return np.zeros(x.shape) + affine_transposed(grad,",
        TypeError,
    ),
    "np.pad on an array of the device": (
        response_norm, "layers/local_response_norm.py",
        'sums = x.copy()', "sums = np.pad(x, 0)",
        TypeError,
    ),
    "np.concatenate in place of xp's": (
        concat, "layers/concat.py", "array_module(outputs[0]).concatenate(outputs", "np.concatenate(outputs", TypeError,
    ),
    "a mask that was drawn and stayed on the host": (
        dropout, "layers/dropout.py",
        "xp.asarray(rng.random(x.shape) >= self.p)", "rng.random(x.shape) >= self.p",
        TypeError,
    ),
    "host indices": (
        one_hot, "minicnn/network.py",
        "seed[xp.arange(scores.shape[0]), xp.asarray(c)] = 1", "seed[np.arange(scores.shape[0]), c] = 1",
        TypeError,
    ),
    "max(initial=…)": (
        log_softmax, "minicnn/loss.py",
        "    scores = scores - scores.max(axis=-1, keepdims=True)\n",
        "    scores = scores - scores.max(axis=-1, keepdims=True, initial=0)\n",
        TypeError,
    ),
    "xp.errstate": (
        log_softmax, "minicnn/loss.py",
        "    xp = array_module(scores)\n    return scores -",
        "    xp = array_module(scores)\n    xp.errstate(over='ignore')\n    return scores -",
        AttributeError,
    ),
    "a comparison with an array of the host": (
        a_loss, "minicnn/loss.py", "== xp.arange(classes)", "== np.arange(classes)", TypeError,
    ),
    "float(loss) in the step": (
        a_step_of_training, "minicnn/training.py", "tally.add(loss,", "tally.add(float(loss),", HiddenTransfer,
    ),
    "images that were not moved": (
        scores_of_a_photo, "minicnn/network.py",
        "net.xp.asarray(preprocessing_of(net).to_input(*crops))", "preprocessing_of(net).to_input(*crops)",
        TypeError,
    ),
    "directions that were drawn and stayed on the host": (
        a_checked_layer, "minicnn/gradient_check.py",
        "v = xp.asarray(rng.standard_normal(x.shape))", "v = rng.standard_normal(x.shape)",
        TypeError,
    ),
    "a forgotten .get() before the map is laid over the photograph": (
        a_map, "visualize/saliency_maps.py", "to_host(magnitude(w)[0])", "magnitude(w)[0]", TypeError,
    ),
    "a forgotten .get() before Pillow": (
        a_picture, "minicnn/images.py",
        "return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)", "return Image.fromarray(pixels)",
        AttributeError,
    ),
    "host zeros in the ascent": (
        three_steps_of_ascent, "visualize/class_models/ascent.py",
        "velocity = xp.zeros_like(I)", "velocity = np.zeros(I.shape, I.dtype)",
        TypeError,
    ),
    "a look at the score in each step of the ascent": (
        three_steps_of_ascent, "visualize/class_models/ascent.py",
        "        yield Ascent(", "        assert objective.max() < 1e30\n        yield Ascent(",
        HiddenTransfer,
    ),
    "NumPy's root of an array of the device": (
        three_steps_of_ascent, "visualize/class_models/ascent.py",
        "xp.sqrt(squared_norm)", "np.sqrt(squared_norm)",
        TypeError,
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", PLANTED)
def test_a_planted_mistake_is_caught_and_without_it_all_is_well(mistake):
    use, path, right, wrong, error = PLANTED[mistake]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if mistake != "a forgotten .get() before Pillow":  # there the call itself is wrong
            use(planted(path, right, right))
        with pytest.raises(error):
            use(planted(path, right, wrong))


@pytest.mark.parametrize("mistake", PLANTED)
def test_on_numpy_no_planted_mistake_would_be_noticed(mistake, monkeypatch):
    """Which is why the stand-in is needed.  (xp.errstate is no mistake there at all.)"""
    use, path, right, wrong, _ = PLANTED[mistake]
    monkeypatch.setitem(globals(), "strict", np)
    monkeypatch.setitem(globals(), "no_waiting", nullcontext)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if mistake == "a forgotten .get() before Pillow":
            return
        use(planted(path, right, wrong))


@pytest.mark.parametrize("mistake", ["max(initial=…)", "xp.errstate"])
def test_names_and_keywords_are_caught_without_running_anything(mistake):
    _, path, right, wrong, _ = PLANTED[mistake]
    source = (HOUSE / path).read_text(encoding="utf-8")
    assert complaints(source) + complaints_about_methods(source) == []
    assert len(complaints(source.replace(right, wrong)) + complaints_about_methods(source.replace(right, wrong))) == 1


def test_what_was_left_empty_shows():
    """`empty` in place of `zeros` often works by luck; here it never does."""
    module = planted(
        "layers/average_pool.py", "below = array_module(grad).zeros_like(", "below = array_module(grad).empty_like("
    )
    below = module.AveragePool(2).backward(device_array(1, 1, 2, 2), (1, 1, 4, 4))
    assert np.isnan(host(below)).all()
