"""The lessons as pages, with the outputs that they were committed with; nothing is executed.

Before the site is built they are copied into `docs/lessons/`, with their links changed: one to a module of the library
leads to its page here, one to another file of the repository becomes its name.  Links of this site's other pages to the
notebooks in the repository lead to the copies.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", to_the_copies)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def to_the_copies(app: Sphinx, page: str, source: list[str]) -> None:
    """docs/lessons.md links to ../notebooks/1_….ipynb, which is right where the repository is browsed."""
    source[0] = re.sub(r"\]\(\.\./notebooks/([^)]+\.ipynb)\)", r"](lessons/\1)", source[0])


def copy_lessons(notebooks: Path, target: Path, floors: tuple[str, ...]) -> None:
    """Every lesson and the bug hunt; a file that is there already, and the same, is not touched."""
    for path in [*sorted(notebooks.glob("[0-9]*.ipynb")), notebooks / "exercises" / "find_the_bug.ipynb"]:
        page = nbformat.read(path, as_version=4)
        root = notebooks.parent.resolve()

        folder = path.parent.resolve()

        def change(text: str, folder: Path = folder, root: Path = root) -> str:
            return LINK.sub(lambda found: changed_link(found, folder, root, floors), text)

        for cell in page.cells:
            if cell.cell_type == "markdown":
                cell.source = change(cell.source)
                continue
            for output in cell.outputs:
                if "text/markdown" in output.get("data", {}):
                    output.data["text/markdown"] = change(output.data["text/markdown"])
            if alt := alternative(cell):
                cell.metadata["mystnb"] = {"image": {"alt": alt}}
        file, text = target / path.relative_to(notebooks), nbformat.writes(page)
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def changed_link(found: re.Match[str], folder: Path, root: Path, floors: tuple[str, ...]) -> str:
    """The link as it is, if it leads to a lesson; the link to a module's page; or the name of a file that has none."""
    text, path = found[1], (folder / found[2]).resolve().relative_to(root)
    up = "../" * len(folder.relative_to(root).parts)
    if path.suffix == ".ipynb":
        return found[0]
    if path.parts[0] == "docs" and path.suffix == ".md":
        return f"[{text}]({up}{path.relative_to('docs').as_posix()}{found[3] or ''})"
    if path.parts[0] in floors and path.suffix == ".py":
        module = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        return f"[{text}]({up}api/{path.parts[0]}/{module}.rst)"
    return f"{text} (`{path.as_posix()}`)"


def alternative(cell: nbformat.NotebookNode) -> str:
    """What a cell's picture says to those who cannot see it."""
    described = [how for output in cell.outputs for how in output.get("metadata", {}).values() if isinstance(how, dict)]
    return " ".join(how["alt"] for how in described if "alt" in how)
