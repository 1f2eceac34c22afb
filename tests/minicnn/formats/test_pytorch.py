"""PyTorch's state dicts, both formats, made by hand; test_files_of_others.py reads those that PyTorch writes."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import architectures, formats
from minicnn.formats import FileError
from minicnn.images import Preprocessing

from .networks import squeezenet_weights
from .torch_files import Call, Raw, code, tensor, write_older, write_state_dict, write_zip
from .torch_files import tensors_of as read

NUMBERS = np.arange(24, dtype=np.float32)


@pytest.fixture(params=[False, True], ids=["present format", "older format"])
def older(request) -> bool:
    return request.param


def write(path, saved, older, numbers=NUMBERS):
    """A file with one storage, "0"."""
    return write_older(path, saved, {"0": numbers}) if older else write_zip(path, saved, {"0": numbers.tobytes()})


# ---------------------------------------------------------------------- tensors


def test_tensors_come_back_by_name(tmp_path, rng, older):
    arrays = {"a.weight": rng.standard_normal((2, 3, 4)).astype("f4"), "b": np.arange(5), "c": np.float32([[]])}
    back = read(write_state_dict(tmp_path / "x.pth", arrays, older))
    assert list(back) == list(arrays)
    for name, p in arrays.items():
        assert np.array_equal(p, back[name])
        assert p.dtype == back[name].dtype


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((2, 3), (3, 1), 5),  # the storage's middle
        ((3, 2), (1, 3), 0),  # transposed
        ((2, 2), (8, 2), 3),  # every second number
        ((4, 3), (0, 1), 2),  # the same row again and again
        ((), (), 23),
        ((0, 7), (7, 1), 24),
        ((24,), (1,), 0),
    ],
)
def test_strides_and_offset_are_honoured(tmp_path, older, shape, strides, offset):
    saved = {"x": tensor(shape, strides, offset, count=24, older=older)}
    x = read(write(tmp_path / "x.pth", saved, older))["x"]
    expected = np.zeros(shape, np.float32)
    for index in np.ndindex(shape):
        expected[index] = NUMBERS[offset + sum(i * s for i, s in zip(index, strides, strict=True))]
    assert np.array_equal(x, expected)
    assert x.shape == shape
    assert x.flags.c_contiguous


def test_tensors_may_share_a_storage(tmp_path, older):
    saved = {
        "all": tensor((24,), count=24, older=older),
        "tail": tensor((2, 2), offset=20, count=24, older=older),
    }
    back = read(write(tmp_path / "x.pth", saved, older))
    assert np.array_equal(back["all"], NUMBERS)
    assert np.array_equal(back["tail"], [[20, 21], [22, 23]])


def test_views_of_storages_in_older_files(tmp_path):
    saved = {"x": tensor((2, 2), offset=1, count=24, older=True, view=("1", 10, 8))}
    assert np.array_equal(read(write(tmp_path / "x.pth", saved, True))["x"], [[11, 12], [13, 14]])
    saved = {"x": tensor((2, 4), offset=1, count=24, older=True, view=("1", 10, 8))}  # 11 … 18: one beyond the view
    write(tmp_path / "x.pth", saved, True)
    assert read(tmp_path / "x.pth")["x"].size == 8  # … and inside of the storage


def test_bfloat16_is_the_upper_half_of_a_float32(tmp_path, older):
    bits = (np.float32([[1, -2.5, 3.140625], [0, np.inf, 1e-30]]).view(np.uint32) >> 16).astype(np.uint16)
    saved = {"x": tensor((3, 2), (1, 3), count=6, storage="BFloat16Storage", older=older)}
    x = read(write(tmp_path / "x.pth", saved, older, bits))["x"]
    assert x.dtype == np.float32
    assert np.array_equal(x, (bits.astype(np.uint32) << 16).view(np.float32).T)
    assert x[0, 1] == 0
    assert x[1, 0] == -2.5


def test_numbers_with_the_other_end_first(tmp_path):
    saved = {"x": tensor((24,))}
    big = write_zip(tmp_path / "x.pth", saved, {"0": NUMBERS.astype(">f4").tobytes()}, byteorder=b"big")
    x = read(big)["x"]
    assert np.array_equal(x, NUMBERS)
    assert x.dtype.isnative
    with pytest.raises(FileError, match="byte order"):
        read(write_zip(tmp_path / "y.pth", saved, {"0": NUMBERS.tobytes()}, byteorder=b"middle"))


# ---------------------------------------------------------------------- where the state dict is


X = tensor((24,))


@pytest.mark.parametrize(
    "saved",
    [
        {"x": X},
        {"module.x": X},  # DataParallel
        {"epoch": 3, "arch": "alexnet", "state_dict": {"module.x": X}},
        {"model_state_dict": {"x": X}, "loss": None},
        {"x": X, "bn.num_batches_tracked": tensor((), key="1", count=1, storage="LongStorage")},
        {"x": X, "epoch": 3, "acc": Call("numpy._core.multiarray", "scalar", Call("numpy", "dtype", "f8"), "x")},
        {"x": Call("torch._utils", "_rebuild_parameter", X, True, Call("collections", "OrderedDict"))},
        {"x": Call("torch._utils", "_rebuild_tensor", *X.arguments[:4])},  # before 2018
        Call("collections", "OrderedDict", [["x", X]]),  # Python 2
    ],
)
def test_where_the_state_dict_may_be(tmp_path, saved):
    assert {name: list(x) for name, x in read(write(tmp_path / "x.pth", saved, False)).items()} == {"x": list(NUMBERS)}


def test_the_attributes_of_an_ordered_dict_are_passed_over(tmp_path):
    versions = Call("collections", "OrderedDict")
    built = code(Call("collections", "OrderedDict")) + b"(" + code("x") + code(X) + b"u" + code({"_metadata": versions})
    assert list(read(write(tmp_path / "x.pth", Raw(built + b"b"), False))) == ["x"]


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        (7, "no state dict: expected names and tensors"),
        ({}, "no state dict"),
        ({"epoch": 3}, "no state dict"),
        ([X], "no state dict"),
        ({"x": X, 5: X}, "a tensor is called 5; expected text"),
        (
            {"x": Call("torchvision.models.alexnet", "AlexNet")},
            r"state_dict\(\).* it holds a torchvision.models.alexnet.AlexNet",
        ),
    ],
)
def test_what_is_no_state_dict_is_told(tmp_path, saved, said):
    with pytest.raises(FileError, match=said):
        formats.load(write(tmp_path / "x.pth", saved, older=False), "alexnet")


def test_a_torchscript_program_is_told(tmp_path):
    with pytest.raises(FileError, match=r"TorchScript.*state_dict\(\)"):
        read(write_zip(tmp_path / "x.pt", {"x": X}, {"0": NUMBERS.tobytes()}, **{"constants.pkl": b""}))


# ---------------------------------------------------------------------- a state dict meets an architecture


def test_a_state_dict_becomes_a_network(tmp_path, rng, older):
    weights = squeezenet_weights(rng)
    net = formats.load(write_state_dict(tmp_path / "x.pth", weights, older), "squeezenet1_1")
    for ours, theirs in architectures.torch_names("squeezenet1_1").items():
        assert np.array_equal(net.parameters[ours], weights[theirs])
    assert isinstance(net.preprocessing, Preprocessing)
    assert net.preprocessing == architectures.TORCHVISION
    assert net.classes is None  # seven classes: nobody knows which


def test_a_thousand_classes_are_those_of_imagenet(tmp_path, rng, squeezenet):
    weights = squeezenet_weights(rng, classes=1000)
    net = formats.load(write_state_dict(tmp_path / "x.pth", weights), "squeezenet1_1")
    assert net.classes == squeezenet.classes


def test_half_precision_is_widened(tmp_path, rng):
    weights = {name: p.astype(np.float16) for name, p in squeezenet_weights(rng).items()}
    net = formats.load(write_state_dict(tmp_path / "x.pth", weights), "squeezenet1_1")
    K = net["conv1"].K
    assert K.dtype == np.float32
    assert np.array_equal(K, weights["features.0.weight"])


def without(weights, *names):
    return {name: p for name, p in weights.items() if name not in names}


BIAS, WEIGHT = "features.0.bias", "features.0.weight"
MISFITS = {
    "missing": (lambda w: without(w, BIAS), r"expected a tensor 'features.0.bias' of shape \(64,\), found none$"),
    "extra": (lambda w: {**w, "fc.bias": w[BIAS]}, r"no tensor 'fc.bias', found one of shape \(64,\)$"),
    "transposed": (
        lambda w: {**w, WEIGHT: w[WEIGHT].transpose(2, 3, 1, 0).copy()},
        r"'features.0.weight': expected shape \(64, 3, 3, 3\), found \(3, 3, 3, 64\)$",
    ),
    "integers": (
        lambda w: {**w, BIAS: np.arange(64)},
        "'features.0.bias': expected floating-point numbers, found int64",
    ),
    "not a number": (lambda w: {**w, BIAS: np.full(64, np.nan, "f4")}, "'features.0.bias' holds NaN or infinite"),
    "infinite": (lambda w: {**w, BIAS: np.full(64, -np.inf, "f4")}, "'features.0.bias' holds NaN or infinite"),
    "several": (lambda w: without(w, BIAS, WEIGHT), r"found none \(and 1 more differences?\)$"),
    "the other SqueezeNet": (
        lambda w: {
            theirs: np.zeros(architectures.blank("squeezenet1_0").parameters[ours].shape, np.float32)
            for ours, theirs in architectures.torch_names("squeezenet1_0").items()
        },
        r"not the weights of squeezenet1_1: .*expected shape \(64, 3, 3, 3\), found \(96, 3, 7, 7\).*"
        r"its tensors fit --network squeezenet1_0$",
    ),
}


@pytest.mark.parametrize("what", MISFITS)
def test_a_misfit_is_told_in_one_line(tmp_path, rng, what):
    change, said = MISFITS[what]
    path = write_state_dict(tmp_path / "x.pth", change(squeezenet_weights(rng)))
    with pytest.raises(FileError, match=said) as caught:
        formats.load(path, "squeezenet1_1")
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_nan_and_infinity_are_taken_if_asked_for(tmp_path, rng):
    weights = squeezenet_weights(rng)
    weights[BIAS][:2] = np.nan, np.inf
    net = formats.load(write_state_dict(tmp_path / "x.pth", weights), "squeezenet1_1", allow_nonfinite=True)
    assert np.array_equal(net["conv1"].b, weights[BIAS], equal_nan=True)


def test_without_an_architecture_those_that_fit_are_told(tmp_path, rng):
    weights = squeezenet_weights(rng)
    with pytest.raises(FileError, match=r"does not say its architecture; its tensors fit --network squeezenet1_1$"):
        formats.load(write_state_dict(tmp_path / "x.pth", weights))
    with pytest.raises(FileError, match=r"fit none of alexnet, vgg11, .*resnet18$"):
        formats.load(write_state_dict(tmp_path / "x.pth", without(weights, BIAS)))


def test_an_architecture_that_torchvision_has_not_is_told(tmp_path, rng):
    path = write_state_dict(tmp_path / "x.pth", squeezenet_weights(rng))
    with pytest.raises(ValueError, match="torchvision has no paper: choose from alexnet"):
        formats.load(path, "paper")
    with pytest.raises(ValueError, match="no architecture 'lenet': choose from"):
        formats.load(path, "lenet")


def test_a_damaged_number_is_told_by_its_checksum(tmp_path, rng):
    weights = squeezenet_weights(rng)
    path = write_state_dict(tmp_path / "x.pth", weights)
    content, K = path.read_bytes(), weights[WEIGHT].tobytes()
    assert content.count(K) == 1
    path.write_bytes(content.replace(K, K[:-1] + bytes([K[-1] ^ 1])))
    with pytest.raises(FileError, match=r"'features.0.weight': .*Bad CRC-32"):
        formats.load(path, "squeezenet1_1")
