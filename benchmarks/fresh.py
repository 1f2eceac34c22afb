"""What only a fresh process can tell: the time of an import, of the first map from a cold start, and peak memory."""

from __future__ import annotations

import statistics
from importlib.util import find_spec
from pathlib import Path

from layers.engine import compiled_is_installed

from .processes import python

IMPORTS = {
    "import visualize": "import visualize",
    "import numpy": "import numpy",
    "import torch": "import torch",
}

OUR_FIRST_MAP = """
import numpy as np
from layers.engine import engine
from minicnn.pretrained import squeezenet
from visualize import saliency
with engine({engine!r}):
    saliency(squeezenet(), np.zeros((1, 3, 227, 227), np.float32), 0)
"""

FIRST_MAP = {
    "minicnn numpy": OUR_FIRST_MAP.format(engine="numpy"),
    "minicnn compiled": OUR_FIRST_MAP.format(engine="compiled"),
    "PyTorch": """
import torch
from tests.torch_networks import squeezenet
there = squeezenet("1_1").eval().requires_grad_(False)
I = torch.zeros(1, 3, 227, 227, requires_grad=True)
torch.autograd.grad(there(I)[:, 0].sum(), I)
""",
}

OUR_PEAK = """
from benchmarks.contenders import by_engine, our_maps
from benchmarks.fresh import most_held
by_engine({engine!r}, lambda: our_maps({name!r}, {batch}))()
print(most_held())
"""

THEIR_PEAK = """
from benchmarks.contenders import torch_maps
from benchmarks.fresh import most_held
torch_maps({name!r}, {batch})()
print(most_held())
"""


def can_run(program: str) -> bool:
    """Whether what it needs is installed."""
    return ("torch" not in program or find_spec("torch") is not None) and (
        "'compiled'" not in program or compiled_is_installed()
    )


def medians(programs: dict[str, str], repeats: int) -> dict[str, float]:
    """Seconds of each program, in turns, less what Python itself takes to start and end.

    A first time that compiles is not counted: it is longer than the median.
    """
    possible = {name: program for name, program in programs.items() if can_run(program)}
    taken: dict[str, list[float]] = {name: [] for name in ("", *possible)}
    for _ in range(repeats):
        for name, program in {"": "pass", **possible}.items():
            taken[name].append(python("-c", program)[0])
    empty = statistics.median(taken.pop(""))
    return {name: max(0.0, statistics.median(each) - empty) for name, each in taken.items()}


def most_held() -> float:
    """The most memory that this process has held, in MB.  (`ru_maxrss` may be that of the process which started it.)"""
    status = Path("/proc/self/status")
    if not status.exists():
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 2**10


def peak_megabytes(name: str, batch: int) -> dict[str, float]:
    """The most memory that a process ever held which makes one batch of maps, all included."""
    ours = {f"minicnn {each}": OUR_PEAK.format(engine=each, name=name, batch=batch) for each in ("numpy", "compiled")}
    programs = {**ours, "PyTorch": THEIR_PEAK.format(name=name, batch=batch)}
    return {who: float(python("-c", p)[1].splitlines()[-1]) for who, p in programs.items() if can_run(p)}
