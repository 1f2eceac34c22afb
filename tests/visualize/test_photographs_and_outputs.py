"""Folders and patterns of photographs, several classes, and where the files go."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from visualize import cli
from visualize.commands.photos import chosen_photos

SCENES = ["--network", "shapes"]  # small: the tests are about files


@pytest.fixture
def place(tmp_path, rng, monkeypatch) -> Path:
    """A folder to work in, with photographs of some kinds in `photos`."""
    for name in ("photos/a.png", "photos/b.jpg", "photos/more/a.png", "one.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: str) -> set[str]:
    return {path.name for path in Path(folder).rglob("*") if path.is_file()}


# ---------------------------------------------------------------------- which photographs


def test_a_folder_is_walked_through_and_a_pattern_unfolded(place):
    assert [photo.path for photo in chosen_photos(["photos"])] == ["photos/a.png", "photos/b.jpg", "photos/more/a.png"]
    assert [photo.path for photo in chosen_photos(["photos/*.png"])] == ["photos/a.png"]
    assert [photo.path for photo in chosen_photos(["photos/**/*.png"])] == ["photos/a.png", "photos/more/a.png"]
    assert [photo.path for photo in chosen_photos(["one.png", "photos", "photos/b.jpg"])][-1] == "photos/b.jpg"
    (place / "odd[1].png").write_bytes((place / "one.png").read_bytes())
    assert [photo.path for photo in chosen_photos(["odd[1].png"])] == ["odd[1].png"]  # a file is no pattern


def test_no_two_photographs_have_the_same_name():
    paths = ["a/001.png", "b/001.png", "c/x.jpg", "c/x.png", "c/d/e.png", "f/d/e.png", "lone.gif", "A/Lone.gif"]
    names = [photo.name for photo in chosen_photos(paths)]
    assert len({name.casefold() for name in names}) == len(paths)
    assert names[2:4] == ["x-jpg", "x-png"]
    assert chosen_photos(["a/cat.jpg", "b/dog.jpg"])[0].name == "cat"


def test_what_systems_drop_is_named_and_no_error(place, capsys):
    (place / "photos" / "Thumbs.db").write_bytes(b"x")
    (place / "photos" / ".DS_Store").write_bytes(b"x")
    assert cli.main(["classify", "photos", *SCENES, "--json"]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 3
    assert "note: passed over, for systems drop such files: photos/.DS_Store, photos/Thumbs.db" in captured.err


@pytest.mark.parametrize("command", ["classify", "saliency", "localize"])
def test_of_a_folder_of_all_sorts_all_that_can_be_read_is_and_the_rest_is_named(command, place, capsys):
    bad = {"notes.txt": b"text", "phone.HEIC": b"\0\0\0\x18ftypheic" + bytes(99), "empty.jpg": b""}
    bad["cut.jpg"] = (place / "photos" / "b.jpg").read_bytes()[:700]
    for name, content in bad.items():
        (place / "photos" / name).write_bytes(content)
    (place / "photos" / "no end.jpg").write_bytes((place / "photos" / "b.jpg").read_bytes()[:-2])
    out = [] if command == "classify" else ["--out", "out"]
    assert cli.main([command, "photos", *SCENES, "--json", *out]) == 2
    captured = capsys.readouterr()
    done = {json.loads(line)["photo"] for line in captured.out.splitlines()}
    assert done == {"photos/a.png", "photos/b.jpg", "photos/more/a.png", "photos/no end.jpg"}
    for name in bad:
        assert captured.err.count(f"photos/{name}") == 1
    assert "no end.jpg lacks its end marker" in captured.err
    assert captured.err.splitlines()[-1] == f"minicnn {command}: 4 of 8 files could not be used"


# ---------------------------------------------------------------------- several classes


def test_several_classes_are_rows_of_one_figure_and_maps_of_their_own(place, capsys):
    assert cli.main(["saliency", "one.png", *SCENES, "--class", "star", "--class", "ring", "--out", "o", "--json"]) == 0
    star, ring = map(json.loads, capsys.readouterr().out.splitlines())
    assert (star["name"], ring["name"]) == ("star", "ring")
    assert star["figure"] == ring["figure"] == "o/one-saliency-star-ring.png"
    assert written("o") == {
        "one-saliency-star-ring.png",
        *(f"one-saliency-star-ring-{name}.{kind}" for name in ("star", "ring") for kind in ("npy", "json")),
    }
    assert not np.array_equal(np.load(star["map"]), np.load(ring["map"]), equal_nan=True)
    assert cli.main(["saliency", "one.png", *SCENES, "--class", "ring", "--out", "alone"]) == 0
    assert np.array_equal(np.load("alone/one-saliency-ring.npy"), np.load(ring["map"]), equal_nan=True)
    with Image.open(star["figure"]) as both, Image.open("alone/one-saliency-ring.png") as one:
        assert both.height > 1.6 * one.height


def test_localize_finds_several_classes(place, capsys):
    assert cli.main(["localize", "one.png", *SCENES, "--class", "star", "--class", "ring", "--out", "o", "--json"]) == 0
    assert [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()] == ["star", "ring"]
    assert written("o") == {f"one-localize-star-ring.{kind}" for kind in ("png", "npz", "json")}


# ---------------------------------------------------------------------- where files go


def test_without_a_class_the_names_are_the_photographs(place):
    assert cli.main(["saliency", "photos", *SCENES, "--out", "o"]) == 0
    stems = {"photos-a", "b", "more-a"}
    assert written("o") == {f"{stem}-saliency.{kind}" for stem in stems for kind in ("png", "npy", "json")}


@pytest.mark.parametrize("command", ["saliency", "localize", "deconv"])
def test_a_name_that_ends_in_png_names_the_one_picture(command, place, capsys):
    assert cli.main([command, "one.png", *SCENES, "--out", "new/mine.png"]) == 0
    assert "→ new/mine.png\n" in capsys.readouterr().out
    assert {"mine.png", "mine.json"} <= written("new")
    assert cli.main([command, "one.png", *SCENES, "--out", "new/mine.png"]) == 0
    assert "→ new/mine.png (replaced)\n" in capsys.readouterr().out


def test_a_photograph_is_never_overwritten(place, capsys):
    (place / "one-saliency.png").write_bytes((place / "one.png").read_bytes())
    before = (place / "one-saliency.png").read_bytes()
    assert cli.main(["saliency", "one.png", "one-saliency.png", *SCENES]) == 2
    assert "one-saliency.png is one of the photographs, and would be overwritten" in capsys.readouterr().err
    assert (place / "one-saliency.png").read_bytes() == before


def test_deconv_takes_the_units_that_trace_takes(place, capsys):
    arguments = ["deconv", "one.png", *SCENES, "--unit", "star", "--unit", "#3", "--out", "o", "--json"]
    assert cli.main(arguments) == 0
    units = json.loads(capsys.readouterr().out)["units"]
    assert [unit["unit"] for unit in units][1] == 3
    layer = cli_layer()
    assert cli.main(["deconv", "one.png", *SCENES, "--layer", layer, "--unit", "2,3,4", "--out", "o", "--json"]) == 0
    (unit,) = json.loads(capsys.readouterr().out)["units"]
    assert (unit["layer"], unit["unit"]) == (layer, [2, 3, 4])
    assert cli.main(["trace", "one.png", *SCENES, "--layer", layer, "--unit", "2,3,4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["unit"] == [2, 3, 4]


def cli_layer() -> str:
    """A layer of maps in the network of the scenes."""
    from minicnn import pretrained

    return pretrained.shapes().names[0]


def test_class_models_name_every_picture_they_write(place, capsys):
    settings = ["--steps", "1", "--noise", "1", "--versus-posterior"]
    arguments = ["class-model", "star", "ring", *SCENES, *settings, "--out", "o"]
    assert cli.main(arguments) == 0
    printed = capsys.readouterr().out
    for path in Path("o").glob("*.png"):
        assert str(path) in printed
    assert cli.main([*arguments, "--json"]) == 0
    record = json.loads(capsys.readouterr().out.splitlines()[0])
    assert all(Path(record[key]).exists() for key in ("image", "grid", "curves", "versus_posterior"))


def test_a_settings_file_repeats_its_classes_by_index_even_if_names_are_numbers(tmp_path):
    from visualize.commands.class_model import read_run

    run = {"classes": [10, 2], "network": "shapes", "settings": {"schedule": "cosine"}}
    (tmp_path / "run.json").write_text(json.dumps(run))
    assert read_run(tmp_path / "run.json")[3] == ["#10", "#2"]
