"""Photographs with PASCAL VOC's XML beside them, as ILSVRC has it: objects with their names and boxes.

    <annotation>
      <size><width>500</width><height>375</height></size>
      <object>
        <name>n02123045</name>
        <bndbox><xmin>111</xmin><ymin>108</ymin><xmax>441</xmax><ymax>193</ymax></bndbox>
      </object>
    </annotation>

The files are untrusted: size and nesting are limited, and a document type (which may define entities that unfold into
gigabytes or name other files) is refused.  Of other elements nothing is read.
"""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from PIL import Image

from ..class_names import synonyms
from ..images import read_photo
from .annotated import Box, Picture

MOST_BYTES = 2**20
MOST_OBJECTS = 10_000
DEEPEST = 50


class AnnotationError(ValueError):
    """An XML file that cannot be used; says which and why."""


@dataclass(frozen=True)
class Annotation:
    """What an XML file says.

    size:    (width, height) of the picture that was annotated; None if the file does not say
    objects: (name, box) of each, right and bottom exclusive, in that picture's pixels
    """

    size: tuple[int, int] | None
    objects: list[tuple[str, Box]]

    def scaled_to(self, width: int, height: int) -> Annotation:
        """The boxes in pixels of a picture of this size, clipped to it.

        A copy of the annotated picture at another scale is fine; ValueError if it has another shape, or if a box lies
        outside of it.
        """
        across = down = 1.0
        if self.size is not None and self.size != (width, height):
            across, down = width / self.size[0], height / self.size[1]
            if abs(self.size[0] * down - width) > 1 and abs(self.size[1] * across - height) > 1:
                told = "×".join(map(str, self.size))
                raise ValueError(f"its XML describes a picture of {told} pixels; this one has {width}×{height}")
        objects: list[tuple[str, Box]] = []
        for name, (x0, y0, x1, y1) in self.objects:
            x0, y0, x1, y1 = max(0, x0 * across), max(0, y0 * down), min(width, x1 * across), min(height, y1 * down)
            if x0 >= x1 or y0 >= y1:
                raise ValueError(f"the box of {name!r} lies outside of the picture")
            objects.append((name, (x0, y0, x1, y1)))
        return Annotation((width, height), objects)


# ---------------------------------------------------------------------- one XML file


def read_annotation(path: str | os.PathLike[str]) -> Annotation:
    """What an XML file says.  Raises AnnotationError, which names the file, and OSErrors."""
    path = Path(path)
    if path.stat().st_size > MOST_BYTES:
        raise AnnotationError(f"{path} is larger than an annotation may be ({MOST_BYTES:,} bytes)")
    try:
        return _annotation(_parse(path.read_bytes()))
    except (ElementTree.ParseError, expat.ExpatError) as error:
        raise AnnotationError(f"{path} is malformed XML ({error})") from None
    except ValueError as error:
        raise AnnotationError(f"{path}: {error}") from None


def _parse(content: bytes) -> ElementTree.Element:
    """The XML tree; ValueError for a document type and for elements nested too deep, before any tree is built."""
    depth = 0

    def deeper(name: str, attributes: object) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise ValueError(f"its elements are nested deeper than {DEEPEST}")

    def out(name: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_: object) -> None:
        raise ValueError("it declares a document type, which annotations have no need of")

    guard = expat.ParserCreate()
    guard.StartElementHandler, guard.EndElementHandler, guard.StartDoctypeDeclHandler = deeper, out, refuse
    try:
        guard.Parse(content, True)
        return ElementTree.fromstring(content)
    except LookupError as error:  # an encoding that Python does not know
        raise ValueError(f"malformed XML ({error})") from None


def _annotation(root: ElementTree.Element) -> Annotation:
    if root.tag != "annotation":
        raise ValueError(f"expected an <annotation>, got <{root.tag}>")
    elements = root.findall("object")
    if not 0 < len(elements) <= MOST_OBJECTS:
        raise ValueError(f"expected 1 to {MOST_OBJECTS:,} objects, got {len(elements)}")
    boxes = [_box(element) for element in elements]
    # Corners are pixels, the last one inside.  VOC counts them from 1, ImageNet from 0.
    database = (root.findtext("source/database") or "").lower()
    from_zero = "imagenet" in database or "ilsvrc" in database or any(min(box) == 0 for box in boxes)
    first = 0 if from_zero else 1
    names = [_text(element, "name") for element in elements]
    objects = [
        (name, (x0 - first, y0 - first, x1 + 1 - first, y1 + 1 - first))
        for name, (x0, y0, x1, y1) in zip(names, boxes, strict=True)
    ]
    return Annotation(_size(root), objects)


def _size(root: ElementTree.Element) -> tuple[int, int] | None:
    if root.find("size") is None:
        return None
    width, height = (_number(root, f"size/{side}") for side in ("width", "height"))
    if (width, height) == (0, 0):  # what some tools write when they do not know
        return None
    if not (1 <= width < 1e6 and 1 <= height < 1e6):
        raise ValueError(f"a picture of {width:g}×{height:g} pixels")
    return round(width), round(height)


def _box(element: ElementTree.Element) -> Box:
    x0, y0, x1, y1 = (_number(element, f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax"))
    if not (0 <= x0 <= x1 < 1e6 and 0 <= y0 <= y1 < 1e6):
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


# ---------------------------------------------------------------------- names of objects → classes


def class_index(classes: Sequence[str] | None, synsets: Sequence[str] | None = None) -> dict[str, int]:
    """What an object may be called → the class it is: WordNet ids (n02123045), names and synonyms.

    classes: a network's names, each with its synonyms ("tabby, tabby cat"); case and underscores do not matter
    synsets: the id of each class
    A name that two classes share means neither of them.
    """
    meant: dict[str, set[int]] = defaultdict(set)
    for c, name in enumerate(classes or []):
        for synonym in [name, *synonyms(classes or [], c)]:
            meant[_plain(synonym)].add(c)
    for c, synset in enumerate(synsets or []):
        meant[_plain(synset)].add(c)
    return {name: found.pop() for name, found in meant.items() if len(found) == 1}


def read_synsets(path: str | os.PathLike[str], count: int) -> list[str]:
    """The first word of each line, a WordNet id for each class in the order of the network's classes.

    Raises ValueError unless there is one for each of `count` classes, all different.
    """
    path = Path(path)
    if path.stat().st_size > 100 * MOST_BYTES:
        raise ValueError(f"{path} is too large for a list of {count} ids")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text file; expected one id (n02123045) a line") from None
    found = [line.split()[0] for line in lines if line.strip()]
    if len(found) != count:
        raise ValueError(f"{path} has {len(found)} ids; expected one for each of the network's {count} classes")
    if len(set(found)) != count:
        twice = next(synset for synset in found if found.count(synset) > 1)
        raise ValueError(f"{path} has {twice} twice")
    return found


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


# ---------------------------------------------------------------------- a folder


@dataclass(frozen=True)
class FolderPictures:
    """Photographs in a folder, and the XML file of each."""

    folder: Path
    files: Sequence[tuple[Path, Path | None]]
    classes: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.files)

    def name(self, n: int) -> str:
        return self.files[n][0].relative_to(self.folder).as_posix()

    def __getitem__(self, n: int) -> Picture:
        """Picture n.  Objects that are none of the network's classes are left out; ValueError if no other is left."""
        path, xml = self.files[n]
        if xml is None:
            raise AnnotationError(f"{path} has no XML file")
        said = read_annotation(xml)
        photo = read_photo(path)
        try:
            said = said.scaled_to(photo.shape[1], photo.shape[0])
        except ValueError as error:
            raise AnnotationError(f"{path}: {error}") from None
        objects: dict[int, list[Box]] = defaultdict(list)
        for name, box in said.objects:
            if _plain(name) in self.classes:
                objects[self.classes[_plain(name)]].append(box)
        if not objects:
            names = ", ".join(sorted({name for name, _ in said.objects})[:5])
            raise AnnotationError(f"{path}: the network has no class {names}")
        return Picture(self.name(n), photo, dict(objects))


def folder_pictures(folder: Path, classes: Mapping[str, int], annotations: Path | None = None) -> FolderPictures:
    """The pictures in a folder and the folders inside of it, in the order of their names.

    The XML file of a picture has its name; it lies beside it, or anywhere in the folder `annotations` (by default the
    folder itself, or the folder `Annotations` beside it).  Raises ValueError if there are no pictures.
    """
    for place in (folder, annotations):
        if place is not None and not place.is_dir():
            raise NotADirectoryError(f"{place} is no folder; expected one of photographs or XML files")
    Image.init()
    suffixes = {suffix for suffix, kind in Image.EXTENSION.items() if kind in Image.OPEN}
    pictures = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    if not pictures:
        raise ValueError(f"{folder} has no pictures in it (PNG, JPEG, …)")
    named: dict[str, list[Path]] = defaultdict(list)
    beside = folder.parent / "Annotations"
    for place in [annotations] if annotations else [folder, *([beside] if beside.is_dir() else [])]:
        for xml in sorted(place.rglob("*.xml")):
            named[xml.stem].append(xml)
    return FolderPictures(folder, [(path, _xml_of(path, named)) for path in pictures], classes)


def _xml_of(picture: Path, named: Mapping[str, Sequence[Path]]) -> Path | None:
    """The XML file beside a picture, or else the only one of its name."""
    beside, found = picture.with_suffix(".xml"), named.get(picture.stem, [])
    if beside in found:
        return beside
    return found[0] if len(found) == 1 else None
