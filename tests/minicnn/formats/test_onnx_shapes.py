"""ONNX graphs that reduce, reshape, pad and scale: every spelling of what a network here says in one layer.

onnxruntime is the oracle.
"""

from __future__ import annotations

import numpy as np
import pytest

from layers import BatchNorm, Conv, Flatten, GlobalAveragePool, GroupedConv
from minicnn.errors import FileError
from minicnn.formats import load
from minicnn.loss import softmax
from tests.minicnn.formats.onnx_models import Model, run

pytest.importorskip("onnxruntime", reason="needs onnxruntime: the extra oracles")


def close(model: Model, path, y: str, size=(6, 5), opset: int = 13, batch: int = 2):
    """The network that ends in value y scores as in onnxruntime; returned."""
    net = load(model.save(path, y, opset=opset))
    x = model.rng.standard_normal((batch, model.shape[1], *size)).astype(np.float32)
    theirs = run(path, x)
    ours = net.scores(x)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1e-5 * max(np.abs(theirs).max(), 1)
    return net


def maps(rng, batch="N") -> tuple[Model, str]:
    """A model of images 3×6×5, and its maps of 4 channels and the same size."""
    model = Model(rng, batch, 3, 6, 5)
    return model, model.conv("data", 4, 3, 3, pads=[1, 1, 1, 1])


def ints(model: Model, *values: int) -> str:
    return model.constant(np.array(values, np.int64))


def refused(model: Model, path, y: str, said: str, opset: int = 13) -> None:
    with pytest.raises(FileError, match=said) as caught:
        load(model.save(path, y, opset=opset))
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------------- means over the maps


@pytest.mark.parametrize("axes", [[2, 3], [-1, -2], [3, 2], [2, -1]])
@pytest.mark.parametrize("keepdims", [0, 1, None])
@pytest.mark.parametrize("opset", [13, 18])
def test_a_mean_over_both_axes_is_a_global_average(rng, tmp_path, axes, keepdims, opset):
    model, y = maps(rng)
    more = {} if keepdims is None else {"keepdims": keepdims}
    if opset == 13:
        y = model.add("ReduceMean", y, axes=axes, **more)
    else:
        y = model.add("ReduceMean", y, ints(model, *axes), **more)
    if keepdims != 0:
        y = model.add("Flatten", y)
    net = close(model, tmp_path / "n.onnx", model.gemm(y, 5, 4), opset=opset)
    assert sum(type(layer) is GlobalAveragePool for layer in net.layers.values()) == 1


@pytest.mark.parametrize("last_keepdims", [0, 1])
@pytest.mark.parametrize(
    ("first", "keepdims", "second"),
    [(2, 1, 3), (3, 1, 2), (-1, 1, -2), (2, 1, -1), (2, 0, 2), (3, 0, 2), (-1, 0, -1), (-2, 0, 2)],
)
def test_a_mean_in_two_steps(rng, tmp_path, first, keepdims, second, last_keepdims):
    model, y = maps(rng)
    y = model.add("ReduceMean", y, axes=[first], keepdims=keepdims)
    y = model.add("ReduceMean", y, axes=[second], keepdims=last_keepdims)
    close(model, tmp_path / "n.onnx", model.gemm(model.add("Flatten", y), 5, 4))


@pytest.mark.parametrize("steps", [[[2, 3]], [[3], [2]], [[2], [2]], [[-1, -2]], [[-1], [-1]]])
def test_squeezes_make_features(rng, tmp_path, steps):
    for pool in ("GlobalAveragePool", "AveragePool"):
        model, y = maps(rng)
        y = model.add(pool, y, **({} if pool == "GlobalAveragePool" else {"kernel_shape": [6, 5]}))
        for axes in steps:
            y = model.add("Squeeze", y, ints(model, *axes))
        close(model, tmp_path / "n.onnx", model.gemm(y, 5, 4))


def test_a_mean_and_a_squeeze_that_change_places_with_other_steps(rng, tmp_path):
    model, y = maps(rng)
    y = model.add("ReduceMean", y, axes=[3], keepdims=1)
    y = model.add("ReduceMean", y, axes=[2], keepdims=1)
    y = model.add("Squeeze", y, ints(model, 3))
    y = model.add("Squeeze", y, ints(model, 2))
    close(model, tmp_path / "n.onnx", model.gemm(y, 5, 4))


def test_a_convolution_of_one_pixel_behind_a_global_average(rng, tmp_path):
    model, y = maps(rng)
    y = model.add("Relu", model.conv(model.add("GlobalAveragePool", y), 7, 4, 1))
    close(model, tmp_path / "n.onnx", model.add("Flatten", model.conv(y, 5, 7, 1)))


@pytest.mark.parametrize(
    ("operator", "axes", "said"),
    [
        ("ReduceMean", [1], "takes the axes N, C, H, W to .*expected the two of the maps"),
        ("ReduceMean", [2], r"ReduceMean 'odd'.*expected both axes of the maps, x.mean\(\[2, 3\]\)"),
        ("ReduceMean", [0, 2, 3], "expected the two of the maps"),
        ("ReduceMean", [7], r"takes the axes \[7\] of 4"),
        ("ReduceMean", None, "averages over everything"),
        ("ReduceMax", [2, 3], "is not among the operators read here"),
    ],
)
def test_other_means_are_refused(rng, tmp_path, operator, axes, said):
    model, y = maps(rng)
    more = {} if axes is None else {"axes": axes}
    refused(model, tmp_path / "n.onnx", model.add(operator, y, name="odd", keepdims=0, **more), said)


# ---------------------------------------------------------------------- shapes computed in the graph


@pytest.mark.parametrize("batch", ["N", 1])
@pytest.mark.parametrize("known", [True, False], ids=["a known size", "any size"])
def test_flattening_by_a_computed_shape(rng, tmp_path, batch, known):
    """x.view(x.size(0), -1), as PyTorch's older exporter writes it."""
    model, y = maps(rng, batch)
    if not known:
        model.shape = [batch, 3, "H", "W"]
    y = model.add("GlobalAveragePool", y)
    n = model.add("Gather", model.add("Shape", y), model.constant(np.array(0)), axis=0)
    parts = [model.add("Unsqueeze", value, axes=[0]) for value in (n, model.constant(np.array(-1)))]
    y = model.add("Reshape", y, model.add("Concat", *parts, axis=0))
    close(model, tmp_path / "n.onnx", model.gemm(y, 5, 4), opset=9, batch=1 if batch == 1 else 2)


def test_flattening_maps_of_any_size_by_a_computed_shape(rng, tmp_path):
    model, y = maps(rng)
    model.shape = ["N", 3, "H", "W"]
    n = model.add("Gather", model.add("Shape", y), ints(model, 0), axis=0)
    y = model.add("Reshape", y, model.add("Concat", n, ints(model, -1), axis=0))
    close(model, tmp_path / "n.onnx", model.gemm(y, 5, 120))


def test_what_depends_on_an_unknown_size_is_no_number(rng, tmp_path):
    """H pixels of padding, where nobody knows H: neither -1 nor 1 of them."""
    model, y = maps(rng)
    model.shape = ["N", 3, "H", "W"]
    H = model.add("Mul", model.add("Gather", model.add("Shape", y), ints(model, 2), axis=0), ints(model, -1))
    pads = model.add("Concat", ints(model, 0, 0), H, ints(model, 0, 0, 0, 0, 0), axis=0)
    y = model.add("Pad", y, pads)
    refused(model, tmp_path / "n.onnx", model.add("Flatten", y), "Pad 'pad_.*expected those of maps")


def test_a_part_of_a_shape(rng, tmp_path):
    model, y = maps(rng)
    shape = model.add("Concat", model.add("Shape", y, start=0, end=1), ints(model, -1), axis=0)
    close(model, tmp_path / "n.onnx", model.gemm(model.add("Reshape", y, shape), 5, 120), opset=15)


@pytest.mark.parametrize("shape", [(-1, 60), (1, 2, 60), (2, 4, 15), (4, -1), (0, 4), (2, -1), (4, 1, 6, 5)])
def test_reshapes_to_anything_else_say_what_to_do(rng, tmp_path, shape):
    model, y = maps(rng, 1)
    y = model.add("Flatten", model.add("Reshape", y, ints(model, *shape)))
    refused(model, tmp_path / "n.onnx", y, r"expected features \(N, (D|120)\)")


def test_a_reshape_to_what_the_maps_are_changes_nothing(rng, tmp_path):
    model, y = maps(rng)
    y = model.add("Reshape", y, ints(model, -1, 4, 6, 5))
    close(model, tmp_path / "n.onnx", model.add("Flatten", y))


# ---------------------------------------------------------------------- constants


def test_constants_are_computed(rng, tmp_path):
    """Reshape, Unsqueeze, Transpose, Concat, Cast, Gather, Slice, ConstantOfShape, arithmetic: all before the image."""
    model, y = maps(rng)
    halves = [model.add("Cast", model.constant(rng.standard_normal((60, 5)), "double" + h), to=1) for h in "ab"]
    W = model.add("Transpose", model.add("Concat", *halves, axis=0), perm=[1, 0])
    W = model.add("Reshape", model.add("Mul", W, model.constant(np.float32(0.5))), ints(model, 5, 120))
    b = model.add("ConstantOfShape", ints(model, 5), value=model_tensor([1.5]))
    b = model.add("Sub", b, model.add("Gather", model.random(3, 5), model.constant(np.array(1)), axis=0))
    y = model.add("Gemm", model.add("Flatten", y), W, model.add("Unsqueeze", b, ints(model, 0)), transB=1)
    close(model, tmp_path / "n.onnx", y)


def model_tensor(values):
    from onnx import numpy_helper

    return numpy_helper.from_array(np.array(values, np.float32))


def test_what_constants_may_become_is_bounded(rng, tmp_path):
    model, y = maps(rng)
    W = model.add("ConstantOfShape", ints(model, 2**20, 2**20))
    refused(
        model, tmp_path / "n.onnx", model.add("MatMul", model.add("Flatten", y), W), "more than 134,217,728 numbers"
    )
    model, y = maps(rng)
    W = model.random(120, 5)
    for _ in range(40):
        W = model.add("Concat", W, W, axis=1)
    refused(
        model, tmp_path / "n.onnx", model.add("MatMul", model.add("Flatten", y), W), "more than 134,217,728 numbers"
    )
    model, y = maps(rng)
    W = model.add("Sin", model.random(120, 5), name="sine")
    refused(model, tmp_path / "n.onnx", model.add("MatMul", model.add("Flatten", y), W), "Sin 'sine' computes with con")


# ---------------------------------------------------------------------- affine maps and padding


@pytest.mark.parametrize("shape", [(4, 1, 1), (1, 4, 1, 1), (), (1,)])
@pytest.mark.parametrize("constant_first", [False, True])
@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("below", ["conv", "relu", "image"])
def test_one_constant_for_each_channel(rng, tmp_path, operator, constant_first, shape, below):
    model = Model(rng, "N", 4, 6, 5)
    y = "data" if below == "image" else model.conv("data", 4, 4, 3)
    y = model.add("Relu", y) if below == "relu" else y
    pair = [y, model.random(*shape)]
    y = model.add("Flatten", model.add(operator, *(pair[::-1] if constant_first else pair), name="affine"))
    if operator == "Div" and constant_first:
        refused(model, tmp_path / "n.onnx", y, "Div 'affine': divides by what it computed")
        return
    net = close(model, tmp_path / "n.onnx", y)
    folded = below == "conv" and (operator == "Add" or (operator == "Sub" and not constant_first))
    assert [type(layer) for layer in net.layers.values()][-2] is (Conv if folded else BatchNorm)


def test_several_affine_maps_are_one_layer(rng, tmp_path):
    """The image's own normalisation, and the scale that Caffe has behind its normalisation."""
    model = Model(rng, "N", 3, 6, 5)
    y = model.add("Div", model.add("Sub", "data", model.random(1, 3, 1, 1)), model.random(3, 1, 1))
    y = model.batch_norm(model.add("Relu", model.conv(y, 4, 3, 3)), 4)
    y = model.add("Add", model.add("Mul", y, model.random(4, 1, 1)), model.random(4, 1, 1))
    net = close(model, tmp_path / "n.onnx", model.add("Flatten", y))
    kinds = [type(layer).__name__ for layer in net.layers.values()]
    assert kinds == ["BatchNorm", "Conv", "ReLU", "BatchNorm", "Flatten"]


def test_how_many_channels_a_junction_of_unknown_size_gives_is_not_guessed(rng, tmp_path):
    """Both branches of a sum may change the channels: 4 here become 8."""
    model, y = maps(rng)
    model.shape = ["N", 3, "H", "W"]
    y = model.add("Add", model.conv(y, 8, 4, 1), model.conv(y, 8, 4, 1))
    y = model.add("Flatten", model.add("GlobalAveragePool", model.add("Mul", y, model.random(8, 1, 1))))
    refused(model, tmp_path / "n.onnx", y, "unknown number of channels; export with a fixed size")


def test_features_are_scaled_too(rng, tmp_path):
    model, y = maps(rng)
    y = model.gemm(model.add("Flatten", y), 5, 120)
    y = model.add("Mul", model.add("Relu", y), model.random(5))
    close(model, tmp_path / "n.onnx", y)


def test_a_constant_for_each_pixel_is_refused(rng, tmp_path):
    model, y = maps(rng)
    y = model.add("Flatten", model.add("Mul", y, model.random(4, 6, 5), name="m"))
    refused(model, tmp_path / "n.onnx", y, r"Mul 'm': .*\(4, 6, 5\) numbers .*expected one for each channel")


PADS = [0, 0, 1, 2, 0, 0, 0, 3]  # one row above, two columns on the left, three on the right


@pytest.mark.parametrize("operator", ["Conv", "MaxPool", "AveragePool", "Relu"])
def test_zeros_around_maps(rng, tmp_path, operator):
    model, y = maps(rng)
    y = model.add("Pad", y, ints(model, *PADS))
    if operator == "Conv":
        y = model.conv(y, 4, 4, 3, pads=[1, 0, 1, 0])
    else:
        y = model.add(operator, y, **({"kernel_shape": [3, 3]} if operator != "Relu" else {}))
    net = close(model, tmp_path / "n.onnx", model.add("Flatten", y))
    assert any(type(layer) is GroupedConv for layer in net.layers.values()) == (operator != "Conv")


def test_older_and_newer_paddings(rng, tmp_path):
    model, y = maps(rng)
    y = model.conv(model.add("Pad", y, pads=PADS, mode="constant", value=0.0), 4, 4, 3)
    close(model, tmp_path / "n.onnx", model.add("Flatten", y), opset=9)
    model, y = maps(rng)
    y = model.conv(model.add("Pad", y, ints(model, 1, 2, 3, 0), "", ints(model, -1, 2)), 4, 4, 3)
    close(model, tmp_path / "n.onnx", model.add("Flatten", y), opset=18)


@pytest.mark.parametrize(
    ("pads", "more", "said"),
    [
        (PADS, {"mode": "reflect"}, "pads with something else than zeros"),
        ([0, 1, 0, 0, 0, 0, 0, 0], {}, "expected those of maps"),
        ([0, 0, -1, 0, 0, 0, 0, 0], {}, "expected those of maps"),
        ([0, 0, 1], {}, "expected those of maps"),
        ([0, 0, 2**40, 0, 0, 0, 0, 0], {}, "expected those of maps"),
    ],
)
def test_other_paddings_are_refused(rng, tmp_path, pads, more, said):
    model, y = maps(rng)
    y = model.add("Flatten", model.conv(model.add("Pad", y, ints(model, *pads), name="p", **more), 4, 4, 3))
    refused(model, tmp_path / "n.onnx", y, f"Pad 'p'.*{said}")


# ---------------------------------------------------------------------- whole networks


@pytest.mark.parametrize("ending", ["Sigmoid", "Softmax"])
def test_a_sigmoid_at_the_end_is_left_out(rng, tmp_path, ending):
    model, y = maps(rng)
    path = model.save(tmp_path / "n.onnx", model.add(ending, model.gemm(model.add("Flatten", y), 5, 120)))
    x = rng.standard_normal((2, 3, 6, 5)).astype(np.float32)
    scores = load(path).scores(x)
    ours = softmax(scores) if ending == "Softmax" else 1 / (1 + np.exp(-scores))
    np.testing.assert_allclose(ours, run(path, x), rtol=1e-4, atol=1e-6)


def test_the_zoos_mnist(rng, tmp_path):
    model = Model(rng, 1, 1, 28, 28)
    W = model.add("Reshape", model.random(16, 4, 4, 10), ints(model, 256, 10), name="Times212_reshape1")
    y = "data"
    for M, C, k in ((8, 1, 2), (16, 8, 3)):
        y = model.conv(y, M, C, 5, bias=False, auto_pad="SAME_UPPER")
        y = model.add("Relu", model.add("Add", y, model.random(M, 1, 1)))
        y = model.add("MaxPool", y, kernel_shape=[k, k], strides=[k, k])
    y = model.add("Add", model.add("MatMul", model.add("Reshape", y, ints(model, 1, 256)), W), model.random(1, 10))
    close(model, tmp_path / "n.onnx", y, (28, 28), opset=8, batch=1)


def test_densenets_blocks_however_they_are_joined(rng, tmp_path):
    """Each convolution reads all maps before it: joined pair by pair (Caffe2), or all anew (PyTorch)."""
    for pairwise in (True, False):
        model, y = maps(rng)
        joined, features = y, [y]
        for n in range(3):
            z = model.conv(model.add("Relu", model.batch_norm(joined, 4 + 2 * n)), 2, 4 + 2 * n, 3, pads=[1, 1, 1, 1])
            features.append(z)
            joined = model.add("Concat", *([joined, z] if pairwise else features), axis=1)
        close(model, tmp_path / "n.onnx", model.add("Flatten", model.add("GlobalAveragePool", joined)))
        assert isinstance(load(tmp_path / "n.onnx").layers[load(tmp_path / "n.onnx").names[-1]], Flatten)


def test_one_value_joined_with_nothing(rng, tmp_path):
    model, y = maps(rng)
    close(model, tmp_path / "n.onnx", model.add("Flatten", model.add("Concat", y, axis=1)))
    y = model.add("Concat", y, model.random(1, 4, 6, 5), axis=1, name="c")
    refused(model, tmp_path / "n.onnx", model.add("Flatten", y), "Concat 'c': joins maps with constants")
