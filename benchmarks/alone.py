"""One contender at one work, alone in a process:  python -m benchmarks.alone WORK CONTENDER SECONDS LEAST

Threads that spin in one library spoil the next one's turn, so contenders never share a process.  Nothing is imported
but what this contender needs.  The last line printed is JSON: {"wall": [seconds, …], "cores": [seconds, …]}, or
{"absent": "why it cannot be had here"}.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from layers.engine import EngineUnavailable

from .contenders import Absent
from .measure import repeated
from .works import WORKS

PEERS = ("torch", "captum", "dezero", "jax", "skimage")


def outcome(work: str, contender: str, seconds: float, least: int) -> dict[str, object]:
    """What the process prints: the contender's times, or why there is none."""
    try:
        run = WORKS[work]().contenders[contender]()
    except ModuleNotFoundError as error:
        if error.name not in PEERS:
            raise
        return {"absent": f"{error.name} is not installed"}
    except (Absent, EngineUnavailable) as error:
        return {"absent": str(error)}
    return asdict(repeated(run, seconds, least))


if __name__ == "__main__":
    work, contender, seconds, least = sys.argv[1:]
    print(json.dumps(outcome(work, contender, float(seconds), int(least))))
