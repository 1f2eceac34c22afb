"""An engine computes what the definitions say, is chosen when it should be, and is really run."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import threading
from functools import wraps
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import layers.engine as seam
from layers import Concat, Conv, FullyConnected, GlobalAveragePool, LocalResponseNorm, MaxPool, ReLU
from layers.convolution import correlate_transposed
from layers.engine import ACCELERATED, EngineUnavailable, checked, compiled_is_installed, current_engine, engine, plain
from tests.devices import assert_close

ROOT = Path(__file__).resolve().parents[2]
FAST = ["numpy", *(["compiled"] if compiled_is_installed() else [])]  # the engines that can run here
needs_numba = pytest.mark.skipif(not compiled_is_installed(), reason="needs Numba: the extra fast")
FUNCTIONS = [(name, f) for name in FAST for f in sorted(seam._functions(name))]

small, sizes, steps = st.integers(1, 3), st.integers(1, 9), st.tuples(st.integers(1, 5), st.integers(1, 5))


# ---------------------------------------------------------------------- the same numbers


def some_zeros(rng, array, share=0.3):
    """Some channels that are zero everywhere, as a gradient's often are."""
    return array * (rng.random(array.shape[1]) > share).reshape(-1, *[1] * (array.ndim - 2))


def layout(rng, x):
    """Maps as they may lie in memory: planes, channels last, a slice of channels, every other pixel."""
    way = rng.integers(4)
    if way == 1:
        return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    if way == 2:
        wide = np.repeat(x, 2, axis=1).transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
        wide[:, : x.shape[1]] = x
        return wide[:, : x.shape[1]]
    return np.repeat(x, 2, axis=3)[..., ::2] if way == 3 else x


@st.composite
def arguments(draw, name):
    """Of a call of this definition, drawn at random: channels few and many, ties, empty batches, any layout."""
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    N, C, M = draw(st.integers(0, 3)), draw(small | st.just(40)), draw(small | st.just(48))
    H, W, stride = draw(sizes | st.just(24)), draw(sizes | st.just(20)), draw(st.just((1, 1)) | steps)
    kernel = draw(st.just((3, 3)) | st.just((1, 1)) | st.tuples(st.integers(1, 4), st.integers(1, 4)))
    pool = name in ("max_pool", "unpool")
    bare = draw(st.booleans())  # no padding at all
    pad = tuple(0 if bare else draw(st.integers(0, min(kernel) - 1 if pool else 4)) for _ in range(4))
    (top, bottom, left, right), (kh, kw), (sh, sw) = pad, kernel, stride
    assume(top + H + bottom >= kh and left + W + right >= kw)
    I, J = (top + H + bottom - kh) // sh + 1, (left + W + right - kw) // sw + 1
    x = layout(rng, rng.standard_normal((N, C, H, W)))
    K = rng.standard_normal((M, C, *kernel))
    grad = layout(rng, some_zeros(rng, rng.standard_normal((N, M, I, J)), draw(st.sampled_from((0.0, 0.3, 1.0)))))
    features, D, b = x.reshape(N, C * H * W), C * H * W, rng.standard_normal(M)
    to_scores = some_zeros(rng, rng.standard_normal((N, M)), draw(st.sampled_from((0.0, 0.9))))
    flat = draw(st.booleans())
    match name:
        case "correlate":
            return x, K, draw(st.sampled_from((None, b))), stride, pad
        case "correlate_transposed":
            return grad, K, x.shape, stride, pad
        case "kernel_gradient":
            return grad, x, kernel, stride, pad
        case "max_pool":
            return x.round(), kernel, stride, pad  # few values: many ties
        case "unpool":
            switches = rng.integers(0, kh * kw, (N, M, I, J)).astype(np.uint8)
            return grad, switches, (N, M, H, W), kernel, stride, pad
        case "affine":
            return features, rng.standard_normal((M, D)), b
        case "affine_transposed":
            return to_scores, rng.standard_normal((M, D))
        case "matrix_gradient":
            return to_scores, features
        case "ReLU.forward":
            return ReLU(), features if flat else x
        case "ReLU.backward" | "ReLU.deconv" | "ReLU.guided":
            below = layout(rng, rng.standard_normal(x.shape).round())  # some at exactly 0
            return (ReLU(), x.reshape(N, C * H * W), below.reshape(N, C * H * W)) if flat else (ReLU(), x, below)
    return OTHERS[name](rng, x)


def like(rng, x):
    return layout(rng, rng.standard_normal(x.shape))


OTHERS: dict = {  # a compiled engine's further functions: name → arguments from (rng, x)
    "join_channels": lambda rng, x: (x, like(rng, x[:, :1]), like(rng, x)),
    "position_sums": lambda rng, x: (x,),
    "mean_over_pixels": lambda rng, x: (x,),
    "normalize": lambda rng, x: (
        x,
        int(rng.integers(4)),
        int(rng.integers(4)),
        2.0,
        1e-2,
        float(rng.choice([0.75, 0.6])),
    ),
    "normalize_gradient": lambda rng, x: (
        like(rng, x),
        x,
        1 + abs(like(rng, x)),
        int(rng.integers(4)),
        int(rng.integers(4)),
        1e-2,
        0.75,
    ),
}


def results(value) -> list:
    return list(value) if isinstance(value, tuple) else [value]


def assert_same(found, expected, tolerance):
    for a, b in zip(results(found), results(expected), strict=True):
        assert a.dtype == b.dtype
        scale = max(1.0, float(np.abs(b).max())) if b.size else 1.0
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale, strict=True)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("kept", [0, 1, 20, 60, 64])
@pytest.mark.parametrize("name", FAST)
def test_channels_that_are_zero_everywhere_may_be_left_out_of_a_gradient(name, kept, kernel, stride):
    rng = np.random.default_rng(kept)
    K, grad = rng.standard_normal((64, 24, kernel, kernel)), np.zeros((2, 64, 6, 7))
    grad[:, rng.permutation(64)[:kept]] = rng.standard_normal((2, kept, 6, 7))
    shape = (2, 24, 5 * stride + kernel, 6 * stride + kernel)
    arguments = grad, K, shape, (stride, stride), (0, 0, 0, 0)
    with engine(name):
        found = correlate_transposed(*arguments)
    assert_same(found, correlate_transposed.__wrapped__(*arguments), 1e-12)


@pytest.mark.parametrize(("name", "function"), FUNCTIONS)
@given(data=st.data())
def test_an_engine_computes_what_the_definition_says(name, function, data):
    given_ = data.draw(arguments(function))
    for array in given_:
        if isinstance(array, np.ndarray):
            array.flags.writeable = False  # nothing is written into an argument
    single = [a.astype(np.float32) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in given_]
    definition = ACCELERATED[function]
    with engine(name):
        fast = seam._implementation(definition, tuple(given_))
    empty = any(a.size == 0 for a in given_ if isinstance(a, np.ndarray))
    assert fast is seam._functions("numpy" if empty else name).get(function, definition)
    with plain():
        assert_same(fast(*given_), definition(*given_), 1e-12)
        assert_same(fast(*single), definition(*single), 3e-5)


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("M", [5, 40])
def test_kernels_of_one_pixel_are_products_whichever_way_they_lie(name, M):
    """1×1 kernels without padding, which engines take as they lie: (M, C, 1, 1), or channels first from a file."""
    rng = np.random.default_rng(0)
    x, grad = rng.standard_normal((2, 9, 7, 6)), rng.standard_normal((2, M, 7, 6))
    K = rng.standard_normal((M, 9, 1, 1))
    here, sides = (1, 1), (0, 0, 0, 0)
    for kernels in (K, np.ascontiguousarray(K.transpose(2, 3, 1, 0)).transpose(3, 2, 0, 1)):
        for function, given_ in {
            "correlate": (x, kernels, None, here, sides),
            "correlate_transposed": (grad, kernels, x.shape, here, sides),
            "kernel_gradient": (grad, x, here, here, sides),
        }.items():
            with plain():
                assert_same(seam._functions(name)[function](*given_), ACCELERATED[function](*given_), 1e-12)


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_stays_what_it_is(name, odd):
    """A NaN or ∞ in the maps reaches what the definition says that it reaches, and of NaNs the first wins a pool."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 8, 8)).round()
    x[0, 1, 3, 4] = x[0, 1, 3, 5] = odd
    with np.errstate(invalid="ignore"):
        for function, given_ in {
            "max_pool": (x, (3, 3), (2, 2), (1, 1, 1, 1)),
            "ReLU.forward": (ReLU(), x),
            "ReLU.backward": (ReLU(), x, x[::-1].copy()),
            "correlate": (x, rng.standard_normal((4, 3, 2, 3)), None, (1, 1), (0, 0, 0, 0)),
        }.items():
            if function in seam._functions(name):
                assert_same(seam._functions(name)[function](*given_), ACCELERATED[function](*given_), 1e-12)


# ---------------------------------------------------------------------- which engine


def up_and_down() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 8, 8))
    for layer, maps in (
        (Conv(rng.standard_normal((4, 3, 3, 3)), stride=2, pad=1), x),
        (MaxPool(3, stride=2), x),
        (FullyConnected(rng.standard_normal((4, 5))), x[0, 0, :, :5]),
        (ReLU(), x),
        (LocalResponseNorm(3, 2, 1e-2, 0.75), x),
    ):
        y, cache = layer.forward(maps)
        for rule in (layer.backward, layer.deconv, layer.guided):
            rule(y, cache)
        layer.parameter_gradients(y, cache)
    Concat([[ReLU()], [ReLU()]]).forward(x)
    GlobalAveragePool().forward(x)


@pytest.fixture
def counted(monkeypatch):
    """Calls of an engine's functions by name; give it the engine."""

    def count(name):
        calls = []
        table = seam._functions(name)
        for function in list(table):
            fast = table[function]
            monkeypatch.setitem(table, function, lambda *a, _f=fast, _n=function, **k: calls.append(_n) or _f(*a, **k))
        return calls

    return count


@pytest.mark.parametrize("name", FAST)
def test_an_engine_is_really_run_with_all_its_functions(name, counted):
    calls = counted(name)
    with engine(name):
        up_and_down()
    assert set(calls) == set(seam._functions(name))


def test_in_a_plain_block_no_engine_runs_and_the_block_ends(counted):
    calls = counted("numpy")
    with engine("numpy"):
        with plain():
            up_and_down()
        assert calls == []
        up_and_down()
    assert calls != []


def test_blocks_nest_and_end_with_an_exception_too():
    with engine("numpy"):
        with pytest.raises(ZeroDivisionError), plain():
            raise ZeroDivisionError(current_engine())
        assert current_engine() == "numpy"


def test_a_block_is_its_own_threads_affair():
    seen = []
    with engine("numpy"):
        pass
    with plain():
        thread = threading.Thread(target=lambda: seen.append(current_engine()))
        thread.start()
        thread.join()
    assert seen == [os.environ.get("MINICNN_ENGINE") or "numpy"]


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, np.dtype(">f4"), np.int64])
def test_other_numbers_than_float32_and_float64_are_the_definitions_affair(dtype, counted):
    calls = counted("numpy")
    x = np.arange(2 * 36).reshape(1, 2, 6, 6).astype(dtype)
    if dtype is np.int64:  # below the layers' door
        with engine("numpy"):
            ReLU().forward(x)
    else:
        with engine("numpy"):
            MaxPool(2).forward(x)
            Conv(np.ones((1, 2, 2, 2), np.float32)).forward(x)
    assert calls == []


def test_arrays_of_another_library_are_the_definitions_affair(counted):
    from tests.strict_cupy import strict

    calls = counted("numpy")
    with engine("numpy"):
        Conv(strict.ones((1, 2, 2, 2))).forward(strict.ones((1, 2, 6, 6)))
    assert calls == []


@pytest.mark.parametrize("limit", [0, 1 << 40])
def test_on_a_device_large_batches_go_image_by_image(monkeypatch, limit):
    """There the definitions run, and their windows of a whole batch may be larger than the memory."""
    from tests.strict_cupy import strict

    monkeypatch.setattr(seam.image_by_image, "LIMIT", limit)
    sizes_seen = []
    for name in ("correlate", "kernel_gradient", "max_pool"):
        right = ACCELERATED[name]
        module = import_module(f"layers.{'max_pool' if name == 'max_pool' else 'convolution'}")
        counting = seam.accelerated(wraps(right)(lambda *a, _f=right, **k: sizes_seen.append(len(a[0])) or _f(*a, **k)))
        monkeypatch.setattr(module, name, counting)
        monkeypatch.setitem(ACCELERATED, name, right)
    rng = np.random.default_rng(0)
    K, x = rng.standard_normal((4, 2, 3, 3)), rng.standard_normal((3, 2, 9, 9))

    def everything(xp):
        conv, maps = Conv(xp.asarray(K), stride=2, pad=1), xp.asarray(x)
        y, cache = conv.forward(maps)
        return y, conv.backward(y, cache), conv.parameter_gradients(y, cache)["K"], MaxPool(3, 2).forward(maps)[0]

    found = everything(strict)
    assert set(sizes_seen) == ({1} if limit == 0 else {3})
    for a, b in zip(found, everything(np), strict=True):
        assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_an_unknown_engine_is_refused():
    with pytest.raises(EngineUnavailable, match="there is no engine 'fast': choose from plain, numpy, compiled"):
        checked("fast")


def test_a_compiled_engine_that_is_not_installed_says_what_to_install(monkeypatch):
    monkeypatch.setattr(seam, "compiled_is_installed", lambda: False)
    with pytest.raises(EngineUnavailable, match=r"needs Numba: python -m pip install -e '\.\[fast\]'"):
        checked("compiled")


PROGRAM = """
import numpy as np
from layers import MaxPool
from layers.engine import current_engine
MaxPool(2).forward(np.ones((1, 1, 4, 4)))
print(current_engine())
"""


def run(program: str, *python: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess:
    around = {key: value for key, value in os.environ.items() if key != "MINICNN_ENGINE"} | environment
    command = [sys.executable, *python, "-c", program] if not python else [sys.executable, *python]
    return subprocess.run(command, cwd=ROOT, env=around, input=typed, capture_output=True, text=True, timeout=120)


def test_the_environment_chooses():
    assert run(PROGRAM).stdout.split() == ["numpy"]
    assert run(PROGRAM, MINICNN_ENGINE="plain").stdout.split() == ["plain"]
    wrong = run(PROGRAM, MINICNN_ENGINE="quick")
    assert "MINICNN_ENGINE: there is no engine 'quick': choose from plain, numpy, compiled" in wrong.stderr


def test_under_pdb_the_definitions_run_and_a_line_says_so_once(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM.replace("MaxPool(2)", "MaxPool(2); breakpoint(); MaxPool(2)") + "print('end')\n")
    typed = "import layers.engine\np layers.engine.current_engine()\nn\nn\nn\nc\n"
    stepped = run("", str(script), typed=typed, PYTHONPATH=str(ROOT))
    assert "'plain'" in stepped.stdout
    assert stepped.stderr.count("a debugger is here, so the layers compute by their plain definitions") == 1
    told = run("", str(script), typed=typed, PYTHONPATH=str(ROOT), MINICNN_ENGINE="numpy")
    assert "'numpy'" in told.stdout
    assert "debugger" not in told.stderr


def test_a_tracer_that_measures_coverage_is_no_debugger():
    program = "import sys; sys.settrace(lambda *a: None)\n" + PROGRAM
    assert run(program).stdout.split() == ["numpy"]


def test_the_definition_is_what_inspect_shows():
    correlate = import_module("layers.convolution").correlate
    assert 'einsum("ncijuv,mcuv->nmij"' in inspect.getsource(correlate)
    assert inspect.getsource(ReLU.deconv).strip().endswith("return R * (R > 0)")


def test_every_function_of_an_engine_has_its_definition():
    for name in FAST:
        assert set(seam._functions(name)) <= set(ACCELERATED)
