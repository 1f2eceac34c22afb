"""The recipes of docs/gallery.md do what they promise: each is run as it stands, with fewer steps."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minicnn import formats, pretrained
from visualize import cli

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "gallery.md").read_text(encoding="utf-8")
RECIPES = {
    title: (kind, code)
    for title, kind, code in re.findall(r"^## (.+?)$.*?^```(\w+)\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
}
WRITTEN = {  # what each leaves behind, besides what it prints
    "Which pixels my own network looks at": "cat-saliency.png",
    "What speaks for one class and against another": "for-and-against.png",
    "Where in a photograph two classes are seen": "cat-saliency-egyptian-cat-lynx.png",
    "Which photographs in a folder look least like their class": None,
    "Two classes in one picture": "zebra-and-flamingo.png",
    "A class model as large as a poster": "class-model-flamingo.png",
    "A film of a class model": "ostrich.webp",
    "The object cut out of its photograph": "cut-out.png",
    "What a unit of the network likes best": "liked.png",
    "Does the map point at what matters?": None,
}


def test_there_are_ten_recipes_and_each_fits_a_screen_and_begins_with_what_one_gets():
    assert list(RECIPES) == list(WRITTEN)
    assert len(re.findall(r"^## .+\n\nYou get ", PAGE, flags=re.MULTILINE)) == 10
    assert max(code.count("\n") for _, code in RECIPES.values()) <= 30


@pytest.fixture
def photos(tmp_path, monkeypatch, chelsea, coffee):
    """A folder with what the recipes speak of; no browser is opened."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("webbrowser.open", lambda _: True)
    Image.fromarray(chelsea).save("cat.jpg", quality=95)
    for name, photo in (("Egyptian cat", chelsea), ("zebra", chelsea), ("espresso", coffee)):
        Path("photos", name).mkdir(parents=True)
        Image.fromarray(photo).save(Path("photos", name, "1.png"))
    formats.save(pretrained.load("squeezenet"), "mine.npz")


@pytest.mark.slow
@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_gives_what_it_promises(title, photos, capsys):
    kind, code = RECIPES[title]
    code = re.sub(r"(steps = |steps=|--steps )\d+", r"\g<1>3", code)
    if kind == "shell":
        assert cli.main(shlex.split(code)[1:]) == 0
    else:
        exec(compile(code, f"gallery: {title}", "exec"), {})
    printed = capsys.readouterr().out
    if WRITTEN[title] is not None:
        with Image.open(WRITTEN[title]) as picture:
            assert min(picture.size) > 100
            assert np.asarray(picture.convert("RGB")).std() > 1 or picture.format == "WEBP"  # which begins grey
    if "least like" in title:
        assert [line.split("  ")[1] for line in printed.splitlines()] == [
            f"photos/{name}/1.png" for name in ("zebra", "Egyptian cat", "espresso")
        ]
    if "point at" in title:
        (salient, by_lot) = (float(score) for score in re.findall(r"made grey: ([-\d.]+)", printed))
        assert salient < by_lot
