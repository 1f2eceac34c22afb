"""Output to terminals and pipes that lack some characters: these are replaced, and printing never fails.

On Windows a pipe is often cp1252, elsewhere a locale may allow ASCII only, and formulas are full of → ∂ λ.
"""

from __future__ import annotations

import codecs
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
    return "".join(map(spelling, missing)), error.end


def spelling(character: str) -> str:
    """In ASCII.  Surrogates stand for bytes in a file's name that the locale cannot decode (PEP 383)."""
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return SPELT.get(character, "?")


codecs.register_error("minicnn.spelt", spelt)


def never_fail(stream: TextIO) -> None:
    """Make the stream spell characters that its encoding lacks.  (Streams that are no text files are left alone.)"""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="minicnn.spelt")


def shows_everything(stream: TextIO) -> bool:
    """Whether the stream's encoding has all characters."""
    name = getattr(stream, "encoding", None) or "utf-8"
    try:
        return codecs.lookup(name).name.startswith("utf")
    except LookupError:
        return False
