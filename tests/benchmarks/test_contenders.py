"""All contenders of a work compute the same thing, minicnn by every engine.  (Nothing here is timed.)"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks import alone, contenders, works
from layers.engine import EngineUnavailable
from minicnn.photographs import photograph

OWN_PROCESS = ("torch.compile", "JAX")  # they compile for long, or leave threads that no later fork is safe with


def results(name: str) -> dict[str, np.ndarray]:
    """What each contender that can be had here gives at its first run."""
    found = {}
    for contender, make in works.WORKS[name]().contenders.items():
        if contender not in OWN_PROCESS:
            try:
                found[contender] = np.asarray(make()())
            except (ModuleNotFoundError, EngineUnavailable):
                continue
    assert "minicnn numpy" in found
    return found


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize(
    "name",
    ["saliency squeezenet1_1", "class model, a step", "gradient alexnet", "deconv alexnet", "guided squeezenet1_1"],
)
def test_contenders_compute_the_same_thing(name):
    """(In float32 two nearly equal pixels of a pool may change places, and a little of the signal with them.)"""
    found = results(name)
    ours = found.pop("minicnn numpy")
    assert np.abs(ours).max() > 0
    for contender, theirs in found.items():
        assert theirs.shape == ours.shape, contender
        assert cosine(theirs, ours) > 0.9995, contender


def test_a_step_of_the_class_model_moves_the_image_by_its_gradient():
    """The noise that it starts from outweighs a step; the step by itself is the same for all contenders, too."""
    _, x = contenders.network_and_images("squeezenet1_1", 1)
    start = np.random.default_rng([0, contenders.C]).standard_normal(x.shape[1:], np.float32)
    steps = {name: image - start for name, image in results("class model, a step").items()}
    for name, step in steps.items():
        assert np.abs(step).max() > 0, name
        assert cosine(step, steps["minicnn numpy"]) > 0.9995, name


def test_training_starts_from_the_same_loss_and_goes_the_same_way():
    losses = {}
    for contender, make in works.WORKS["training step shapes"]().contenders.items():
        try:
            run = make()
            losses[contender] = [float(run()) for _ in range(3)]
        except (ModuleNotFoundError, EngineUnavailable):
            continue
    ours = losses["minicnn numpy"]
    assert ours[2] < ours[0]
    for contender, theirs in losses.items():
        expected = ours[:1] * 3 if contender == "DeZero" else ours  # it computes the gradients and does not step
        np.testing.assert_allclose(theirs, expected, rtol=1e-4, err_msg=contender)


def test_dezero_computes_the_same_thing():
    pytest.importorskip("dezero", reason="needs DeZero: the extra bench")
    from benchmarks import dezero_side
    from layers import Conv, Flatten, FullyConnected, MaxPool, ReLU
    from minicnn import Network
    from minicnn.network import one_hot

    rng = np.random.default_rng(0)
    net = Network(
        {
            "conv": Conv(rng.standard_normal((4, 3, 3, 3)), rng.standard_normal(4), stride=2, pad=1),
            "relu": ReLU(),
            "pool": MaxPool(2),
            "flatten": Flatten(),
            "fc": FullyConnected(rng.standard_normal((5, 64)), rng.standard_normal(5)),
        }
    )
    x = rng.standard_normal((2, 3, 16, 16))
    trace = net.forward(x)
    w = net.backward(trace, one_hot(trace.scores, 3))
    np.testing.assert_allclose(dezero_side.gradient_of(net, x, 3)(), w, rtol=1e-10)


IN_JAX = """
import numpy as np
from benchmarks import jax_side
from layers import *
from minicnn import Network
from minicnn.network import one_hot

rng = np.random.default_rng(0)
random = rng.standard_normal
norm = BatchNorm(random(8), random(8), random(8), rng.uniform(0.5, 2, 8))
net = Network({
    "conv": Conv(random((8, 3, 3, 2)), random(8), stride=(2, 1), pad=(1, 0, 2, 1)), "norm": norm, "relu": ReLU(),
    "lrn": LocalResponseNorm((1, 2), 2.0, 0.1, 0.75), "pool": MaxPool(3, 2, pad=(1, 0, 0, 1), ceil=True),
    "fire": Concat({"one": [Conv(random((4, 8, 1, 1))), ReLU()], "three": [Conv(random((6, 8, 3, 3)), pad=1)]}),
    "residue": Add([[Conv(random((10, 10, 3, 3)), random(10), pad=1), ReLU()], []]),
    "mean": AveragePool(2, 1, pad=1), "groups": GroupedConv(random((4, 5, 3, 3)), random(4), groups=2),
    "drop": Dropout(0.5), "flatten": Flatten(), "fc": FullyConnected(random((5, 96)), random(5)),
})
x = random((2, 3, 17, 15))
trace = net.forward(x)
w = net.backward(trace, one_hot(trace.scores, 3))
assert abs(w).max() > 0
there = np.asarray(jax_side.gradient_of(net, x, 3)())
np.testing.assert_allclose(there, w, rtol=1e-9, atol=1e-10 * abs(w).max())
np.testing.assert_allclose(np.asarray(jax_side.saliency(net, x, 3)()), abs(w).max(axis=1), rtol=1e-9)

pooled = Network({"conv": Conv(random((4, 3, 3, 3))), "pool": GlobalAveragePool()})
trace = pooled.forward(x)
w = pooled.backward(trace, one_hot(trace.scores, 3))
np.testing.assert_allclose(np.asarray(jax_side.gradient_of(pooled, x, 3)()), w, rtol=1e-9)
"""


def own_process(program: str, **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_jax_computes_the_same_thing():
    """Every kind of layer, in float64.  (In a process of its own: JAX's threads would make later forks unsafe.)"""
    if find_spec("jax") is None:
        pytest.skip("needs JAX: the extra bench")
    own_process(IN_JAX, JAX_ENABLE_X64="1")


def test_who_times_minicnn_imports_no_rival():
    program = """
import sys, json
from benchmarks.alone import outcome
assert outcome("saliency squeezenet1_1", "minicnn numpy", 0.0, 1)["wall"]
print(json.dumps([name for name in ("torch", "captum", "dezero", "jax", "numba") if name in sys.modules]))
"""
    assert json.loads(own_process(program)) == []


def test_a_contender_computes_by_its_engine():
    from layers.engine import current_engine

    seen = []
    for make in contenders.by_engines(lambda: lambda: seen.append(current_engine()), ("plain", "numpy")).values():
        make()()
    assert seen == ["plain", "numpy"]


def test_what_is_not_installed_is_absent_with_a_word(monkeypatch):
    def not_there() -> contenders.Run:
        raise ModuleNotFoundError("No module named 'jax'", name="jax")

    def no_compiler() -> contenders.Run:
        raise contenders.Absent("no compiler")

    def broken() -> contenders.Run:
        raise ModuleNotFoundError("No module named 'benchmark'", name="benchmark")

    makers = {"a": not_there, "b": no_compiler, "c": broken}
    monkeypatch.setitem(works.WORKS, "it", lambda: works.Work(makers))
    assert alone.outcome("it", "a", 0, 1) == {"absent": "jax is not installed"}
    assert alone.outcome("it", "b", 0, 1) == {"absent": "no compiler"}
    with pytest.raises(ModuleNotFoundError):
        alone.outcome("it", "c", 0, 1)


def test_the_cuts_terms_are_of_224_by_224_pixels():
    pytest.importorskip("skimage", reason="the photographs come with scikit-image")
    assert photograph("coffee").shape == (400, 600, 3)
    colours, seeds, unary, _ = works.cut_terms()
    assert colours.shape == (224, 224, 3)
    assert seeds.shape == unary.shape == (2, 224, 224)
