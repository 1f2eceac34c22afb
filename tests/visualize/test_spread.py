"""Work spread over processes: everything is done, the same wherever it is done, whatever happens to the workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from layers import plain
from minicnn.files import only_run_in
from visualize import cli
from visualize.commands.photos import each_photo, in_order, looked_at
from visualize.spread import Answer, MistakeInWorker, here, processes
from visualize.spread.versions import difference
from visualize.spread.work import AGAIN

from . import spread_work as work
from .test_evaluate_command import alive, arguments, children, lines, same_files

ROOT = Path(__file__).parents[2]


# ---------------------------------------------------------------------- workers


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_do_every_task_with_one_thread_each_and_our_engine(workers, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    with plain(), processes(100, workers) as each:
        found = sorted(answer.found for answer in each(work.about, range(11)))
    assert [line[:3] for line in found] == [[100 + task, "1", "plain"] for task in range(11)]
    assert os.getpid() not in {line[3] for line in found}
    assert os.environ["OPENBLAS_NUM_THREADS"] == "7"


def test_what_is_shared_comes_to_each_worker_once():
    with processes(work.Counted(), 2) as each:
        found = [answer.found for tasks in (range(20), range(5)) for answer in each(work.arrivals, tasks)]
    assert len(found) == 25
    assert {count for _, count in found} == {1}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_picture_that_kills_its_worker_each_time_is_left_out_and_no_other(workers, tmp_path):
    with processes(str(tmp_path / "log"), workers) as each:
        answers = {answer.task: answer for answer in each(work.deadly, range(8))}
    assert {task: answer.found for task, answer in answers.items()} == {n: n if n != 5 else None for n in range(8)}
    assert f"left out: a worker died over it, and so again each of the {AGAIN} times" in answers[5].left_out
    assert len((tmp_path / "log").read_text()) == 1 + AGAIN


def test_a_picture_whose_worker_died_once_is_done_again(tmp_path):
    with processes(str(tmp_path / "died"), 2) as each:
        assert sorted(answer.found for answer in each(work.deadly_once, range(8))) == list(range(8))
    assert (tmp_path / "died").exists()


def test_a_mistake_in_the_program_is_not_hidden():
    with processes(None, 2) as each, pytest.raises(MistakeInWorker, match="KeyError: 'a mistake in the program'"):
        list(each(work.mistaken, range(3)))


def test_warnings_of_workers_are_heard_here():
    with processes(None, 2) as each, pytest.warns(UserWarning, match="task 3 is odd"):
        assert len(list(each(work.warning, [3]))) == 1


def test_work_that_nobody_wants_any_more_ends_without_a_word():
    with processes(None, 2) as each:
        answers = each(work.slowly, range(1000))
        next(answers)
        answers.close()


# ---------------------------------------------------------------------- folders


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures of noise, of which three are torn."""
    place, rng = tmp_path_factory.mktemp("folder"), np.random.default_rng(0)
    for n in range(30):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(place / f"p{n:02}.png")
    for n in (3, 17, 29):
        (place / f"p{n:02}.png").write_bytes((place / f"p{n:02}.png").read_bytes()[:60])
    return place


@pytest.mark.parametrize("command", ["classify", "saliency", "localize"])
def test_a_folder_in_two_processes_prints_in_order_what_one_after_the_other_does(command, folder, tmp_path, capsys):
    printed = []
    for more in ([], ["--workers", "2"]):
        out = [] if command == "classify" else ["--out", str(tmp_path)]
        assert cli.main([command, str(folder), "--network", "shapes", "--json", *out, *more]) == 2
        captured = capsys.readouterr()
        printed.append([json.loads(line)["photo"] for line in captured.out.splitlines()])
        assert captured.err.splitlines()[-1] == f"minicnn {command}: 3 of 30 files could not be used"
        assert captured.err.count("p17.png") == 1
    assert printed[0] == printed[1] == sorted(printed[0])
    assert len(printed[0]) == 27
    if command == "saliency":
        assert len(list(tmp_path.glob("*.npy"))) == 27


def test_answers_are_put_in_order():
    early = [Answer([n, "photo"]) for n in (2, 0, 1, 4, 3)]
    assert [answer.task[0] for answer in in_order(early)] == [0, 1, 2, 3, 4]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory from /proc")
def test_the_memory_of_workers_does_not_grow_with_the_number_of_pictures(folder):
    from minicnn import pretrained
    from visualize.commands.classify import classify
    from visualize.commands.photos import chosen_photos

    photos = list(enumerate(chosen_photos([str(folder)])))
    with processes(partial(classify, pretrained.shapes(), 5, True), 2) as each:

        def resident():
            return max(dict(answer.found for answer in each(work.resident, range(8))).values())

        bad = Counter("error" in answer.found for answer in each(looked_at, photos * 2))
        before = resident()
        bad += Counter("error" in answer.found for answer in each(looked_at, photos * 10))
        assert resident() < before + 20  # MiB; of 300 pictures' maps it would be several hundred
    assert bad == {True: 36, False: 324}


# ---------------------------------------------------------------------- runs


def test_of_two_runs_with_one_out_the_second_is_refused(network, tmp_path, capsys):
    with only_run_in(tmp_path):
        assert cli.main(arguments(network, tmp_path)) == 2
    assert capsys.readouterr().err == (
        f"minicnn evaluate: {tmp_path}: another run writes there now; choose another --out\n"
    )
    assert list(tmp_path.iterdir()) == []
    with only_run_in(tmp_path):
        pass


def begun(network, out, **options):
    """A run in a process of its own, of which the first pictures are in the file."""
    command = [sys.executable, "-m", "visualize.cli", *arguments(network, out, "--workers", "2")]
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options)
    patience = time.monotonic() + 300
    while not ((out / "results.jsonl").exists() and b'"part": "test"' in (out / "results.jsonl").read_bytes()):
        if run.poll() is not None:
            break
        assert time.monotonic() < patience
        time.sleep(0.01)
    return run


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_ctrl_c_ends_a_run_and_its_workers_with_a_line_and_what_is_done_is_kept(network, finished, tmp_path):
    with begun(network, tmp_path, start_new_session=True) as run:
        workers = children(run.pid)
        os.killpg(run.pid, signal.SIGINT)
        error = run.communicate(timeout=300)[1]
    assert run.returncode == 130
    assert error == "minicnn evaluate: interrupted\n"
    patience = time.monotonic() + 300
    while any(map(alive, workers)):
        assert time.monotonic() < patience
        time.sleep(0.05)
    assert cli.main(arguments(network, tmp_path, "--workers", "1", "--resume")) == 0
    same_files(tmp_path, finished)


def test_a_full_disk_is_told_in_a_line_and_what_was_written_before_is_gone_on_with(network, finished, tmp_path):
    import resource

    most = (finished / "results.jsonl").stat().st_size // 2

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    with begun(network, tmp_path, preexec_fn=limit) as run:
        error = run.communicate(timeout=300)[1]
    assert run.returncode == 2
    assert error == f"minicnn evaluate: {tmp_path / 'results.jsonl'}: File too large\n"
    assert 1 < len((tmp_path / "results.jsonl").read_bytes().splitlines()) < len(lines(finished))
    assert cli.main(arguments(network, tmp_path, "--workers", "1", "--resume")) == 0
    same_files(tmp_path, finished)


def test_a_picture_left_out_is_recorded_with_the_reason_and_tried_again_with_resume(
    network,
    finished,
    tmp_path,
    capsys,
    monkeypatch,
):
    from contextlib import contextmanager

    from visualize.commands import spreading

    @contextmanager
    def unlucky(shared):
        def each(doing, tasks):
            for task in tasks:
                if task.part == "test" and task.number == 1:
                    yield Answer(task, left_out="left out", worker="tcp://there")
                else:
                    yield Answer(task, doing(shared, task))

        yield each

    monkeypatch.setattr("visualize.commands.evaluate.chosen_spread", lambda args: unlucky)
    assert cli.main(arguments(network, tmp_path)) == 2
    assert "minicnn evaluate: scene 1: left out (worker tcp://there)" in capsys.readouterr().err
    assert [line["error"] for line in lines(tmp_path) if "error" in line] == ["scene 1: left out"]
    monkeypatch.undo()
    assert spreading
    assert cli.main(arguments(network, tmp_path, "--workers", "1", "--resume")) == 0
    same_files(tmp_path, finished)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["--workers", "0"], "--workers 0: expected 1 or more"),
        (["--workers", "2", "--cluster", "tcp://127.0.0.1:1"], "--workers and --cluster: choose one"),
    ],
)
def test_wrong_options_are_one_line(given, complaint, folder, capsys):
    assert cli.main(["classify", str(folder), "--network", "shapes", *given]) == 2
    assert capsys.readouterr().err == f"minicnn classify: {complaint}\n"


def test_here_is_in_this_process_and_in_order():
    with here(1) as each:
        assert [answer.found[3] for answer in each(lambda shared, task: [0, 0, 0, os.getpid()], [1])] == [os.getpid()]
    assert each_photo([], "x", lambda photo, pixels: []) == 0


@pytest.mark.parametrize(("here", "there"), [("1.26.4", "2.4.6"), ("2.4.6", "1.26.4")])
def test_another_version_is_named_whichever_is_the_newer(here, there):
    ours, theirs = ({"NumPy": version, "SciPy": "1.17.1"} for version in (here, there))
    assert difference(json.dumps(ours), json.dumps(theirs)) == f"NumPy {there} (here {here})"
    assert difference(json.dumps(ours), json.dumps(ours)) == ""
