"""onnxruntime as an independent oracle: the scores of the same file, through code that others wrote."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from layers import AveragePool, FullyConnected, PaddedAveragePool, ShapeError
from minicnn.errors import FileError
from minicnn.formats import load
from minicnn.loss import log_softmax, softmax
from tests.minicnn.formats.onnx_models import Model, run
from tests.minicnn.formats.onnx_zoo import ZOO

pytest.importorskip("onnxruntime", reason="needs onnxruntime: the extra oracles")
ReferenceEvaluator = pytest.importorskip("onnx.reference").ReferenceEvaluator


def images(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def close(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Equal to 1e-4 of the largest value."""
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()


@pytest.mark.parametrize("name", ZOO)
def test_the_zoos_networks_score_as_in_onnxruntime(name, rng, tmp_path):
    model, output, options = ZOO[name](rng)
    path = model.save(tmp_path / "net.onnx", output, **options)
    net = load(path)
    x = images(rng, 1, *model.shape[1:])
    scores, theirs = net.scores(x), run(path, x)
    assert scores.shape == (1, 10)
    ends_in_softmax = np.all(theirs >= 0) and np.isclose(theirs.sum(), 1, atol=1e-4)
    assert ends_in_softmax == (name not in ("vgg16", "squeezenet_mxnet", "resnet18"))
    close(softmax(scores) if ends_in_softmax else scores, theirs.reshape(1, 10))


# ---------------------------------------------------------------------- operator by operator


def same(model: Model, y: str, path, size: tuple[int, int], **options) -> None:
    """The network that ends in value y, made flat, as onnxruntime computes it."""
    model.save(path, model.add("Flatten", y), **options)
    x = images(model.rng, 2, model.shape[1], *size)
    close(load(path).scores(x), run(path, x))


@pytest.mark.parametrize("pads", [None, [0, 1, 2, 3]])
@pytest.mark.parametrize("strides", [None, [2, 3]])
@pytest.mark.parametrize("group", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
def test_convolution(pads, strides, group, bias, rng, tmp_path):
    geometry = {key: value for key, value in (("pads", pads), ("strides", strides)) if value}
    model = Model(rng, "N", 4, 9, 8)
    same(model, model.conv("data", 6, 4 // group, 3, bias=bias, group=group, **geometry), tmp_path / "n.onnx", (9, 8))


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"])
@pytest.mark.parametrize("strides", [[1, 1], [2, 3], [3, 2]])
@pytest.mark.parametrize("size", [(9, 8), (7, 11)])
@pytest.mark.parametrize("operator", ["Conv", "MaxPool", "AveragePool"])
def test_auto_pad(operator, auto_pad, strides, size, rng, tmp_path):
    model = Model(rng, "N", 2, *size)
    if operator == "Conv":
        y = model.conv("data", 3, 2, 4, strides=strides, auto_pad=auto_pad)
    else:
        y = model.add(operator, "data", kernel_shape=[4, 3], strides=strides, auto_pad=auto_pad)
    same(model, y, tmp_path / "n.onnx", size)


@pytest.mark.parametrize("ceil", [0, 1])
@pytest.mark.parametrize("pad", [0, 1])
@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool", "AveragePool, padding counted"])
def test_pools(operator, pad, ceil, rng, tmp_path):
    counted = {"count_include_pad": 1} if operator.endswith("counted") else {}
    for k, s, (H, W) in product((2, 3), (1, 2, 3), ((9, 8), (7, 10), (5, 6))):
        model = Model(rng, "N", 2, H, W)
        geometry = {"kernel_shape": [k, k], "strides": [s, s], "pads": [pad] * 4, "ceil_mode": ceil}
        y = model.add(operator.split(",")[0], "data", **geometry, **counted)
        same(model, y, tmp_path / "n.onnx", (H, W), opset=19)


def test_counting_makes_a_difference_only_with_padding(rng, tmp_path):
    for pad, kind in ((0, AveragePool), (1, PaddedAveragePool)):
        model = Model(rng, 1, 2, 6, 6)
        y = model.add("AveragePool", "data", name="pool", kernel_shape=[3, 3], pads=[pad] * 4, count_include_pad=1)
        net = load(model.save(tmp_path / "n.onnx", model.add("Flatten", y)))
        assert type(net["pool"]) is kind


@pytest.mark.parametrize("size", [1, 3, 5])
def test_local_response_norm_divides_alpha_by_its_window(size, rng, tmp_path):
    model = Model(rng, "N", 6, 3, 4)
    same(model, model.add("LRN", "data", size=size, alpha=0.7, beta=0.6, bias=1.5), tmp_path / "n.onnx", (3, 4))


def test_local_response_norm_and_batch_norm_by_default(rng, tmp_path):
    model = Model(rng, "N", 6, 3, 4)
    same(model, model.batch_norm(model.add("LRN", "data", size=5), 6), tmp_path / "n.onnx", (3, 4))


@pytest.mark.parametrize("transB", [0, 1])
@pytest.mark.parametrize("C", [None, (5,), (1, 5), (1,), ()])
@pytest.mark.parametrize("factors", [{}, {"alpha": 0.5, "beta": -2.0}])
def test_gemm(transB, C, factors, rng, tmp_path):
    model = Model(rng, "N", 3, 2, 2)
    weights = [model.random(5, 12) if transB else model.random(12, 5), *([] if C is None else [model.random(*C)])]
    model.save(tmp_path / "n.onnx", model.add("Gemm", model.add("Flatten", "data"), *weights, transB=transB, **factors))
    x = images(rng, 2, 3, 2, 2)
    close(load(tmp_path / "n.onnx").scores(x), run(tmp_path / "n.onnx", x))


@pytest.mark.parametrize("bias", [(5,), (1, 5), (1,)])
@pytest.mark.parametrize("constant_first", [False, True])
def test_matmul_and_add_are_one_layer(bias, constant_first, rng, tmp_path):
    model = Model(rng, "N", 3, 2, 2)
    y = model.add("MatMul", model.add("Flatten", "data"), model.random(12, 5), name="fc")
    y = model.add("Add", *([model.random(*bias), y] if constant_first else [y, model.random(*bias)]))
    model.save(tmp_path / "n.onnx", y)
    net = load(tmp_path / "n.onnx")
    assert isinstance(net["fc"], FullyConnected)
    assert net.names == ["flatten_0", "fc"]
    x = images(rng, 2, 3, 2, 2)
    close(net.scores(x), run(tmp_path / "n.onnx", x))


def test_a_bias_added_to_a_convolution(rng, tmp_path):
    model = Model(rng, "N", 3, 6, 6)
    same(model, model.add("Add", model.conv("data", 4, 3, 3), model.random(4, 1, 1)), tmp_path / "n.onnx", (6, 6))


@pytest.mark.parametrize("ending", ["Softmax", "LogSoftmax"])
def test_a_softmax_at_the_end_is_left_out(ending, rng, tmp_path):
    model = Model(rng, "N", 3, 4, 4)
    y = model.gemm(model.add("Flatten", "data"), 5, 48)
    path = model.save(tmp_path / "n.onnx", model.add("Identity", model.add(ending, y, axis=1)))
    x, net = images(rng, 2, 3, 4, 4), load(path)
    close((softmax if ending == "Softmax" else log_softmax)(net.scores(x)), run(path, x))
    assert net.names == ["flatten_0", "gemm_1"]


def test_branches_in_branches(rng, tmp_path):
    """data → a → (b → (c, d, nothing) added → e, f) joined, with an empty branch; the fork of the inner one is b."""
    model = Model(rng, "N", 3, 8, 8)
    a = model.conv("data", 4, 3, 3, name="a")
    b = model.add("Relu", a, name="b")
    c, d = (model.conv(b, 4, 4, 3, name=name, pads=[1, 1, 1, 1]) for name in "cd")
    inner = model.add("Sum", c, model.add("Relu", d), b, name="inner")
    e, f = model.conv(inner, 2, 4, 1, name="e"), model.add("Relu", a, name="f")
    y = model.add("Concat", a, e, f, a, axis=1, name="outer")
    same(model, y, tmp_path / "n.onnx", (8, 8))
    net = load(tmp_path / "n.onnx")
    assert net.names == ["a", "outer", "flatten_9"]
    assert [len(branch) for branch in net["outer"].branches.values()] == [0, 3, 1, 0]


def test_a_value_added_to_itself(rng, tmp_path):
    model = Model(rng, "N", 3, 4, 4)
    y = model.add("Relu", "data")
    same(model, model.add("Add", y, y), tmp_path / "n.onnx", (4, 4))


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_half_and_double_precision(dtype, rng, tmp_path):
    """Half precision is widened to float32, double precision stays."""
    model = Model(rng, "N", 3, 6, 6, dtype=dtype)
    y = model.gemm(model.add("Flatten", model.add("Relu", model.conv("data", 4, 3, 3))), 5, 64)
    path = model.save(tmp_path / "n.onnx", y)
    net = load(path)
    assert {p.dtype for p in net.parameters.values()} == {np.dtype(np.float32 if dtype is np.float16 else dtype)}
    x = images(rng, 2, 3, 6, 6).astype(dtype)
    theirs = ReferenceEvaluator(str(path)).run(None, {"data": x})[0]  # onnxruntime has no convolution of doubles
    ours = net.scores(x.astype(np.float32 if dtype is np.float16 else dtype))
    assert np.abs(ours - theirs).max() <= (5e-3 if dtype is np.float16 else 1e-12) * np.abs(theirs).max()


@pytest.mark.parametrize("size", [2, 4])
def test_an_even_window_of_a_local_response_norm_reaches_further_up(size, rng, tmp_path):
    """By the operators' reference implementation: onnxruntime takes odd windows only."""
    model = Model(rng, "N", 6, 3, 4)
    y = model.add("LRN", "data", size=size, alpha=0.7, beta=0.6, bias=1.5)
    path = model.save(tmp_path / "n.onnx", model.add("Flatten", y))
    x = images(
        rng, 6, 6, 3, 4
    )  # as many images as channels, for that implementation takes the one number for the other
    close(load(path).scores(x), ReferenceEvaluator(str(path)).run(None, {"data": x})[0])


def test_maps_without_room_are_refused_where_onnxruntime_refuses_them(rng, tmp_path):
    model = Model(rng, "N", 3, 2, 2)
    path = model.save(tmp_path / "n.onnx", model.add("Flatten", model.conv("data", 4, 3, 3, name="conv1")))
    with pytest.raises(FileError, match="Conv conv1 finds no room for a 3×3 kernel"):
        load(path)
    model.shape = ["N", 3, "H", "W"]  # the file leaves it open: then the first image tells
    net = load(model.save(tmp_path / "n.onnx", *[node.output[0] for node in model.nodes[-1:]]))
    with pytest.raises(ShapeError, match="Conv conv1 finds no room"):
        net.scores(images(rng, 1, 3, 2, 2))
