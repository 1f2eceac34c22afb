"""The lessons on the documentation's site: copied with their figures and texts, their links leading to pages there."""

from __future__ import annotations

import configparser
import json
import re
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("layers", "minicnn", "visualize")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    sys.path.insert(0, str(ROOT / "docs" / "_extensions"))
    from rendered_lessons import copy_lessons

    folder = tmp_path_factory.mktemp("docs") / "lessons"
    copy_lessons(ROOT / "notebooks", folder, FLOORS)
    return folder


def texts(path: Path) -> list[str]:
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output.get("data", {}).get("text/markdown", "") for cell in cells for output in cell.get("outputs", [])]
    return [cell.source for cell in cells if cell.cell_type == "markdown"] + outputs


def test_every_lesson_is_there_with_its_outputs(site):
    for path in [*(ROOT / "notebooks").glob("[0-9]*.ipynb"), ROOT / "notebooks" / "exercises" / "find_the_bug.ipynb"]:
        kept, copied = (nbformat.read(p, as_version=4) for p in (path, site / path.relative_to(ROOT / "notebooks")))
        assert [len(cell.get("outputs", [])) for cell in copied.cells] == [
            len(c.get("outputs", [])) for c in kept.cells
        ]


def test_a_picture_says_what_it_shows_to_those_who_cannot_see_it(site):
    for path in site.rglob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            if any(kind.startswith("image/") for output in cell.get("outputs", []) for kind in output.get("data", {})):
                assert len(cell.metadata["mystnb"]["image"]["alt"]) > 30


def test_links_lead_to_lessons_and_to_pages_of_modules(site):
    modules = 0
    for path in site.rglob("*.ipynb"):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", "\n".join(texts(path))):
            if target.endswith(".rst"):
                modules += 1
                page = (path.parent / target).resolve().relative_to(site.parent.resolve() / "api")
                module = ROOT.joinpath(*page.stem.split("."))
                assert module.with_suffix(".py").exists() or (module / "__init__.py").exists(), target
            elif target.endswith(".md"):
                assert ROOT.joinpath("docs", (path.parent / target).resolve().name).exists(), target
            else:
                assert (path.parent / target).exists(), target
    assert modules > 10


def test_a_copy_that_is_the_same_is_not_touched(site):
    from rendered_lessons import copy_lessons

    before = {path: path.stat().st_mtime_ns for path in site.rglob("*.ipynb")}
    copy_lessons(ROOT / "notebooks", site, FLOORS)
    assert {path: path.stat().st_mtime_ns for path in site.rglob("*.ipynb")} == before


def test_the_pages_of_the_course_name_what_is_there():
    page = (ROOT / "docs" / "course.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(\.\./notebooks/([^)]+)\)", page):
        assert (ROOT / "notebooks" / target).exists(), target
    minutes = re.findall(r"^\| \d \|.*\| (\d+ min)", page, flags=re.MULTILINE)
    overview = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    assert minutes == re.findall(r"^\| \d \| .*\.ipynb\).*\| (\d+ min) \|", overview, flags=re.MULTILINE)


def test_formulas_are_given_to_docutils_in_the_commands_that_it_knows(site):
    pytest.importorskip("sphinx", reason="Sphinx is not installed")
    from mathml import known

    assert known(r"-\tfrac12\|I\| + \frac1{16} \Big\langle \bigl( \frac{a}{b} \tfrac 3 4") == (
        r"-\tfrac{1}{2}\|I\| + \frac{1}{16} \Bigl\langle \bigl( \frac{a}{b} \tfrac{3}{4}"
    )


def test_what_is_braced_has_its_label_in_the_middle_below(site):
    pytest.importorskip("sphinx", reason="Sphinx is not installed")
    from mathml import drawn

    formula = drawn(r"E = \underbrace{a_i + b}_{\text{colours}} + \underbrace{c}_{d_e} + f_g", as_block=True)
    first, second = re.findall(r"<munder>(.*?)</munder>", formula, flags=re.DOTALL)
    assert re.search(r'^\s*<mrow class="braced">.*</mrow>\s*<mtext>colours</mtext>\s*$', first, flags=re.DOTALL)
    assert re.search(r'^\s*<mi class="braced">c</mi>\s*<msub>\s*<mi>d</mi>\s*<mi>e</mi>\s*</msub>', second)
    assert "⏟" not in formula
    assert 'class="braced"' not in drawn("a_b")
    assert formula.startswith('<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">')


def test_course_machines_install_extras_that_there_are():
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    for text in (container["postCreateCommand"], (ROOT / "environment.yml").read_text(encoding="utf-8")):
        (extras,) = re.findall(r"-e '?\.\[([\w,]+)\]", text)
        assert extras == "notebooks,fast"
        assert set(extras.split(",")) <= set(setup["options.extras_require"])
