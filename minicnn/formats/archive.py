"""The zip archives that weights come in: `.npz` and PyTorch's `.pth`.  Their members are stored as they are."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PureWindowsPath

from ..errors import FileError

PIECE = 2**20


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[zipfile.ZipFile]:
    """The archive, if no member leads out of it, is compressed, or claims to be larger than the file.

    No writer of weights compresses them, for weights hardly shrink, and a bomb of zeros does.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if sum(info.file_size for info in members) > os.path.getsize(path):  # members that overlap are a bomb too
            raise FileError("a zip archive whose members claim to be larger than all of it")
        for info in members:
            if is_outside(info.filename):
                raise FileError(f"a zip archive with a path outside of it, {info.filename!r}")
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
                raise FileError(f"{info.filename!r} is compressed or encrypted; expected it stored as it is")
            if info.CRC == 0:
                del info.CRC  # PyTorch may leave the checksum out, and zipfile compares only what is there
        if len({info.filename for info in members}) < len(members):
            raise FileError("a zip archive with two members of one name")
        yield archive


def read_into(archive: zipfile.ZipFile, name: str, buffer: memoryview) -> None:
    """The member into a buffer of its size, a piece at a time: nothing is in memory twice."""
    with archive.open(name) as member:
        while buffer and (count := member.readinto(buffer[:PIECE])):  # type: ignore[attr-defined]
            buffer = buffer[count:]
    if buffer:
        raise FileError("the file ends in the middle of its numbers")


def is_outside(name: str) -> bool:
    """Whether unpacking a member of this name could write outside of the folder."""
    path = PureWindowsPath(name)  # which understands / and \ and C:
    return bool(path.anchor) or ".." in path.parts
