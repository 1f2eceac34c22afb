"""A fresh Python for each thing that is measured: whatever spins, caches or holds memory there ends with it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class Failed(RuntimeError):
    """A program ended with an error; the message is what it wrote last."""


def python(*arguments: str) -> tuple[float, str]:
    """Seconds that a fresh Python takes with these arguments, and what it prints."""
    began = time.perf_counter()
    result = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT)
    seconds = time.perf_counter() - began
    if result.returncode:
        raise Failed((result.stderr.strip() or f"exit code {result.returncode}").splitlines()[-1])
    return seconds, result.stdout
