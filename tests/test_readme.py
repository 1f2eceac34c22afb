"""What the README promises: its tour runs, its links lead somewhere, its commands exist."""

import re
from pathlib import Path

from visualize import cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tour_runs_and_says_what_it_says(capsys):
    (tour,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    exec(compile(tour, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == "Egyptian cat (1, 227, 227) True"
    assert "WRONG" not in printed


def test_every_link_into_the_repository_leads_somewhere():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_function_in_the_table_of_equations_is_in_its_file():
    rows = re.findall(r"\| \[[^]]+\]\(([^)]+)\) \| (`.*) \|", README)
    assert len(rows) >= 10
    for file, functions in rows:
        source = (ROOT / file).read_text(encoding="utf-8")
        for name in re.findall(r"`(?:\w+\.)?(\w+)`", functions):
            assert re.search(rf"\b(def|class) {name}\b|\b{name} = ", source), f"{name} is not in {file}"


def test_the_commands_in_the_readme_are_the_commands_there_are():
    assert set(re.findall(r"^\| `minicnn ([a-z-]+)", README, flags=re.MULTILINE)) == set(cli.COMMANDS)
