"""Saliency over a whole photograph: crops, and their maps put back where they came from."""

import json

import numpy as np
import pytest

from layers import Flatten, FullyConnected
from minicnn.images import Preprocessing
from minicnn.network import Network
from visualize import cli
from visualize.saliency_maps import photo_saliency, ten_crop_saliency, ten_crop_saliency_of_square


@pytest.fixture
def linear_in_the_crop(on):
    """S_0 = ⟨w, grey crop⟩ on crops of 8×8 out of a shorter side of 12: its saliency is |w| for every crop."""
    preprocessing = Preprocessing((8, 8), mean=(0.0,), order="L", resize=12)
    return lambda w: on(Network({"flatten": Flatten(), "full": FullyConnected(w.reshape(1, 64))}, preprocessing))


@pytest.mark.parametrize("shape", [(12, 12, 3), (30, 41, 3), (12, 200, 3), (301, 24, 3), (5, 7, 3), (1, 1, 3)])
def test_a_photograph_of_any_shape_gives_a_map_of_its_own_size(linear_in_the_crop, shape, rng):
    net = linear_in_the_crop(np.ones((8, 8), np.float32))
    photo = rng.integers(0, 256, shape, dtype=np.uint8)
    for saliency_of in (photo_saliency, ten_crop_saliency, ten_crop_saliency_of_square):
        saliency = saliency_of(net, photo, 0)
        assert saliency.shape == shape[:2]
        known = saliency[~np.isnan(saliency)]
        assert known.size > 0
        np.testing.assert_allclose(known, 1, rtol=1e-5)


def test_the_map_of_the_centre_crop_lies_in_the_centre_and_the_rest_is_unknown(linear_in_the_crop, rng):
    w = rng.standard_normal((8, 8)).astype(np.float32)
    photo = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)  # not resized: a crop's pixels are the photograph's
    saliency = photo_saliency(linear_in_the_crop(w), photo, 0)
    expected = np.full((12, 16), np.nan)
    expected[2:10, 4:12] = np.abs(w)
    np.testing.assert_allclose(saliency, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("saliency_of", "places"),
    [
        (ten_crop_saliency, [(0, 0), (0, 8), (4, 0), (4, 8), (2, 4)]),
        (ten_crop_saliency_of_square, [(0, 2), (0, 6), (4, 2), (4, 6), (2, 4)]),  # the square: columns 2 to 14
    ],
)
def test_ten_maps_are_mirrored_back_put_back_and_averaged(linear_in_the_crop, rng, saliency_of, places):
    w = rng.standard_normal((8, 8)).astype(np.float32)
    photo = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    laid = []
    for y, x in places:
        for M in (
            np.abs(w),
            np.abs(w)[:, ::-1],
        ):  # in the mirror, this network looks mirrored
            laid.append(np.full((12, 16), np.nan))
            laid[-1][y : y + 8, x : x + 8] = M
    saliency = saliency_of(linear_in_the_crop(w), photo, 0)
    known = ~np.isnan(laid).all(axis=0)
    assert np.array_equal(known, ~np.isnan(saliency))
    np.testing.assert_allclose(saliency[known], np.nanmean(np.array(laid)[:, known], axis=0), rtol=1e-5)


def test_of_the_central_square_what_lies_beside_it_is_unknown(linear_in_the_crop, rng):
    photo = rng.integers(0, 256, (12, 100, 3), dtype=np.uint8)
    saliency = ten_crop_saliency_of_square(linear_in_the_crop(np.ones((8, 8), np.float32)), photo, 0)
    known = ~np.isnan(saliency)
    assert known[:, 44:56].all()
    assert known.sum() == 12 * 12


def test_of_a_picture_as_large_as_the_crop_the_map_is_the_mean_of_it_and_its_mirror_image(on, rng):
    w = rng.standard_normal((8, 8)).astype(np.float32)
    layers = {"flatten": Flatten(), "full": FullyConnected(w.reshape(1, 64))}
    net = on(Network(layers, Preprocessing((8, 8), mean=(0.0,), order="L")))
    photo = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    for saliency_of in (ten_crop_saliency, ten_crop_saliency_of_square):
        expected = (np.abs(w) + np.abs(w)[:, ::-1]) / 2
        np.testing.assert_allclose(saliency_of(net, photo, 0), expected, rtol=1e-5)


def test_what_no_crop_covers_is_marked_not_zero(linear_in_the_crop, rng):
    photo = rng.integers(0, 256, (12, 100, 3), dtype=np.uint8)
    saliency = ten_crop_saliency(linear_in_the_crop(np.ones((8, 8), np.float32)), photo, 0)
    covered = ~np.isnan(saliency).all(axis=0)
    assert covered[:8].all()
    assert covered[46:54].all()
    assert covered[92:].all()
    assert not covered[8:46].any()
    assert not covered[54:92].any()


def test_ten_crops_of_a_mirrored_photograph_give_the_mirrored_map(squeezenet, coffee):
    saliency = ten_crop_saliency(squeezenet, coffee, 967)
    mirrored = ten_crop_saliency(squeezenet, coffee[:, ::-1], 967)[:, ::-1]
    size = np.nanmax(saliency)
    assert np.nanmean(np.abs(saliency - mirrored)) < 0.02 * size  # up to the half pixel of the middle crop


def test_the_command_writes_the_raw_map_the_figure_and_the_settings(tmp_path, capsys, coffee):
    from minicnn.images import save_picture

    save_picture(tmp_path / "cup.png", coffee)
    argv = ["saliency", str(tmp_path / "cup.png"), "--class", "espresso", "--out", str(tmp_path / "out"), "--json"]
    assert cli.main(argv) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["class"], record["name"], record["crops"]) == (967, "espresso", 1)
    assert json.loads((tmp_path / "out" / "cup-saliency-espresso.json").read_text()) == record
    saliency = np.load(tmp_path / "out" / "cup-saliency-espresso.npy")
    assert saliency.shape == coffee.shape[:2]
    assert (tmp_path / "out" / "cup-saliency-espresso.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "count", "part", "known"),
    [
        ([], 1, "centre", 227**2 / (256 * 384)),
        (["--ten-crops"], 10, "whole photograph", 1),
        (["--ten-crops-of-square"], 10, "central square", 2 / 3),
    ],
)
@pytest.mark.parametrize("command", ["saliency", "localize"])
def test_the_commands_say_which_crops_they_took(tmp_path, capsys, coffee, command, options, count, part, known):
    from minicnn.images import save_picture

    save_picture(tmp_path / "cup.png", coffee)  # 400×600
    argv = [command, str(tmp_path / "cup.png"), "--class", "espresso", "--out", str(tmp_path / "out"), *options]
    assert cli.main(argv) == 0
    (record,) = (tmp_path / "out").glob("*.json")
    written = json.loads(record.read_text())
    assert (written["crops"], written["crops_of"]) == (count, part)
    if command == "saliency":
        M = np.load(record.with_suffix(".npy"))
    else:
        M = np.load(record.with_suffix(".npz"))["saliency"][0]
    assert (~np.isnan(M)).mean() == pytest.approx(known, abs=0.01)


def test_ten_crops_are_of_the_whole_or_of_the_square_not_of_both(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["saliency", str(tmp_path / "cup.png"), "--ten-crops", "--ten-crops-of-square"])
    assert "not allowed with" in capsys.readouterr().err
