"""Nothing is ever half-written: a file is there whole, or as it was before."""

from __future__ import annotations

import json

import numpy as np
import pytest

from minicnn.files import atomic_write, save_array, save_json
from minicnn.images import save_picture


def break_off(path, interruption):
    with atomic_write(path) as file:
        file.write(b"half of")
        raise interruption


def test_the_file_appears_when_the_block_has_ended(tmp_path):
    with atomic_write(tmp_path / "map.bin") as file:
        file.write(b"all of it")
        assert not (tmp_path / "map.bin").exists()
    assert (tmp_path / "map.bin").read_bytes() == b"all of it"
    assert [path.name for path in tmp_path.iterdir()] == ["map.bin"]


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_nothing_behind(tmp_path, interruption):
    with pytest.raises(interruption):
        break_off(tmp_path / "map.bin", interruption)
    assert list(tmp_path.iterdir()) == []


def test_an_exception_keeps_the_old_file(tmp_path):
    (tmp_path / "map.bin").write_bytes(b"old")
    with pytest.raises(ValueError):  # noqa: PT011 - our own
        break_off(tmp_path / "map.bin", ValueError)
    assert (tmp_path / "map.bin").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["map.bin"]


def test_a_finished_file_replaces_the_old_one(tmp_path):
    (tmp_path / "map.bin").write_bytes(b"old and longer")
    with atomic_write(tmp_path / "map.bin") as file:
        file.write(b"new")
    assert (tmp_path / "map.bin").read_bytes() == b"new"


def test_a_folder_that_is_not_there_is_an_error_and_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        save_array(tmp_path / "nowhere" / "map.npy", np.ones(3))
    assert list(tmp_path.iterdir()) == []


def test_arrays_are_saved_raw(tmp_path, rng):
    w = rng.standard_normal((3, 4)).astype(np.float32)
    w[0, 0] = np.nan
    save_array(tmp_path / "w.npy", w)
    back = np.load(tmp_path / "w.npy")
    assert back.dtype == np.float32
    assert np.array_equal(back, w, equal_nan=True)


def test_arrays_of_objects_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        save_array(tmp_path / "w.npy", np.array([{}]))
    assert list(tmp_path.iterdir()) == []


def test_settings_are_saved_as_readable_json(tmp_path):
    save_json(tmp_path / "map.json", {"class": "açaí", "λ": 1e-5})
    text = (tmp_path / "map.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"class": "açaí", "λ": 1e-5}
    assert '"açaí"' in text
    assert text.endswith("\n")


@pytest.mark.parametrize(
    "save",
    [
        lambda path: save_json(path, {"array": np.ones(3)}),
        lambda path: save_picture(path, np.ones((2, 2, 7))),
    ],
)
def test_what_cannot_be_saved_leaves_nothing_behind(tmp_path, save):
    with pytest.raises(TypeError):
        save(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
