"""Files as MatConvNet lays them out, written with SciPy: structs are dicts, cell arrays are arrays of objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io


def cells(*contents: object) -> np.ndarray:
    """A cell array 1×n."""
    row = np.empty((1, len(contents)), object)
    for n, content in enumerate(contents):
        row[0, n] = content
    return row


def row(*numbers: float) -> np.ndarray:
    """What MATLAB makes of [1 2 3]: doubles, 1×n."""
    return np.array([numbers], np.float64)


def stored_kernels(K: np.ndarray) -> np.ndarray:
    """(M, C, kh, kw) → (kh, kw, C, M), number by number."""
    M, C, kh, kw = K.shape
    stored = np.empty((kh, kw, C, M), K.dtype)
    for m, c, u, v in np.ndindex(K.shape):
        stored[u, v, c, m] = K[m, c, u, v]
    return stored


def conv(name: str, K: np.ndarray, b: np.ndarray, stride=(1, 1), pad=(0, 0, 0, 0), spelling: str = "new") -> dict:
    weights = {"filters": stored_kernels(K), "biases": b[None]}
    if spelling == "new":
        weights = {"weights": cells(stored_kernels(K), b[None])}
    return {"type": "conv", "name": name, **weights, "stride": row(*stride), "pad": row(*pad)}


def relu(name: str) -> dict:
    return {"type": "relu", "name": name}


def pool(name: str, size: int, stride: int, pad=(0, 0, 0, 0), method: str = "max") -> dict:
    geometry = {"pool": row(size, size), "stride": row(stride, stride), "pad": row(*pad)}
    return {"type": "pool", "name": name, "method": method, **geometry}


def write(
    path: Path, layers: list[dict], normalization=None, classes=None, spelling="new", top=None, compressed=False
) -> Path:
    """The file as `save('-struct', 'net')` writes it."""
    described = {}
    if normalization is not None:
        described["normalization"] = normalization
    if classes is not None:
        wnids = cells(*(f"n{n:08}" for n in range(len(classes))))
        described["classes"] = {"name": wnids, "description": cells(*classes)}
    net = {"layers": cells(*layers), **(described if spelling == "old" else {"meta": described})}
    scipy.io.savemat(path, {top: net} if top else net, do_compression=compressed)
    return path
