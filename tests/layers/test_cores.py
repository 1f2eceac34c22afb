"""Work shared among cores: all of it is done, once, and it does not show how many there were."""

from __future__ import annotations

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from layers import Conv, FullyConnected, MaxPool, cores
from layers import pool as pool_module
from layers.cores import in_parallel, one_thread_in_blas
from tests.devices import equal

ARRAY = np.zeros(1)


def as_if_blas_had(threads, monkeypatch):
    """A matrix library that takes any number of threads; NumPy's own has as many as it was started with at most."""

    class Library:
        num_threads = threads

        def set_num_threads(self, count):
            self.num_threads = count

    library = Library()
    monkeypatch.setattr(cores, "blas", lambda: [library])
    return library


@pytest.fixture(params=[1, 2, 3])
def worker_count(request, monkeypatch):
    as_if_blas_had(request.param, monkeypatch)
    return request.param


def test_every_task_is_done_once(worker_count):
    done = []
    in_parallel(done.append, range(100), ARRAY)
    assert sorted(done) == list(range(100))
    in_parallel(done.append, [], ARRAY)
    assert len(done) == 100


def test_several_threads_take_part(monkeypatch):
    as_if_blas_had(3, monkeypatch)
    meeting = threading.Barrier(3, timeout=20)  # passes only when three are in it at once
    in_parallel(lambda task: meeting.wait(), range(3), ARRAY)


def test_arrays_that_are_not_numpys_are_worked_on_in_order_by_the_caller(monkeypatch):
    as_if_blas_had(3, monkeypatch)
    seen = []
    in_parallel(lambda task: seen.append((task, threading.current_thread())), range(9), "not an array of NumPy's")
    assert seen == [(task, threading.current_thread()) for task in range(9)]


def test_after_ctrl_c_while_a_helper_is_waited_for_work_is_finished_before_it_is_returned(monkeypatch):
    as_if_blas_had(2, monkeypatch)
    taken, original = [], cores.SimpleQueue

    class Interrupted:
        """A report that Ctrl-C interrupts the wait for."""

        def __init__(self):
            self.inner = original()

        def put(self, report):
            self.inner.put(report)

        def get(self):
            if not taken:
                taken.append(1)
                raise KeyboardInterrupt
            return self.inner.get()

    in_parallel(lambda task: None, range(2), ARRAY)  # the helper has its queue of orders
    monkeypatch.setattr(cores, "SimpleQueue", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        in_parallel(lambda task: time.sleep(0.05), range(2), ARRAY)
    for _ in range(3):
        done = []
        in_parallel(lambda task, done=done: time.sleep(0.02 * task) or done.append(task), range(2), ARRAY)
        assert sorted(done) == [0, 1]


@pytest.mark.parametrize("broken", [0, 5])
def test_an_exception_in_any_task_comes_out_and_ends_the_work(worker_count, broken):
    done = []

    def work(task):
        if task == broken:
            raise ZeroDivisionError(task)
        time.sleep(0.001)
        done.append(task)

    with pytest.raises(ZeroDivisionError, match=str(broken)):
        in_parallel(work, range(1000), ARRAY)
    assert broken not in done
    assert len(done) < 1000


def test_what_numpy_does_about_errors_holds_in_every_thread(worker_count):
    """(pytest makes every warning an error.)"""
    meeting = threading.Barrier(worker_count, timeout=20)

    def work(task):
        meeting.wait()
        np.float32(1) / np.zeros(1, np.float32)

    with np.errstate(divide="ignore"):
        in_parallel(work, range(worker_count), ARRAY)


def test_blas_keeps_to_one_thread_meanwhile_and_gets_its_threads_back(worker_count):
    seen = []
    in_parallel(lambda task: seen.append(cores.blas()[0].num_threads), range(5), ARRAY)
    assert seen == [1] * 5
    assert cores.blas()[0].num_threads == worker_count


def test_numpys_own_blas_is_found_and_obeys():
    """Without it, all would still be right, but slow."""
    info = np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
    if "openblas" not in info:
        pytest.skip(f"NumPy was built with {info}")
    with threadpool_limits(2, user_api="blas"), one_thread_in_blas(wanted=True) as count:
        assert count == 2
        assert [library.num_threads for library in cores.blas()] == [1] * len(cores.blas())


def test_a_blas_that_cannot_be_told_does_the_work_in_order(monkeypatch):
    library = as_if_blas_had(2, monkeypatch)
    library.set_num_threads = lambda count: None
    seen = []
    in_parallel(lambda task: seen.append(threading.current_thread()), range(9), ARRAY)
    assert seen == [threading.current_thread()] * 9


def test_of_two_threads_of_a_program_one_shares_its_work_and_the_other_does_its_own(monkeypatch):
    library = as_if_blas_had(2, monkeypatch)
    with one_thread_in_blas(wanted=True) as here, ThreadPoolExecutor(1) as other:
        assert here == 2

        def elsewhere():
            with one_thread_in_blas(wanted=True) as there:
                return there

        assert other.submit(elsewhere).result() == 1
        assert library.num_threads == 1
    assert library.num_threads == 2


def test_results_are_the_same_from_run_to_run(monkeypatch, rng):
    as_if_blas_had(2, monkeypatch)
    monkeypatch.setattr(pool_module, "WORTH_SHARING", 0)
    monkeypatch.setattr(pool_module, "PORTION", 10**4)
    x = rng.standard_normal((3, 16, 60, 60), dtype=np.float32)
    conv = Conv(rng.standard_normal((24, 16, 3, 3), dtype=np.float32), pad=1)
    pool = MaxPool(3, stride=2)
    dense = FullyConnected(rng.standard_normal((50, 24 * 29 * 29), dtype=np.float32))

    def run():
        y, cache = conv.forward(x)
        pooled, pool_cache = pool.forward(y)
        features = pooled.reshape(3, -1)
        scores, dense_cache = dense.forward(features)
        grad = pool.backward(dense.backward(scores, dense_cache).reshape(pooled.shape), pool_cache)
        return scores, conv.backward(grad, cache), *conv.parameter_gradients(grad, cache).values()

    first = run()
    for _ in range(10):
        assert all(equal(a, b) for a, b in zip(first, run(), strict=True))


def time_of_foreign_threads() -> int:
    """Nanoseconds that all threads of this process have run which Python has not started: those of libraries."""
    pythons = {str(thread.native_id) for thread in threading.enumerate()}
    tasks = Path("/proc/self/task")
    return sum(int((tasks / t / "schedstat").read_text().split()[0]) for t in os.listdir(tasks) if t not in pythons)


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="needs /proc/self/task/*/schedstat")
def test_no_layer_wakes_a_thread_of_blas(host_rng):
    """Such a thread would run in circles for a while, on a core that a helper could use."""

    def woken_by(run) -> float:
        time.sleep(0.2)  # until all are asleep
        before = time_of_foreign_threads()
        run()
        time.sleep(0.05)
        return (time_of_foreign_threads() - before) / 1e6

    def layers_up_and_down():
        for conv, shape in (
            (Conv(draw(16, 8, 3, 3), pad=1), (1, 8, 20, 20)),
            (Conv(draw(64, 32, 5, 5), pad=1), (4, 32, 40, 40)),
            (Conv(draw(64, 64, 3, 3), pad=1), (4, 64, 40, 40)),  # Winograd's way
            (FullyConnected(draw(1000, 2048)), (1, 2048)),
            (FullyConnected(draw(1000, 2048)), (16, 2048)),
        ):
            y, cache = conv.forward(draw(*shape))
            conv.backward(y, cache)
            conv.backward(np.maximum(y, 0), cache)
            conv.parameter_gradients(y, cache)

    def draw(*shape):
        return host_rng.standard_normal(shape, dtype=np.float32)

    A = draw(1000, 1000)
    with threadpool_limits(2, user_api="blas"):
        if woken_by(lambda: A @ A) < 2:
            pytest.skip("here BLAS has no threads of its own")
        assert woken_by(layers_up_and_down) < 1


@pytest.mark.skipif(not hasattr(__import__("os"), "fork") or sys.platform == "darwin", reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_can_share_work_too(monkeypatch):
    as_if_blas_had(2, monkeypatch)
    in_parallel(lambda task: time.sleep(0.001), range(4), ARRAY)  # the parent's threads are running
    child = os.fork()
    if child == 0:
        done = []
        in_parallel(done.append, range(4), ARRAY)
        os._exit(0 if len(done) == 4 else 1)
    for _ in range(2000):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        time.sleep(0.01)
    else:
        os.kill(child, 9)
    assert pid, "the child waits for threads that it does not have"
    assert os.waitstatus_to_exitcode(status) == 0
