"""Reading photographs from files: PNG, JPEG and others, as RGB, upright.

Files are untrusted: sizes are checked before memory is allocated, and any failure of a decoder on damaged bytes becomes
a ValueError of one line.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from .files import refuse_address
from .sound_pictures import complete_jpeg, without_metadata

MAX_PIXELS = 100_000_000
ORIENTATION = 0x0112  # EXIF's tag
MOST_BYTES = 2**29  # of a file that is read into memory to be repaired
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


class PhotoNote(UserWarning):
    """A photograph was read, but something about its file is wrong."""


def read_raster(path: str | os.PathLike[str]) -> np.ndarray:
    """As `read_photo`, but without the rotation that EXIF asks for: in the rows and columns of the file.

    The boxes of ILSVRC and PASCAL VOC are in these coordinates.
    """
    return _read_file(Path(path), upright=False)


def read_photo(path: str | os.PathLike[str]) -> np.ndarray:
    """The photograph in a file: (H, W, 3) bytes, RGB, upright as its EXIF orientation says.

    Grey, palette and 16-bit pictures become RGB; transparency is put on white; of an animation the first frame is read.
    A JPEG that lacks nothing but its end marker is read, with a PhotoNote; HEIC where pillow-heif is installed.
    Raises FileNotFoundError, IsADirectoryError, or ValueError for a file that is no picture, is truncated, or has
    more than 100 million pixels (checked before memory is allocated).
    """
    refuse_address(path, "a photograph's file")
    return _read_file(Path(path), upright=True)


def _read_file(path: Path, upright: bool) -> np.ndarray:
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected a photograph (PNG, JPEG, …)")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; expected a photograph (PNG, JPEG, …)")
    # Pillow is given the open file and never its path: of a path it maps uncompressed TIFFs into memory, and scrambles
    # those with a turned orientation.
    with path.open("rb") as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of doubtful remarks in the file, and of a size below our own limit
                pixels, note = _read(file, upright)
        except Image.DecompressionBombError:
            raise ValueError(f"{path} has more than {MAX_PIXELS:,} pixels; make it smaller first") from None
        except UnidentifiedImageError:
            raise ValueError(f"{path} {_what_it_is(file)}") from None
        except _UnknownRange as error:
            raise ValueError(f"{path} cannot be used: {error}; save it with 8 or 16 bits a pixel") from None
        except MemoryError:  # damaged lengths may ask for any amount
            raise ValueError(f"{path} asks for more memory than there is; it may be damaged") from None
        except Exception as error:  # each decoder has errors of its own for data that end or are damaged
            raise ValueError(f"{path} is a damaged or truncated picture ({error})") from None
    if note:
        warnings.warn(f"{path} {note}", PhotoNote, stacklevel=3)
    return pixels


def _read(file: BinaryIO, upright: bool) -> tuple[np.ndarray, str]:
    """The pixels of an open file, and a note on what was wrong with it.  What Pillow refuses is repaired first."""
    if _is_heif(file) and find_spec("pillow_heif"):
        from pillow_heif import register_heif_opener

        register_heif_opener()
    try:
        return _decoded(file, upright), ""
    except (UnidentifiedImageError, Image.DecompressionBombError, _UnknownRange, MemoryError):
        raise
    except Exception:
        content = _content(file)
        for mend, note in REPAIRS:
            mended = mend(content)
            if mended is not None:
                return _decoded(BytesIO(mended), upright), note
        raise


REPAIRS: list[tuple[Callable[[bytes], bytes | None], str]] = [
    (complete_jpeg, "lacks its end marker; all of its pixels are there"),
    (without_metadata, ""),
]


def _content(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read() if os.fstat(file.fileno()).st_size <= MOST_BYTES else b""


def _decoded(file: BinaryIO, upright: bool) -> np.ndarray:
    file.seek(0)
    with Image.open(file) as image:
        if image.width * image.height > MAX_PIXELS:
            raise Image.DecompressionBombError
        _transparent_value_in_bytes(image)
        if not upright:  # said before the pixels are loaded, for Pillow turns TIFFs as it loads them
            image.getexif()[ORIENTATION] = 1
        return np.array(_to_rgb(ImageOps.exif_transpose(image)))


# ---------------------------------------------------------------------- kinds of pixels


class _UnknownRange(Exception):
    """Which values are black and white is not known."""


def _transparent_value_in_bytes(image: Image.Image) -> None:
    """A PNG names its transparent value in the file's own depth; Pillow compares it with pixels of 8 bits."""
    depth = image.tile[0][3] if getattr(image, "tile", None) else None  # type: ignore[attr-defined]  # of files only
    key = image.info.get("transparency")
    if isinstance(key, int) and depth in ("L;2", "L;4"):
        image.info["transparency"] = key * (85 if depth == "L;2" else 17)
    if isinstance(key, tuple) and depth == "RGB;16B":
        image.info["transparency"] = tuple(value >> 8 for value in key)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits (Pillow would clip at 255 where it must divide by 257)
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise _UnknownRange("its grey values do not fit into 16 bits")
        grey = (values // 257).astype(np.uint8)
        grey[values == image.info.get("transparency", -1)] = 255  # put on white
        return Image.fromarray(grey).convert("RGB")
    if image.mode == "F":
        raise _UnknownRange("it holds floating-point values")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


# ---------------------------------------------------------------------- what is no picture


def _is_heif(file: BinaryIO) -> bool:
    file.seek(0)
    start = file.read(12)
    return start[4:8] == b"ftyp" and start[8:12] in HEIF_BRANDS


def _what_it_is(file: BinaryIO) -> str:
    """The message for a file whose format Pillow does not know."""
    if _is_heif(file):
        if find_spec("pillow_heif"):
            return "is a damaged or truncated picture (HEIC)"
        return "is HEIC: convert it to JPEG, or install pillow-heif (python -m pip install -e '.[heic]')"
    if os.fstat(file.fileno()).st_size == 0:
        return "is empty, and is not a picture that Pillow can read; expected PNG, JPEG, …"
    return "is not a picture that Pillow can read; expected PNG, JPEG, …"
