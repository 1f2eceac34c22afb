"""Lists of pictures that a benchmark leaves out, one number or name a line.

ILSVRC discards 1,762 of its 50,000 validation pictures, whose boxes are not good enough; the development kit lists
their numbers (`data/ILSVRC2014_clsloc_validation_blacklist.txt`; the same pictures every year), and 36 there means
`ILSVRC2012_val_00000036.JPEG`.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

MOST_BYTES = 2**26
NUMBER = re.compile(r"[0-9]{1,18}")


def read_list(path: str | os.PathLike[str]) -> list[str]:
    """The numbers and names in a list, in its order; blank lines are ignored.

    Raises ValueError, which names file and line, for what is neither a number from 1 on nor the name of a file.
    """
    path = Path(path)
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path} is too large for a list of pictures to leave out")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text file; expected a picture's number or name a line") from None
    found = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text and not _is_entry(text):
            raise ValueError(f"{path}, line {number}: {text[:40]!r} is neither a picture's number (36) nor its name")
        found += [text] if text else []
    if not found:
        raise ValueError(f"{path} is empty; expected a picture's number or name a line")
    return found


def _is_entry(text: str) -> bool:
    if NUMBER.fullmatch(text):
        return int(text) > 0
    return text.isprintable() and any(c.isalpha() for c in text) and not re.search(r"[\t,;]|^[-+]", text)


def left_out(entries: Sequence[str], names: Sequence[str]) -> set[int]:
    """Which of the pictures are on a list, as positions in `names`, their paths inside of a folder ("val/a_036.JPEG").

    A number means the picture whose name ends with it (36: a_036); a name means a path, or a file's name with or
    without its suffix.  An entry that fits none is ignored: the folder may contain only some of the pictures.
    Raises ValueError if an entry fits several pictures, or if none fits any.
    """
    known: dict[str | int, set[int]] = defaultdict(set)
    for n, name in enumerate(names):
        path = PurePosixPath(name)
        for key in (name, path.name, path.stem):
            known[key].add(n)
        ending = re.search(r"[0-9]{1,18}$", path.stem)
        if ending:
            known[int(ending[0])].add(n)
    found: set[int] = set()
    for entry in entries:
        fitting = known.get(int(entry) if NUMBER.fullmatch(entry) else entry, set())
        if len(fitting) > 1:
            first, second = (names[n] for n in sorted(fitting)[:2])
            raise ValueError(f"{entry!r} fits several pictures ({first}, {second}, …): give their paths in the folder")
        found |= fitting
    if not found:
        raise ValueError(f"none of the {len(entries)} pictures to leave out ({entries[0]!r}, …) is in the folder")
    return found
