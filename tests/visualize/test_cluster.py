"""A real Dask scheduler and real workers on the loopback interface: killed, strange, blind, encrypted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image

from layers import plain
from tests.dask_cluster import PATIENCE, ROOT, DaskCluster
from visualize import cli
from visualize.spread import MistakeInWorker

from . import spread_work as work
from .test_evaluate_command import arguments, lines, same_files

Client = pytest.importorskip("distributed", reason="needs Dask: the extra cluster").Client

from visualize.spread import cluster as ours  # noqa: E402


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and three workers."""
    with DaskCluster(tmp_path_factory.mktemp("cluster"), workers=3) as made:
        wait_for_workers(made, 3)
        yield made


def wait_for_workers(made, count):
    with Client(made.address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=PATIENCE)


def wait_until(happened):
    patience = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < patience
        time.sleep(0.02)


def under_way(results):
    """Whether the file of a run has the first answers of its main part."""
    return results.exists() and b'"part": "test"' in results.read_bytes()


def nothing(text):
    pass


# ---------------------------------------------------------------------- everything is done, and the same


def test_workers_compute_with_one_thread_and_our_engine(cluster):
    notes = []
    with plain(), ours.on_cluster(100, cluster.address, notes.append) as each:
        answers = list(each(work.about, range(30)))
    assert sorted(answer.found[:3] for answer in answers) == [[100 + task, "1", "plain"] for task in range(30)]
    assert {answer.worker.rsplit(":", 1)[0] for answer in answers} == {"tcp://127.0.0.1"}
    assert notes == [f"3 workers at {cluster.address}"]


def test_what_is_shared_comes_to_each_worker_once(cluster):
    with ours.on_cluster(work.Counted(), cluster.address, nothing) as each:
        found = [answer.found for tasks in (range(20), range(5)) for answer in each(work.arrivals, tasks)]
    assert len(found) == 25
    assert {count for _, count in found} == {1}


def test_a_run_on_three_workers_one_killed_on_the_way_writes_the_bytes_of_one_worker_here(
    cluster,
    network,
    finished,
    tmp_path,
):
    with ours.on_cluster(None, cluster.address, nothing) as each:
        victim = next(each(work.slowly, [0])).found[1]
    command = [sys.executable, "-m", "visualize.cli", *arguments(network, tmp_path, "--cluster-file", cluster.file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
        results = tmp_path / "results.jsonl"
        wait_until(lambda: run.poll() is not None or under_way(results))
        os.kill(victim, signal.SIGKILL)
        error = run.communicate(timeout=PATIENCE)[1]
    assert run.returncode == 0, error
    assert error.startswith("minicnn evaluate: note: 3 workers at tcp://127.0.0.1:")
    same_files(tmp_path, finished)
    wait_for_workers(cluster, 3)  # the dead one's nanny has started another


def test_a_picture_that_kills_its_worker_each_time_is_left_out_and_no_other(cluster):
    with ours.on_cluster(None, cluster.address, nothing) as each:
        answers = {answer.task: answer for answer in each(work.deadly, range(8))}
    assert {task: answer.found for task, answer in answers.items()} == {n: n if n != 5 else None for n in range(8)}
    assert "left out: a worker died over it" in answers[5].left_out
    wait_for_workers(cluster, 3)


def test_if_all_workers_go_a_line_says_so_and_one_that_comes_does_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(ours, "PATIENCE", 3)
    notes = []
    with DaskCluster(tmp_path, workers=1) as lonely:
        wait_for_workers(lonely, 1)
        with ours.on_cluster(None, lonely.address, notes.append) as each:
            answers = each(work.slowly, range(3))
            found = [next(answers).task]
            lonely.kill(lonely.workers[0])
            noticed = Thread(target=lambda: (wait_until(lambda: len(notes) > 1), lonely.worker()))
            noticed.start()
            found += [answer.task for answer in answers]
            noticed.join()
    assert sorted(found) == [0, 1, 2]
    assert notes[1:] == ["no worker is left: waiting for others to come"]


def test_a_mistake_in_the_program_is_not_hidden_and_warnings_are_heard(cluster):
    with ours.on_cluster(None, cluster.address, nothing) as each:
        with pytest.raises(MistakeInWorker, match="KeyError: 'a mistake in the program'"):
            list(each(work.mistaken, range(3)))
        with pytest.warns(UserWarning, match="task 3 is odd"):
            assert [answer.found for answer in each(work.warning, [3])] == [3]


# ---------------------------------------------------------------------- folders


@pytest.mark.parametrize("command", ["classify", "saliency"])
def test_a_folder_in_which_one_picture_is_torn_and_one_is_seen_by_nobody_there(
    command, cluster, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in "abcdefgh":
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(f"{name}.png")
    Path("c.png").write_bytes(Path("a.png").read_bytes()[:50])
    photos = [f"{name}.png" for name in "abcdefgh"] + ["gone.png"]
    out = [] if command == "classify" else ["--out", "maps"]
    given = [command, *photos, "--network", "shapes", "--json", *out]
    assert cli.main([*given, "--cluster", cluster.address]) == 2
    captured = capsys.readouterr()
    done = [json.loads(line) for line in captured.out.splitlines()]
    assert [record["photo"] for record in done] == [str(tmp_path / f"{name}.png") for name in "abdefgh"]
    *_, torn, gone, count = captured.err.splitlines()
    assert f"{tmp_path}/c.png" in torn
    assert torn.count("(worker tcp://127.0.0.1:") == 1
    assert f"{tmp_path}/gone.png" in gone
    assert gone.count("(worker tcp://127.0.0.1:") == 1
    assert count == f"minicnn {command}: 2 of 9 files could not be used"
    if command == "saliency":
        assert sorted(record["map"] for record in done) == sorted(map(str, (tmp_path / "maps").glob("*.npy")))


# ---------------------------------------------------------------------- trust


def test_an_answer_that_is_a_pickle_is_refused(cluster, tmp_path):
    with ours.on_cluster(None, cluster.address, nothing) as each:
        client = each.__self__.client
        with pytest.raises(TypeError):
            client.submit(work.Trap, str(tmp_path / "sprung"), pure=False).result()
    assert not (tmp_path / "sprung").exists()


def certificates(folder):
    """An authority of its own, which is its only certificate."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    prefix, env = "DASK_DISTRIBUTED__COMM__", {}
    env[f"{prefix}REQUIRE_ENCRYPTION"] = "True"
    env[f"{prefix}TLS__CA_FILE"] = str(certificate)
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        env |= {f"{prefix}TLS__{role}__CERT": str(certificate), f"{prefix}TLS__{role}__KEY": str(key)}
    return env


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl, to make certificates")
def test_tls_works_by_dasks_own_settings_and_a_stranger_without_the_certificate_is_kept_out(
    tmp_path, monkeypatch, capsys
):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(tmp_path / "a.png")
    env = certificates(tmp_path)
    with DaskCluster(tmp_path, 1, ("--protocol", "tls"), env) as encrypted:
        wait_until(lambda: "Registered to" in (tmp_path / "worker-1.log").read_text())
        assert encrypted.address.startswith("tls://")
        command = ["classify", str(tmp_path / "a.png"), "--network", "shapes", "--cluster", encrypted.address]
        there = subprocess.run(
            [sys.executable, "-m", "visualize.cli", *command],
            cwd=ROOT, env=encrypted.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert there.returncode == 0, there.stderr
        assert f"1 workers at {encrypted.address}" in there.stderr
        assert cli.main(command) == 2
        assert f"minicnn classify: no scheduler at {encrypted.address}: TLS" in capsys.readouterr().err


# ---------------------------------------------------------------------- what goes wrong


def copy_of_the_house(folder):
    """Another minicnn: one comment more."""
    for floor in ("layers", "minicnn", "visualize", "tests"):
        shutil.copytree(ROOT / floor, folder / floor, ignore=shutil.ignore_patterns("__pycache__"))
    with open(folder / "layers" / "relu.py", "a") as file:
        file.write("# another\n")
    return folder


def test_a_worker_with_another_minicnn_is_not_used_or_ends_the_run_before_it_begins(cluster, tmp_path, capsys):
    notes = []
    with ours.on_cluster(None, cluster.address, notes.append) as each:
        stranger = cluster.worker(cwd=copy_of_the_house(tmp_path))  # it comes while the work is under way
        wait_for_workers(cluster, 4)
        assert sorted(answer.found[0] for answer in each(work.slowly, range(60))) == list(range(60))
    (note,) = [note for note in notes if "is not used" in note]
    assert "it has minicnn with source" in note
    photo = tmp_path / "a.png"
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(photo)
    assert cli.main(["classify", str(photo), "--network", "shapes", "--cluster", cluster.address]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "minicnn classify: the worker tcp://127.0.0.1:" in error
    assert "install the same everywhere" in error
    cluster.kill(stranger)
    with Client(cluster.address, set_as_default=False) as client:
        wait_until(lambda: len(client.nthreads()) == 3)


def test_a_scheduler_that_is_killed_ends_the_run_and_it_goes_on_elsewhere(network, finished, tmp_path):
    (tmp_path / "cluster").mkdir()
    out = tmp_path / "out"
    with DaskCluster(tmp_path / "cluster", workers=1) as short:
        wait_for_workers(short, 1)
        command = [sys.executable, "-m", "visualize.cli", *arguments(network, out, "--cluster", short.address)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
            results = out / "results.jsonl"
            wait_until(
                lambda: run.poll() is not None or (results.exists() and b'"part": "test"' in results.read_bytes())
            )
            short.kill(short.scheduler)
            error = run.communicate(timeout=PATIENCE)[1]
    assert run.returncode == 1, error
    assert error.splitlines()[1:] == [
        "minicnn evaluate: the scheduler was lost; what is done is kept, and evaluate goes on by --resume"
    ]
    assert 1 < len(lines(out)) < len(lines(finished))
    assert cli.main(arguments(network, out, "--workers", "1", "--resume")) == 0
    same_files(out, finished)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["--cluster", "tcp://127.0.0.1:1"], "no scheduler at tcp://127.0.0.1:1: Timed out trying to connect"),
        (["--cluster", "somewhere"], "no scheduler at somewhere: missing port number"),
        (["--cluster-file", "nowhere.json"], "nowhere.json: No such file"),
        (["--cluster-file", "torn.json"], "torn.json is no scheduler file"),
        (["--cluster", "tls://127.0.0.1:1"], "no scheduler at tls://127.0.0.1:1: TLS expects"),
    ],
)
def test_no_scheduler_is_one_line_and_exit_code_2(given, complaint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ours, "PATIENCE", 1)
    Path("torn.json").write_text('{"address"')
    assert cli.main(["evaluate", "localization", *given]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"minicnn evaluate: {complaint}")
    assert error.count("\n") == 1
    assert not Path("evaluation").exists()
