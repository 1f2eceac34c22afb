"""What someone who mistyped a name may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def choose_from(name: str, known: Iterable[str], also: str = "") -> str:
    """What to choose in place of an unknown name, as the end of a sentence: all there are, and the nearest."""
    spelt = {other.casefold(): other for other in known}
    nearest = difflib.get_close_matches(name.casefold(), spelt, n=1)
    choice = ", ".join([*spelt.values(), *([also] if also else [])])
    return f": choose from {choice}" + (f"; did you mean {spelt[nearest[0]]}?" if nearest else "")
