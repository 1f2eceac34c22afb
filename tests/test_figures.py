"""The figures of README and documentation are what its commands draw: no code that drew them has changed since."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

sys.path.insert(0, str(ROOT / "docs"))
import code_that_ran  # noqa: E402
import draw_figures  # noqa: E402

FIGURES = draw_figures.FIGURES


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_no_code_that_drew_a_figure_has_changed_since(name):
    why = draw_figures.stale(name, draw_figures.stamps().get(name))
    assert not why, f"{name} is stale ({'; '.join(why)}): python docs/draw_figures.py {name}"


@pytest.mark.parametrize("name", FIGURES)
def test_the_readme_shows_a_figure_and_says_the_commands_that_draw_it(name):
    assert f"docs/figures/{draw_figures.path_of(name).name}" in README
    for command in FIGURES[name].commands:
        assert f"`{command}`" in README


def test_every_figure_is_drawn_by_the_script_and_every_stamp_is_a_figure_s():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = {name for page in pages for name in re.findall(r"figures/([\w.-]+)\)", page.read_text(encoding="utf-8"))}
    assert shown == {draw_figures.path_of(name).name for name in FIGURES}
    assert {path.name for path in draw_figures.FOLDER.iterdir()} == shown | {"stamps.json"}
    assert draw_figures.stamps().keys() == FIGURES.keys()


def test_a_changed_line_of_what_a_figure_depends_on_is_found(tmp_path, monkeypatch):
    stamp = draw_figures.stamps()["saliency-chelsea"]
    for file in stamp["code"]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    monkeypatch.setattr(code_that_ran, "ROOT", tmp_path)
    assert not draw_figures.stale("saliency-chelsea", stamp)
    for file, line, other in (
        ("layers/relu.py", "return grad * (x > 0)", "return grad * (x >= 0)"),
        ("visualize/figures/panels.py", "PERCENTILES = (1.0, 99.5)", "PERCENTILES = (1.0, 99.0)"),
    ):
        before = (tmp_path / file).read_text(encoding="utf-8")
        assert line in before
        (tmp_path / file).write_text(before.replace(line, other), encoding="utf-8")
        assert draw_figures.stale("saliency-chelsea", stamp) == [f"{file} has changed"]
        (tmp_path / file).write_text(before, encoding="utf-8")
    assert not draw_figures.stale("saliency-chelsea", stamp)
    other_commands = {**stamp, "commands": ["minicnn saliency photo.jpg"]}
    assert draw_figures.stale("saliency-chelsea", other_commands) == ["its commands are others now"]


CODE = '''
"""What a module says of itself."""
SIZE = 3  # a comment

class Thing:
    """A docstring."""
    colour: str = "red"
    def used(self):
        """Another."""
        return SIZE
    def unused(self):
        return 1

def used():
    return 2
'''


@pytest.mark.parametrize(
    ("old", "new", "matters"),
    [
        ("SIZE = 3", "SIZE = 4", True),
        ("return SIZE", "return -SIZE", True),
        ('"red"', '"blue"', True),
        ("return 2", "return 3", True),
        ("a comment", "another comment", False),
        ("A docstring.", "Two\n    lines.", False),
        ("return 1", "return 7", False),
        ("says", "said", False),
    ],
)
def test_only_code_that_ran_and_no_comment_changes_a_stamp(old, new, matters, tmp_path):
    hashes = []
    for text in (CODE, CODE.replace(old, new)):
        (tmp_path / "module.py").write_text(text, encoding="utf-8")
        hashes.append(code_that_ran.code_hash(tmp_path / "module.py", ["Thing.used", "used"]))
    assert (hashes[0] != hashes[1]) == matters


def test_functions_that_are_called_are_noted_by_file_and_name(rng):
    from layers import ReLU

    with code_that_ran.functions_called() as called:
        ReLU().forward(rng.random((1, 1, 2, 2)))
    assert ("layers/relu.py", "ReLU.forward") in called
    assert ("layers/relu.py", "ReLU.backward") not in called
    assert {"layers/relu.py", "minicnn/recipes.py"} & code_that_ran.code_of(called).keys() >= {"layers/relu.py"}


def test_lessons_and_figures_have_the_same_colours():
    pytest.importorskip("IPython", reason="the lessons need the extra notebooks")
    from notebooks import show
    from visualize.figures import COLOURS, DASHES

    assert (show.COLOURS, show.DASHES) == (COLOURS, DASHES)


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 6])
def test_no_letter_of_a_figure_is_below_nine_pixels_where_a_page_shows_it(columns):
    from visualize.figures import new_figure, show
    from visualize.figures.panels import DPI, PAGE

    figure, panels = new_figure(columns, 1, 0.7, "a note " * 30, ["a title"])
    show(panels[0, 0], np.zeros((4, 4)), "a title")
    wide = figure.get_figwidth() * DPI
    shown = min(PAGE, wide) / wide
    for text in [*figure.texts, panels[0, 0].title]:
        assert text.get_fontsize() * DPI / 72 * shown >= 9
    figure.draw_without_rendering()
    for text in [*figure.texts, panels[0, 0].title]:  # and none is cut off
        box = text.get_window_extent()
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= wide
        assert box.y1 <= figure.bbox.height


def test_there_is_no_half_epoch_on_a_training_curve():
    from minicnn.training import Epoch
    from visualize.figures import training_figure

    log = [Epoch(k, 10 * k, 1 / k, 0.5, 1 / k, 0.5, 1.0, 100.0) for k in (1, 2, 3)]
    for panel in training_figure(log, "a title").axes:
        assert all(tick == int(tick) for tick in panel.get_xticks())
