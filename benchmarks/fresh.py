"""What only a fresh process can tell: the time of an import, of the first map from a cold start, and peak memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

IMPORTS = {
    "import visualize": "import visualize",
    "import numpy": "import numpy",
    "import torch": "import torch",
}

FIRST_MAP = {
    "minicnn": """
import numpy as np
from minicnn.pretrained import squeezenet
from visualize import saliency
saliency(squeezenet(), np.zeros((1, 3, 227, 227), np.float32), 0)
""",
    "PyTorch": """
import torch
from tests.torch_networks import squeezenet
there = squeezenet("1_1").eval().requires_grad_(False)
I = torch.zeros(1, 3, 227, 227, requires_grad=True)
torch.autograd.grad(there(I)[:, 0].sum(), I)
""",
}

PEAK = {
    "minicnn": """
import numpy as np
from benchmarks.fresh import most_held
from minicnn import architectures
from visualize import saliency
rng = np.random.default_rng(0)
net = architectures.build({name!r}, rng)
x = rng.standard_normal(({batch}, *architectures.architecture({name!r}).input_shape), dtype=np.float32)
saliency(net, x, 0)
print(most_held())
""",
    "PyTorch": """
import torch
from benchmarks.fresh import most_held
from minicnn import architectures
from tests.torch_networks import IN_TORCH
there = IN_TORCH[{name!r}]().eval().requires_grad_(False)
I = torch.randn(({batch}, *architectures.architecture({name!r}).input_shape), requires_grad=True)
torch.autograd.grad(there(I)[:, 0].sum(), I)
print(most_held())
""",
}


def run(program: str) -> tuple[float, str]:
    """Seconds that a fresh Python takes for the program, and what it prints."""
    began = time.perf_counter()
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=os.environ)
    seconds = time.perf_counter() - began
    if result.returncode:
        raise RuntimeError(f"{program}\n{result.stderr}")
    return seconds, result.stdout


def medians(programs: dict[str, str], repeats: int) -> dict[str, float]:
    """Seconds of each program, in turns, less what Python itself takes to start and end."""
    wanted = {name: p for name, p in programs.items() if "torch" not in p or find_spec("torch")}
    taken: dict[str, list[float]] = {name: [] for name in ("", *wanted)}
    for _ in range(repeats):
        for name, program in {"": "pass", **wanted}.items():
            taken[name].append(run(program)[0])
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
    wanted = {who: p for who, p in PEAK.items() if "torch" not in p or find_spec("torch")}
    return {who: float(run(p.format(name=name, batch=batch))[1]) for who, p in wanted.items()}
