"""Repairs of picture files that decoders refuse: a JPEG that lacks only its end marker, a PNG with very long texts.

Each function takes a file's bytes and returns bytes that a decoder accepts, with the same pixels; None for any other
file.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image

JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
# If the data end before the last pixel, the missing pixels depend on what is appended.  The continuations differ in
# their first bits: after half a Huffman code the next bit alone may end the block.
CONTINUATIONS = (b"", *(bytes(start) * 64 for start in ((0x55, 0xAA), (0x2B, 0xD5), (0xAA, 0x55), (0xF1, 0x0E))))

PNG_START = b"\x89PNG\r\n\x1a\n"
TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
MOST_TEXT = 2**20  # bytes, unpacked; Pillow refuses a single text of more


# ---------------------------------------------------------------------- JPEG


def complete_jpeg(content: bytes) -> bytes | None:
    """The bytes of a JPEG with its missing end marker, if nothing else is missing."""
    if not content.startswith(JPEG_START) or content.rstrip(b"\0").endswith(JPEG_END):
        return None
    content = content.rstrip(b"\xff")  # the first half of the marker
    if not _scans_are_complete(content):
        return None
    pictures = []
    for more in (*CONTINUATIONS, _next_restart(content) + CONTINUATIONS[1]):
        try:
            with Image.open(BytesIO(content + more + JPEG_END)) as image:
                pictures.append(np.asarray(image))
        except Exception:
            return None
    same = all(np.array_equal(picture, pictures[0]) for picture in pictures[1:])
    return content + JPEG_END if same else None


def _next_restart(content: bytes) -> bytes:
    """The restart marker (FF D0 … D7, in turn) that would come next: decoders skip what follows another."""
    last = max((content.rfind(bytes([0xFF, 0xD0 + n])), n) for n in range(8))
    return bytes([0xFF, 0xD0 + (last[1] + 1) % 8 if last[0] >= 0 else 0xD0])


def _scans_are_complete(content: bytes) -> bool:
    """Whether there is a scan for every coefficient of every component, down to its last bit.

    A progressive JPEG has several scans; one that breaks off between two of them would show all pixels, but blurred.
    """
    components: bytes = b""
    lowest: dict[tuple[int, int], int] = {}  # (component, coefficient) → the lowest bit that a scan has brought
    for marker, segment in _jpeg_segments(content):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # start of frame
            components = segment[6::3]
        if marker == 0xDA:  # start of scan
            count = segment[0]
            first, last, bits = segment[1 + 2 * count : 4 + 2 * count]
            for component in segment[1 : 1 + 2 * count : 2]:
                lowest.update({(component, k): bits & 15 for k in range(first, last + 1)})
    return bool(components) and all(lowest.get((component, k)) == 0 for component in components for k in range(64))


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The marker and the content of every segment; the pixels' data between them are passed over."""
    place = 2
    while (place := content.find(b"\xff", place)) >= 0 and place + 4 <= len(content):
        marker = content[place + 1]
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD9:  # data, fill bytes, and markers without a segment
            place += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", content, place + 2)
        if length < 2 or place + 2 + length > len(content):
            return
        yield marker, content[place + 4 : place + 2 + length]
        place += 2 + length


# ---------------------------------------------------------------------- PNG


def without_metadata(content: bytes) -> bytes | None:
    """The bytes of a PNG without the texts and colour profiles that go beyond MOST_TEXT together, if there are any."""
    if not content.startswith(PNG_START):
        return None
    kept, room = [PNG_START], MOST_TEXT
    for kind, chunk in _png_chunks(content):
        if kind in TEXTS:
            size = _unpacked_size(kind, chunk[8:-4], room)
            if size > room:
                continue
            room -= size
        kept.append(chunk)
    lighter = b"".join(kept)
    return lighter if len(lighter) < len(content) else None


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kind and all bytes of every chunk: length, kind, content, checksum."""
    place = len(PNG_START)
    while place < len(content):
        (length,) = struct.unpack_from(">I", content.ljust(place + 4, b"\0"), place)
        yield content[place + 4 : place + 8], content[place : place + 12 + length]
        place += 12 + length


def _unpacked_size(kind: bytes, chunk: bytes, most: int) -> int:
    """How many bytes a text or profile has; counted no further than `most` + 1."""
    packed = chunk.partition(b"\0")[2]
    if kind == b"iTXt":
        is_packed, packed = packed[:1] == b"\1", packed[2:].split(b"\0", 2)[-1]
        if not is_packed:
            return len(chunk)
    elif kind == b"tEXt":
        return len(chunk)
    else:
        packed = packed[1:]  # the method
    try:
        return len(zlib.decompressobj().decompress(packed, most + 1))
    except zlib.error:
        return most + 1
