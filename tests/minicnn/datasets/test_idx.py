"""MNIST's four files, packed by hand: read to the byte, and refused in one line when anything is wrong with them."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from minicnn import datasets
from minicnn.datasets import dataset, idx
from minicnn.formats import FileError

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
PIXELS = [[[0, 1, 2], [3, 4, 255]], [[6, 7, 8], [9, 10, 11]], [[12, 13, 14], [15, 16, 17]]]  # three images of 2×3


def packed(*shape: int, content: bytes, kind: int = 8) -> bytes:
    return struct.pack(">BBBB", 0, 0, kind, len(shape)) + struct.pack(f">{len(shape)}I", *shape) + content


TRAIN_IMAGES = packed(3, 2, 3, content=bytes(np.array(PIXELS, np.uint8)))
TRAIN_LABELS = packed(3, content=bytes([9, 0, 4]))
FILES = {
    IMAGES: TRAIN_IMAGES,
    LABELS: TRAIN_LABELS,
    "t10k-images-idx3-ubyte": packed(1, 2, 3, content=b"abcdef"),
    "t10k-labels-idx1-ubyte": packed(1, content=bytes([7])),
}


@pytest.fixture
def folder(tmp_path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def check(splits: datasets.Splits) -> None:
    assert splits.train.images.dtype == np.uint8
    assert splits.train.images.tolist() == PIXELS
    assert splits.train.labels.tolist() == [9, 0, 4]
    assert splits.test.images.tobytes() == b"abcdef"
    assert splits.test.labels.tolist() == [7]


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_images_and_labels_are_read(folder, name):
    check(datasets.load(name, folder=folder))


def test_gzipped_files_are_read_with_or_without_the_suffix(folder):
    (folder / IMAGES).rename(folder / f"{IMAGES}.gz")
    (folder / f"{IMAGES}.gz").write_bytes(gzip.compress(TRAIN_IMAGES, mtime=0))
    (folder / LABELS).write_bytes(gzip.compress(TRAIN_LABELS, mtime=0))
    check(idx.mnist(folder))


def test_names_with_a_dot_and_suffixes_of_files_unpacked_on_the_way_do_as_well(folder):
    (folder / IMAGES).rename(folder / "train-images.idx3-ubyte")
    (folder / LABELS).rename(folder / "train-labels-idx1-ubyte.gz")
    check(idx.mnist(str(folder)))


def test_kaggle_s_archive_has_folders_that_bear_the_files_names(folder):
    for name in FILES:
        (folder / name).rename(folder / "file")
        (folder / name).mkdir()
        (folder / "file").rename(folder / name / name)
    check(idx.mnist(folder))
    for name in FILES:  # beside each such folder, the file under its other name
        (folder / name / name).rename(folder / name.replace("-idx", ".idx"))
    check(idx.mnist(folder))


def test_torchvision_s_folders_are_looked_into_and_not_mistaken_for_each_other(folder, tmp_path_factory):
    root = tmp_path_factory.mktemp("torchvision")
    (root / "MNIST").mkdir()
    folder.rename(root / "MNIST" / "raw")
    check(datasets.load("mnist", folder=root))
    check(datasets.load("mnist", folder=root / "MNIST"))
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte does not exist"):
        datasets.load("fashion-mnist", folder=root)


def test_the_names_of_the_classes_are_those_of_the_data_set(folder):
    assert idx.mnist(folder).classes == list("0123456789")
    fashion = idx.fashion_mnist(folder).classes
    assert (fashion[0], fashion[9], len(fashion)) == ("T-shirt/top", "Ankle boot", 10)


def test_the_installed_fashion_mnist_is_what_its_authors_describe():
    if not idx.FASHION_MNIST_FOLDER.is_dir():
        pytest.skip("needs Debian's package dataset-fashion-mnist")
    splits = datasets.load("fashion-mnist")
    assert splits.train.images.shape == (60_000, 28, 28)
    assert splits.test.images.shape == (10_000, 28, 28)
    assert np.bincount(splits.train.labels).tolist() == [6000] * 10
    assert np.bincount(splits.test.labels).tolist() == [1000] * 10
    assert splits.train.images.mean() / 255 == pytest.approx(0.2860, abs=5e-5)  # as is widely known
    trousers, bags = (splits.train.images[splits.train.labels == c].mean(0) for c in (1, 8))
    assert trousers[20, 14] < 0.5 * bags[20, 14]  # the gap between two legs


# ---------------------------------------------------------------------- what may go wrong


def modest(shape, dtype, empty=np.empty) -> np.ndarray:
    """Memory for a few labels, no more."""
    return empty(shape, dtype) if np.prod(shape) < 1000 else pytest.fail("memory was taken")


def refused(folder: Path, name: str, content: bytes, said: str) -> None:
    """The data set is refused with one line that names the file."""
    (folder / name).write_bytes(content)
    with pytest.raises(FileError, match=said) as caught:
        datasets.load("mnist", folder=folder)
    assert str(caught.value).startswith(f"{folder / name}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [IMAGES, LABELS])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_file_that_ends_anywhere_or_goes_on_is_refused(folder, name, zipped):
    whole = gzip.compress(FILES[name], mtime=0) if zipped else FILES[name]
    for end in range(len(whole)):
        refused(folder, name, whole[:end], "empty|damaged|truncated|ends in the middle|does not begin")
    refused(folder, name, gzip.compress(FILES[name] + b"x", mtime=0) if zipped else whole + b"x", "goes on after its 3")
    (folder / name).write_bytes(whole)
    check(idx.mnist(folder))


@pytest.mark.parametrize("place", [0, 1, 2, 3, *range(10, 30)])  # 4 … 9: when, how well and where it was packed
def test_a_damaged_gzip_is_refused(folder, place):
    damaged = bytearray(gzip.compress(TRAIN_IMAGES, mtime=0))
    damaged[place] ^= 0xFF
    refused(folder, IMAGES, bytes(damaged), ".")


@pytest.mark.parametrize(  # mtime: the same names of tests in every process that collects them
    ("content", "said"),
    [
        (TRAIN_LABELS, r"does not begin as MNIST's images do \(0, 0, 8, 3\)"),
        (packed(3, 2, 3, content=bytes(18 * 4), kind=13), "does not begin as MNIST's images do"),  # floats
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "does not begin as MNIST's images do"),
        (packed(3, 0, 3, content=b""), "holds no images: 3 × 0 × 3"),
        (packed(2, 3, 3, content=bytes(18)), "holds 2 images, but there are 3 labels"),
        (packed(3, 2, 4, content=bytes(18)), "ends in the middle of its numbers"),
        (packed(3, 28, 28, content=bytes(18)), "claims 3 × 28 × 28 bytes, more than it can hold"),
        (packed(3, 2**32 - 1, 2**32 - 1, content=bytes(18)), "more than it can hold"),
        (gzip.compress(packed(3, 28, 2**20, content=bytes(18)), mtime=0), "more than it can hold"),
        (gzip.compress(packed(3, 2, 4, content=bytes(18)), mtime=0), "ends in the middle of its numbers"),
    ],
)
def test_images_that_are_not_what_they_claim_are_refused(folder, content, said):
    refused(folder, IMAGES, content, said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (TRAIN_IMAGES, r"does not begin as MNIST's labels do \(0, 0, 8, 1\)"),
        (packed(0, content=b""), "holds no labels: 0"),
        (packed(3, content=bytes([0, 10, 1])), "image 1 has label 10; expected 0 … 9"),
        (packed(2**32 - 1, content=bytes(3)), "claims 4,294,967,295 bytes, more than it can hold"),
    ],
)
def test_labels_that_are_not_what_they_claim_are_refused(folder, content, said):
    refused(folder, LABELS, content, said)


def test_a_bomb_is_refused_before_memory_is_taken(folder, monkeypatch):
    """A gzip of zeros that really holds what it claims, and more than a data set may take."""
    monkeypatch.setattr(dataset, "MOST_BYTES", 2**20)
    monkeypatch.setattr(np, "empty", modest)
    bomb = gzip.compress(packed(3, 1000, 1000, content=bytes(3_000_000)))
    assert len(bomb) < 10_000
    refused(folder, IMAGES, bomb, "3 images of 1000 × 1000 bytes are more than the 1,048,576 bytes")


def test_a_bomb_of_labels_is_refused_before_memory_is_taken(folder, monkeypatch):
    monkeypatch.setattr(idx, "MOST_LABELS", 1000)
    monkeypatch.setattr(np, "empty", modest)
    refused(folder, LABELS, gzip.compress(packed(2000, content=bytes(2000))), "more than it can hold|more than")


def test_a_missing_file_is_named_and_told_what_belongs_there(folder):
    (folder / LABELS).unlink()
    with pytest.raises(FileNotFoundError, match=f"{LABELS} does not exist, nor with .gz; expected MNIST's four files"):
        idx.mnist(folder)


def test_mnist_asks_for_its_folder():
    with pytest.raises(ValueError, match=r"mnist needs the folder with its four files .*: --folder FOLDER"):
        datasets.load("mnist")


def test_fashion_mnist_without_its_package_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(idx, "FASHION_MNIST_FOLDER", tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"apt install dataset-fashion-mnist .* --folder FOLDER"):
        datasets.load("fashion-mnist")


def test_training_and_test_images_of_different_sizes_are_refused(folder):
    (folder / "t10k-images-idx3-ubyte").write_bytes(packed(1, 3, 3, content=bytes(9)))
    with pytest.raises(ValueError, match=r"have shape \(2, 3\), test images \(3, 3\): expected the same"):
        idx.mnist(folder)
