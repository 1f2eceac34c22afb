"""Executing notebooks: stale outputs are found, rounding is forgiven, and nothing is half-written."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from notebooks import execute

SHOW = "from layers import ReLU\nfrom notebooks import show\n\nshow.source(ReLU.deconv)"


def notebook(*codes: str) -> nbformat.NotebookNode:
    new = nbformat.v4
    return new.new_notebook(cells=[new.new_markdown_cell("# A title"), *map(new.new_code_cell, codes)])


@pytest.fixture(scope="module")
def executed() -> nbformat.NotebookNode:
    return execute.executed(notebook("x = 2\nprint('x is', x, 'and', 1 / 3)", SHOW))


def picture_output(grey: int) -> nbformat.NotebookNode:
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8), grey, np.uint8)).save(file, "png")
    data = {"image/png": base64.b64encode(file.getvalue()).decode()}
    return nbformat.v4.new_output("display_data", data)


def test_an_executed_notebook_is_fresh_in_all_three_ways(executed):
    assert executed.metadata.minicnn.stamp == execute.stamp(executed)
    assert execute.stale_sources(executed) == []
    assert list(execute.differences(executed, executed)) == []
    assert executed.cells[1].outputs[0].text.startswith("x is 2 and 0.333")


def test_what_was_measured_is_of_its_moment_but_stays_where_it_was():
    kept, later = (
        execute.executed(notebook(f"from notebooks import show\nshow.measured('up: {ms} ms')\nprint({ms} // 100)"))
        for ms in (12, 99)
    )
    assert kept.cells[1].outputs[0].data["text/markdown"] == "up: 12 ms"
    assert list(execute.differences(kept, later)) == []
    later.cells[1].outputs[0].metadata.measured = False
    assert list(execute.differences(kept, later)) == ["cell 2: the kept output is not today's"]


def test_that_loops_are_compiled_is_no_output_of_a_lesson_and_other_complaints_are():
    source = (execute.FOLDER.parent / "layers" / "engine" / "compiled" / "safety.py").read_text(encoding="utf-8")
    assert execute.COMPILING in source
    say = "import sys\nprint({!r}, file=sys.stderr)"
    first = say.format(f"{execute.COMPILING}float32, about 20 s, once") + "\nprint(1)"
    both = say.format(f"{execute.COMPILING}float32\nand a warning")
    one, other = execute.executed(notebook(first, both)).cells[1:]
    assert [output.text for output in one.outputs] == ["1\n"]
    assert [output.name for output in other.outputs] == ["stderr"]


def test_it_runs_on_this_checkout():
    (cell,) = execute.executed(notebook("import layers; print(layers.__file__)")).cells[1:]
    assert Path(cell.outputs[0].text.strip()) == execute.FOLDER.parent / "layers" / "__init__.py"


def test_a_changed_cell_is_stale_and_a_changed_text_is_not(executed):
    changed = nbformat.from_dict(executed)
    changed.cells[0].source = "# Another title"
    assert execute.stamp(changed) == execute.stamp(executed)
    changed.cells[1].source += "\n"
    assert execute.stamp(changed) != execute.stamp(executed)


def test_changed_library_code_is_stale_where_it_is_shown(executed, monkeypatch):
    from layers import ReLU

    monkeypatch.setattr(ReLU, "deconv", ReLU.guided)
    assert execute.stale_sources(executed) == ["layers.relu:ReLU.deconv"]


def test_an_output_that_is_not_today_s_is_found(executed):
    fresh = nbformat.from_dict(executed)
    fresh.cells[1].outputs[0].text = "x is 3 and 0.3333"
    fresh.cells[2].outputs = []
    assert list(execute.differences(executed, fresh)) == [
        "cell 2: the kept output is not today's",
        "cell 3: 1 outputs were kept, today there are 0",
    ]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("S = 12.31", "S = 12.32", True),
        ("S = 12.31", "S = 13.31", False),
        ("S = 12.31", "T = 12.31", False),
        ("error 1.2e-10  ok", "error  9e-11  ok", True),  # another processor
        ("error 1.2e-10  ok", "error 1.2e-2  ok", False),
        ("error 1.2e-10  ok", "error 1.2e-10  WRONG", False),
        ("cosine −0.50", "cosine 0.50", False),
        ("1 2", "1", False),
    ],
)
def test_texts_are_the_same_but_for_rounding(old, new, same):
    assert execute.same(old, new) == same


def test_pictures_are_the_same_but_for_a_few_grey_levels():
    black, nearly, grey = (execute.content(picture_output(level)) for level in (0, 3, 40))
    assert execute.same(black, nearly)
    assert not execute.same(black, grey)
    assert not execute.same(black, black[:4])
    assert not execute.same(black, "a text")


def test_the_command_executes_stamps_and_then_finds_what_is_stale(tmp_path, capsys):
    path = tmp_path / "lesson.ipynb"
    nbformat.write(notebook("print('one')", "print('two')"), path)
    assert execute.main([str(path)]) == 0
    lesson = nbformat.read(path, as_version=4)
    assert lesson.metadata.minicnn.stamp == execute.stamp(lesson)
    assert [cell.outputs[0].text for cell in lesson.cells[1:]] == ["one\n", "two\n"]
    lesson.cells[2].outputs[0].text = "three\n"
    nbformat.write(lesson, path)
    capsys.readouterr()
    assert execute.main(["--check", str(path)]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == ["  cell 3: the kept output is not today's"]
    assert nbformat.read(path, as_version=4) == lesson  # nothing was written


def test_a_notebook_that_fails_is_left_as_it_was(tmp_path, capsys):
    path = tmp_path / "lesson.ipynb"
    nbformat.write(notebook("assert 1 == 2"), path)
    before = path.read_bytes()
    assert execute.main([str(path)]) == 1
    assert "lesson.ipynb fails" in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [None, "no JSON", "{}"])
def test_what_is_no_notebook_gets_one_line(tmp_path, capsys, content):
    path = tmp_path / "lesson.ipynb"
    if content is not None:
        path.write_text(content)
    assert execute.main([str(path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
