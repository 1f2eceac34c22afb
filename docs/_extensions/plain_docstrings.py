"""Docstrings as they are written here, for Sphinx: plain text with Unicode formulas, read in the source first.

reStructuredText would take X_ for a link, |w| for a substitution and a column of "name: what it is" for one sentence.
So every docstring is translated, paragraph by paragraph:

    name: what it is, in a column → a list
    indented, or in columns       → as it stands, in a typewriter's letters
    anything else                 → a paragraph in which only `code`, *emphasis* and [Key2001], a work, mean something
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LAID_OUT = re.compile(r"^ |\S {3,}\S.*\n.*\S {3,}\S", re.MULTILINE)  # indented lines, or columns
FIELD = re.compile(r"(\w+(?:, \w+)*): +(\S.*)")
MARKED = re.compile(  # `code`, *emphasis*, or [Key2001], an entry of bibliography.md
    r"(`[^`\n]+`|(?<![\w*])\*\w[^*\n]*\*(?![\w*])|\[[A-Z][A-Za-z]+\d{4}\])"
)
INDEX = re.compile(  # X_{n+1};  X_n, D_out, max_c, softmax(S)_c, K̂_n
    r"(?<=[^\s_])_\{([^{}]+)\}|((?<!\w)[^\W_]|max|min|[)\u0302\u0303])_([^\W_]{1,3})(?!\w)"
)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-process-signature", named_types)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    own = getattr(obj, "__name__", None)
    if what == "method" and own not in (None, name.rpartition(".")[2]):  # deconv = guided = backward
        lines[:] = [f"The same function as `{own}`.", ""]
    else:
        lines[:] = translated("\n".join(lines))


def named_types(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, arguments: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Array, where Sphinx writes TypeAliasForwardRef('Array')."""
    arguments, returns = (s and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", s) for s in (arguments, returns))
    return arguments, returns


def translated(docstring: str) -> list[str]:
    """The docstring in reStructuredText."""
    lines: list[str] = []
    for paragraph in re.split(r"\n(?:\s*\n)+", docstring.strip("\n")):
        if fields := column(paragraph):
            lines += [".. rst-class:: fields", ""]
            for names, text in fields:
                lines += [f"``{names}``", f"   {marked_up(text)}"]
            lines += [""]
        elif LAID_OUT.search(paragraph):
            lines += ["::", "", *("   " + line for line in paragraph.split("\n")), ""]
        else:
            lines += [*marked_up(re.sub(r"::$", ":", paragraph)).split("\n"), ""]
    return lines


def column(paragraph: str) -> list[tuple[str, str]]:
    """A column of "name: what it is" as pairs; empty if it is none.  A line that begins with spaces continues."""
    fields: list[tuple[str, str]] = []
    for line in paragraph.split("\n"):
        if found := FIELD.fullmatch(line):
            fields.append((found[1], found[2]))
        elif line.startswith(" ") and fields:
            names, text = fields[-1]
            fields[-1] = names, f"{text} {line.strip()}"
        else:
            return []
    return fields if len(fields) > 1 else []


def marked_up(text: str) -> str:
    """Every character as it is, but for `code`, *emphasis*, works and the indices of formulas."""
    return "".join(linked(piece) if i % 2 else indexed(piece) for i, piece in enumerate(MARKED.split(text)))


def linked(marked: str) -> str:
    """[Key2001] as a link; anything else that is marked as it is."""
    return f":bibliography:`{marked[1:-1]}`" if marked.startswith("[") else marked


def indexed(text: str) -> str:
    """X_n and X_{n+1} with their indices below the line; a name_with_words is no formula."""
    pieces, end = [], 0
    for found in INDEX.finditer(text):
        braced, letter, index = found.groups("")
        pieces += [escaped(text[end : found.start()] + letter), rf"\ :sub:`{escaped(braced or index)}`\ "]
        end = found.end()
    return "".join([*pieces, escaped(text[end:])])


def escaped(text: str) -> str:
    return re.sub(r"([\\*`|_\[\]<>:])", r"\\\1", text)
