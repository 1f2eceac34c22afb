"""The compiled engine is safe: threads, forks, exceptions, settings of others, and what is no number."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import layers.engine as seam
from layers.engine import ACCELERATED, current_engine, engine, plain

numba = pytest.importorskip("numba", reason="needs Numba: the extra fast")

from layers.engine.compiled import FUNCTIONS, kernel, safety, winograd  # noqa: E402

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
    threads, blas = numba.get_num_threads(), [number() for number, _ in safety._blas()]

    def fails():
        assert {number() for number, _ in safety._blas()} == {1}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        safety.guarded(fails, fails)()
    assert numba.get_num_threads() == threads
    assert [number() for number, _ in safety._blas()] == blas
    assert not safety._lock.locked()
    assert safety._owner == 0


@pytest.fixture
def numpys(monkeypatch):
    """How many threads NumPy's BLAS has; two outside of any block, as on a machine with two cores."""
    monkeypatch.setattr(safety, "_blocks", 0)  # the environment may have chosen this engine
    libraries = safety._numpys()
    before = [number() for number, _ in libraries]
    for _, set_number in libraries:
        set_number(2)
    yield lambda: {number() for number, _ in libraries}
    for (_, set_number), number in zip(libraries, before, strict=True):
        set_number(number)


def test_while_the_engine_is_chosen_numpys_products_have_one_thread(numpys):
    with engine("compiled"):
        assert numpys() == {1}
        with engine("numpy"), engine("compiled"):
            assert numpys() == {1}
        assert numpys() == {1}
    assert numpys() == {2}
    with pytest.raises(KeyError), engine("compiled"):
        raise KeyError
    assert numpys() == {2}


def test_the_last_block_gives_numpys_threads_back_whichever_thread_it_is_in(numpys):
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with engine("compiled"):
            entered.set()
            leave.wait()

    other = threading.Thread(target=hold)
    with engine("compiled"):
        other.start()
        entered.wait()
    assert numpys() == {1}
    leave.set()
    other.join()
    assert numpys() == {2}


def test_chosen_by_the_environment_the_engine_keeps_numpys_threads_for_as_long_as_the_process_lives():
    program = """
import numpy as np
from layers import ReLU
from layers.engine.compiled import safety
for _, set_number in safety._numpys():
    set_number(2)
ReLU().forward(np.ones((1, 2, 3, 3)))
print({number() for number, _ in safety._numpys()})
"""
    around = {**os.environ, "MINICNN_ENGINE": "compiled"}
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=around, capture_output=True, text=True)
    assert ended.stdout == "{1}\n", ended.stderr


def test_the_threads_of_blas_are_set_by_its_own_functions_and_by_threadpoolctl_alike(monkeypatch):
    (number, set_number), *_ = safety._blas()
    assert "openblas" not in str(number) or not hasattr(
        number, "__self__"
    )  # OpenBLAS's own: no method of threadpoolctl
    library = next(library for library in safety.ThreadpoolController().lib_controllers if library.user_api == "blas")
    slow = type("Library", (), {"get_num_threads": library.get_num_threads, "set_num_threads": library.set_num_threads})
    assert safety._two_functions(slow) == (slow.get_num_threads, slow.set_num_threads)
    before = number()
    set_number(1)
    assert number() == 1
    set_number(before)


def test_two_threads_get_the_same_bits_as_one():
    correlate = FUNCTIONS["correlate"]
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
    y = FUNCTIONS["correlate"](x, *ARGUMENTS[1:])
    assert (taken[0] is None) == (odd is not None)
    with plain(), np.errstate(invalid="ignore"):
        np.testing.assert_allclose(y, ACCELERATED["correlate"](x, *ARGUMENTS[1:]), rtol=1e-10, atol=1e-10)


def test_where_nothing_can_be_cached_numpy_computes_and_a_line_says_so(monkeypatch, capsys):
    def as_numba_does(name):
        raise RuntimeError("cannot cache function 'copy': no locator available for file 'kernel.py'")

    monkeypatch.setattr(seam, "_functions", as_numba_does)
    seam._that_works_here.cache_clear()
    try:
        with engine("compiled"):
            assert current_engine() == "numpy"
    finally:
        seam._that_works_here.cache_clear()
    said = capsys.readouterr().err
    assert "NUMBA_CACHE_DIR" in said
    assert said.count("\n") == 1


def test_a_numba_that_cannot_be_imported_leaves_the_work_to_numpy(tmp_path):
    (tmp_path / "numba.py").write_text("raise ImportError('Numba needs NumPy 2.3 or less. Got NumPy 2.9.')")
    program = PROGRAM.replace("from layers.engine.compiled import safety", "from layers.engine import current_engine")
    ended = run(program + "print(current_engine())", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert ended.stdout == "numpy\n", ended.stderr
    assert "Numba needs NumPy 2.3 or less" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_first_compilation_says_so_and_the_next_process_finds_it_done(tmp_path):
    first, second = (run(PROGRAM, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))
    assert first.stderr == "compiling the layers' loops for float32, about 20 s, once\n"
    assert second.stderr == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="signals as POSIX has them")
def test_ctrl_c_in_the_middle_leaves_everything_as_it_was():
    program = """
import os, signal, threading
import numpy as np
from layers.engine.compiled import FUNCTIONS, safety
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
x, K = np.ones((2, 32, 64, 64)), np.ones((32, 32, 3, 3))
correlate = lambda: FUNCTIONS["correlate"](x, K, None, (1, 1), (1, 1, 1, 1))
expected, blas = correlate(), [number() for number, _ in safety._blas()]
for after in (0.01, 0.02, 0.05, 0.1):
    threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        while True:
            correlate()
    except KeyboardInterrupt:
        assert not safety._lock.locked() and safety._owner == 0
        assert [number() for number, _ in safety._blas()] == blas
        assert np.array_equal(correlate(), expected)
print("as before")
"""
    ended = run(program)
    assert ended.stdout == "as before\n", ended.stderr


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="affinity is Linux's")
def test_the_affinity_of_the_process_is_heeded():
    pinned = "import os\nos.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    assert run(pinned + PROGRAM + "print(safety.cores())").stdout == "1\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the peak of a process as POSIX counts it")
@pytest.mark.parametrize(
    "call",
    [
        "correlate, x, K, None, (1, 1), (1, 1, 1, 1)",  # Winograd's way
        "correlate, x, K, None, (2, 2), (1, 1, 1, 1)",
        "correlate_transposed, x, K, x.shape, (1, 1), (1, 1, 1, 1)",
        "kernel_gradient, x, x, (3, 3), (1, 1), (1, 1, 1, 1)",
        "kernel_gradient, x[:, :, ::2, ::2], x, (3, 3), (2, 2), (1, 1, 1, 1)",
        "max_pool, x, (2, 2), (2, 2), (0, 0, 0, 0)",
    ],
)
def test_scratch_is_bounded_whatever_the_size_of_the_maps(call):
    """The peak of the process, Numba's own memory included, grows by the result and 64 MiB, no more."""
    name, _, arguments = call.partition(", ")
    program = f"""
import resource
import numpy as np
from layers.engine.compiled import FUNCTIONS
def run(N):
    x, K = np.ones((N, 448, 448, 64), np.float32).transpose(0, 3, 1, 2), np.ones((64, 64, 3, 3), np.float32)
    x = x if N == 4 else x[:, :, :16, :16]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = FUNCTIONS["{name}"]({arguments})
    results = result if isinstance(result, tuple) else (result,)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (after - before << 10) - sum(r.nbytes for r in results)
run(1)
print(run(4))
"""
    ended = run(program)
    copied = 4 * 64 * 224 * 224 * 4 if "::2" in call else 0  # maps that do not lie channels last
    assert int(ended.stdout) <= (64 << 20) + copied, ended.stderr


def test_nothing_imports_numba_before_the_engine_is_used():
    program = "import sys, visualize, layers.engine.numpy_engine; print('numba' in sys.modules)"
    assert run(program, MINICNN_ENGINE="").stdout == "False\n"


def test_the_number_of_threads_changes_no_bit():
    program = """
import hashlib
import numpy as np
from layers.engine.compiled import FUNCTIONS, safety
rng = np.random.default_rng(0)
x, K, pad = rng.standard_normal((2, 32, 32, 32)), rng.standard_normal((32, 32, 3, 3)), (1, 1, 1, 1)
for stride in (1, 1), (2, 2):
    y = FUNCTIONS["correlate"](x, K, None, stride, pad)
    gradients = FUNCTIONS["kernel_gradient"](y, x, (3, 3), stride, pad), FUNCTIONS["position_sums"](y)
    below = FUNCTIONS["correlate_transposed"](y, K, x.shape, stride, pad)
    for result in (y, *gradients, below):
        print(hashlib.sha256(np.ascontiguousarray(result)).hexdigest())
print(safety.cores(), file=__import__("sys").stderr)
"""
    one, other = (run(program, OMP_NUM_THREADS=T) for T in ("1", "2"))
    assert one.stderr.split()[-1:] == ["1"]  # perhaps after a line about compiling
    assert one.stdout == other.stdout != ""
