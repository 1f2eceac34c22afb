"""What the README promises: its tour runs, its links lead somewhere, its commands exist."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from layers.engine import plain
from tests.cupy_api import table
from tests.strict_cupy import strict
from visualize import cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
TABLE = re.compile(r"\| \[[^]]+\]\(([^)]+)\) \| (`.*) \|")  # … | [file](file) | `function`, … |


def python_under(heading: str, page: str = README) -> str:
    """The Python code in the section of this heading."""
    (section,) = re.findall(rf"^## {heading}$(.*?)(?=^## |\Z)", page, flags=re.DOTALL | re.MULTILINE)
    (code,) = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
    return code


def test_the_tour_runs_and_says_what_it_says_and_goes_on_on_a_gpu(capsys, monkeypatch):
    names = {}
    with plain():  # as on a GPU: in float32 an engine's roundings may open another gate
        exec(compile(python_under("A tour in thirty lines"), "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == "Egyptian cat (1, 227, 227) True"
    assert "WRONG" not in printed
    here = names["M"]
    monkeypatch.setitem(sys.modules, "cupy", strict)  # the stand-in for CuPy passes for it
    exec(compile(python_under("On a GPU", COMMANDS), "commands.md", "exec"), names)
    assert names["net"].xp is strict
    np.testing.assert_allclose(names["M"], here, rtol=0, atol=1e-6 * here.max())  # added up in another order


def test_the_version_of_cupy_that_was_checked_is_the_tables():
    for page in (README, COMMANDS):
        assert f"API use checked against CuPy {table()['cupy']}; run on a GPU: not yet." in page


def test_every_link_into_the_repository_leads_somewhere():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", ["README.md", "docs/where.md"])
def test_every_function_in_a_table_is_in_its_file(page):
    rows = TABLE.findall((ROOT / page).read_text(encoding="utf-8"))
    assert len(rows) >= 10
    for file, functions in rows:
        source = ((ROOT / page).parent / file).read_text(encoding="utf-8")
        for name in re.findall(r"`(?:\w+\.)?(\w+)`", functions):
            assert re.search(rf"\b(def|class) {name}\b|\b{name} = ", source), f"{name} is not in {file}"


def test_the_commands_in_the_readme_are_the_commands_there_are():
    assert set(re.findall(r"^\| `minicnn ([a-z-]+)", README, flags=re.MULTILINE)) == set(cli.COMMANDS)


def test_the_breakpoints_are_where_the_readme_says():
    rows = re.findall(r"^\| `([\w/]+\.py):(\d+)` \| `(.*?)` \|", README, flags=re.MULTILINE)
    assert len(rows) == 4
    for file, number, code in rows:
        line = (ROOT / file).read_text(encoding="utf-8").splitlines()[int(number) - 1]
        assert code in line, f"{file}:{number} is {line.strip()}"
    (command,) = re.findall(r"break (\S+:\d+)'", README)
    assert command in {f"{file}:{number}" for file, number, _ in rows}
