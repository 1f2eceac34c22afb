"""Numbers and class names that are typed into a caption, where nothing holds them to what was drawn.

A caption is right for as long as its numbers are computed, f"falls to {error:.0f} %": then `notebooks.execute --check`
compares it, like every output, with what the cell says today.  What is typed in is compared with nothing, so a test
looks for it (`tests/notebooks/test_captions.py`): there may be none.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterator

from nbformat import NotebookNode

NUMBER = re.compile(r"(?<![\w.,{/^])\d+(?:[.,]\d+)*(?![\w}])")
NO_TEXT = re.compile(r"`[^`]*`|\$[^$]*\$")  # code and formulas


def typed(notebook: NotebookNode, names: Collection[str] = ()) -> Counter[str]:
    """How often each number (and each of the names, as a whole word) is typed into the notebook's captions."""
    words = [rf"(?<!\w){re.escape(name)}(?!\w)" for name in names]
    patterns = [NUMBER, *map(re.compile, words)]
    found: Counter[str] = Counter()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for text in caption_texts(cell.source):
                plain = NO_TEXT.sub(" ", text)
                found.update(match.group() for pattern in patterns for match in pattern.finditer(plain))
    return found


def caption_texts(source: str) -> Iterator[str]:
    """The strings in a cell's calls of `show.figure`, without what an f-string computes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "show.figure":
            for argument in [*node.args[1:], *(keyword.value for keyword in node.keywords)]:
                yield from literals(argument)


def literals(node: ast.expr) -> Iterator[str]:
    """What is typed in a string, an f-string (braces for what is computed), or an expression with strings in it."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(v.value) if isinstance(v, ast.Constant) else " {} " for v in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    else:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                yield from literals(child)
