"""Writes the student edition: lessons without outputs, predictions to be answered, assignments; no solutions.

    python -m notebooks.student FOLDER
    cd FOLDER && jupyter lab notebooks

A "Predict before you run" becomes a cell that wants an answer before what follows is run (`notebooks/predict.py`), and
the code below it is folded, for it holds the captions.  After "Try it" there is room to write.  The folder holds all
that the lessons, the exercises and the assignments need besides an installed minicnn; nothing of `notebooks/solutions`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

HERE = Path(__file__).resolve().parent
TEACHERS = {"solutions", "execute.py", "captions.py", "student.py", "__pycache__", ".ipynb_checkpoints"}
QUESTION = re.compile(r"^> \*\*Predict before you run\.\*\*.*(?:\n>.*)*", re.MULTILINE)
STUCK = re.compile(r"\s*Stuck\?.*?solutions/[^)]*\)\.", re.DOTALL)
OUTSIDE = re.compile(r"\[([^\]]*)\]\((?:\.\./)+(?!notebooks)([^)]*)\)")  # links to files of the repository
FIND_ME = 'import sys\n\nsys.path.insert(0, "..")  # the folder that holds notebooks/\n\n'


def student_edition(folder: Path) -> list[Path]:
    """Write it, whole or not at all; the files that were written.  ValueError if something is there already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is there already: name a new or an empty folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".student-") as scratch:
        target = Path(scratch) / "notebooks"
        for path in sorted(HERE.rglob("*")):
            inside = path.relative_to(HERE)
            if path.is_file() and not TEACHERS & set(inside.parts) and path.suffix in (".py", ".md", ".ipynb"):
                (target / inside).parent.mkdir(parents=True, exist_ok=True)
                write_for_students(path, target / inside)
        target.parent.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        os.replace(scratch, folder)
        os.mkdir(scratch)  # for TemporaryDirectory to remove
    return sorted(path for path in folder.rglob("*") if path.is_file())


def write_for_students(path: Path, target: Path) -> None:
    """One file, as students get it."""
    if path.suffix == ".ipynb":
        nbformat.write(student_notebook(nbformat.read(path, as_version=4), path.name), target)
    elif path.suffix == ".md":
        target.write_text(without_solutions(path.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        shutil.copyfile(path, target)


def without_solutions(text: str) -> str:
    """A page without what is for teachers, and without the paragraphs that lead to solutions."""
    text = re.sub(r"^## For teachers\n.*?(?=^## |\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    kept = [paragraph for paragraph in re.split(r"\n{2,}", text) if "solutions/" not in paragraph]
    return without_links("\n\n".join(kept)).rstrip() + "\n"


def without_links(text: str) -> str:
    """Links to the repository's pages as their text alone, links to its code as the file's name."""
    return OUTSIDE.sub(lambda link: link[1] if ".md" in link[2] else f"`{link[2]}`", text)


def student_notebook(notebook: NotebookNode, name: str) -> NotebookNode:
    """A lesson without outputs, with room for predictions; other notebooks without outputs."""
    lesson = name.split("_")[0] if name[0].isdigit() else ""
    cells = [part for cell in notebook.cells for part in parts(cell)]
    fresh, number, folded = [], 0, False
    for cell in cells:
        if cell.cell_type == "code":
            cell = new_code_cell(cell.source, id=cell.id)
            if folded:
                cell.metadata["jupyter"] = {"source_hidden": True}
        else:
            folded = False
        fresh.append(cell)
        if cell.cell_type == "markdown" and QUESTION.search(cell.source):
            number, folded = number + 1, True
            fresh.append(question(f"{lesson}.{number}"))
        elif cell.cell_type == "markdown" and "**Try it.**" in cell.source:
            fresh += room(lesson)
    first = next(cell for cell in fresh if cell.cell_type == "code" and not cell.id.startswith("predict"))
    first.source = FIND_ME + first.source + ("\nfrom notebooks.predict import predict" if number else "")
    return nbformat.from_dict({**notebook, "cells": fresh, "metadata": {"kernelspec": notebook.metadata.kernelspec}})


def parts(cell: NotebookNode) -> Iterator[NotebookNode]:
    """The cell; a text that goes on after a question, in two: what follows may hold the answer."""
    source = without_links(cell.source)
    source = STUCK.sub("", source)
    found = QUESTION.search(source) if cell.cell_type == "markdown" else None
    if cell.cell_type != "markdown":
        yield new_code_cell(source, id=cell.id)
    elif found is None:
        yield new_markdown_cell(source, id=cell.id)
    else:
        yield new_markdown_cell(source[: found.end()], id=cell.id)
        if source[found.end() :].strip():
            yield new_markdown_cell(source[found.end() :].strip(), id=f"{cell.id}-after")


def question(number: str) -> NotebookNode:
    """The cell that wants an answer."""
    return new_code_cell(f'predict("{number}", "")  # what do you expect?', id=f"predict-{number.replace('.', '-')}")


def room(lesson: str) -> list[NotebookNode]:
    """Where what was tried is written down."""
    return [
        new_code_cell("# Try it: here is room for your code.\n", id=f"try-{lesson}"),
        new_markdown_cell("*What came out, and why:*", id=f"notes-{lesson}"),
    ]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m notebooks.student", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to write: a new or an empty folder")
    folder = parser.parse_args(argv).folder
    try:
        written = student_edition(folder)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(written)} files in {folder}: cd {folder} && jupyter lab notebooks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
