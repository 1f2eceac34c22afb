"""The documentation keeps its word: what docs/paper.md names exists, and links lead somewhere."""

from __future__ import annotations

import ast
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAPER = (DOCS / "paper.md").read_text(encoding="utf-8")
NAME = re.compile(r"`((?:layers|minicnn|visualize)(?:\.\w+)+)`")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows(page: str) -> list[list[str]]:
    """The cells of every row of a page's tables, but for their heads."""
    lines = [line for line in page.splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if "the paper says" not in line]


CLAIMS = rows(PAPER)


def test_the_claims_are_found():
    assert len(CLAIMS) > 50
    assert rows("| the paper says | code | tests |\n|---|---|---|\n| a | `b` | c |") == [["a", "`b`", "c"]]


@pytest.mark.parametrize("row", CLAIMS, ids=lambda row: row[0][:40])
def test_every_claim_has_a_function_and_a_test_or_says_why_not(row):
    claim, code, tests = row
    assert claim
    assert NAME.search(code), f"no function carries: {claim}"
    assert TEST.search(tests) or re.match(r"\*None\*: \w|the tests of \[", tests), f"no test carries: {claim}"


@pytest.mark.parametrize("name", sorted(set(NAME.findall(PAPER))))
def test_every_function_that_is_named_exists(name):
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:n]))
        except ModuleNotFoundError:
            continue
        for part in parts[n:]:
            found = getattr(found, part)
        return
    pytest.fail(f"there is no {name}")


@pytest.mark.parametrize("file", sorted({file for file, _ in TEST.findall(PAPER)}))
def test_every_test_that_is_named_exists(file):
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    there = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    assert {test for named, test in TEST.findall(PAPER) if named == file} <= there


def test_all_equations_of_the_paper_are_there():
    """Its four numbered equations, the posterior, two maps and the formulas of section 4."""
    equations = [claim for claim, _, _ in CLAIMS if "$" in claim]
    for n in range(1, 5):
        assert sum(f"equation ({n})" in claim for claim in equations) == 1
    assert len(equations) >= 14


# ---------------------------------------------------------------------- links (that they exist: test_readme.py)


def test_every_notebook_has_its_place_among_the_lessons():
    page = (DOCS / "lessons.md").read_text(encoding="utf-8")
    notebooks = {path.relative_to(ROOT).as_posix() for path in (ROOT / "notebooks").rglob("[!.]*.ipynb")}
    notebooks = {path for path in notebooks if ".ipynb_checkpoints" not in path}
    linked = set(re.findall(r"\]\(\.\./(notebooks/[^)]+\.ipynb)\)", page))
    assert notebooks == linked, "link it in docs/lessons.md, in place of “in the making”"
    assert len(linked) >= 4


# ---------------------------------------------------------------------- docstrings


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        ("R_n = R_{n+1} · 1(X_n > 0)", r"R\ :sub:`n`\  = R\ :sub:`n+1`\  · 1(X\ :sub:`n`\  \> 0)"),
        ("M_ij = max |w|, of `w`, *not* a*b", r"M\ :sub:`ij`\  = max \|w\|, of `w`, *not* a\*b"),
        ("count_include_pad and a trailing_", r"count\_include\_pad and a trailing\_"),
        ("D_out, softmax(S)_c, K̂_n", r"D\ :sub:`out`\ , softmax(S)\ :sub:`c`\ , K̂\ :sub:`n`\ "),
        ("any number of times::", r"any number of times\:"),
        ("as [He2016] has it, `a[He2016]`, x[0]", r"as :bibliography:`He2016` has it, `a[He2016]`, x\[0\]"),
    ],
)
def test_formulas_in_docstrings_keep_every_sign(docstring, expected, translated):
    assert translated(docstring) == [expected, ""]


def test_indented_lines_and_columns_stay_as_they_are_and_fields_become_a_list(translated):
    assert translated("S_c:\n\n    w = ∂S_c/∂I") == [r"S\ :sub:`c`\ \:", "", "::", "", "       w = ∂S_c/∂I", ""]
    assert translated("old:    a\n  b\nnew   c\nd    e")[0] == "::"
    fields = translated("steps: of it\nmap:   M_ij, or\n       None")
    assert fields == [
        ".. rst-class:: fields",
        "",
        "``steps``",
        "   of it",
        "``map``",
        r"   M\ :sub:`ij`\ , or None",
        "",
    ]


@pytest.fixture
def translated(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(DOCS / "_extensions"), *sys.path])
    return import_module("plain_docstrings").translated
