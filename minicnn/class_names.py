"""The names of classes: from what a person types to an index, and from an index to what a person reads.

ImageNet's names list synonyms, "tabby, tabby cat"; the first is the one shown.  Other names are taken whole: "Bush,
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
    """What was typed could mean two classes; the message says which was taken."""


def imagenet_classes() -> list[str]:
    """The 1000 classes of ILSVRC in their usual order, each with its synonyms: "tench, Tinca tinca"."""
    path = package_folder("imagenet_classes", "demo", "ImageNet's class names") / "imagenet1k_label_to_names.json"
    names = json.loads(path.read_text(encoding="utf-8"))
    return [names[str(c)] for c in range(1000)]


# ---------------------------------------------------------------------- what people read


def short_name(classes: Sequence[str] | None, c: int) -> str:
    """Class c as people read it, and as `find_class` reads it back: its name, of ImageNet's the first synonym.

    Classes that share it are shown with all their synonyms, or with their index, "crane #134"; in a network without
    names it is "class 7".
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
    """Whether these are ImageNet's names, or some of them, in which a comma stands between synonyms."""
    if not any("," in name for name in classes):
        return False
    if len(classes) == 1000 and any(name.split(",")[0] == "tench" for name in classes):
        return True
    try:
        return set(classes) <= set(imagenet_classes())
    except (MissingPackage, OSError, ValueError, KeyError):
        return False


# ---------------------------------------------------------------------- what people type


def find_class(query: str | int, classes: Sequence[str] | None, count: int) -> int:
    """The index of the class that `query` means.

    A name that is exactly what was typed wins, even if it looks like a number; then come an index ("10", or "#10",
    which is never a name's), a first synonym, any synonym, an unmistakable part of a name.  Where name and index could
    both be meant, a ClassNote says which was taken.
    Raises ValueError for an index outside 0 … count − 1 and for an unknown or ambiguous name, listing the nearest.
    """
    text = " ".join(str(query).split())
    number = re.fullmatch(r"#?(-?\d+)" if classes is not None else r"(?:#|class )?(-?\d+)", text)
    if isinstance(query, int):
        return _index(query, count)
    same = _same_name(text, classes or [])
    if len(same) == 1:
        _say_name_was_taken(text, same[0], classes or [])
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
    """The classes in whose names the word is, the best fit first; of equal ones, those whose first name has it."""
    known = _synonyms(tuple(classes))
    fits = {c: (fit(word, names), fit(word, names[:1]), c) for c, names in enumerate(known)}
    return sorted((c for c in fits if fits[c][0] < NO_FIT), key=lambda c: fits[c])


NO_FIT = 4


def fit(word: str, names: Sequence[str]) -> int:
    """How well a word fits the synonyms of a class.

    0: it is the first of them; 1: it is another; 2: it is whole words of one; 3: a part of one; NO_FIT: of none.
    """
    wanted, plain = _plain(word), [_plain(name) for name in names]
    if not wanted:
        return NO_FIT
    if wanted in plain:
        return min(plain.index(wanted), 1)
    if any(re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", name) for name in plain):
        return 2
    return 3 if any(wanted in name for name in plain) else NO_FIT


def _same_name(text: str, classes: Sequence[str]) -> list[int]:
    """The classes that are called exactly so, or are shown so; upper and lower case matter only between two such."""
    shown = _short_names(tuple(classes))
    alike = [c for c, name in enumerate(classes) if _plain(text) in (_plain(name), _plain(shown[c]))]
    exact = [c for c in alike if text in (" ".join(classes[c].split()), shown[c])]
    return exact if len(exact) == 1 else alike


def _say_name_was_taken(text: str, c: int, classes: Sequence[str]) -> None:
    if text.isdecimal() and int(text) < len(classes) and int(text) != c:
        other = short_name(classes, int(text))
        note = f"{text} is the name of class {c}, which is taken; for class {text}, called {other!r}, write #{text}"
        warnings.warn(note, ClassNote, 3)


def _index(number: int, count: int) -> int:
    if not 0 <= number < count:
        raise ValueError(f"there is no class {number}: expected 0 … {count - 1}")
    return number


def _nearest(text: str, classes: Sequence[str]) -> str:
    """The classes whose names are spelt alike, as the end of a sentence."""
    spelt = {_plain(name): c for c in reversed(range(len(classes))) for name in reversed(synonyms(classes, c))}
    nearest = [spelt[name] for name in difflib.get_close_matches(_plain(text), spelt, n=5, cutoff=0.5)]
    return f"; the nearest are {_listed(list(dict.fromkeys(nearest)), classes)}" if nearest else ""


def _listed(found: Sequence[int], classes: Sequence[str], most: int = 8) -> str:
    names = [f"{c} ({classes[c]})" for c in found[:most]]
    return ", ".join(names) + (f" and {len(found) - most} more" if len(found) > most else "")


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
