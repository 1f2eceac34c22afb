"""Writing files so that nothing is ever half-written: to a temporary file beside the target, then renamed.

And what a path must not be: an address on the network.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file that appears under `path` only once the block has ended well; an error leaves nothing behind."""
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with open(part, "xb") as file:
            yield file
        os.replace(part, target)
    except OSError as error:
        if error.filename in (None, str(part)):  # people know the file by its own name
            error.filename, error.filename2 = str(target), None
        raise
    finally:
        part.unlink(missing_ok=True)


def remove_parts(folder: str | os.PathLike[str]) -> None:
    """Remove what a program left in the folder that was killed in the middle of an atomic_write."""
    for part in Path(folder).glob(".*.part"):
        part.unlink(missing_ok=True)


def save_array(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """The raw array as .npy: nothing clipped, normalised or rounded."""
    with atomic_write(path) as file:
        np.save(file, array, allow_pickle=False)


def save_arrays(path: str | os.PathLike[str], arrays: Mapping[str, Any]) -> None:
    """Several raw arrays by name as .npz, compressed without loss."""
    with atomic_write(path) as file:
        np.savez_compressed(file, **arrays)


def save_json(path: str | os.PathLike[str], settings: Mapping[str, object]) -> None:
    """Settings as JSON: what stands beside every picture, enough to make it again."""
    with atomic_write(path) as file:
        file.write((json_text(settings, indent=2) + "\n").encode())


def json_text(record: object, indent: int | None = None) -> str:
    """JSON that UTF-8 can hold, readable as it is; escaped where a file's name has bytes that are no text."""
    text = json.dumps(record, indent=indent, ensure_ascii=False)
    return text if is_text(text) else json.dumps(record, indent=indent)


def is_text(text: str) -> bool:
    """False if it holds bytes that are no text, as names of files do that the locale cannot decode."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


ADDRESS = re.compile(r"(https?|ftp|s3|gs|data|file):", re.IGNORECASE)


def refuse_address(path: str | os.PathLike[str], wanted: str) -> None:
    """ValueError for an address on the network (https://…) where a file is wanted: nothing is downloaded here."""
    text = os.fspath(path)
    if ADDRESS.match(text) and not os.path.exists(text):
        raise ValueError(f"{text} is an address; nothing is downloaded here: save it, and give the path of {wanted}")
