"""Works are cited by key: every key has its entry in docs/bibliography.md, every entry is cited, and links find it."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
KEY = re.compile(r"\[([A-Z][A-Za-z]+(?:19|20)\d\d)\]")
LINK = re.compile(r"\[([A-Z][A-Za-z]+(?:19|20)\d\d)\](?:\(([^)#]*)#([^)]*)\)|: (\S*)#(\S+))")
UNKEYED = re.compile(r"\b[A-Z]\w+ (?:et\s+al\.|and others|(?:&|and) [A-Z]\w+),? \(?(?:19|20)\d\d|\bet\s+al\.")

BIBLIOGRAPHY = (ROOT / "docs" / "bibliography.md").read_text(encoding="utf-8")
ENTRIES = re.findall(r"^### (\w+)$", BIBLIOGRAPHY, flags=re.MULTILINE)


def texts() -> dict[str, str]:
    """What people read, by its path: pages, the lessons' cells, and all code with its docstrings and comments."""
    floors = [
        path for floor in ("layers", "minicnn", "visualize", "notebooks") for path in (ROOT / floor).rglob("*.py")
    ]
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "notebooks").rglob("*.md")]
    found = {path: path.read_text(encoding="utf-8") for path in [*floors, *pages] if path.name != "bibliography.md"}
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        if ".ipynb_checkpoints" not in path.parts:
            found[path] = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    return {path.relative_to(ROOT).as_posix(): text for path, text in found.items()}


TEXTS = texts()


def test_texts_and_entries_are_found():
    assert len(ENTRIES) == len(set(ENTRIES)) > 20
    assert {"README.md", "docs/paper.md", "layers/relu.py", "notebooks/3_saliency.ipynb"} <= TEXTS.keys()


@pytest.mark.parametrize("path", sorted(path for path, text in TEXTS.items() if KEY.search(text)))
def test_every_key_has_an_entry(path):
    assert set(KEY.findall(TEXTS[path])) <= set(ENTRIES)


def test_every_entry_is_cited():
    assert set(ENTRIES) - {"Simonyan2013"} <= {key for text in TEXTS.values() for key in KEY.findall(text)}


@pytest.mark.parametrize("path", sorted(path for path, text in TEXTS.items() if LINK.search(text)))
def test_a_key_that_is_linked_leads_to_its_own_entry(path):
    for key, *parts in LINK.findall(TEXTS[path]):
        page, anchor = parts[0] or parts[2], parts[1] or parts[3]
        assert anchor == key.lower()
        assert ((ROOT / path).parent / page).resolve() == ROOT / "docs" / "bibliography.md", key


@pytest.mark.parametrize("path", sorted(path for path in TEXTS if path.endswith((".md", ".ipynb"))))
def test_on_pages_every_key_is_a_link(path):
    linked = {key for key, *_ in LINK.findall(TEXTS[path])}
    assert set(KEY.findall(TEXTS[path])) <= linked


@pytest.mark.parametrize("path", sorted(TEXTS))
def test_no_work_is_named_by_author_and_year_without_its_key(path):
    assert not UNKEYED.findall(TEXTS[path])


def test_a_work_without_a_key_would_be_found():
    for text in ("(He et al. 2015)", "Zeiler & Fergus 2013", "Zeiler and Fergus (2013)", "Adebayo and others (2018)"):
        assert UNKEYED.search(text)
    assert not UNKEYED.search("as [He2016] has it; a cat and Others; 2,000 and 2015")
