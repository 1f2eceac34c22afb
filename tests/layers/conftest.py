"""Every layer is tested with each array module: here `rng` draws where `xp` computes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.devices import Draws


@pytest.fixture
def rng(draws: Draws) -> Draws:
    return draws


@pytest.fixture
def host_rng() -> np.random.Generator:
    """NumPy's own generator, for comparisons with libraries that know NumPy only."""
    return np.random.default_rng(0)
