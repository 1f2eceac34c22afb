"""MNIST and Fashion-MNIST from their own files, gzipped or not.

Four files of the format IDX: the images and the labels of a training and of a test set.  Each is a short header, then
bytes:  0, 0, 8 (the numbers are bytes), the number of dimensions, and each dimension as four bytes, the highest first.

    train-images-idx3-ubyte.gz   60,000 × 28 × 28
    train-labels-idx1-ubyte.gz   60,000
    t10k-images-idx3-ubyte.gz    10,000 × 28 × 28
    t10k-labels-idx1-ubyte.gz    10,000
"""

from __future__ import annotations

import gzip
import math
import os
import struct
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from ..errors import FileError, reading
from .dataset import Dataset, Splits, memory_for

FASHION_MNIST_FOLDER = Path("/usr/share/datasets/fashion-mnist")  # of Debian's package dataset-fashion-mnist
DIGITS = [str(digit) for digit in range(10)]
CLOTHES = [
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
]
MOST_LABELS = 2**24
MOST_TIMES_SMALLER = 1032  # the largest ratio of gzip, on zeros


def mnist(folder: str | os.PathLike[str] | None) -> Splits:
    """Handwritten digits [LeCun1998]: 60,000 and 10,000 grey images of 28×28.

    folder: where the four files are, as torchvision (MNIST/raw), Kaggle or their authors arrange them

    Raises ValueError (FileError) for files that are damaged or do not belong together, FileNotFoundError.
    """
    if folder is None:
        raise ValueError("mnist needs the folder with its four files (train-images-idx3-ubyte.gz, …): --folder FOLDER")
    return read_splits(own_folder(Path(folder), "MNIST"), DIGITS)


def fashion_mnist(folder: str | os.PathLike[str] | None = None) -> Splits:
    """Zalando's articles, in MNIST's format [Xiao2017]: 60,000 and 10,000 grey images of 28×28.

    folder: where the four files are; by default where Debian's package dataset-fashion-mnist has them

    Raises as `mnist` does.
    """
    if folder is None and not FASHION_MNIST_FOLDER.is_dir():
        raise FileNotFoundError(
            f"{FASHION_MNIST_FOLDER} does not exist: apt install dataset-fashion-mnist (Debian, Ubuntu), or give the "
            "folder with its four files (train-images-idx3-ubyte.gz, …): --folder FOLDER"
        )
    return read_splits(own_folder(Path(FASHION_MNIST_FOLDER if folder is None else folder), "FashionMNIST"), CLOTHES)


def own_folder(folder: Path, name: str) -> Path:
    """The folder that torchvision makes for a data set inside of `folder`, if it is there."""
    return folder / name / "raw" if (folder / name / "raw").is_dir() else folder


def read_splits(folder: Path, classes: list[str]) -> Splits:
    """The four files of a folder."""
    return Splits(read_split(folder, "train", classes), read_split(folder, "t10k", classes))


def read_split(folder: Path, split: str, classes: list[str]) -> Dataset:
    """Images and labels of one split, "train" or "t10k"."""
    images, labels = find_file(folder, f"{split}-images-idx3-ubyte"), find_file(folder, f"{split}-labels-idx1-ubyte")
    y = read_idx(labels, dimensions=1)
    X = read_idx(images, dimensions=3, count=len(y))
    try:
        return Dataset(X, y.astype(np.int64), classes)
    except ValueError as error:
        raise FileError(f"{labels}: {error}") from None


def find_file(folder: Path, name: str) -> Path:
    """The file of this name, with .gz or without, as "…-images-idx3-ubyte" or "…-images.idx3-ubyte".

    It may be in a folder raw, or in a folder that bears its name (Kaggle's archive of MNIST).
    """
    dotted = name.replace("-idx", ".idx")
    names = [name, f"{name}.gz", dotted, f"{dotted}.gz"]
    for place in (folder, *(folder / other for other in names), folder / "raw"):
        for path in (place / other for other in names):
            if path.is_file():
                return path
    raise FileNotFoundError(f"{folder / name} does not exist, nor with .gz; expected MNIST's four files there")


def read_idx(path: Path, dimensions: int, count: int | None = None) -> np.ndarray:
    """The bytes of an IDX file in their shape.

    count: the first dimension, where it is known

    The shape in the header is compared with the length of the file before memory is allocated.
    """
    kind = "images" if dimensions == 3 else "labels"
    with reading(path, f"MNIST's {kind} (IDX)") as packed:
        most = os.path.getsize(path)
        file: BinaryIO = packed
        if packed.read(2) == b"\x1f\x8b":
            file, most = cast(BinaryIO, gzip.GzipFile(fileobj=packed)), most * MOST_TIMES_SMALLER
        packed.seek(0)

        if exactly(file, 4) != bytes([0, 0, 8, dimensions]):
            raise FileError(f"does not begin as MNIST's {kind} do (0, 0, 8, {dimensions})")
        shape = struct.unpack(f">{dimensions}I", exactly(file, 4 * dimensions))
        claim = " × ".join(f"{n:,}" for n in shape)
        if 0 in shape:
            raise FileError(f"holds no {kind}: {claim}")
        if count is not None and shape[0] != count:
            raise FileError(f"holds {shape[0]:,} {kind}, but there are {count:,} labels")
        if math.prod(shape) > most or (dimensions == 1 and shape[0] > MOST_LABELS):
            raise FileError(f"claims {claim} bytes, more than it can hold: truncated or damaged")
        numbers = memory_for(shape[0], shape[1:])
        fill(file, numbers.reshape(-1).data)
        if file.read(1):
            raise FileError(f"goes on after its {claim} bytes")
    return numbers


def exactly(file: BinaryIO, count: int) -> bytes:
    """The next `count` bytes."""
    content = file.read(count)
    if len(content) < count:
        raise FileError("ends in the middle of its header")
    return content


def fill(file: BinaryIO, buffer: memoryview) -> None:
    """Reads until the buffer is full: one read gives at most 2 GB, or less."""
    while buffer:
        count = file.readinto(buffer)  # type: ignore[attr-defined]
        if not count:
            raise FileError("the file ends in the middle of its numbers")
        buffer = buffer[count:]
