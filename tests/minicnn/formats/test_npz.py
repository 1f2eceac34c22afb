"""minicnn's own weight files: nothing is lost, nothing is half-written, and NumPy can read them too."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from layers import Conv, Layer, ReLU
from minicnn import Network, formats
from minicnn.architectures import PREPROCESSINGS
from minicnn.description import KINDS
from minicnn.formats import FileError

from ...examples import every_layer
from .networks import assert_same, every_kind


def test_a_network_comes_back_as_it_was(tmp_path, rng):
    net = every_kind(rng)
    formats.save(net, tmp_path / "net.npz")
    back = formats.load(tmp_path / "net.npz")
    assert_same(net, back)
    x = rng.standard_normal((2, 3, 12, 14)).astype(np.float32)
    assert np.array_equal(net.scores(x), back.scores(x))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_type_of_the_numbers_is_kept(tmp_path, rng, dtype):
    net = every_kind(rng, dtype)
    formats.save(net, tmp_path / "net.npz")
    assert_same(net, formats.load(tmp_path / "net.npz"))


@pytest.mark.parametrize("name", every_layer())
def test_every_layer_of_the_examples_comes_back(tmp_path, rng, name):
    layer, shape = every_layer()[name]
    net = Network({"the layer": layer})
    formats.save(net, tmp_path / "net.npz")
    back = formats.load(tmp_path / "net.npz")
    assert_same(net, back)
    x = rng.standard_normal(shape)
    assert np.array_equal(net.scores(x), back.scores(x))


def test_every_kind_of_layer_can_be_saved():
    def kinds(kind):
        return {kind, *(deeper for sub in kind.__subclasses__() for deeper in kinds(sub))}

    ours = {kind for kind in kinds(Layer) if kind.__module__.startswith("layers.")}
    abstract = {"Layer", "Branches", "Pool"}
    assert {kind.__name__ for kind in ours} - abstract == set(KINDS)


def test_a_mean_for_each_channel_and_one_scale_come_back(tmp_path, squeezenet):
    formats.save(squeezenet, tmp_path / "net.npz")
    assert_same(squeezenet, formats.load(tmp_path / "net.npz"))


@pytest.mark.parametrize("name", ["torchvision", "caffe", "oxford", "caffe-aspect-kept"])
def test_how_photographs_are_resized_comes_back(tmp_path, rng, name):
    net = Network({"relu": ReLU()}, PREPROCESSINGS[name])
    formats.save(net, tmp_path / "net.npz")
    assert_same(net, formats.load(tmp_path / "net.npz"))


def test_views_columns_first_and_big_endian_arrays_are_saved_too(tmp_path, rng):
    K = np.asfortranarray(rng.standard_normal((4, 3, 2, 2)))
    net = Network({"a": Conv(K, K[:, 0, 0, 0].astype(">f8")), "b": Conv(K.transpose(1, 0, 2, 3)[:, ::-1])})
    formats.save(net, tmp_path / "net.npz")
    back = formats.load(tmp_path / "net.npz")
    for name, p in net.parameters.items():
        assert np.array_equal(p, back.parameters[name])
        assert back.parameters[name].dtype == np.float64


def test_numpy_reads_the_file(tmp_path, rng):
    net = every_kind(rng)
    formats.save(net, tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz", allow_pickle=False) as arrays:
        assert np.array_equal(arrays["conv/1.K"], net["conv/1"].K)
        assert json.loads(arrays["network.json"])["layers"][0]["kind"] == "Conv"


def test_the_same_network_gives_the_same_bytes(tmp_path):
    for name in ("a.npz", "b.npz"):
        formats.save(every_kind(np.random.default_rng(0)), tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path, rng):
    formats.save(every_kind(rng), tmp_path / "net.npz")
    before = (tmp_path / "net.npz").read_bytes()
    unsavable = Network({"conv": Conv(rng.standard_normal((1, 1, 1, 1)).astype(complex))})
    with pytest.raises(ValueError, match=r"conv\.K.*complex"):
        formats.save(unsavable, tmp_path / "net.npz")
    outside = Network({"../conv": Conv(rng.standard_normal((1, 1, 1, 1)))})
    with pytest.raises(ValueError, match="out of a folder"):
        formats.save(outside, tmp_path / "net.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["net.npz"]
    assert (tmp_path / "net.npz").read_bytes() == before


def test_a_layer_of_ones_own_is_refused_by_its_name(tmp_path):
    class Mine(ReLU):
        pass

    with pytest.raises(ValueError, match="Mine cannot be saved"):
        formats.save(Network({"mine": Mine()}), tmp_path / "net.npz")


# ---------------------------------------------------------------------- what is wrong is told in one line


def rewritten(path: Path, change) -> Path:
    """The file with its members, a dictionary of bytes, changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def edited(change):
    """A change of the description."""

    def apply(members):
        description = json.loads(members["network.json"])
        change(description)
        members["network.json"] = json.dumps(description).encode()

    return apply


def layer_zero(**settings):
    return edited(lambda d: d["layers"][0].update(settings))


WRONG = {
    "a parameter is missing": (lambda m: m.pop("fc.W.npy"), r"'fc\.W' of shape \(5, 16\), found none"),
    "a parameter too many": (lambda m: m.update({"fc.X.npy": b""}), r"'fc\.X\.npy' belongs to no layer"),
    "a transposed shape": (
        lambda m: m.update({"fc.W.npy": npy(np.zeros((16, 5), np.float32))}),
        r"'fc\.W': expected shape \(5, 16\), found \(16, 5\)",
    ),
    "objects": (
        lambda m: m.update({"fc.W.npy": npy(np.array([{}]))}),
        r"'fc\.W' is damaged, or holds no numbers \(Object arrays",
    ),
    "text": (lambda m: m.update({"fc.W.npy": npy(np.array(["a"]))}), r"'fc\.W' holds <U1"),
    "a header alone": (
        lambda m: m.update({"fc.W.npy": m["fc.W.npy"][:128]}),
        r"'fc\.W' is damaged.*expected 320 bytes got 0",
    ),
    "no header": (lambda m: m.update({"fc.W.npy": b"nonsense"}), r"'fc\.W' is damaged.*magic"),
    "not a number": (
        lambda m: m.update({"fc.W.npy": npy(np.full((5, 16), np.nan))}),
        r"'fc\.W' holds NaN or infinite weights.*--allow-nonfinite",
    ),
    "no description": (lambda m: m.pop("network.json"), "no network that minicnn saved"),
    "a damaged description": (lambda m: m.update({"network.json": b"{"}), "damaged"),
    "a deep description": (lambda m: m.update({"network.json": b"[" * 200_000}), "damaged"),
    "another format": (edited(lambda d: d.update(format="x")), "format"),
    "no layers": (edited(lambda d: d.update(layers=[])), "at least one layer|'fc"),
    "layers of no list": (edited(lambda d: d.update(layers=7)), "makes no network"),
    "two layers of one name": (edited(lambda d: d["layers"].append({"name": "relu", "kind": "ReLU"})), "two layers"),
    "an unknown kind": (layer_zero(kind="System"), "unknown kind"),
    "a kind of no text": (layer_zero(kind=["Conv"]), "makes no network"),
    "an unknown setting": (layer_zero(dilation=[2, 2]), "knows no 'dilation'"),
    "a stride of zero": (layer_zero(stride=[0, 1]), "stride of 1 or more"),
    "a stride of text": (layer_zero(stride="11"), "makes no network"),
    "a negative shape": (layer_zero(K=[-4, 3, 3, -2]), "makes no network"),
    "a padding beyond all memory": (
        layer_zero(pad=[10**18] * 4),
        "do not fit|makes no network|memory|array is too big",
    ),
    "layers that do not fit": (
        edited(lambda d: d["layers"].insert(1, {"name": "flat", "kind": "Flatten"})),
        "do not fit each other",
    ),
    "too few classes": (edited(lambda d: d["classes"].pop()), "names 4 classes"),
    "classes of no text": (edited(lambda d: d.update(classes=[1, 2, 3, 4, 5])), "makes no network"),
    "images of all sizes": (edited(lambda d: d["preprocessing"].update(size=[10**6, 10**6])), "of at most"),
    "an infinite scale": (edited(lambda d: d["preprocessing"].update(scale=1e999)), "makes no network"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_in_one_line(tmp_path, rng, what):
    change, said = WRONG[what]
    formats.save(every_kind(rng), tmp_path / "net.npz")
    with pytest.raises(FileError, match=said) as caught:
        formats.load(rewritten(tmp_path / "net.npz", change))
    assert str(caught.value).startswith(str(tmp_path / "net.npz"))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_nan_is_taken_if_asked_for(tmp_path, rng):
    net = every_kind(rng)
    net["fc"].W[0, 0], net["fc"].W[1, 1] = np.nan, -np.inf
    formats.save(net, tmp_path / "net.npz")
    with pytest.raises(FileError, match="NaN"):
        formats.load(tmp_path / "net.npz")
    assert_same(net, formats.load(tmp_path / "net.npz", allow_nonfinite=True))


def test_a_changed_number_is_told_by_its_checksum(tmp_path, rng):
    net = every_kind(rng)
    formats.save(net, tmp_path / "net.npz")
    content = (tmp_path / "net.npz").read_bytes()
    W = net["fc"].W.tobytes()
    assert content.count(W) == 1
    (tmp_path / "net.npz").write_bytes(content.replace(W, W[:-1] + bytes([W[-1] ^ 1])))
    with pytest.raises(FileError, match=r"'fc\.W'.*Bad CRC-32"):
        formats.load(tmp_path / "net.npz")


def test_the_file_brings_its_own_architecture(tmp_path, rng):
    formats.save(every_kind(rng), tmp_path / "net.npz")
    with pytest.raises(FileError, match="brings its own architecture"):
        formats.load(tmp_path / "net.npz", "alexnet")
