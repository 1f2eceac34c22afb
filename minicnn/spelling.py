"""What someone who mistyped a name may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is spelt most alike, if there is one that could be meant."""
    spelt = {other.casefold(): other for other in known}
    found = difflib.get_close_matches(name.casefold(), spelt, n=1, cutoff=0.6)
    return spelt[found[0]] if found else None


def choose_from(name: str, known: Iterable[str]) -> str:
    """What to choose in place of an unknown name, as the end of a sentence: the nearest, and all there are."""
    names = list(known)
    close = nearest(name, names)
    hint = f"did you mean {close}? " if close else ""
    return f": {hint}choose from {', '.join(names)}"
