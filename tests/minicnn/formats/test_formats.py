"""Which reader a file goes to: told by its content, or else by its suffix; and what holds for all formats."""

from __future__ import annotations

import inspect
import zipfile

import numpy as np
import pytest

from layers.branches import Branches
from minicnn import formats, pretrained
from minicnn.description import SETTINGS
from minicnn.formats import FileError

from .matconvnet_files import conv, relu, row, write
from .networks import assert_same, every_kind, squeezenet_weights
from .torch_files import write_state_dict


def matconvnet_file(path, rng, last=1.0):
    """Two convolutions, the second onto two scores, for images of 3×3."""
    b = np.float32([0.5, last])
    layers = [
        conv("conv1", rng.standard_normal((4, 3, 3, 3)).astype("f4"), np.zeros(4, np.float32)),
        relu("relu1"),
        conv("fc2", rng.standard_normal((2, 4, 1, 1)).astype("f4"), b),
    ]
    normalization = {"imageSize": row(3, 3, 3), "averageImage": row(120, 110, 100).reshape(1, 1, 3)}
    return write(path, layers, normalization, ["cat", "dog"])


def onnx_file(path, rng):
    models = pytest.importorskip("tests.minicnn.formats.onnx_models", reason="needs onnx: the extra onnx")
    model = models.Model(rng, 1, 3, 6, 6)
    y = model.add("Flatten", model.conv("data", 4, 3, 3, name="conv1"), name="flat")
    return model.save(path, model.gemm(y, 5, 64, name="fc"))


def write_any(kind, path, rng):
    match kind:
        case "npz":
            formats.save(every_kind(rng), path)
        case "present" | "older":
            write_state_dict(path, squeezenet_weights(rng), older=kind == "older")
        case "safetensors":
            library = pytest.importorskip("safetensors.numpy", reason="needs safetensors: the extra test")
            library.save_file(squeezenet_weights(rng), path)
        case "matconvnet":
            matconvnet_file(path.with_name("from scipy.mat"), rng).rename(path)
    return path


CONTENT = {
    "npz": "a network that minicnn saved",
    "present": "a weight file of PyTorch's",
    "older": "a weight file of PyTorch's",
    "safetensors": "a safetensors file",
    "matconvnet": "a MatConvNet .mat file",
}


@pytest.mark.parametrize("suffix", [*formats.SUFFIXES, ".bin", ""])
@pytest.mark.parametrize("kind", CONTENT)
def test_content_decides_whatever_the_suffix_says(tmp_path, rng, kind, suffix):
    path = write_any(kind, tmp_path / f"x{suffix}", rng)
    assert formats.format_of(path).title == CONTENT[kind]


def test_onnx_is_told_by_its_suffix(tmp_path, rng):
    net = formats.load(onnx_file(tmp_path / "x.onnx", rng))
    assert list(net.layers) == ["conv1", "flat", "fc"]
    with pytest.raises(FileError, match="no weight file of a known kind"):
        formats.load(onnx_file(tmp_path / "x", rng))


def test_matconvnet_comes_in_by_the_same_door(tmp_path, rng):
    net = pretrained.load(matconvnet_file(tmp_path / "x.mat", rng))
    assert net.classes == ["cat", "dog"]
    assert net.scores(np.zeros((1, 3, 3, 3), np.float32)).shape == (1, 2)


def test_nan_is_refused_in_every_format(tmp_path, rng):
    path = matconvnet_file(tmp_path / "x.mat", rng, last=np.nan)
    with pytest.raises(FileError, match=r"x\.mat: 'fc2\.b' holds NaN"):
        formats.load(path)
    assert np.isnan(formats.load(path, allow_nonfinite=True).parameters["fc2.b"][1])


@pytest.mark.parametrize("write", [matconvnet_file, onnx_file])
def test_files_that_know_their_architecture_want_no_other(tmp_path, rng, write):
    path = write(tmp_path / ("x.mat" if write is matconvnet_file else "x.onnx"), rng)
    with pytest.raises(FileError, match="brings its own architecture; leave 'alexnet' out"):
        formats.load(path, "alexnet")


def test_every_format_can_be_kept_as_minicnns_own(tmp_path, rng):
    net = formats.load(matconvnet_file(tmp_path / "x.mat", rng))
    formats.save(net, tmp_path / "net.npz")
    assert_same(net, formats.load(tmp_path / "net.npz"))


@pytest.mark.parametrize("kind", SETTINGS)
def test_the_description_knows_every_argument_of_every_layer(kind):
    arguments = set(inspect.signature(kind).parameters)
    known = {*SETTINGS[kind], *kind.parameter_names, *(["branches"] if issubclass(kind, Branches) else [])}
    assert known == arguments


@pytest.mark.parametrize("suffix", [".h5", ".mat", ""])
def test_keras_files_are_told_from_matlabs(tmp_path, suffix):
    (tmp_path / f"model{suffix}").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(4000))
    with pytest.raises(FileError, match=r"Keras.*tf2onnx"):
        formats.load(tmp_path / f"model{suffix}")
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(FileError, match=r"Keras.*tf2onnx"):
        formats.load(tmp_path / "model.keras")
    (tmp_path / "new.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(384) + b"\x89HDF")
    with pytest.raises(FileError, match=r"MATLAB 7.3 file.*-v7"):
        formats.load(tmp_path / "new.mat")
