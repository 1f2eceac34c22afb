"""What every lesson has, and that its outputs are today's.  `python -m notebooks.execute --check` executes them all."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from notebooks import execute

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
LESSONS = {path.name: nbformat.read(path, as_version=4) for path in execute.LESSONS}
A_PATH = re.compile(r"(?<![\w/.:<~-])/[\w.-]+/[\w.-]+|[A-Z]:\\\\?\w")  # on Unix, on Windows

every_lesson = pytest.mark.parametrize("name", LESSONS)


def cells(name: str, kind: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in LESSONS[name].cells if cell.cell_type == kind]


def outputs(name: str) -> list[nbformat.NotebookNode]:
    return [output for cell in cells(name, "code") for output in cell.outputs]


def test_the_lessons_are_found_and_numbered():
    assert LESSONS
    numbers = [int(name.split("_")[0]) for name in LESSONS]
    assert numbers == sorted(set(numbers))


@every_lesson
def test_a_lesson_is_a_valid_notebook(name):
    nbformat.validate(LESSONS[name])
    assert LESSONS[name].metadata.kernelspec.name == "python3"


@every_lesson
def test_a_lesson_begins_with_its_title_and_goals_and_ends_with_a_recap(name):
    first, last = LESSONS[name].cells[0], LESSONS[name].cells[-1]
    assert first.cell_type == last.cell_type == "markdown"
    assert re.match(rf"# {name[0]} · \S", first.source)
    goals = first.source.partition("**After this lesson you can**")[2]
    assert len(re.findall(r"^- ", goals, flags=re.MULTILINE)) >= 3
    assert re.search(r"\*\*Time:\*\* about \d+ minutes", first.source)
    assert last.source.startswith("## Recap")
    assert "**Read on**" in last.source


@every_lesson
def test_a_claim_stands_next_to_the_assert_that_holds_it(name):
    lesson = LESSONS[name].cells
    claims = [n for n, cell in enumerate(lesson) if cell.cell_type == "markdown" and "**Claim.**" in cell.source]
    assert len(claims) >= 4
    for n in claims:
        assert lesson[n + 1].cell_type == "code", f"cell {n + 1}"
        assert re.search(r"^ *assert\b", lesson[n + 1].source, flags=re.MULTILINE), f"cell {n + 2}"


@every_lesson
def test_a_lesson_asks_before_it_tells(name):
    assert sum("**Predict before you run.**" in cell.source for cell in cells(name, "markdown")) >= 2


@every_lesson
def test_a_lesson_shows_the_library_s_own_code(name):
    assert any("source" in output.metadata for output in outputs(name) if output.output_type == "display_data")


@every_lesson
def test_a_figure_has_a_caption_and_a_text_for_those_who_cannot_see_it(name):
    figures = 0
    for cell in cells(name, "code"):
        for output, following in zip(cell.outputs, [*cell.outputs, {}][1:], strict=True):
            (kind,) = [kind for kind in output.get("data", {}) if kind.startswith("image/")] or [None]
            if kind is not None:
                figures += 1
                caption, alt = following["data"]["text/markdown"], output.metadata[kind]["alt"]
                assert re.match(r"\*\*Figure\.\*\* .{20}", caption)
                assert len(alt) > 30
                assert alt in caption  # few readers of notebooks show an image's alt
    assert figures >= 2


@every_lesson
def test_a_lesson_is_executed_from_top_to_bottom_without_a_complaint(name):
    assert [cell.execution_count for cell in cells(name, "code")] == list(range(1, len(cells(name, "code")) + 1))
    assert all(output.output_type in ("display_data", "execute_result", "stream") for output in outputs(name))
    assert not any(output.get("name") == "stderr" for output in outputs(name))


@every_lesson
def test_a_lesson_is_small(name):
    assert (ROOT / "notebooks" / name).stat().st_size < 1_000_000


@every_lesson
def test_no_output_tells_where_it_was_made(name):
    for output in outputs(name):
        text = execute.content(output)
        if isinstance(text, str):
            assert not A_PATH.search(text), A_PATH.search(text)
            assert "site-packages" not in text


def test_a_path_of_a_machine_is_told_from_a_layer_s_name():
    assert A_PATH.search("saved to /home/ann/x.png")
    assert A_PATH.search(r"C:\Users")
    assert not A_PATH.search("fire2/expand/3x3, and/or, layers/relu.py, a / b / c, </b> https://arxiv.org/abs/1")


@every_lesson
def test_the_outputs_are_of_the_cells_as_they_are(name):
    """If this fails: python -m notebooks.execute."""
    assert LESSONS[name].metadata.minicnn.stamp == execute.stamp(LESSONS[name])


@every_lesson
def test_the_code_that_is_shown_is_the_library_s_code_of_today(name):
    """If this fails: python -m notebooks.execute."""
    assert execute.stale_sources(LESSONS[name]) == []


@every_lesson
def test_the_links_of_a_lesson_lead_somewhere(name):
    for cell in cells(name, "markdown"):
        for target in links(cell.source):
            assert (ROOT / "notebooks" / target).exists(), target


def test_the_links_of_the_course_s_page_lead_somewhere_and_to_every_lesson():
    targets = links(README)
    for target in targets:
        assert (ROOT / "notebooks" / target).exists(), target
    assert set(LESSONS) <= set(targets)


def links(text: str) -> list[str]:
    return re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", text)
