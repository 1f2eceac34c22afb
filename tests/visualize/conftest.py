"""What the explorer's tests share: a small scene, and its explorer."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import pretrained
from visualize.explorer.explorer import Explorer


@pytest.fixture(scope="session")
def scene() -> np.ndarray:
    rows, columns = np.mgrid[:80, :90]
    return np.stack([rows * 3, columns * 2, (rows // 9 + columns // 7) % 2 * 255], axis=-1).astype(np.uint8)


@pytest.fixture(scope="session")
def explorer(scene: np.ndarray) -> Explorer:
    return Explorer(pretrained.shapes(), scene, "scene.png")
