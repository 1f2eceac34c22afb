"""Photographs to try things on, from the installed scikit-image (extra `demo`); all are in the public domain."""

from __future__ import annotations

import numpy as np

from .extras import package_folder
from .images import read_photo

PHOTOGRAPHS = {  # name → file in skimage/data; CC0
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
}


def photograph(name: str) -> np.ndarray:
    """One of PHOTOGRAPHS by name: (H, W, 3) bytes.  Raises MissingPackage without scikit-image."""
    if name not in PHOTOGRAPHS:
        raise ValueError(f"there is no photograph {name!r}: choose from {', '.join(PHOTOGRAPHS)}")
    return read_photo(package_folder("skimage", "demo", f"the photograph {name}") / "data" / PHOTOGRAPHS[name])
