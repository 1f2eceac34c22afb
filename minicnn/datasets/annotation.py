"""PASCAL VOC's XML, used by ILSVRC too: the objects of a picture with their names and boxes.

    <annotation>
      <size><width>500</width><height>375</height></size>
      <object>
        <name>n02123045</name>
        <bndbox><xmin>111</xmin><ymin>108</ymin><xmax>441</xmax><ymax>193</ymax></bndbox>
      </object>
    </annotation>

The files are untrusted: their size is limited, and expat, Python's parser, refuses entities that expand into gigabytes
and opens no other file.  Other elements are ignored.
"""

from __future__ import annotations

import codecs
import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from .annotated import Box

MOST_BYTES = 2**20
MOST_OBJECTS = 10_000


class AnnotationError(ValueError):
    """An XML file that cannot be used; says which and why."""


@dataclass(frozen=True)
class Annotation:
    """The content of an XML file.

    size:    (width, height) of the picture that was annotated; None if the file does not say
    objects: (name, box) of each, right and bottom exclusive, in that picture's pixels
    notes:   objects that were left out: the name of each, "" if it has none, and why
    """

    size: tuple[int, int] | None
    objects: list[tuple[str, Box]]
    notes: list[tuple[str, str]] = field(default_factory=list)

    def scaled_to(self, width: int, height: int) -> Annotation:
        """The boxes in pixels of a picture of this size, clipped to it; those outside of it are left out, with a note.

        A scaled copy of the annotated picture is accepted; ValueError for another aspect, or if no box is left.
        """
        across = down = 1.0
        if self.size is not None and self.size != (width, height):
            across, down = width / self.size[0], height / self.size[1]
            if abs(self.size[0] * down - width) > 1 and abs(self.size[1] * across - height) > 1:
                described = "×".join(map(str, self.size))
                raise ValueError(f"its XML describes a picture of {described} pixels; this one has {width}×{height}")
        objects: list[tuple[str, Box]] = []
        notes = list(self.notes)
        for name, (x0, y0, x1, y1) in self.objects:
            x0, y0, x1, y1 = max(0, x0 * across), max(0, y0 * down), min(width, x1 * across), min(height, y1 * down)
            if x0 >= x1 or y0 >= y1:
                notes.append((name, f"the box of {name!r} is outside of the picture"))
            else:
                objects.append((name, (x0, y0, x1, y1)))
        if not objects:
            raise ValueError(notes[0][1])
        return Annotation((width, height), objects, notes)


# ---------------------------------------------------------------------- one XML file


def read_annotation(path: str | os.PathLike[str]) -> Annotation:
    """The annotation in an XML file.  Raises AnnotationError, which names the file, and OSErrors."""
    path = Path(path)
    if path.stat().st_size > MOST_BYTES:
        raise AnnotationError(f"{path} is larger than an annotation may be ({MOST_BYTES:,} bytes)")
    try:
        return _annotation(ElementTree.fromstring(_decoded(path.read_bytes())))
    except (ElementTree.ParseError, LookupError) as error:  # of an encoding that Python does not know
        raise AnnotationError(f"{path} is malformed XML ({error})") from None
    except ValueError as error:
        raise AnnotationError(f"{path}: {error}") from None


MULTIBYTE = {
    "gb2312", "gbk", "gb18030", "big5", "big5hkscs", "shift_jis", "cp932", "euc_jp", "euc_kr", "cp949", "johab",
}  # fmt: skip


def _decoded(content: bytes) -> bytes:
    """The content as UTF-8, if it declares a multi-byte encoding that the parser does not know."""
    declared = re.match(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]+)", content)
    if declared is None:
        return content
    try:
        codec = codecs.lookup(declared[1].decode()).name
    except LookupError:
        return content
    if codec not in MULTIBYTE:
        return content
    return b'<?xml version="1.0"?>' + content.partition(b"?>")[2].decode(codec).encode()


def _annotation(root: ElementTree.Element) -> Annotation:
    if root.tag != "annotation":
        raise ValueError(f"expected an <annotation>, got <{root.tag}>")
    elements = root.findall("object")
    if not 0 < len(elements) <= MOST_OBJECTS:
        raise ValueError(f"expected 1 to {MOST_OBJECTS:,} objects, got {len(elements)}")
    found: list[tuple[str, Box]] = []
    notes: list[tuple[str, str]] = []
    for element in elements:
        name = (element.findtext("name") or "").strip()
        try:
            found.append((_text(element, "name"), _box(element)))
        except ValueError as error:
            notes.append((name, f"the object {name!r} cannot be used: {error}"))
    if not found:
        raise ValueError(notes[0][1])
    # Corners are pixels, the last one inside.  VOC counts them from 1, ImageNet from 0.
    database = (root.findtext("source/database") or "").lower()
    from_zero = "imagenet" in database or "ilsvrc" in database or any(0 in box for _, box in found)
    first = 0 if from_zero else 1
    objects = [(name, (x0 - first, y0 - first, x1 + 1 - first, y1 + 1 - first)) for name, (x0, y0, x1, y1) in found]
    return Annotation(_size(root), objects, notes)


def _size(root: ElementTree.Element) -> tuple[int, int] | None:
    """(width, height), or None where they are missing, empty or zero, as some tools write for an unknown size."""
    if not all((root.findtext(f"size/{side}") or "").strip() for side in ("width", "height")):
        return None
    width, height = (_number(root, f"size/{side}") for side in ("width", "height"))
    if (width, height) == (0, 0):
        return None
    if not (1 <= width < 1e6 and 1 <= height < 1e6):
        raise ValueError(f"a picture of {width:g}×{height:g} pixels")
    return round(width), round(height)


def _box(element: ElementTree.Element) -> Box:
    """The corners; swapped ones are exchanged."""
    x0, y0, x1, y1 = (_number(element, f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax"))
    x0, x1, y0, y1 = *sorted((x0, x1)), *sorted((y0, y1))
    if max(map(abs, (x0, y0, x1, y1))) >= 1e6:
        raise ValueError(f"a box from ({x0:g}, {y0:g}) to ({x1:g}, {y1:g})")
    return x0, y0, x1, y1


def _number(element: ElementTree.Element, where: str) -> float:
    text = _text(element, where)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"<{where}> is {text[:40]!r}; expected a number")
    return number


def _text(element: ElementTree.Element, where: str) -> str:
    text = (element.findtext(where) or "").strip()
    if not text:
        raise ValueError(f"<{element.tag}> has no <{where}>")
    return text
