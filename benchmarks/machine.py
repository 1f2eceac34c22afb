"""What the machine is, and how fast it can be at best: products of matrices, and fetching from memory."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

from .measure import in_turns

PACKAGES = ("numpy", "scipy", "numba", "torch", "captum", "jax", "dezero")


def description() -> dict[str, object]:
    """No name of the machine, no paths: only what a reader needs to compare."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := installed(name))},
        "blas": sorted(
            {f"{info['internal_api']} {info['version']} ({info.get('architecture', '?')})" for info in blas()}
        ),
        "load before": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def blas() -> list[dict]:
    return [info for info in threadpool_info() if info["user_api"] == "blas"]


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def processor() -> str:
    """As the operating system names it."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def product_rate(seconds: float) -> float:
    """Multiplications with an addition a second, in float32, of large matrices."""
    rng = np.random.default_rng(0)
    A, B = (rng.standard_normal((1024, 1024), dtype=np.float32) for _ in range(2))
    out = np.empty_like(A)
    return 1024**3 / min(in_turns({"": lambda: np.matmul(A, B, out=out)}, seconds)[""].wall)


def memory_rate(seconds: float) -> float:
    """Bytes a second fetched from memory, by the sum of a vector's products with a matrix too large for the caches."""
    W, x = np.ones((8192, 8192), np.float32), np.ones(8192, np.float32)
    return W.nbytes / min(in_turns({"": lambda: W @ x}, seconds)[""].wall)
