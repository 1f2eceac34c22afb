"""Checkpoints: everything comes back as it was, and files that are none are told from those that are."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from layers import Conv, Dropout, Flatten, FullyConnected, ReLU
from minicnn import Network, checkpoint, formats, pretrained
from minicnn.formats import FileError, npz
from minicnn.images import Preprocessing
from minicnn.jitter import Jitter
from minicnn.training import Epoch, Run, Settings

LINE = Epoch(1, 12, 1.5, 0.25, 1.25, 0.5, 3.5, 100.0)


@pytest.fixture
def run(rng) -> Run:
    layers = {
        "conv1": Conv(rng.standard_normal((4, 1, 3, 3)).astype(np.float32)),
        "relu1": ReLU(),
        "flatten": Flatten(),
        "drop2": Dropout(0.5),
        "fc2": FullyConnected(rng.standard_normal((3, 64)).astype(np.float32)),
    }
    net = Network(layers, Preprocessing((6, 6), mean=(100.0,), scale=1 / 60, order="L"), ["a", "b", "c"])
    settings = Settings(epochs=7, rate=1, schedule="cosine", jitter=Jitter(2, True, 0.5), seed=9)
    velocity = {name: rng.standard_normal(w.shape).astype(np.float32) for name, w in net.trainable.items()}
    generator = np.random.default_rng(5)
    generator.integers(0, 10, 3)  # leaves half of a draw in the generator's buffer
    return Run(net, settings, velocity, generator, 12, [LINE], {"data": "stripes", "checksum": 4_000_000_000})


@pytest.fixture
def path(run, tmp_path):
    checkpoint.save(run, tmp_path / "last.npz")
    return tmp_path / "last.npz"


def test_everything_comes_back_as_it_was(run, path):
    found = checkpoint.load(path)
    assert (found.settings, found.step, found.log, found.about) == (run.settings, run.step, run.log, run.about)
    for one, other in ((found.net.parameters, run.net.parameters), (found.velocity, run.velocity)):
        assert list(one) == list(other)
        for name, array in one.items():
            assert array.dtype == np.float32
            assert np.array_equal(array, other[name])
    assert found.net.classes == run.net.classes
    assert found.net.preprocessing.scale == run.net.preprocessing.scale


def test_the_generator_goes_on_where_it_was(run, path):
    found = checkpoint.load(path)
    for draw in (
        lambda g: g.integers(0, 10, 5),
        lambda g: g.random(4),
        lambda g: g.standard_normal(3),
        lambda g: g.permutation(9),
    ):
        assert np.array_equal(draw(found.rng), draw(run.rng))


def test_a_checkpoint_is_an_ordinary_weight_file_too(run, path):
    x = np.ones((1, 1, 6, 6), np.float32)
    assert np.array_equal(pretrained.load(path).scores(x), run.net.scores(x))
    with np.load(path) as arrays:
        assert np.array_equal(arrays["training/conv1.K"], run.velocity["conv1.K"])


def test_the_same_run_gives_the_same_bytes(run, path, tmp_path):
    checkpoint.save(run, tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()


def test_a_weight_file_without_a_run_is_told(run, tmp_path):
    formats.save(run.net, tmp_path / "net.npz")
    with pytest.raises(FileError, match=r"net\.npz: holds a network, but no training\.json"):
        checkpoint.load(tmp_path / "net.npz")


def test_a_network_file_may_hold_nothing_strange_besides(run, tmp_path):
    formats.save(run.net, tmp_path / "net.npz")
    with zipfile.ZipFile(tmp_path / "net.npz", "a") as archive:
        archive.writestr("trainings.npy", b"")
    with pytest.raises(FileError, match=r"'trainings\.npy' belongs to no layer"):
        formats.load(tmp_path / "net.npz")


def test_a_checkpoint_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"last\.npz does not exist; expected a checkpoint"):
        checkpoint.load(tmp_path / "last.npz")


# ---------------------------------------------------------------------- damaged and malicious files


def rewritten(path, changes: dict[str, bytes | None]):
    """The archive with some of its members replaced (None: left out); its checksums are right."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in {**content, **changes}.items():
            if data is not None:
                archive.writestr(name, data)
    return path


def array_bytes(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def record_of(path) -> dict:
    return npz.load_attachment(path).record


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.pop("settings"),
        lambda record: record.pop("generator"),
        lambda record: record.update(format="minicnn training 99"),
        lambda record: record.update(step=-1),
        lambda record: record.update(step="12"),
        lambda record: record.update(step=True),
        lambda record: record.update(settings=[]),
        lambda record: record.update(log={"a": 1}),
        lambda record: record.update(about=3),
        lambda record: record["log"].append({"epoch": 2}),
        lambda record: record["log"][0].update(loss="low"),
        lambda record: record["log"][0].update(loss=float("nan")),
        lambda record: record["settings"].update(epochs=0),
        lambda record: record["settings"].update(epochs=1.5),
        lambda record: record["settings"].update(rate="fast"),
        lambda record: record["settings"].update(schedule="__import__('os')"),
        lambda record: record["settings"].update(surprise=1),
        lambda record: record["settings"]["jitter"].update(crop=-2),
        lambda record: record["settings"]["jitter"].update(mirror=1),
        lambda record: record["settings"].update(jitter=None),
        lambda record: record["generator"].update(bit_generator="MT19937"),
        lambda record: record["generator"].update(state={}),
        lambda record: record["generator"]["state"].update(state=-1),
        lambda record: record["generator"]["state"].update(state=2**200),
        lambda record: record["generator"]["state"].update(inc="odd"),
    ],
)
def test_a_record_that_makes_no_run_is_one_clear_error(change, path):
    record = record_of(path)
    change(record)
    rewritten(path, {"training.json": json.dumps(record).encode()})
    with pytest.raises(FileError, match=r"last\.npz: ") as error:
        checkpoint.load(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"training.json": b"{"}, "training.json is damaged"),
        ({"training.json": b"[]"}, "training.json is damaged"),
        ({"training.json": b"{" + b'"a":{' * 100_000}, "training.json is damaged"),
        ({"training/conv1.K.npy": None}, "velocities are not those of its network"),
        ({"training/conv9.K.npy": array_bytes(np.zeros(3))}, "velocities are not those of its network"),
        ({"training/conv1.b.npy": array_bytes(np.zeros(5, np.float32))}, "velocities are not those of its network"),
        ({"training/conv1.b.npy": array_bytes(np.full(4, np.nan))}, "holds NaN or infinite"),
        ({"training/conv1.b.npy": b"no array"}, "is damaged.*magic"),
        ({"training/conv1.b.npy": array_bytes(np.zeros(4, np.float32))[:-4]}, "expected 16 bytes got 12"),
        ({"training/conv1.b.npy": array_bytes(np.zeros(4, np.float64))}, "velocities are not those of its network"),
        ({"training/conv1.b.npy": array_bytes(np.array(["a", "b", "c", "d"]))}, "expected numbers"),
        ({"conv1.b.npy": None}, "expected an array 'conv1.b'"),
        ({"network.json": None}, "no network that minicnn saved"),
    ],
)
def test_damaged_members_are_told(changes, said, path):
    with pytest.raises(FileError, match=said):
        checkpoint.load(rewritten(path, changes))


def test_a_pickle_in_a_checkpoint_is_not_opened(path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was opened",))

    file = io.BytesIO()
    np.save(file, np.array([Trap()] * 4, object), allow_pickle=True)
    with pytest.raises(FileError, match=r"holds no numbers .*allow_pickle=False"):
        checkpoint.load(rewritten(path, {"training/conv1.b.npy": file.getvalue()}))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_checkpoint_cut_off_anywhere_is_one_clear_error(share, path):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(FileError, match=r"last\.npz: "):
        checkpoint.load(path)
