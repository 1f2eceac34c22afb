"""minicnn train: what it writes, and that nothing is lost whatever stops it."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minicnn import architectures, checkpoint, datasets, formats, pretrained
from minicnn.training import evaluate
from tests.tiny_training import TINY, splits
from tests.visualize.command_line import complaint
from visualize import cli
from visualize.commands import train as command

TRAIN = [
    "train",
    "stripes",
    "--network",
    "tiny",
    "--epochs",
    "4",
    "--batch",
    "16",
    "--crop",
    "1",
    "--validation",
    "0.2",
]
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def _tiny_things(monkeypatch):
    monkeypatch.setitem(architectures.ARCHITECTURES, "tiny", TINY)
    monkeypatch.setitem(datasets.DATASETS, "stripes", splits)


def trained(out: Path, *options: str) -> dict[str, np.ndarray]:
    """The weights after a run that nothing stopped."""
    assert cli.main([*TRAIN, "--out", str(out), *options]) == 0
    return weights(out)


def weights(out: Path) -> dict[str, np.ndarray]:
    """All that the last checkpoint holds of numbers: the network and the velocity."""
    run = checkpoint.load(out / "last.npz")
    return {**run.net.parameters, **{f"v {name}": v for name, v in run.velocity.items()}}


def assert_same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    """Bit for bit."""
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def without_times(line: str) -> dict:
    return {name: n for name, n in json.loads(line).items() if name not in ("seconds", "images_per_second")}


# ---------------------------------------------------------------------- a run


def test_a_run_writes_its_checkpoints_log_curve_and_network(capsys, tmp_path):
    out = tmp_path / "new" / "run"
    trained(out, "--json")
    *epochs, result = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert [line["epoch"] for line in epochs] == [1, 2, 3, 4]
    assert [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()] == epochs
    assert epochs[-1]["validation_loss"] < epochs[0]["validation_loss"]
    assert all(line["images_per_second"] > 0 for line in epochs)

    best = max(epochs, key=lambda line: line["validation_accuracy"])
    assert result["best_epoch"] == best["epoch"]
    assert len(checkpoint.load(out / "best.npz").log) == best["epoch"]
    assert len(checkpoint.load(out / "last.npz").log) == 4
    net = pretrained.load(result["network"])
    assert net.classes == ["rows", "columns", "neither"]
    assert (result["test_loss"], result["test_accuracy"]) == evaluate(net, splits(None, 0, iter).test)
    for name, w in checkpoint.load(out / "best.npz").net.parameters.items():
        assert np.array_equal(net.parameters[name], w)
    with Image.open(out / "curve.png") as curve:
        assert curve.size[0] > 500
    settings = json.loads((out / "training.json").read_text())
    assert settings["settings"]["jitter"]["crop"] == 1
    assert settings["about"]["data"] == "stripes"
    assert sorted(path.name for path in out.iterdir()) == [
        "best.npz",
        "curve.png",
        "last.npz",
        "log.jsonl",
        "network.npz",
        "training.json",
    ]


def test_preprocessing_is_computed_from_the_images_learnt_from_and_saved_with_the_network(tmp_path):
    trained(tmp_path / "run")
    net = formats.load(tmp_path / "run" / "network.npz")
    x = net.preprocessing.to_input(*splits(None, 0, iter).train.images)
    assert abs(x.mean()) < 0.05  # not zero: a fifth of the images was held out
    assert abs(x.std() - 1) < 0.05


def test_a_run_says_in_words_how_it_goes(capsys, tmp_path):
    trained(tmp_path / "run")
    *epochs, result = capsys.readouterr().out.splitlines()
    assert len(epochs) == 4
    assert re.match(r"epoch 1/4   loss \d\.\d+   accuracy [\d.]+%   validation: .* images/s", epochs[0])
    assert "(best)" in epochs[0]
    assert re.fullmatch(r"test accuracy [\d.]+% of 40 images, after epoch \d → .*network.npz", result)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    one, again = trained(tmp_path / "a"), trained(tmp_path / "b")
    assert_same(one, again)
    other = trained(tmp_path / "c", "--seed", "1")
    assert not np.array_equal(one["fc2.W"], other["fc2.W"])


def test_a_folder_of_images_is_learnt_from(capsys, tmp_path, rng):
    for name, colour in (("red", (250, 0, 0)), ("blue", (0, 0, 250))):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for n in range(8):
            photo = np.clip(colour + rng.integers(0, 60, (40, 50, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(photo).save(tmp_path / "photos" / name / f"{n}.png")
    options = [
        "--epochs",
        "1",
        "--batch",
        "4",
        "--validation",
        "0.25",
        "--warm-up",
        "0",
        "--out",
        str(tmp_path / "run"),
    ]
    assert cli.main(["train", str(tmp_path / "photos"), *options]) == 0
    net = pretrained.load(tmp_path / "run" / "network.npz")
    assert net.classes == ["blue", "red"]
    assert net.preprocessing.size == (64, 64)
    capsys.readouterr()
    photo = str(tmp_path / "photos" / "red" / "0.png")
    assert cli.main(["classify", photo, "--weights", str(tmp_path / "run" / "network.npz"), "--top", "2"]) == 0
    assert "red" in capsys.readouterr().out


# ---------------------------------------------------------------------- stopped and resumed


def start(out: Path, *options: str, epochs: int = 40) -> subprocess.Popen:
    command = [
        sys.executable,
        "-m",
        "tests.tiny_training",
        *TRAIN,
        "--epochs",
        str(epochs),
        "--out",
        str(out),
        *options,
    ]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(process: subprocess.Popen) -> None:
    _, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints


def test_killed_at_random_instants_and_resumed_a_run_ends_with_the_weights_of_one_never_killed(tmp_path):
    whole = start(tmp_path / "whole")
    out, kills, chance = tmp_path / "killed", [], random.Random(0)
    while len(kills) < 4 and (not kills or kills[-1] < 35):
        process = start(out, *["--resume"] * (out / "last.npz").exists())
        before = (out / "last.npz").stat().st_mtime_ns if (out / "last.npz").exists() else 0
        while not (out / "last.npz").exists() or (out / "last.npz").stat().st_mtime_ns == before:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.04))  # in the middle of whatever it does: learning, writing, renaming
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills.append(len(checkpoint.load(out / "last.npz").log))
    assert 0 < kills[0] < 40
    finished(start(out, "--resume"))
    finished(whole)
    assert_same(weights(out), weights(tmp_path / "whole"))
    assert_same(*(formats.load(folder / "network.npz").parameters for folder in (out, tmp_path / "whole")))
    logs = [(folder / "log.jsonl").read_text().splitlines() for folder in (out, tmp_path / "whole")]
    assert list(map(without_times, logs[0])) == list(map(without_times, logs[1]))
    assert list(out.glob(".*")) == []


class Killed(BaseException):
    """Stops everything, as SIGKILL would."""


@pytest.mark.parametrize("write", [1, 2, 5, 10, 11, 12])
def test_killed_right_before_any_of_its_files_appears_a_run_ends_with_the_same_weights(write, tmp_path, monkeypatch):
    """Every file appears by being renamed, best, last and log in turn; with the n-th renaming the world ends."""
    monkeypatch.setattr("minicnn.training.Run.best", property(lambda run: run.log[-1]))
    whole = trained(tmp_path / "whole")
    renamings = iter(range(1, 1000))
    rename = os.replace

    def end_of_the_world(*paths):
        if next(renamings) == write:
            raise Killed
        rename(*paths)

    with monkeypatch.context() as patch:
        patch.setattr("minicnn.files.os.replace", end_of_the_world)
        with pytest.raises(Killed):
            trained(tmp_path / "killed")
    resume = ["--resume"] * (tmp_path / "killed" / "last.npz").exists()
    assert_same(trained(tmp_path / "killed", *resume), whole)
    assert_same(*(formats.load(tmp_path / run / "network.npz").parameters for run in ("killed", "whole")))
    assert len((tmp_path / "killed" / "log.jsonl").read_text().splitlines()) == 4


def test_ctrl_c_says_how_to_go_on(capsys, tmp_path, monkeypatch):
    whole = trained(tmp_path / "whole")
    capsys.readouterr()
    out = tmp_path / "a folder"

    def interrupted(run, line, as_json):
        if line.epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "report", interrupted)
        assert cli.main([*TRAIN, "--out", str(out)]) == 130
    said = capsys.readouterr().err
    assert said == (
        "minicnn train: interrupted; epoch 2 of 4 is saved, "
        f"and to go on from there: minicnn train --resume --out '{out}'\n"
    )
    assert cli.main(["train", "--resume", "--out", str(out)]) == 0
    assert_same(weights(out), whole)


def test_ctrl_c_in_the_first_epoch_says_that_nothing_is_saved(capsys, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("minicnn.training.evaluate", interrupted)
    assert cli.main([*TRAIN, "--out", str(tmp_path / "run")]) == 130
    assert "interrupted; nothing is saved, for its first epoch was not done\n" in capsys.readouterr().err


def test_a_real_interrupt_ends_in_one_line(tmp_path):
    process = start(tmp_path / "run", epochs=100_000)
    while not (tmp_path / "run" / "last.npz").exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    last = said.splitlines()[-1]  # before it Python may note that the file being written was left open
    assert re.fullmatch(r"minicnn train: interrupted; epoch \d+ of 100000 is saved, and to go on .* --out .*", last)
    assert "Traceback" not in said


def test_resuming_a_run_that_is_done_learns_nothing_more(capsys, tmp_path):
    whole = trained(tmp_path / "run")
    first = (tmp_path / "run" / "network.npz").read_bytes()
    capsys.readouterr()
    assert_same(trained(tmp_path / "run", "--resume"), whole)
    assert (tmp_path / "run" / "network.npz").read_bytes() == first
    assert capsys.readouterr().out.startswith("test accuracy")


# ---------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("file", ["best.npz", "last.npz"])
def test_a_full_disk_during_a_checkpoint_leaves_the_one_before_whole(file, capsys, tmp_path, monkeypatch):
    """A limit on the size of files stands for the disk: the kernel refuses in the middle of a write."""
    whole, out = trained(tmp_path / "whole"), tmp_path / "run"
    capsys.readouterr()
    save, kept = checkpoint.save, {}

    def save_on_a_small_disk(run, path):
        if len(run.log) == 3 and path.name == file:
            kept.update({name: (out / name).read_bytes() for name in ("best.npz", "last.npz")})
            usual = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, usual[1]))
            try:
                save(run, path)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        else:
            save(run, path)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", save_on_a_small_disk)
        patch.setattr("minicnn.training.Run.best", property(lambda run: run.log[-1]))
        assert cli.main([*TRAIN, "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert f"{file}: File too large; epoch 2 of 4 is saved, and to go on" in said
    assert said.count("\n") == 1
    assert (out / "last.npz").read_bytes() == kept["last.npz"]
    assert (out / file).read_bytes() == kept[file]
    assert sorted(path.name for path in out.iterdir()) == ["best.npz", "last.npz", "log.jsonl"]
    assert_same(trained(out, "--resume"), whole)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_checkpoint(capsys, tmp_path, monkeypatch):
    from minicnn import training

    steps = iter(range(1, 100))

    def sgd_step(net, velocity, gradients, *settings):
        if next(steps) == 7:
            gradients = {**gradients, "fc2.b": gradients["fc2.b"] * np.float32(np.nan)}
        return real(net, velocity, gradients, *settings)

    real = training.sgd_step
    monkeypatch.setattr(training, "sgd_step", sgd_step)
    assert cli.main([*TRAIN, "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "the loss was nan at step 8; try a smaller rate or a warm-up; epoch 1 of 4 is saved" in said
    run = checkpoint.load(tmp_path / "last.npz")
    assert (len(run.log), run.step) == (1, 4)


def test_a_rate_that_is_far_too_large_says_so_without_further_notes(capsys, tmp_path):
    said = complaint(capsys, *TRAIN, "--rate", "1e30", "--warm-up", "0", "--out", str(tmp_path / "run"))
    assert re.search(r"the loss was (nan|inf) at step \d+; try a smaller rate .*; nothing is saved", said)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rate", "0.5"], r"--rate 0.5: this run was started with 0.02, and goes on with it; leave the option out"),
        (["--epochs", "9"], r"--epochs 9: this run was started with 4"),
        (["--network", "small28"], r"--network small28: this run was started with tiny"),
        (["--no-mirror"], r"--mirror False: this run was started with True"),
        (["--zero", "2"], r"--zero 2: this run was started with 0"),
        (["--seed", "1"], r"--seed 1: this run was started with 0"),
        (["--schedule", "cosine"], r"--schedule cosine: this run was started with linear"),
        (["--validation", "0.3"], r"--validation 0.3: this run was started with 0.2"),
        (["--weight-decay", "0.3"], r"--weight-decay 0.3: this run was started with 0.0005"),
    ],
)
def test_a_run_is_not_resumed_with_other_settings(options, said, capsys, tmp_path):
    trained(tmp_path / "run")
    capsys.readouterr()
    assert re.search(said, complaint(capsys, *TRAIN, "--resume", "--out", str(tmp_path / "run"), *options))


def test_a_run_is_not_resumed_on_other_images(capsys, tmp_path, monkeypatch):
    trained(tmp_path / "run")
    capsys.readouterr()
    monkeypatch.setitem(datasets.DATASETS, "stripes", lambda folder, seed, progress: splits(folder, seed + 1, progress))
    said = complaint(capsys, "train", "--resume", "--out", str(tmp_path / "run"))
    assert "the images of stripes are not those that the run in" in said
    assert "DATA cifar10: this run" in complaint(capsys, "train", "cifar10", "--resume", "--out", str(tmp_path / "run"))


def test_a_run_does_not_write_over_another(capsys, tmp_path):
    trained(tmp_path / "run")
    capsys.readouterr()
    assert "holds a run already: go on with it by --resume" in complaint(capsys, *TRAIN, "--out", str(tmp_path / "run"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], r"expected DATA \(fashion-mnist, .* or --resume and the --out of a run"),
        (["--resume"], "expected DATA"),
        (["nothing"], "there is no data set 'nothing'"),
        (["stripes", "--network", "lenet"], "there is no architecture 'lenet'"),
        (["stripes", "--network", "resnet18"], "batch normalisation cannot be trained here"),
        (["stripes", "--network", "small32"], "small32 takes images of 3×32×32, but those of stripes are 1×6×6"),
        (["stripes", "--network", "tiny", "--epochs", "0"], "epochs must be 1 or more"),
        (["stripes", "--network", "tiny", "--rate", "-1"], "rate must be more than 0"),
        (["stripes", "--network", "tiny", "--validation", "1.5"], "validation 1.5: .* fraction between 0 and 1"),
        (["stripes", "--network", "tiny", "--crop", "-1"], "crop must be 0 or more, got -1"),
        (["stripes", "--network", "tiny", "--crop", "6"], "padding narrower than the image"),
        (["--resume", "--out", "nowhere"], r"nowhere.last\.npz does not exist"),
    ],
)
def test_wrong_input_is_one_line(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert re.search(said, complaint(capsys, "train", *arguments))


@pytest.mark.parametrize("damage", ["truncated", "weights only", "no archive"])
def test_a_checkpoint_that_is_none_is_told_in_one_line(damage, capsys, tmp_path):
    trained(tmp_path / "run")
    capsys.readouterr()
    last = tmp_path / "run" / "last.npz"
    if damage == "truncated":
        last.write_bytes(last.read_bytes()[:-300])
    elif damage == "weights only":
        shutil.copy(tmp_path / "run" / "network.npz", last)
    else:
        last.write_bytes(b"no archive at all" * 40)
    assert str(last) in complaint(capsys, "train", "--resume", "--out", str(tmp_path / "run"))


def test_what_is_left_out_of_a_folder_is_said_and_written_down(capsys, tmp_path, rng):
    for name in ("red", "blue"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for n in range(6):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{n}.png")
    for n in range(5):
        (tmp_path / "data" / "red" / f"IMG_{n}.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    out = tmp_path / "out"
    arguments = ["train", str(tmp_path / "data"), "--network", "small32", "--epochs", "1", "--out", str(out)]
    assert cli.main(arguments) == 0
    note = capsys.readouterr().err
    assert note.startswith("minicnn train: note: 5 left out (training.json lists all): ")
    assert note.count(".HEIC ") == 3
    assert "and 2 more" in note
    assert len(json.loads((out / "training.json").read_text())["left_out"]) == 5


def test_a_validation_folder_is_what_the_network_is_tried_on(capsys, tmp_path, rng):
    for part, count in (("train", 4), ("val", 2), ("test", 3)):
        for name in ("red", "blue"):
            (tmp_path / "data" / part / name).mkdir(parents=True)
            for n in range(count):
                pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "data" / part / name / f"{n}.png")
    arguments = [
        "train",
        str(tmp_path / "data"),
        "--network",
        "small32",
        "--epochs",
        "1",
        "--out",
        str(tmp_path / "out"),
    ]
    assert cli.main([*arguments, "--validation", "0.1"]) == 2
    assert "--validation 0.1: " in capsys.readouterr().err
    assert cli.main(arguments) == 0
    written = json.loads((tmp_path / "out" / "training.json").read_text())
    assert written["result"]["test_images"] == 6
    assert written["about"]["validation"] is None
    assert round(4 * written["result"]["validation_accuracy"]) == 4 * written["result"]["validation_accuracy"]
    assert cli.main(["train", "--resume", "--out", str(tmp_path / "out")]) == 0
