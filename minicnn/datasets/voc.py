"""Photographs with PASCAL VOC's XML beside them (`annotation`), in folders as VOC and ILSVRC have them."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..class_names import synonyms
from ..folders import files_under, picture_suffixes
from ..photo_files import read_raster
from .annotated import Box, Picture
from .annotation import MOST_BYTES, Annotation, AnnotationError, read_annotation
from .left_out import left_out

__all__ = [
    "Annotation",
    "AnnotationError",
    "FolderPictures",
    "class_index",
    "folder_pictures",
    "read_annotation",
    "read_synsets",
    "without",
]

# ---------------------------------------------------------------------- names of objects → classes


def class_index(classes: Sequence[str] | None, synsets: Sequence[str] | None = None) -> dict[str, int]:
    """The class of each name that an object may have: WordNet ids (n02123045), names and synonyms.

    classes: a network's names, each with its synonyms ("tabby, tabby cat"); case and underscores do not matter
    synsets: the id of each class
    A name that two classes share is left out.
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
        """Picture n.  Raises ValueError if no object is left.

        Objects of other classes than the network's are left out, and objects with an invalid box, with a note.
        """
        path, xml = self.files[n]
        if xml is None:
            raise AnnotationError(f"{path} has no XML file")
        annotation = read_annotation(xml)
        photo = read_raster(path)  # boxes are in the stored raster, not turned as EXIF says
        try:
            annotation = annotation.scaled_to(photo.shape[1], photo.shape[0])
        except ValueError as error:
            raise AnnotationError(f"{path}: {error}") from None
        objects: dict[int, list[Box]] = defaultdict(list)
        for name, box in annotation.objects:
            if _plain(name) in self.classes:
                objects[self.classes[_plain(name)]].append(box)
        notes = [f"{path}: {note}" for name, note in annotation.notes if not name or _plain(name) in self.classes]
        if not objects:
            names = ", ".join(sorted({name for name, _ in annotation.objects})[:5])
            raise AnnotationError("; ".join(notes) or f"{path}: the network has no class {names}")
        return Picture(self.name(n), photo, dict(objects), notes)


def folder_pictures(folder: Path, classes: Mapping[str, int], annotations: Path | None = None) -> FolderPictures:
    """The pictures in a folder and the folders inside of it, in the order of their names.

    The XML file of a picture has its name, and is beside it or anywhere in the folder `annotations` (by default the
    folder itself, or the folder `Annotations` beside it).  Raises ValueError if there are no pictures.
    """
    for place in (folder, annotations):
        if place is not None and not place.is_dir():
            raise NotADirectoryError(f"{place} is no folder; expected one of photographs or XML files")
    suffixes = picture_suffixes()
    pictures = sorted(path for path in files_under(folder) if path.suffix.lower() in suffixes)
    if not pictures:
        raise ValueError(f"{folder} has no pictures in it (PNG, JPEG, …)")
    named: dict[str, list[Path]] = defaultdict(list)
    beside = folder.parent / "Annotations"
    for place in [annotations] if annotations else [folder, *([beside] if beside.is_dir() else [])]:
        for xml in files_under(place):
            if xml.suffix.lower() == ".xml":
                named[xml.stem].append(xml)
    return FolderPictures(folder, [(path, _xml_of(path, named)) for path in pictures], classes)


def without(pictures: FolderPictures, entries: Sequence[str]) -> FolderPictures:
    """The pictures that are not on a list of numbers or names to leave out."""
    out = left_out(entries, [pictures.name(n) for n in range(len(pictures))])
    return replace(pictures, files=[file for n, file in enumerate(pictures.files) if n not in out])


def _xml_of(picture: Path, named: Mapping[str, Sequence[Path]]) -> Path | None:
    """The XML file beside a picture, or else the only one of its name."""
    found = named.get(picture.stem, [])
    beside = [xml for xml in found if xml.parent == picture.parent]
    return beside[0] if beside else found[0] if len(found) == 1 else None
