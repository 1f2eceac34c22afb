"""The benchmarks compare like with like, and tell wins and losses as they are.  (Nothing here is timed.)"""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from benchmarks import dezero_side, measure, report, works
from benchmarks.growth import Growth
from benchmarks.measure import Times
from minicnn.photographs import photograph


@pytest.mark.parametrize("name", ["saliency squeezenet1_1", "gradient alexnet", "deconv alexnet", "guided alexnet"])
def test_contenders_compute_the_same_thing(name):
    """(In float32 two nearly equal pixels of a pool may change places, and a little of the signal with them.)"""
    work = works.WORKS[name]()
    if len(work.contenders) < 2:
        pytest.skip("neither PyTorch nor Captum is installed")
    results = [np.abs(np.asarray(run())) for run in work.contenders.values()]
    for other in results[1:]:
        assert other.shape == results[0].shape
        cosine = (other * results[0]).sum() / np.linalg.norm(other) / np.linalg.norm(results[0])
        assert cosine > 0.9995


def test_dezero_computes_the_same_thing():
    if not dezero_side.available():
        pytest.skip("DeZero is not installed")
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


def test_contenders_take_turns(monkeypatch):
    monkeypatch.setattr(measure, "WARM_UP", 0)
    order = []
    times = measure.in_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, seconds=0.01, least=3)
    assert order[:4] == ["a", "b", "a", "b"]
    assert len(times["a"].wall) == len(times["b"].wall) >= 3


def test_a_contender_warms_up_for_a_while_uncounted(monkeypatch):
    monkeypatch.setattr(measure, "WARM_UP", 0.02)
    runs = []
    measure.warm_up(lambda: runs.append(time.sleep(0.005)))
    assert len(runs) > 1


def results(ours: float, theirs: float) -> report.Results:
    found = report.Results({"processor": "P", "cores": 2, "system": "S", "python": "3", "packages": {"numpy": "2"},
                            "blas": ["B"], "load before": 0.1}, 1e11, 1e10)  # fmt: skip
    work = works.Work({}, bar=0.8, products=10**9, fetched=10**9)
    times = {
        "minicnn": Times([ours], [ours]),
        "PyTorch": Times([2.0], [2.0]),
        "PyTorch, channels last": Times([theirs], [1.0]),
    }
    found.works["it"] = report.measured(work, times, found)
    found.growths.append(Growth("pixels", [1, 2], [0.1, 0.4], [10, 20], 2.0))
    return found


def test_a_ratio_is_to_the_faster_layout_and_a_lost_bar_is_told(tmp_path):
    won, lost = results(0.79, 1.0), results(0.81, 1.0)
    assert won.works["it"].ratios == {"PyTorch": 0.79}
    assert won.works["it"].floor == pytest.approx(0.1)  # fetching takes longer than multiplying
    assert "| met |" in report.table(won)
    assert "**lost**" not in report.table(won)
    assert "**lost**" in report.table(lost)
    assert "**lost**" in report.growth_table(won)
    report.write(lost, tmp_path)
    assert json.loads((tmp_path / "results.json").read_text())["works"]["it"]["met"] is False
    assert "**lost**" in (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert (tmp_path / "results.png").stat().st_size > 1000


def test_the_cuts_terms_are_of_224_by_224_pixels():
    pytest.importorskip("skimage", reason="the photographs come with scikit-image")
    assert photograph("coffee").shape == (400, 600, 3)
    colours, seeds, unary, _ = works.cut_terms()
    assert colours.shape == (224, 224, 3)
    assert seeds.shape == unary.shape == (2, 224, 224)
