"""The tables against the papers, the summary against the literature, and random weights."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest

from layers import Add, BatchNorm, Concat, Conv, Flatten, FullyConnected, GroupedConv, MaxPool, ReLU, ShapeError
from minicnn import Network, architectures
from minicnn.architectures import ARCHITECTURES
from minicnn.summary import summary

NAMES = list(ARCHITECTURES)


# ---------------------------------------------------------------------- the tables and the papers


# Parameters and multiply-adds (10⁹) of one image, as torchvision's model pages and the Caffe zoo state them.
LITERATURE = {
    "alexnet": (61_100_840, 0.714),
    "alexnet_2012": (60_965_224, 0.724),
    "caffenet": (60_965_224, 0.724),
    "vgg11": (132_863_336, 7.609),
    "vgg13": (133_047_848, 11.308),
    "vgg16": (138_357_544, 15.470),
    "vgg19": (143_667_240, 19.632),
    "vgg11_bn": (132_868_840, 7.609),
    "vgg13_bn": (133_053_736, 11.308),
    "vgg16_bn": (138_365_992, 15.470),
    "vgg19_bn": (143_678_248, 19.632),
    "squeezenet1_0": (1_248_424, 0.819),
    "squeezenet1_1": (1_235_496, 0.349),
    "resnet18": (11_689_512, 1.814),
}


@pytest.mark.parametrize("name", LITERATURE)
def test_parameters_and_multiply_adds_are_the_literatures(name):
    parameters, giga = LITERATURE[name]
    found = summary(architectures.blank(name))
    assert found.parameters == parameters
    assert found.multiply_adds / 1e9 == pytest.approx(giga, abs=0.0006)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("paper", {"conv1": 54, "pool1": 27, "conv2": 27, "pool2": 13, "conv5": 13, "pool5": 6}),
        ("alexnet_2012", {"conv1": 55, "pool1": 27, "conv2": 27, "pool2": 13, "conv5": 13, "pool5": 6}),
        ("caffenet", {"conv1": 55, "norm1": 27, "conv2": 27, "norm2": 13, "conv5": 13, "pool5": 6}),
        ("alexnet", {"conv1": 55, "pool1": 27, "pool2": 13, "pool5": 6}),
        ("zfnet", {"conv1": 110, "pool1": 55, "conv2": 26, "pool2": 13, "conv5": 13, "pool5": 6}),
        ("vgg16", {"pool1": 112, "pool2": 56, "pool3": 28, "pool4": 14, "pool5": 7}),
        ("resnet18", {"conv1": 112, "pool1": 56, "conv2_2": 56, "conv3_2": 28, "conv4_2": 14, "conv5_2": 7}),
    ],
)
def test_maps_have_the_sizes_that_the_papers_figures_show(name, sizes):
    shapes = {layer.name: layer.shape for layer in summary(architectures.blank(name)).layers}
    assert {layer: shapes[layer][1:] for layer in sizes} == {layer: (n, n) for layer, n in sizes.items()}


def test_squeezenets_maps_have_its_papers_sizes_on_images_of_227_pixels():
    shapes = {layer.name: layer.shape for layer in summary(architectures.blank("squeezenet1_0"), (3, 227, 227)).layers}
    assert [shapes[name][1] for name in ("conv1", "pool1", "pool4", "pool8", "conv10")] == [111, 55, 27, 13, 13]


def test_the_papers_convnet_is_less_wide_than_krizhevskys():
    ours, his = (
        [len(p) for name, p in architectures.blank(name).parameters.items() if name.endswith((".K", ".W"))]
        for name in ("paper", "alexnet_2012")
    )
    assert len(ours) == len(his) == 8
    assert all(a <= b for a, b in zip(ours, his, strict=True))
    assert sum(ours) < sum(his)


def test_the_papers_convnet_has_the_papers_widths():
    """conv64-conv256-conv256-conv256-conv256-full4096-full4096-full1000 (section 1)."""
    net = architectures.blank("paper")
    widths = [f"{name[:4]}{len(layer.b)}" for name, layer in net.layers.items() if "b" in layer.parameters]
    assert "-".join(widths) == "conv64-conv256-conv256-conv256-conv256-full4096-full4096-full1000"


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_vggs_number_counts_its_layers_with_weights(depth):
    for name in (f"vgg{depth}", f"vgg{depth}_bn"):
        kinds = [type(layer) for layer in architectures.blank(name).layers.values()]
        assert kinds.count(Conv) + kinds.count(FullyConnected) == depth
        assert kinds.count(BatchNorm) == (kinds.count(Conv) if name.endswith("bn") else 0)


@pytest.mark.parametrize("name", NAMES)
def test_every_architecture_says_what_it_is_and_gives_scores_for_its_photographs(name):
    wanted = architectures.architecture(name)
    assert "{" not in wanted.title
    found = summary(architectures.blank(name))
    assert found.input_shape == wanted.input_shape
    assert found.layers[-1].shape == ((10,) if name in ("small28", "small32", "shapes") else (1000,))
    assert wanted.preprocessing.to_input(wanted.preprocessing.centre_crop(np.zeros((300, 280, 3), np.uint8))).shape == (
        1,
        *wanted.input_shape,
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_number_of_classes_is_a_setting(name):
    assert summary(architectures.blank(name, classes=7)).layers[-1].shape == (7,)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"there is no architecture 'vgg17': choose from paper, .*vgg16"):
        architectures.build("vgg17", np.random.default_rng(0))


# ---------------------------------------------------------------------- weights


def test_a_blank_network_takes_no_memory_and_its_scores_are_nan():
    tracemalloc.start()
    net = architectures.blank("vgg19_bn")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6
    assert np.isnan(architectures.blank("small28").scores(np.zeros((1, 1, 28, 28), np.float32))).all()
    assert net["fc6"].W.shape == (4096, 25088)


@pytest.mark.parametrize("name", ["small32", "squeezenet1_1", "resnet18"])
def test_random_weights_are_he_initialised_float32_and_deterministic(name):
    net = architectures.build(name, np.random.default_rng(5))
    again = architectures.build(name, np.random.default_rng(5))
    other = architectures.build(name, np.random.default_rng(6))
    assert net.preprocessing is architectures.architecture(name).preprocessing
    for key, p in net.parameters.items():
        assert p.dtype == np.float32
        np.testing.assert_array_equal(p, again.parameters[key])
        letter = key.rpartition(".")[2]
        if letter in ("K", "W"):
            assert not np.array_equal(p, other.parameters[key])
            expected = (2 / np.prod(p.shape[1:])) ** 0.5  # √(2 / fan-in)
            assert p.std() == pytest.approx(expected, rel=5 / (2 * p.size) ** 0.5)
            assert abs(p.mean()) < 5 * expected / p.size**0.5
        else:
            assert np.all(p == {"b": 0, "gamma": 1, "beta": 0, "mean": 0, "variance": 1}[letter])


@pytest.mark.parametrize(("name", "most"), [("small32", 5), ("squeezenet1_1", 5), ("resnet18", 500)])
def test_random_networks_keep_their_signals_size(name, most, rng):
    net = architectures.build(name, rng)
    x = rng.standard_normal((1, *architectures.architecture(name).input_shape), dtype=np.float32)
    scores = net.scores(x)
    assert scores.dtype == np.float32
    assert 0.05 < scores.std() < most


def test_weights_are_poured_in_by_name_and_checked():
    net = architectures.blank("small28")
    K = np.ones((32, 1, 3, 3), np.float32)
    assert net.with_parameters({"conv1_1.K": K})["conv1_1"].K is K
    with pytest.raises(ShapeError, match=r"Conv conv1_1 expects K of shape \(32, 1, 3, 3\), got \(32, 3, 3, 3\)"):
        net.with_parameters({"conv1_1.K": np.ones((32, 3, 3, 3))})
    with pytest.raises(ValueError, match=r"no parameter 'conv9.K'"):
        net.with_parameters({"conv9.K": K})


# ---------------------------------------------------------------------- torchvision's names


@pytest.mark.parametrize(
    ("name", "examples"),
    [
        ("alexnet", {"conv1.K": "features.0.weight", "conv5.b": "features.10.bias", "fc8.W": "classifier.6.weight"}),
        ("vgg16", {"conv1_2.K": "features.2.weight", "conv5_3.b": "features.28.bias", "fc6.W": "classifier.0.weight"}),
        ("vgg11_bn", {"bn1_1.mean": "features.1.running_mean", "bn5_2.gamma": "features.26.weight"}),
        ("squeezenet1_0", {"fire9/expand.expand3x3.0.K": "features.12.expand3x3.weight"}),
        ("squeezenet1_1", {"fire4/squeeze1x1.b": "features.6.squeeze.bias", "conv10.K": "classifier.1.weight"}),
        ("resnet18", {"conv3_1.shortcut.1.variance": "layer2.0.downsample.1.running_var", "fc.W": "fc.weight"}),
    ],
)
def test_torch_names(name, examples):
    names = architectures.torch_names(name)
    assert {ours: names[ours] for ours in examples} == examples
    assert len(set(names.values())) == len(names)
    unnamed = architectures.blank(name).parameters.keys() - names.keys()
    assert len(unnamed) == (20 if name == "resnet18" else 0)  # ResNet's convolutions have no bias there
    assert all(ours.endswith(".b") for ours in unnamed)


def test_a_resnet_needs_nothing_but_what_torchvisions_file_holds(rng):
    """The biases that the file lacks are zero, not blank."""
    names = architectures.torch_names("resnet18")
    net = architectures.blank("resnet18")
    net = net.with_parameters(
        {ours: p for ours, p in architectures.build("resnet18", rng).parameters.items() if ours in names}
    )
    assert np.isfinite(net.scores(np.ones((1, 3, 32, 32), np.float32))).all()


def test_torch_names_of_a_network_that_torchvision_lacks():
    with pytest.raises(ValueError, match="torchvision has no zfnet: choose from alexnet, vgg11"):
        architectures.torch_names("zfnet")


# ---------------------------------------------------------------------- the summary


def test_summary_by_hand():
    net = Network(
        {
            "conv": Conv(np.ones((4, 3, 3, 3)), stride=2),  # 3×9×9 → 4×4×4
            "relu": ReLU(),
            "pool": MaxPool(2),  # 4×2×2
            "flatten": Flatten(),
            "fc": FullyConnected(np.ones((5, 16))),
        }
    )
    found = summary(net, (3, 9, 9))
    assert [layer.shape for layer in found.layers] == [(4, 4, 4), (4, 4, 4), (4, 2, 2), (16,), (5,)]
    assert [layer.parameters for layer in found.layers] == [4 * 27 + 4, 0, 0, 0, 5 * 16 + 5]
    assert [layer.multiply_adds for layer in found.layers] == [4 * 27 * 16, 0, 0, 0, 5 * 16]
    assert [layer.map_bytes for layer in found.layers] == [4 * n for n in (64, 64, 16, 16, 5)]
    assert (found.parameters, found.multiply_adds, found.map_bytes) == (197, 1808, 4 * (243 + 165))
    assert found.layers[2].layer == repr(net["pool"])


def test_summary_looks_into_branches_and_groups():
    grouped = GroupedConv(np.ones((4, 1, 3, 3)), groups=2, pad=1)  # 2 → 4 channels, 4·9 products at each position
    net = Network(
        {
            "join": Concat({"wide": [grouped, ReLU()], "same": []}),
            "add": Add([[BatchNorm(*np.ones((4, 6)))], []]),
        }
    )
    found = summary(net, (2, 5, 5))
    names = ["join.wide.0", "join.wide.1", "join", "add.0.0", "add"]
    assert [layer.name for layer in found.layers] == names
    assert [layer.shape[0] for layer in found.layers] == [4, 4, 6, 6, 6]
    assert [layer.parameters for layer in found.layers] == [40, 0, 0, 12, 0]  # of BatchNorm gamma and beta
    assert [layer.multiply_adds for layer in found.layers] == [36 * 25, 0, 0, 0, 0]


def test_a_bias_counts_unless_it_is_0_below_a_batchnorm(rng):
    def net(b, *above):
        return Network({"conv": Conv(np.ones((4, 3, 1, 1)), b), **{str(n): layer for n, layer in enumerate(above)}})

    zero, norm = np.zeros(4), BatchNorm(*np.ones((4, 4)))
    for b, above, count in [(zero, [norm], 12), (zero, [ReLU()], 16), (zero, [], 16), (np.eye(4)[0], [norm], 16)]:
        assert summary(net(b, *above), (3, 2, 2)).layers[0].parameters == count
    assert summary(architectures.build("resnet18", rng)).parameters == 11_689_512


@pytest.mark.parametrize("name", ["small28", "squeezenet1_1", "resnet18"])
def test_summary_tells_the_shapes_that_a_real_forward_pass_finds(name, rng):
    net = architectures.build(name, rng)
    shape = architectures.architecture(name).input_shape
    trace = net.forward(np.zeros((1, *shape), np.float32))
    found = {layer.name: layer for layer in summary(net).layers}
    for layer in trace.names:
        assert found[layer].shape == trace[layer].shape[1:]
        assert found[layer].map_bytes == trace[layer].nbytes


def test_summary_of_all_architectures_takes_an_instant_and_no_memory():
    tracemalloc.start()
    started = time.perf_counter()
    total = sum(summary(architectures.blank(name)).parameters for name in NAMES)
    seconds = time.perf_counter() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total > 1e9  # four gigabytes of weights, were they there
    assert peak < 4e6
    assert seconds < 2


def test_summary_of_another_image_size(rng):
    net = architectures.build("squeezenet1_1", rng)
    assert summary(net, (3, 227, 227)).multiply_adds > summary(net).multiply_adds
    assert summary(net, (3, 227, 227)).parameters == summary(net).parameters
    with pytest.raises(ShapeError, match="FullyConnected fc6 expects features"):
        summary(architectures.blank("alexnet"), (3, 300, 300))
    with pytest.raises(ShapeError, match="Conv conv1 expects 3 channels, got 1"):
        summary(net, (1, 224, 224))
    with pytest.raises(ValueError, match="give input_shape"):
        summary(Network({"relu": ReLU()}))
