"""Terminals and pipes that cannot show every character: output may look poorer there, but it never fails.

On Windows a pipe is often cp1252, elsewhere a locale may allow ASCII only, and formulas are full of → ∂ λ.
"""

from __future__ import annotations

import codecs
import sys
from typing import TextIO

SPELT = {
    "→": "->", "←": "<-", "×": "x", "·": "*", "−": "-", "–": "-", "…": "...", "‖": "||", "⟨": "<", "⟩": ">",
    "∂": "d", "λ": "lambda", "Σ": "sum", "∞": "inf", "≈": "~", "≤": "<=", "≥": ">=", "≠": "!=", "∈": "in", "±": "+-",
    "√": "sqrt", "²": "^2", "ᵀ": "^T", "⋆": "*", "°": " deg", "⌊": "[", "⌋": "]", "⌈": "[", "⌉": "]", "∩": "and",
    "∪": "or", "“": '"', "”": '"', "‘": "'", "’": "'", "«": '"', "»": '"', "ₙ": "_n", "₀": "_0", "₁": "_1", "₂": "_2",
}  # fmt: skip


def spelt(error: UnicodeError) -> tuple[str | bytes, int]:
    """An error handler of codecs: characters that an encoding lacks are spelt in ASCII, or become question marks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(SPELT.get(character, "?") for character in missing), error.end


codecs.register_error("minicnn.spelt", spelt)


def never_fail(stream: TextIO) -> None:
    """From now on the stream spells what its encoding lacks.  (Streams that are no files of text are left alone.)"""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None and not shows_everything(stream):
        reconfigure(errors="minicnn.spelt")


def shows_everything(stream: TextIO) -> bool:
    """Whether the stream's encoding has all characters."""
    name = getattr(stream, "encoding", None) or "utf-8"
    try:
        return codecs.lookup(name).name.startswith("utf")
    except LookupError:
        return False


def only_ascii_is_safe() -> bool:
    """Whether JSON on standard output should escape what is not ASCII: spelling would change its strings."""
    return not shows_everything(sys.stdout)
