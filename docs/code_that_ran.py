"""Which code ran while something was made, and whether it is still the same: function by function, by a hash.

    with functions_called() as called: …
    code = code_of(called)                  # {file: {"functions": their names, "hash": of their code}}
    is_as_it_ran(file, code[file])          # later

Comments and docstrings do not count, nor does code that was not called; constants and fields of a file count whole.
"""

from __future__ import annotations

import ast
import hashlib
import io
import sys
import tokenize
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("layers", "minicnn", "visualize")
# Runs with every command and leaves no trace in a picture.
PLUMBING = {
    *("minicnn/formats/", "minicnn/pretrained.py"),  # the weights that they read are held by checksums and tests
    *("visualize/cli.py", "visualize/terminal.py", "visualize/matplotlib_import.py"),
    *(f"visualize/commands/{name}.py" for name in ("drawing", "opening", "output", "photos", "prepared", "screen")),
    *("minicnn/files.py", "minicnn/folders.py", "minicnn/extras.py"),
}


@contextmanager
def functions_called() -> Iterator[set[tuple[str, str]]]:
    """Within the block every function of the floors that is called: (file, its name in that file)."""
    called: set[tuple[str, str]] = set()
    known: dict[str, str | None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        if event != "call":
            return
        code = frame.f_code
        file = known.setdefault(code.co_filename, file_of_ours(code.co_filename)) if code.co_filename else None
        if file is not None:
            called.add((file, code.co_qualname.partition(".<locals>")[0]))

    sys.setprofile(note)
    try:
        yield called
    finally:
        sys.setprofile(None)


def file_of_ours(path: str) -> str | None:
    """A file's path in the repository, if it is the floors' and may leave a trace in a picture."""
    try:
        inside = Path(path).resolve().relative_to(ROOT)
    except ValueError:
        return None
    name = inside.as_posix()
    ours = inside.parts[0] in FLOORS and not name.startswith(tuple(PLUMBING))
    return name if ours else None


def code_of(called: Iterable[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """For each file the functions that were called, and a hash of their code.

    Files without functions, which hold constants, are taken if they were imported.
    """
    functions = {file: [] for file in map(file_of_ours, imported()) if file and not has_functions(ROOT / file)}
    for file, function in sorted(called):
        if not function.startswith(("<", "add_")):  # what makes a command's options; a module as it is imported
            functions.setdefault(file, []).append(function)
    return {
        file: {"functions": names, "hash": code_hash(ROOT / file, names)} for file, names in sorted(functions.items())
    }


def imported() -> list[str]:
    return [str(file) for file in (getattr(module, "__file__", None) for module in [*sys.modules.values()]) if file]


def has_functions(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return path.name == "__init__.py" or any(isinstance(node, ast.FunctionDef) for node in ast.walk(tree))


def code_hash(path: Path, functions: Iterable[str]) -> str:
    """Of the code of some functions of a file, and of all that is not in a function (constants, fields of classes)."""
    if path.suffix != ".py":  # of a page's scripts and styles, all
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    source = without_comments(path.read_text(encoding="utf-8"))
    lines, wanted = source.splitlines(), set(functions)

    def pieces(body: list[ast.stmt], prefix: str) -> Iterator[str]:
        for node in body:
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]) - 1
            if isinstance(node, ast.ClassDef):
                yield from lines[first : node.body[0].lineno - 1]
                yield from pieces(node.body, f"{prefix}{node.name}.")
            elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or prefix + node.name in wanted:
                yield from lines[first : node.end_lineno]

    text = " ".join(" ".join(pieces(ast.parse(source).body, "")).split())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def without_comments(source: str) -> str:
    """The source without comments; in place of a docstring stands an empty one."""
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                for row in range(first.lineno, first.end_lineno + 1):
                    lines[row - 1] = ""
                lines[first.lineno - 1] = " " * first.col_offset + '""'
    return "\n".join(lines)


def whole_files(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """The same of files that are no Python."""
    return {path.relative_to(ROOT).as_posix(): {"functions": [], "hash": code_hash(path, [])} for path in sorted(paths)}


def is_as_it_ran(file: str, code: dict[str, Any]) -> bool:
    path = ROOT / file
    return path.exists() and code_hash(path, code["functions"]) == code["hash"]
