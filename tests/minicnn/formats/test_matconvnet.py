"""MatConvNet's files: written here as MatConvNet lays them out, compared with networks built by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.io

from layers import AveragePool, Conv, Dropout, Flatten, FullyConnected, GroupedConv, LocalResponseNorm, MaxPool, ReLU
from minicnn import Network
from minicnn.errors import FileError
from minicnn.formats import load
from minicnn.formats.matconvnet import kernels
from minicnn.network import one_hot
from minicnn.preparation import Preparation
from tests.minicnn.formats.matconvnet_files import cells, conv, pool, relu, row, stored_kernels, write

CLASSES = ["tench, Tinca tinca", "goldfish", "great white shark", "tiger shark", "hammerhead"]


def random(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


@pytest.fixture
def weights(rng) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    shapes = {
        "conv1": (6, 3, 5, 3),
        "conv2": (8, 3, 3, 3),  # 3 of 6 channels: two groups
        "conv3": (4, 8, 3, 3),
        "fc6": (10, 4, 3, 3),
        "fc7": (10, 10, 1, 1),
        "fc8": (5, 10, 1, 1),
    }
    return {name: (random(rng, *shape) / 4, random(rng, shape[0])) for name, shape in shapes.items()}


def stored_layers(weights, spelling: str = "new") -> list[dict]:
    """A small relative of imagenet-caffe-alex and -vgg-f, every number as those files have it."""

    def stored_conv(name: str, **geometry) -> dict:
        return conv(name, *weights[name], **geometry, spelling=spelling)

    normalized = {"type": "normalize" if spelling == "old" else "lrn", "param": row(5, 2, 0.3, 0.75)}
    return [
        stored_conv("conv1", stride=(2, 2), pad=(1, 0, 0, 2)),
        relu("relu1"),
        {**normalized, "name": "norm1"},
        pool("pool1", 3, 2, pad=(0, 1, 0, 1)),
        stored_conv("conv2", pad=(1, 1, 1, 1)),
        relu("relu2"),
        pool("pool2", 2, 1, pad=(1, 1, 1, 1), method="avg"),
        stored_conv("conv3"),
        relu("relu3"),
        pool("pool5", 3, 1),
        stored_conv("fc6"),
        relu("relu6"),
        {"type": "dropout", "name": "dropout6", "rate": 0.4},
        stored_conv("fc7"),
        relu("relu7"),
        stored_conv("fc8"),
        {"type": "softmax", "name": "prob"},
    ]


def built_by_hand(weights) -> Network:
    def matrix(name: str) -> FullyConnected:
        K, b = weights[name]
        return FullyConnected(K.reshape(len(K), -1), b)

    return Network(
        {
            "conv1": Conv(*weights["conv1"], stride=2, pad=(1, 0, 0, 2)),
            "relu1": ReLU(),
            "norm1": LocalResponseNorm(5, kappa=2, alpha=0.3, beta=0.75),  # MatConvNet does not divide α by 5
            "pool1": MaxPool(3, stride=2, ceil=True),
            "conv2": GroupedConv(*weights["conv2"], groups=2, pad=1),
            "relu2": ReLU(),
            "pool2": AveragePool(2, stride=1, pad=1),
            "conv3": Conv(*weights["conv3"]),
            "relu3": ReLU(),
            "pool5": MaxPool(3, stride=1),
            "flatten": Flatten(),
            "fc6": matrix("fc6"),
            "relu6": ReLU(),
            "dropout6": Dropout(0.4),
            "fc7": matrix("fc7"),
            "relu7": ReLU(),
            "fc8": matrix("fc8"),
        }
    )


SIDE = 28  # rows; 26 columns: conv1 makes 13×13 of them, pool1 6×6, pool2 7×7, conv3 5×5, pool5 3×3, fc6 1×1


def normalization(rng, **others) -> dict:
    return {"imageSize": row(SIDE, 26, 3), "averageImage": random(rng, SIDE, 26, 3) + 120, **others}


def same_network(ours: Network, expected: Network, x: np.ndarray) -> None:
    """Equal names, scores, and signals on all ways down."""
    assert ours.names == expected.names
    trace, expected_trace = ours.forward(x), expected.forward(x)
    np.testing.assert_array_equal(trace.scores, expected_trace.scores)
    seed = one_hot(trace.scores, 1)
    for rule in ("backward", "deconv", "guided"):
        down = getattr(ours, rule)(trace, seed)
        np.testing.assert_array_equal(down, getattr(expected, rule)(expected_trace, seed))


@pytest.mark.parametrize("spelling", ["old", "new"])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("top", [None, "net"])
def test_a_file_is_the_network_built_by_hand(spelling, compressed, top, weights, rng, tmp_path):
    """In either spelling, saved with and without compression, as fields or as one variable `net`."""
    described = normalization(rng, border=row(4, 4))
    layers = stored_layers(weights, spelling)
    net = load(write(tmp_path / "net.mat", layers, described, CLASSES, spelling, top, compressed))
    same_network(net, built_by_hand(weights), random(rng, 2, 3, SIDE, 26))
    assert net.classes == CLASSES
    assert all(p.dtype == np.float32 and p.flags.c_contiguous for p in net.parameters.values())
    assert net.preprocessing.size == (SIDE, 26)
    assert net.preprocessing.order == "RGB"
    assert (net.preprocessing.resize, net.preprocessing.rounding) == (SIDE + 4, "matlab")


@pytest.mark.parametrize(("field", "value"), [("border", row(4, 6)), ("cropSize", 0.875)])
def test_where_the_file_says_that_the_aspect_is_not_kept_photographs_are_warped(field, value, weights, rng, tmp_path):
    described = normalization(rng, **{field: value}, keepAspect=np.array([[False]]))
    net = load(write(tmp_path / "net.mat", stored_layers(weights), described, CLASSES))
    assert net.preprocessing.resize == (32, 32 if field == "border" else 30)
    photo = rng.integers(0, 256, (90, 50, 3), dtype=np.uint8)
    x0, y0, x1, y1 = net.preprocessing.centre_crop(photo).box
    assert (x1 - x0) / 50 == pytest.approx(26 / net.preprocessing.resize[1])
    assert (y1 - y0) / 90 == pytest.approx(28 / 32)


def test_a_keepaspect_that_is_neither_true_nor_false_is_refused(weights, rng, tmp_path):
    described = normalization(rng, border=row(4, 4), keepAspect="maybe")
    with pytest.raises(FileError, match=r"keepAspect is .*expected 1 whole numbers of 0 … 1"):
        load(write(tmp_path / "net.mat", stored_layers(weights), described, CLASSES))


def test_the_mean_image_is_subtracted_pixel_by_pixel(weights, rng, tmp_path):
    described = normalization(rng)
    net = load(write(tmp_path / "net.mat", stored_layers(weights), described, CLASSES))
    pixels = rng.integers(0, 256, (SIDE, 26, 3), dtype=np.uint8)
    x = net.preprocessing.to_input(pixels)
    for c, i, j in [(0, 0, 0), (1, 3, 20), (2, 27, 25)]:
        assert x[0, c, i, j] == pytest.approx(pixels[i, j, c] - described["averageImage"][i, j, c], abs=1e-4)
    np.testing.assert_allclose(net.preprocessing.to_pixels(x)[0], pixels, atol=1e-4)
    assert net.preprocessing.resize is None


def test_a_mean_image_that_is_not_a_number_is_refused(weights, rng, tmp_path):
    described = normalization(rng, averageImage=np.full((SIDE, 26, 3), np.nan))
    path = write(tmp_path / "net.mat", stored_layers(weights), described, CLASSES)
    with pytest.raises(FileError, match="'the mean image' holds NaN"):
        load(path)
    assert np.isnan(load(path, allow_nonfinite=True).preprocessing.mean).all()


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 3), (3, 1)])
def test_a_mean_colour_is_subtracted_from_every_pixel(shape, weights, rng, tmp_path):
    described = {"imageSize": row(SIDE, 26, 3), "averageImage": np.reshape([10.0, 20, 30], shape), "cropSize": 0.875}
    net = load(write(tmp_path / "net.mat", stored_layers(weights), described, CLASSES))
    assert tuple(net.preprocessing.mean) == (10, 20, 30)
    assert net.preprocessing.resize == 32  # 28 / 0.875


def test_without_the_images_size_matrices_stay_convolutions_and_say_the_same(weights, rng, tmp_path):
    net = load(write(tmp_path / "net.mat", stored_layers(weights)))
    assert isinstance(net["fc6"], Conv)
    assert net.names[-1] == "flatten"
    assert net.preprocessing is None
    assert net.classes is None
    x = random(rng, 2, 3, SIDE, 26)
    np.testing.assert_allclose(net.scores(x), built_by_hand(weights).scores(x), rtol=1e-5, atol=1e-5)


def test_input_size_is_as_good_as_image_size(weights, rng, tmp_path):
    path = write(tmp_path / "net.mat", stored_layers(weights))
    stored = scipy.io.loadmat(path)
    scipy.io.savemat(path, {"layers": stored["layers"], "meta": {"inputSize": row(SIDE, 26, 3)}})
    net = load(path)
    assert isinstance(net["fc6"], FullyConnected)
    assert net.preprocessing is None  # nothing is said of a mean
    assert load(path, preparation=Preparation("plain")).preprocessing.size == (SIDE, 26)


def test_scalars_stand_for_all_sides(weights, rng, tmp_path):
    short = {**conv("conv1", *weights["conv1"]), "stride": 2.0, "pad": 1}
    plain = conv("conv3", random(rng, 2, 6, 1, 1), random(rng, 2))
    del plain["stride"], plain["pad"]
    pooled = {"type": "pool", "name": "pool1", "pool": 2, "method": "max", "stride": 2, "pad": 0}
    net = load(write(tmp_path / "net.mat", [short, pooled, plain]))
    assert repr(net["conv1"]) == "Conv(3→6, 5×3, stride=(2, 2), pad=(1, 1, 1, 1))"
    assert repr(net["pool1"]) == "MaxPool(2×2, stride=(2, 2), pad=(0, 0, 0, 0))"
    assert repr(net["conv3"]) == "Conv(6→2, 1×1, stride=(1, 1), pad=(0, 0, 0, 0))"


def test_one_kernel_of_one_channel_has_lost_its_trailing_dimensions(rng, tmp_path):
    K, b = random(rng, 1, 1, 3, 2), random(rng, 1)
    stored = conv("conv1", K, b)
    stored["weights"][0, 0] = stored["weights"][0, 0][:, :, 0, 0]
    net = load(write(tmp_path / "net.mat", [stored], {"imageSize": row(3, 2)}))
    x = random(rng, 1, 1, 3, 2)
    np.testing.assert_allclose(net.scores(x), [[(x * K).sum() + b[0]]], rtol=1e-5)
    assert net.preprocessing.order == "L"


@pytest.mark.parametrize("shape", [(4, 3, 5, 2), (1, 1, 1, 1), (2, 3, 1, 4), (3, 2, 4, 4)])
def test_kernels_are_turned_number_by_number(shape, rng):
    K = random(rng, *shape)
    stored = np.asfortranarray(stored_kernels(K))
    turned = kernels(stored)
    np.testing.assert_array_equal(turned, K, strict=True)
    assert turned.flags.c_contiguous


def test_whole_numbers_stored_in_few_bytes_become_weights(rng, tmp_path):
    """MATLAB stores doubles that are small whole numbers as bytes."""
    K = rng.integers(-3, 4, (2, 3, 2, 2)).astype(np.float64)
    net = load(write(tmp_path / "net.mat", [conv("conv1", K, np.zeros(2))]))
    np.testing.assert_array_equal(net["conv1"].K, K)


def test_biases_may_be_missing(rng, tmp_path):
    stored = conv("conv1", random(rng, 2, 3, 2, 2), random(rng, 2))
    stored["weights"][0, 1] = np.zeros((0, 0), np.float32)
    net = load(write(tmp_path / "net.mat", [stored]))
    np.testing.assert_array_equal(net["conv1"].b, [0, 0])


# ---------------------------------------------------------------------- what is refused


def damaged(weights, **changes) -> list[dict]:
    """The layers, with fields of the named layer changed."""
    layers = stored_layers(weights)
    for name, fields in changes.items():
        for layer in layers:
            if layer["name"] == name:
                layer.update(fields)
    return layers


@pytest.mark.parametrize(
    ("name", "fields", "complaint"),
    [
        ("relu2", {"type": "sigmoid"}, r"layer 'relu2' \(number 6\): type 'sigmoid' is unknown; expected conv, relu,"),
        ("relu2", {"type": "softmax"}, r"layer 'relu2' \(number 6\): type 'softmax' .* only at the end softmax"),
        ("relu2", {"name": "relu1"}, r"layer 'relu1' \(number 6\): this name is given twice"),
        ("relu2", {"leak": 0.1}, r"layer 'relu2' \(number 6\): leaks"),
        ("conv3", {"dilate": row(2, 2)}, r"layer 'conv3' \(number 8\): is dilated"),
        ("conv3", {"weights": cells()}, r"layer 'conv3' \(number 8\): has no weights"),
        ("conv3", {"stride": row(1, 1, 1)}, r"stride is \[1.0, 1.0, 1.0\]; expected 2 whole numbers of 0 … 1024"),
        ("conv3", {"stride": row(0, 1)}, "Conv expects a stride of 1 or more"),
        ("conv3", {"pad": row(-1)}, r"pad is \[-1.0, -1.0, -1.0, -1.0\]; expected 4 whole numbers"),
        ("conv3", {"pad": row(np.nan)}, r"pad is \[nan"),
        ("conv3", {"pad": row(1e9)}, r"pad is \[1000000000.0"),
        ("pool1", {"pad": row(3)}, "MaxPool expects a padding smaller than its window"),
        ("pool1", {"method": "sum"}, "pooling method 'sum' is unknown; expected max or avg"),
        ("norm1", {"param": row(5, 2, 1)}, r"param is \[5.0, 2.0, 1.0\]; expected \[N κ α β\]"),
        ("norm1", {"param": row(1e9, 2, 1, 1)}, r"expected \[N κ α β\]"),
        ("dropout6", {"rate": 1.5}, "Dropout expects a probability"),
    ],
)
def test_what_cannot_be_read_is_named(name, fields, complaint, weights, rng, tmp_path):
    path = write(tmp_path / "net.mat", damaged(weights, **{name: fields}), normalization(rng), CLASSES)
    with pytest.raises(FileError, match=complaint) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_weights_of_the_wrong_shape_are_named(weights, rng, tmp_path):
    K, b = weights["conv3"]
    weights["conv3"] = K[:, :5], b  # 5 of 8 channels
    with pytest.raises(FileError, match=r"'conv3' .*: 4 kernels of 5 channels cannot share out the 8 channels"):
        load(write(tmp_path / "net.mat", stored_layers(weights), normalization(rng)))
    weights["conv3"] = K, b[:3]
    with pytest.raises(FileError, match="Conv expects one bias for each of its 4 kernels"):
        load(write(tmp_path / "net.mat", stored_layers(weights), normalization(rng)))


def test_images_of_another_size_than_the_layers_want_are_refused(weights, rng, tmp_path):
    layers = stored_layers(weights)
    with pytest.raises(FileError, match=r"gives scores in maps of \(4, 5\)"):
        load(write(tmp_path / "net.mat", layers, {"imageSize": row(40, 40, 3)}))
    with pytest.raises(FileError, match="Conv fc6 finds no room for a 3×3 kernel"):
        load(write(tmp_path / "net.mat", layers, {"imageSize": row(20, 20, 3)}))
    with pytest.raises(FileError, match=r"imageSize is .*; expected 3 whole numbers of 0 … 4096"):
        load(write(tmp_path / "net.mat", layers, {"imageSize": row(1e6, 1e6, 3)}))
    with pytest.raises(FileError, match=r"averageImage has the shape \(5, 5, 3\); expected \(28, 26, 3\) or 3 numbers"):
        load(write(tmp_path / "net.mat", layers, normalization(rng, averageImage=np.zeros((5, 5, 3)))))


def test_as_many_names_as_scores(weights, rng, tmp_path):
    with pytest.raises(FileError, match=r"names 4 classes, but its scores have the shape \(5,\)"):
        load(write(tmp_path / "net.mat", stored_layers(weights), normalization(rng), CLASSES[:4]))


def test_other_networks_are_refused(tmp_path):
    scipy.io.savemat(tmp_path / "other.mat", {"x": np.zeros(3)})
    with pytest.raises(FileError, match="holds no `layers`"):
        load(tmp_path / "other.mat")
    dag = np.zeros((1, 2), [("name", object), ("block", object)])
    dag["name"], dag["block"] = "conv1", {"size": row(3, 3)}
    scipy.io.savemat(tmp_path / "dag.mat", {"layers": dag})
    with pytest.raises(FileError, match="holds a DagNN; only MatConvNet's SimpleNN is read"):
        load(tmp_path / "dag.mat")
    scipy.io.savemat(tmp_path / "numbers.mat", {"layers": np.zeros(3)})
    with pytest.raises(FileError, match="`layers` is no cell array of structs"):
        load(tmp_path / "numbers.mat")


def test_a_file_that_is_not_there_is_said_to_be_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"does not exist; expected a weight file"):
        load(tmp_path / "net.mat")
    with pytest.raises(IsADirectoryError, match=r"is a folder; expected a weight file"):
        load(tmp_path)


def test_batch_normalisation_holds_means_and_standard_deviations(rng, tmp_path):
    """MatConvNet's moments are μ and √(σ² + ε); its convolution before them has no biases."""
    K, (gamma, beta, mean) = random(rng, 4, 3, 3, 3), random(rng, 3, 4)
    deviation = np.abs(random(rng, 4)) + 0.5
    moments = np.stack([mean, deviation], axis=1)
    bnorm = {"type": "bnorm", "name": "bn1", "weights": cells(gamma[:, None], beta[:, None], moments)}
    layers = [{**conv("conv1", K, np.zeros(4)), "weights": cells(stored_kernels(K))}, bnorm, relu("relu1")]
    last = conv("fc2", random(rng, 2, 4, 1, 1), random(rng, 2))
    net = load(write(tmp_path / "net.mat", [*layers, last], {"imageSize": row(3, 3, 3)}))
    x = random(rng, 2, 3, 3, 3)
    maps = Conv(K).forward(x)[0]
    expected = gamma[:, None, None] * (maps - mean[:, None, None]) / deviation[:, None, None] + beta[:, None, None]
    np.testing.assert_allclose(net.forward(x)["bn1"], expected[:, :, 0, 0], rtol=1e-4, atol=1e-5)
    for wrong in (moments[:, :1], moments[:2], -moments):
        layers[1] = {**bnorm, "weights": cells(gamma[:, None], beta[:, None], wrong)}
        with pytest.raises(FileError, match=r"layer 'bn1' .*(no weights|not above 0)"):
            load(write(tmp_path / "net.mat", [*layers, last], {"imageSize": row(3, 3, 3)}))
