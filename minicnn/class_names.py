"""The names of classes: from a typed name or number to an index, and from an index to the name that is shown.

ImageNet's names list synonyms, "tabby, tabby cat"; the first is shown.  Elsewhere a comma is part of the name: "Bush,
George" and "Bush, Laura" are two people.
"""

from __future__ import annotations

import difflib
import json
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from .extras import MissingPackage, package_folder


class ClassNote(UserWarning):
    """A query matched two classes; the message says which was chosen."""


def imagenet_classes() -> list[str]:
    """The 1000 classes of ILSVRC in their usual order, each with its synonyms: "tench, Tinca tinca"."""
    path = package_folder("imagenet_classes", "demo", "ImageNet's class names") / "imagenet1k_label_to_names.json"
    names = json.loads(path.read_text(encoding="utf-8"))
    return [names[str(c)] for c in range(1000)]


# ---------------------------------------------------------------------- from an index to a name


def short_name(classes: Sequence[str] | None, c: int) -> str:
    """The name under which class c is shown, and by which `find_class` finds it; of ImageNet's, the first synonym.

    Where two classes share it, all synonyms are shown, or the index, "crane #134".  Without names it is "class 7".
    """
    return f"class {c}" if classes is None else _short_names(tuple(classes))[c]


def synonyms(classes: Sequence[str], c: int) -> tuple[str, ...]:
    """All names of class c, the one to show first."""
    return _synonyms(tuple(classes))[c]


@lru_cache(maxsize=8)
def _short_names(classes: tuple[str, ...]) -> tuple[str, ...]:
    first = [names[0] for names in _synonyms(classes)]
    whole = [_plain(name) for name in classes]
    sharing, alike = Counter(map(_plain, first)), Counter(whole)
    return tuple(
        name
        if name and sharing[_plain(name)] == 1
        else " ".join(classes[c].split())
        if name and alike[whole[c]] == 1
        else f"{name} #{c}".strip()
        for c, name in enumerate(first)
    )


@lru_cache(maxsize=8)
def _synonyms(classes: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    cut = _are_imagenet_s(classes)
    return tuple(tuple(" ".join(part.split()) for part in (name.split(",") if cut else [name])) for name in classes)


def _are_imagenet_s(classes: tuple[str, ...]) -> bool:
    """Whether these are ImageNet's names, or some of them: there commas separate synonyms."""
    if not any("," in name for name in classes):
        return False
    if len(classes) == 1000 and any(name.split(",")[0] == "tench" for name in classes):
        return True
    try:
        return set(classes) <= set(imagenet_classes())
    except (MissingPackage, OSError, ValueError, KeyError):
        return False


# ---------------------------------------------------------------------- from a query to an index


def find_class(query: str | int, classes: Sequence[str] | None, count: int) -> int:
    """The index of the class that `query` means.

    In this order: an exact name, even if it looks like a number; an index ("10", or "#10", which is never a name); a
    first synonym; any synonym; a substring that fits one class only.  A ClassNote is given where a number is both a
    name and an index.
    Raises ValueError for an index outside 0 … count − 1 and for an unknown or ambiguous name, with the nearest names.
    """
    text = " ".join(str(query).split())
    number = re.fullmatch(r"#?(-?\d+)" if classes is not None else r"(?:#|class )?(-?\d+)", text)
    if isinstance(query, int):
        return _index(query, count)
    same = _same_name(text, classes or [])
    if len(same) == 1:
        _note_that_a_name_was_meant(text, same[0], classes or [])
        return same[0]
    if number and not same:
        c = _index(int(number[1]), count)
        if text == number[1] and any(name.strip().isdecimal() for name in classes or []):
            called = short_name(classes, c)
            warnings.warn(f"no class is called {text}: taken as an index, of the class {called!r}", ClassNote, 2)
        return c
    if classes is None:
        raise ValueError(f"this network's classes have no names: expected an index 0 … {count - 1}, got {text!r}")
    found = same or search(text, classes)
    fits = [fit(text, synonyms(classes, c)) for c in found]
    best = [c for c, how in zip(found, fits, strict=True) if how == fits[0]]
    if len(best) == 1:
        return best[0]
    if found:
        raise ValueError(f"the class {text!r} is ambiguous: {_listed(found, classes)}")
    raise ValueError(f"there is no class {text!r}{_nearest(text, classes)}")


def search(word: str, classes: Sequence[str]) -> list[int]:
    """The classes whose names contain the word, best fit first, then those whose first synonym has it."""
    known = _synonyms(tuple(classes))
    fits = {c: (fit(word, names), fit(word, names[:1]), c) for c, names in enumerate(known)}
    return sorted((c for c in fits if fits[c][0] < NO_FIT), key=lambda c: fits[c])


NO_FIT = 4


def fit(word: str, names: Sequence[str]) -> int:
    """How well a word fits the synonyms of a class.

    0: equal to the first; 1: equal to another; 2: whole words of one; 3: a substring of one; NO_FIT: of none.
    """
    query, plain = _plain(word), [_plain(name) for name in names]
    if not query:
        return NO_FIT
    if query in plain:
        return min(plain.index(query), 1)
    if any(re.search(rf"(?<!\w){re.escape(query)}(?!\w)", name) for name in plain):
        return 2
    return 3 if any(query in name for name in plain) else NO_FIT


def _same_name(text: str, classes: Sequence[str]) -> list[int]:
    """The classes with exactly this name, or shown under it; case decides only between two of them."""
    shown = _short_names(tuple(classes))
    alike = [c for c, name in enumerate(classes) if _plain(text) in (_plain(name), _plain(shown[c]))]
    exact = [c for c in alike if text in (" ".join(classes[c].split()), shown[c])]
    return exact if len(exact) == 1 else alike


def _note_that_a_name_was_meant(text: str, c: int, classes: Sequence[str]) -> None:
    if text.isdecimal() and int(text) < len(classes) and int(text) != c:
        other = short_name(classes, int(text))
        note = f"{text} is the name of class {c}, which is taken; for class {text}, called {other!r}, write #{text}"
        warnings.warn(note, ClassNote, 3)


def _index(number: int, count: int) -> int:
    if not 0 <= number < count:
        raise ValueError(f"there is no class {number}: expected 0 … {count - 1}")
    return number


def _nearest(text: str, classes: Sequence[str]) -> str:
    """The classes with the most similar names, as the end of a sentence."""
    spelt = {_plain(name): c for c in reversed(range(len(classes))) for name in reversed(synonyms(classes, c))}
    nearest = [spelt[name] for name in difflib.get_close_matches(_plain(text), spelt, n=5, cutoff=0.5)]
    return f"; the nearest are {_listed(list(dict.fromkeys(nearest)), classes)}" if nearest else ""


def _listed(found: Sequence[int], classes: Sequence[str], most: int = 8) -> str:
    names = [f"{c} ({classes[c]})" for c in found[:most]]
    return ", ".join(names) + (f" and {len(found) - most} more" if len(found) > most else "")


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
