"""Networks as courses have them, from ONNX files on the command line: grey, small, of another size, with one score."""

from __future__ import annotations

import json

import numpy as np
import pytest

from minicnn import pretrained
from minicnn.images import read_photo, save_picture
from minicnn.preparation import Preparation
from tests.visualize.command_line import complaint
from visualize import cli

models = pytest.importorskip("tests.minicnn.formats.onnx_models", reason="needs onnx: the extra onnx")
pytest.importorskip("onnxruntime", reason="needs onnxruntime: the extra oracles")


@pytest.fixture
def photo(tmp_path, rng) -> str:
    save_picture(tmp_path / "photo.png", rng.integers(0, 256, (40, 30, 3)))
    return str(tmp_path / "photo.png")


def network(path, rng, C: int, H: int, W: int, classes: int = 10, flat: bool = True) -> str:
    """Conv → Relu → Flatten → Gemm, or a global average in place of the flattening."""
    model = models.Model(rng, "N", C, H, W)
    y = model.add("Relu", model.conv("data", 4, C, 3))
    D = 4 * (H - 2) * (W - 2) if flat else 4
    y = model.add("Flatten", y if flat else model.add("GlobalAveragePool", y))
    return str(model.save(path, model.gemm(y, classes, D)))


def classified(capsys, photo: str, weights: str, *options: str) -> dict:
    assert cli.main(["classify", photo, "--weights", weights, "--top", "10", "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("shape", "options", "mean", "scale"),
    [
        ((1, 28, 28), ["--preprocessing", "mnist"], 0.1307 * 255, 1 / (0.3081 * 255)),
        ((1, 28, 28), ["--grey"], 0, 1 / 255),
        ((1, 28, 28), ["--mean", "33.3", "--scale", "1/78.6"], 33.3, 1 / 78.6),
        ((3, 32, 32), ["--preprocessing", "plain"], 0, 1 / 255),
        ((3, 20, 30), ["--mean", "104,117,123", "--order", "BGR"], [104, 117, 123], 1),
    ],
)
def test_scores_are_onnxruntimes_on_the_image_prepared_by_hand(
    tmp_path, capsys, rng, photo, shape, options, mean, scale
):
    """The photograph in the network's proportions, so that nothing but its size is changed on the way."""
    C, H, W = shape
    pixels = rng.integers(0, 256, (H, W, 3), dtype=np.uint8)
    if C == 1:
        pixels[:] = pixels[..., :1]
    save_picture(photo, pixels)
    weights = network(tmp_path / "n.onnx", rng, *shape)
    record = classified(capsys, photo, weights, *options)
    x = read_photo(photo).astype(np.float32)[..., :C]
    x = (x[..., ::-1] if "BGR" in options else x) - np.array(mean, np.float32)
    x = np.moveaxis(x * np.float32(scale), -1, 0)[None]
    theirs = models.run(tmp_path / "n.onnx", np.ascontiguousarray(x, np.float32))[0]
    assert [entry["index"] for entry in record["top"]] == list(np.argsort(-theirs))
    np.testing.assert_allclose([entry["score"] for entry in record["top"]], np.sort(theirs)[::-1], rtol=1e-3, atol=1e-4)


def test_the_size_that_a_file_says_is_fed(tmp_path, capsys, rng, photo):
    weights = network(tmp_path / "n.onnx", rng, 3, 299, 299, flat=False)
    out = tmp_path / "out"
    options = ["--weights", weights, "--preprocessing", "torchvision", "--out", str(out)]
    assert cli.main(["saliency", photo, *options]) == 0
    assert np.load(out / "photo-saliency.npy").shape == (40, 30)
    net = pretrained.load(weights, preparation=Preparation("torchvision"))
    assert net.preprocessing is not None
    assert (net.preprocessing.size, net.preprocessing.resize) == ((299, 299), 342)


def test_what_cannot_be_brought_together_is_one_line(tmp_path, capsys, rng, photo):
    weights = network(tmp_path / "n.onnx", rng, 1, 28, 28)
    said = complaint(capsys, "classify", photo, "--weights", weights, "--preprocessing", "torchvision")
    assert "reads images of 1 channel, but --preprocessing torchvision prepares 3 channels" in said
    assert "mnist" in complaint(capsys, "classify", photo, "--weights", weights)
    for option, value in (
        ("--mean", "a"),
        ("--scale", "1/0"),
        ("--scale", "inf"),
        ("--size", "0x3"),
        ("--size", "9x9x9"),
    ):
        with pytest.raises(SystemExit, match="2"):
            cli.main(["classify", photo, "--weights", weights, option, value])
        said = capsys.readouterr().err
        assert said.startswith(f"minicnn classify: argument {option}: ")
        assert said.count("\n") == 1


def test_a_check_needs_neither_photograph_nor_preprocessing(tmp_path, capsys, rng):
    for shape in ((1, 28, 28), (3, 12, 9)):
        weights = network(tmp_path / "n.onnx", rng, *shape)
        assert cli.main(["check", "--weights", weights, "--probes", "1"]) == 0


def test_settings_repeat_a_class_model_with_numbers_of_ones_own(tmp_path, capsys, rng):
    weights = network(tmp_path / "n.onnx", rng, 1, 28, 28)
    options = ["--weights", weights, "--mean", "33", "--scale", "1/80", "--noise", "1", "--steps", "2"]
    assert cli.main(["class-model", "3", *options, "--out", str(tmp_path / "a"), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    (settings,) = (tmp_path / "a").glob("*.json")
    assert cli.main(["class-model", "--from", str(settings), "--out", str(tmp_path / "b"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["score"] == first["score"]
    read = json.loads(settings.read_text())
    assert (read["mean"], read["scale"]) == ([33.0], [1 / 80])


# ---------------------------------------------------------------------- one score


def test_a_single_score_has_a_sigmoid_and_no_probability(tmp_path, capsys, rng, photo):
    weights = network(tmp_path / "n.onnx", rng, 3, 16, 16, classes=1)
    record = classified(capsys, photo, weights, "--preprocessing", "plain")
    (entry,) = record["top"]
    assert entry["sigmoid"] == pytest.approx(1 / (1 + np.exp(-entry["score"])), rel=1e-5)
    assert "probability" not in entry
    assert cli.main(["classify", photo, "--weights", weights, "--preprocessing", "plain"]) == 0
    text = capsys.readouterr().out
    assert f"sigmoid {entry['sigmoid']:6.1%}" in text


def test_what_needs_a_posterior_is_refused(tmp_path, capsys, rng):
    weights = network(tmp_path / "n.onnx", rng, 3, 16, 16, classes=1)
    chosen = ["class-model", "0", "--weights", weights, "--preprocessing", "plain", "--out", str(tmp_path / "out")]
    for option in (["--versus-posterior"], ["--score", "posterior"]):
        said = complaint(capsys, *chosen, "--noise", "1", "--steps", "2", *option)
        assert "a single score: its posterior, a softmax, is 1 for every image" in said
    assert not (tmp_path / "out").exists()
