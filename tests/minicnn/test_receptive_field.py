"""A receptive field is geometry; here it is found a second time, by disturbing pixels and by following gradients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers import AveragePool, Concat, Conv, Flatten, FullyConnected, GlobalAveragePool, Layer, MaxPool, ReLU
from layers.branches import Branches
from minicnn.architectures import build
from minicnn.images import Crop, Preprocessing
from minicnn.network import Network
from minicnn.receptive_field import photo_box, receptive_field
from minicnn.units import Unit, index_of

SEEN_NOTHING = (0, 0, 0, 0)


def positive_conv(M: int, C: int, kh: int, kw: int, **geometry) -> Conv:
    return Conv(np.ones((M, C, kh, kw)), **geometry)


def field_by_disturbance(net: Network, x: np.ndarray, layer: str, unit: Unit) -> tuple[int, int, int, int]:
    """Raise one pixel after the other far above all others; with positive weights whoever sees it must answer."""
    H, W = x.shape[2:]
    disturbed = np.repeat(x, H * W, axis=0)
    disturbed[np.arange(H * W), :, np.arange(H * W) // W, np.arange(H * W) % W] += 1000
    place = index_of(net.forward(x), layer, unit)
    before, after = net.forward(x)[layer][0][place], net.forward(disturbed)[layer][(slice(None), *place)]
    return bounding_box((after != before).reshape(H, W))


def bounding_box(seen: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1) if rows.size else SEEN_NOTHING


def assert_fields_of_all_units(net: Network, x: np.ndarray, layer: str) -> None:
    """Every position of the layer's first channel, or every feature."""
    trace = net.forward(x)
    sizes = trace[layer].shape[1:]
    units = [(0, i, j) for i, j in np.ndindex(*sizes[1:])] if len(sizes) == 3 else list(range(sizes[0]))
    for unit in units:
        field = receptive_field(net, trace, layer, unit)
        assert field == field_by_disturbance(net, x, layer, unit), unit


axis = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 3), st.integers(0, 3))  # kernel, stride, padding


@st.composite
def window_layers(draw: st.DrawFn) -> Layer:
    (kh, sh, top, bottom), (kw, sw, left, right) = draw(axis), draw(axis)
    if draw(st.booleans()):
        return positive_conv(1, 1, kh, kw, stride=(sh, sw), pad=(top, bottom, left, right))
    sides = min(top, kh - 1), min(bottom, kh - 1), min(left, kw - 1), min(right, kw - 1)
    return MaxPool((kh, kw), stride=(sh, sw), pad=sides, ceil=draw(st.booleans()))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(chain=st.lists(window_layers(), min_size=1, max_size=3), H=st.integers(9, 12), W=st.integers(9, 12))
def test_fields_of_random_stacks_are_the_pixels_that_move_the_unit(chain, H, W):
    net = Network({f"layer{n}": layer for n, layer in enumerate(chain)})
    x = np.random.default_rng(0).random((1, 1, H, W))
    try:
        last = net.forward(x).maps[-1]
    except ValueError:  # no room for the last window
        return
    trace, layer = net.forward(x), net.names[-1]
    for i, j in {(0, 0), (last.shape[2] - 1, last.shape[3] - 1), (last.shape[2] // 2, last.shape[3] // 2)}:
        unit = (0, i, j)
        assert receptive_field(net, trace, layer, unit) == field_by_disturbance(net, x, layer, unit)


def test_a_field_grows_with_depth_by_the_textbook_sum():
    """One row of the classical table: k' = k + (3 − 1) · (product of the strides so far)."""
    conv = positive_conv(1, 1, 3, 3)
    net = Network({"conv1": conv, "pool1": MaxPool(2), "conv2": conv, "conv3": conv})
    trace = net.forward(np.zeros((1, 1, 24, 24)))
    widths = []
    for layer in net.names:
        x0, y0, x1, y1 = receptive_field(net, trace, layer, (0, 2, 2))
        assert x1 - x0 == y1 - y0
        widths.append(x1 - x0)
    assert widths == [3, 4, 8, 12]


def test_a_concat_sees_the_union_of_its_branches():
    branches = [
        [positive_conv(1, 1, 1, 1)],
        [positive_conv(1, 1, 1, 5, pad=(0, 0, 4, 0)), ReLU(), positive_conv(1, 1, 3, 1, pad=(1, 1, 0, 0))],
        [],
    ]
    net = Network({"conv": positive_conv(1, 1, 2, 2), "concat": Concat(branches)})
    x = np.random.default_rng(0).random((1, 1, 8, 9))
    trace = net.forward(x)
    whole_module = Network({**net.layers, "sum": positive_conv(1, 3, 1, 1)})  # a unit that reads all branches
    for i, j in [(0, 0), (3, 6), (6, 7)]:
        field = receptive_field(net, trace, "concat", (0, i, j))
        assert field == field_by_disturbance(whole_module, x, "sum", (0, i, j))


def test_sizes_within_a_branch_end_the_field_where_its_maps_end():
    """The last window of a strided layer leaves a remainder unseen, and what stands above must not see it either."""
    narrow = [positive_conv(1, 1, 2, 2, stride=3), positive_conv(1, 1, 3, 3, pad=1)]
    net = Network({"concat": Concat([narrow])})
    assert_fields_of_all_units(net, np.random.default_rng(0).random((1, 1, 7, 7)), "concat")


def test_a_branch_that_sees_only_padding_adds_nothing():
    branches = [[positive_conv(1, 1, 3, 1, pad=(1, 1, 2, 0))], [positive_conv(1, 1, 1, 1, pad=(0, 0, 1, 1))]]
    net = Network({"concat": Concat(branches), "sum": positive_conv(1, 2, 1, 1)})
    assert_fields_of_all_units(net, np.random.default_rng(0).random((1, 1, 4, 4)), "sum")


def test_fully_connected_and_global_average_see_everything():
    x = np.random.default_rng(0).random((1, 2, 4, 5))
    fc = FullyConnected(np.ones((3, 2 * 4 * 5)))
    net = Network({"flatten": Flatten(), "fc1": fc, "relu": ReLU(), "fc2": FullyConnected(np.ones((2, 3)))})
    assert_fields_of_all_units(net, x, "fc1")
    assert_fields_of_all_units(net, x, "relu")
    assert_fields_of_all_units(net, x, "fc2")
    assert_fields_of_all_units(Network({"average": GlobalAveragePool()}), x, "average")
    assert receptive_field(net, net.forward(x), "fc2", 0) == (0, 0, 5, 4)


def test_a_flattened_unit_sees_what_its_pixel_saw():
    net = Network({"conv": positive_conv(2, 1, 3, 2), "flatten": Flatten(), "relu": ReLU()})
    x = np.random.default_rng(0).random((1, 1, 5, 6))
    assert_fields_of_all_units(net, x, "flatten")
    assert_fields_of_all_units(net, x, "relu")


def test_a_unit_that_sees_only_padding_sees_nothing():
    net = Network({"conv1": positive_conv(1, 1, 1, 1, pad=2), "conv2": positive_conv(1, 1, 2, 2)})
    trace = net.forward(np.zeros((1, 1, 3, 3)))
    assert receptive_field(net, trace, "conv1", (0, 0, 2)) == SEEN_NOTHING
    assert receptive_field(net, trace, "conv2", (0, 0, 0)) == SEEN_NOTHING
    assert receptive_field(net, trace, "conv2", (0, 1, 1)) == (0, 0, 1, 1)


def test_fields_on_the_whole_squeezenet_are_the_support_of_the_gradient():
    """With positive weights and averages in place of maxima, ∂unit/∂I is zero only where the unit sees nothing."""
    net = build("squeezenet1_1", np.random.default_rng(0)).map_layers(positive_and_averaging)
    trace = net.forward(np.ones((1, 3, 227, 227)))
    for layer in ("relu1", "pool1", "fire3/relu_expand", "pool3", "fire5/expand", "fire9/squeeze1x1", "conv10"):
        C, H, W = trace[layer].shape[1:]
        for unit in [(C - 1, 0, 0), (C - 1, H // 2, W // 3), (C - 1, H - 1, W - 1)]:  # of a 3×3 branch, the widest
            seed = np.zeros_like(trace[layer])
            seed[(0, *unit)] = 1
            support = net.backward(trace, seed, start=layer)[0].any(axis=0)
            field = receptive_field(net, trace, layer, unit)
            assert field == bounding_box(support), (layer, unit)


def positive_and_averaging(layer: Layer) -> Layer:
    """The same geometry with nothing in it that could hide a pixel."""
    if isinstance(layer, MaxPool):
        return AveragePool(layer.size, layer.stride, layer.pad, layer.ceil)
    if isinstance(layer, (Conv, Branches)):
        return layer.map_parameters(lambda p: np.full(p.shape, 1.0 / np.prod(p.shape[1:])))
    return layer


def test_only_images_have_receptive_fields():
    net = Network({"fc": FullyConnected(np.ones((2, 3)))})
    with pytest.raises(ValueError, match="needs an image"):
        receptive_field(net, net.forward(np.ones((1, 3))), "fc", 0)


# ---------------------------------------------------------------------- the photograph's patch


def test_the_patch_in_the_photograph_shows_what_the_unit_sees():
    """The photograph's colours say where each pixel is: what the box cuts out is what the crop has in the field."""
    rows, columns = np.mgrid[:90, :120]
    photo = np.stack([2 * rows, 2 * columns, 0 * rows], axis=2).astype(np.uint8)
    preprocessing = Preprocessing((30, 30), mean=(0.0, 0.0, 0.0), resize=45)  # half the photograph's size
    field = (3, 6, 11, 20)
    for crop in (preprocessing.centre_crop(photo), preprocessing.centre_crop(photo).mirror()):
        x0, y0, x1, y1 = photo_box(crop, field)
        assert (x1 - x0, y1 - y0) == (16, 28)
        seen = crop.pixels[field[1] : field[3], field[0] : field[2]].astype(float)
        cut = photo[round(y0) : round(y1), round(x0) : round(x1)].astype(float)
        np.testing.assert_allclose(seen.mean(axis=(0, 1)), cut.mean(axis=(0, 1)), atol=0.6)


def test_the_whole_crop_is_the_crops_box():
    crop = Crop(np.zeros((20, 40, 3), np.uint8), (10.0, 5.0, 90.0, 45.0))
    assert photo_box(crop, (0, 0, 40, 20)) == crop.box
    assert photo_box(crop.mirror(), (0, 0, 40, 20)) == crop.box
    assert photo_box(crop, (0, 0, 10, 10)) == (10.0, 5.0, 30.0, 25.0)
    assert photo_box(crop.mirror(), (0, 0, 10, 10)) == (70.0, 5.0, 90.0, 25.0)
