"""Each module's page ends with the lessons that are about it, as lessons.md tells."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", add_lessons, priority=900)  # after the docstring was translated
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def add_lessons(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    if what == "module" and (labels := lessons_about(name, app.srcdir / "lessons.md")):
        lines += ["", "Lesson: " + ", ".join(f":ref:`{label}`" for label in labels), ""]


def lessons_about(module: str, page: Path) -> list[str]:
    """The labels of the sections of lessons.md that name the module, and link to a notebook."""
    _, *sections = re.split(r"^\((lesson-\d)\)=$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lessons = zip(sections[::2], sections[1::2], strict=True)
    return [label for label, text in lessons if f"`{module}`" in text and ".ipynb)" in text]
