"""Atomic writes, to a temporary file that is then renamed; and the refusal of network addresses."""

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
    """A binary file that appears under `path` once the block has ended without an error; otherwise nothing is left."""
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with open(part, "xb") as file:
            yield file
        os.replace(part, target)
    except OSError as error:
        if error.filename in (None, str(part)):  # the user knows the target only
            error.filename, error.filename2 = str(target), None
        raise
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def only_run_in(folder: str | os.PathLike[str]) -> Iterator[None]:
    """FileExistsError if another process, of this machine or another that sees the folder, is within such a block.

    A lock of the system's on a file, which ends with its process, however that ends.  (Windows has no such locks.)
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    path = Path(folder) / ".run"
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileExistsError(f"{folder}: another run writes there now; choose another --out") from None
        if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise FileExistsError(f"{folder}: another run ended there just now; try again")
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def remove_parts(folder: str | os.PathLike[str]) -> None:
    """Remove the temporary files of a program that was killed during an atomic_write."""
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
    """Settings as JSON, written beside every picture: enough to make it again."""
    with atomic_write(path) as file:
        file.write((json_text(settings, indent=2) + "\n").encode())


def json_text(record: object, indent: int | None = None) -> str:
    """JSON that UTF-8 can hold, readable as it is; escaped if a file name in it has undecodable bytes."""
    text = json.dumps(record, indent=indent, ensure_ascii=False)
    return text if is_text(text) else json.dumps(record, indent=indent)


def is_text(text: str) -> bool:
    """False if it holds undecodable bytes (surrogates), as file names may."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


ADDRESS = re.compile(r"(https?|ftp|s3|gs|data|file):", re.IGNORECASE)


def refuse_address(path: str | os.PathLike[str], expected: str) -> None:
    """ValueError for an address on the network (https://…) where a file is expected: nothing is downloaded here."""
    text = os.fspath(path)
    if ADDRESS.match(text) and not os.path.exists(text):
        raise ValueError(f"{text} is an address; nothing is downloaded here: save it, and give the path of {expected}")
