"""The compiled engine is safe: threads, forks, exceptions, settings of others, and what is no number."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from layers.engine import ACCELERATED, numpy_engine, plain

numba = pytest.importorskip("numba", reason="needs Numba: the extra fast")

from layers.engine import compiled  # noqa: E402
from layers.engine.compiled import functions, kernel, safety, winograd  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
rng = np.random.default_rng(0)
wide = rng.standard_normal((2, 32, 32, 32))
K = rng.standard_normal((32, 32, 3, 3))
ARGUMENTS = (wide, K, None, (1, 1), (1, 1, 1, 1))


def test_who_comes_while_this_thread_computes_gets_the_other_function():
    calls = []

    def compiled(x):
        return outer(x) if not calls else None

    def instead(x):
        calls.append(x)
        return "instead"

    outer = safety.guarded(compiled, instead)
    assert outer(1) == "instead"
    assert calls == [1]


def test_an_exception_gives_back_the_lock_and_all_settings():
    threads, blas = numba.get_num_threads(), [library.get_num_threads() for library in safety._blas()]

    def fails():
        assert {library.get_num_threads() for library in safety._blas()} == {1}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        safety.guarded(fails, fails)()
    assert numba.get_num_threads() == threads
    assert [library.get_num_threads() for library in safety._blas()] == blas
    assert not safety._lock.locked()
    assert safety._owner == 0


def test_two_threads_get_the_same_bits_as_one():
    correlate = functions()["correlate"]
    expected, found = correlate(*ARGUMENTS), []
    workers = [threading.Thread(target=lambda: found.append(correlate(*ARGUMENTS))) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(np.array_equal(y, expected) for y in found)
    assert len(found) == 3


def run(program: str, **environment: str) -> subprocess.CompletedProcess:
    around = {**os.environ, "PYTHONPATH": str(ROOT), "MINICNN_ENGINE": "compiled", **environment}
    return subprocess.run([sys.executable, "-c", program], env=around, capture_output=True, text=True, timeout=300)


PROGRAM = """
import numpy as np
from layers import ReLU
from layers.engine.compiled import safety
y = ReLU().forward(-np.ones((1, 2, 200, 200), np.float32))[0]
assert not y.any()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are POSIX's")
def test_a_forked_child_computes():
    child = "import os\npid = os.fork()\nassert not ReLU().forward(-np.ones((1, 2, 200, 200), np.float32))[0].any()\n"
    child += "if pid:\n    assert os.waitpid(pid, 0)[1] == 0\n    print('both')\nelse:\n    os._exit(0)\n"
    ended = run(PROGRAM + child)
    assert ended.stdout == "both\n", ended.stderr


def test_omp_num_threads_is_heeded():
    assert run(PROGRAM + "print(safety.cores())", OMP_NUM_THREADS="1").stdout == "1\n"


def test_gemm_by_its_private_name_and_by_dot_are_one_product():
    """If the name is gone one day, the fallback is taken: this says so."""
    assert kernel.gemm is kernel.gemm_by_name
    for ta in (False, True):
        for tb in (False, True):
            A, B = rng.standard_normal(5 * 7), rng.standard_normal(7 * 9)
            given = (np.array([0.0, 1.0]), A, 0, 5 if ta else 7, ta, B, 0, 7 if tb else 9, tb)
            one, other = np.ones(45), np.ones(45)
            kernel.gemm_by_name(*given, one, 0, 9, 5, 7, 9, True)
            kernel.gemm_by_dot(*given, other, 0, 9, 5, 7, 9, True)
            a, b = A.reshape(7, 5).T if ta else A.reshape(5, 7), B.reshape(9, 7).T if tb else B.reshape(7, 9)
            np.testing.assert_allclose(one.reshape(5, 9), a @ b + 1, atol=1e-12)
            np.testing.assert_allclose(other, one, atol=1e-12)


@pytest.mark.parametrize("odd", [None, np.nan, np.inf])
def test_winograd_is_taken_where_it_pays_and_spreads_nothing(odd, monkeypatch):
    taken, original = [], winograd.correlate
    monkeypatch.setattr(winograd, "correlate", lambda *a, **k: taken.append(original(*a, **k)) or taken[-1])
    x = wide.copy()
    if odd is not None:
        x[0, 3, 9, 9] = odd
    y = functions()["correlate"](x, *ARGUMENTS[1:])
    assert (taken[0] is None) == (odd is not None)
    with plain(), np.errstate(invalid="ignore"):
        np.testing.assert_allclose(y, ACCELERATED["correlate"](x, *ARGUMENTS[1:]), rtol=1e-10, atol=1e-10)


def test_where_nothing_can_be_cached_numpy_computes_and_a_line_says_so(monkeypatch, capsys):
    class Uncached:
        """As Numba does at import, where neither the install nor the home can be written."""

        def find_spec(self, name, *_):
            if name == "layers.engine.compiled.convolution":
                raise RuntimeError("cannot cache function 'copy': no locator available for file 'kernel.py'")

    monkeypatch.delitem(sys.modules, "layers.engine.compiled.convolution")
    monkeypatch.delattr(compiled, "convolution")
    monkeypatch.setattr(sys, "meta_path", [Uncached(), *sys.meta_path])
    assert functions() == numpy_engine.FUNCTIONS
    assert "NUMBA_CACHE_DIR" in capsys.readouterr().err


def test_nothing_imports_numba_before_the_engine_is_used():
    program = "import sys, visualize, layers.engine.numpy_engine; print('numba' in sys.modules)"
    assert run(program, MINICNN_ENGINE="").stdout == "False\n"


def test_the_number_of_threads_changes_no_bit(monkeypatch):
    found = []
    for T in (1, 2):
        monkeypatch.setattr(safety, "cores", lambda T=T: T)
        run_ = functions()
        y = run_["correlate"](*ARGUMENTS)
        found.append((y, run_["kernel_gradient"](y, wide, (3, 3), (1, 1), (1, 1, 1, 1)), run_["position_sums"](y)))
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)
