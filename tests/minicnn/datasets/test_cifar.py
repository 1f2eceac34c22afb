"""CIFAR-10's batches, written by Python's own pickle and as Python 2 wrote them: read as data, or refused."""

from __future__ import annotations

import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import datasets
from minicnn.datasets import cifar
from minicnn.formats import FileError

NAMES = ["airplane", "automobile", "bird"]


def batch(rng: np.random.Generator, count: int = 2) -> dict:
    return {
        b"batch_label": b"training batch",
        b"labels": rng.integers(0, 3, count).tolist(),
        b"data": rng.integers(0, 256, (count, 3072), dtype=np.uint8),
        b"filenames": [b"a.png"] * count,
    }


def python_2(value) -> bytes:
    """The program that Python 2 wrote, protocol 2: text is bytes, and arrays come from numpy.core."""
    if isinstance(value, bytes):
        return b"T" + struct.pack("<I", len(value)) + value
    if isinstance(value, int):
        return b"K" + bytes([value])
    if isinstance(value, list):
        return b"](" + b"".join(map(python_2, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(python_2(part) for item in value.items() for part in item) + b"u"
    n, row = value.shape
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01M"
        + struct.pack("<HcHc", n, b"M", row, b"\x86")
        + b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + python_2(value.tobytes())
        + b"tb"
    )


WRITERS = {
    "Python 2": lambda value: b"\x80\x02" + python_2(value) + b".",
    **{f"protocol {n}": lambda value, n=n: pickle.dumps(value, n) for n in range(5)},
}


@pytest.fixture
def batches(rng) -> dict[str, dict]:
    """What is in each file."""
    names = [*cifar.TRAINING_BATCHES, "test_batch"]
    return {"batches.meta": {b"label_names": [name.encode() for name in NAMES]}} | {name: batch(rng) for name in names}


def write(folder: Path, batches: dict[str, dict], writer=WRITERS["Python 2"]) -> Path:
    for name, content in batches.items():
        (folder / name).write_bytes(writer(content))
    return folder


@pytest.mark.parametrize("writer", WRITERS)
def test_images_labels_and_names_are_read_whoever_wrote_them(tmp_path, batches, writer):
    splits = cifar.cifar10(write(tmp_path, batches, WRITERS[writer]))
    assert splits.classes == NAMES
    assert splits.train.images.shape == (10, 32, 32, 3)
    rows = np.concatenate([batches[f"data_batch_{n}"][b"data"] for n in (1, 2, 3, 4, 5)])
    for n, y, x, c in [(0, 0, 0, 0), (3, 5, 7, 1), (9, 31, 30, 2)]:
        assert splits.train.images[n, y, x, c] == rows[n, 1024 * c + 32 * y + x]  # red, green, blue; row by row
    assert splits.train.labels.tolist() == [y for n in (1, 2, 3, 4, 5) for y in batches[f"data_batch_{n}"][b"labels"]]
    assert np.array_equal(np.moveaxis(splits.test.images, 3, 1).reshape(2, 3072), batches["test_batch"][b"data"])
    assert splits.test.labels.tolist() == batches["test_batch"][b"labels"]


def test_python_s_own_unpickler_agrees_on_what_python_2_wrote(batches):
    program = WRITERS["Python 2"](batches["data_batch_1"])
    read = pickle.loads(program, encoding="bytes")
    assert np.array_equal(read[b"data"], batches["data_batch_1"][b"data"])
    assert read[b"labels"] == batches["data_batch_1"][b"labels"]


def test_the_folder_may_be_the_one_above(tmp_path, batches):
    (tmp_path / cifar.FOLDER).mkdir()
    write(tmp_path / cifar.FOLDER, batches)
    assert len(datasets.load("cifar10", folder=tmp_path).test) == 2


def test_cifar10_asks_for_its_folder():
    with pytest.raises(ValueError, match=r"cifar10 needs the folder with its Python batches.*: --folder FOLDER"):
        datasets.load("cifar10")


def test_a_missing_batch_is_named(tmp_path, batches):
    del batches["data_batch_3"]
    with pytest.raises(FileNotFoundError, match=r"data_batch_3 does not exist; expected a batch of CIFAR-10's"):
        cifar.cifar10(write(tmp_path, batches))


# ---------------------------------------------------------------------- what is refused


def refused(folder: Path, name: str, said: str) -> None:
    """The data set is refused with one line that names the file."""
    with pytest.raises(FileError, match=said) as caught:
        cifar.cifar10(folder)
    assert str(caught.value).startswith(f"{folder / name}: ")
    assert "\n" not in str(caught.value)


class Attack:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ["batches.meta", "data_batch_2", "test_batch"])
def test_a_batch_that_is_a_program_is_refused_and_not_run(tmp_path, batches, name, protocol):
    write(tmp_path, batches)
    evil = pickle.dumps({**batches[name], b"evil": Attack(tmp_path / "attacked")}, protocol)
    pickle.loads(evil)  # so much for pickle.loads
    (tmp_path / "attacked").rmdir()
    (tmp_path / name).write_bytes(evil)
    refused(tmp_path, name, "refused: the pickle asks for")
    assert not (tmp_path / "attacked").exists()


def wrong(key: bytes, value) -> dict:
    return {**batch(np.random.default_rng(0)), key: value}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([1, 2], "holds no dictionary"),
        ({}, "has no data of 3072 bytes an image"),
        (wrong(b"data", np.zeros((2, 3073), np.uint8)), "has no data of 3072 bytes an image"),
        (wrong(b"data", np.zeros((2, 3072), np.float32)), "has no data of 3072 bytes an image"),
        (wrong(b"data", np.zeros((0, 3072), np.uint8)), "has no data of 3072 bytes an image"),
        (wrong(b"data", [1, 2]), "has no data of 3072 bytes an image"),
        (wrong(b"labels", [0]), "has 2 images, but not as many labels"),
        (wrong(b"labels", None), "has 2 images, but not as many labels"),
        (wrong(b"labels", [0, 3]), r"image 1 has label 3; expected 0 … 2"),
        (wrong(b"labels", [-1, 2]), r"image 0 has label -1; expected 0 … 2"),
        (wrong(b"labels", [0, 2**70]), r"image 1 has label 1180591620717411303424; expected 0 … 2"),
        (wrong(b"labels", [0, "frog"]), r"image 1 has label 'frog'; expected 0 … 2"),
    ],
)
def test_a_batch_that_holds_anything_else_is_refused(tmp_path, batches, content, said):
    write(tmp_path, batches)
    (tmp_path / "data_batch_4").write_bytes(pickle.dumps(content, 3))
    refused(tmp_path, "data_batch_4", said)


@pytest.mark.parametrize("names", [None, [], ["cat"], [1, 2], "catdog"])
def test_class_names_are_a_list_of_two_or_more(tmp_path, batches, names):
    write(tmp_path, batches)
    (tmp_path / "batches.meta").write_bytes(pickle.dumps({"label_names": names}, 3))
    refused(tmp_path, "batches.meta", "has no list of two or more label_names")


def test_a_huge_batch_is_refused_before_it_is_read(tmp_path, batches):
    write(tmp_path, batches)
    os.truncate(tmp_path / "test_batch", cifar.MOST_BATCH_BYTES + 1)  # a hole in the file: no disk is taken
    refused(tmp_path, "test_batch", "has 134,217,729 bytes; expected at most 134,217,728")


@given(data=st.data())
def test_a_batch_that_ends_anywhere_is_refused(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "cut"
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    names = [*cifar.TRAINING_BATCHES, "test_batch"]
    write(folder, {"batches.meta": {b"label_names": [b"cat", b"dog", b"frog"]}} | {name: batch(rng) for name in names})
    name = data.draw(st.sampled_from(["batches.meta", "data_batch_1", "test_batch"]))
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    refused(folder, name, "empty|damaged|without an end|has no|holds no")
