"""Files are untrusted: whatever their content does to a reader, one FileError of one line comes out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class FileError(ValueError):
    """A file that cannot be read, or does not hold what it should: what is wrong, what would be right."""


@contextmanager
def reading(path: str | os.PathLike[str], expected: str) -> Iterator[BinaryIO]:
    """The open file; what is wrong with its content, found in the block, leaves as a FileError that names the file.

    `expected` says what the file should be: "a MatConvNet .mat file".  A file that is not there or may not be read
    stays the OSError that it is.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected {expected}")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; expected {expected}")
    with open(path, "rb") as file:
        try:
            if path.stat().st_size == 0:
                raise FileError(f"is empty; expected {expected}")
            yield file
        except FileError as error:
            raise FileError(f"{path}: {one_line(error).removeprefix(f'{path}: ')}") from None
        except ImportError:  # a package is missing: nothing is wrong with the file
            raise
        except MemoryError:  # damaged sizes may ask for any amount
            raise FileError(f"{path}: asks for more memory than there is; it may be damaged") from None
        except Exception as error:  # parsers have many ways to say that bytes are nonsense
            complaint = f"{type(error).__name__}: {one_line(error)}"
            raise FileError(f"{path}: is damaged or truncated, or not {expected} ({complaint})") from error


def one_line(error: Exception) -> str:
    """The error's message on one line, however it came, and no longer than a reader's patience."""
    text = " ".join(str(error).split())
    return text if len(text) <= 400 else text[:399] + "…"
