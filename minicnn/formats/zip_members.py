"""What lies where in a zip archive.  Nothing is unpacked, neither to disk nor to memory.

Both `.npz` and PyTorch's `.pth` are archives whose members lie there as they are ("stored").  Compressed members are
refused: no writer of weights makes them, for weights hardly shrink, and a bomb of zeros does.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PureWindowsPath

from .errors import FileError

LOCAL_HEADER = struct.Struct("<4s22xHH")  # before each member: PK\3\4, …, the lengths of its name and of extras


@dataclass(frozen=True)
class Member:
    """Bytes position … position + size − 1 of the archive, and their CRC-32 (PyTorch may leave it out: 0)."""

    path: str | os.PathLike[str]
    position: int
    size: int
    checksum: int

    def read(self, most: int) -> bytes:
        """The member as a whole, if it has at most so many bytes."""
        if self.size > most:
            raise FileError(f"a description of {self.size:,} bytes; expected at most {most:,}")
        with open(self.path, "rb") as file:
            file.seek(self.position)
            content = file.read(self.size)
        if self.checksum and zlib.crc32(content) != self.checksum:
            raise FileError("its description does not match its checksum: the file is damaged")
        return content


def members(path: str | os.PathLike[str]) -> dict[str, Member]:
    """The archive's members by name."""
    try:
        with zipfile.ZipFile(path) as archive:
            listed = archive.infolist()
    except OSError:
        raise
    except Exception as error:  # zipfile has many ways to say that an archive is broken
        raise FileError(f"a damaged or truncated zip archive ({error})") from None

    size = os.path.getsize(path)
    if sum(info.file_size for info in listed) > size:  # members that overlap are a bomb too
        raise FileError("a zip archive whose members claim to be larger than all of it")
    found: dict[str, Member] = {}
    with open(path, "rb") as file:
        for info in listed:
            if is_outside(info.filename):
                raise FileError(f"a zip archive with a path outside of it, {info.filename!r}")
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
                raise FileError(f"{info.filename!r} is compressed or encrypted; expected it stored as it is")
            if info.filename in found:
                raise FileError(f"a zip archive with two members called {info.filename!r}")
            if not 0 <= info.header_offset <= size - LOCAL_HEADER.size:
                raise FileError(f"a damaged zip archive: {info.filename!r} should be where there is nothing")
            file.seek(info.header_offset)
            magic, name_length, extra_length = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
            if magic != b"PK\3\4":
                raise FileError(f"a damaged zip archive: there is no member where {info.filename!r} should be")
            position = info.header_offset + LOCAL_HEADER.size + name_length + extra_length
            if position + info.file_size > size:
                raise FileError(f"a truncated zip archive: it ends in the middle of {info.filename!r}")
            found[info.filename] = Member(path, position, info.file_size, info.CRC)
    return found


def is_outside(name: str) -> bool:
    """Whether unpacking a member of this name could write outside of the folder."""
    path = PureWindowsPath(name)  # which understands / and \ and C:
    return bool(path.anchor) or ".." in path.parts
