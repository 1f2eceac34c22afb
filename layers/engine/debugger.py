"""Is somebody stepping through this program?  Then the definitions run, so that the equation is among the lines."""

from __future__ import annotations

import bdb
import sys
from functools import cache


def debugger_is_here() -> bool:
    """Whether a debugger traces this thread; the first time that one does, a line on stderr says what follows."""
    if not (_traces(sys.gettrace()) or _monitors()):
        return False
    _say_so()
    return True


def _traces(function: object) -> bool:
    """Whether a trace function is a debugger's: pdb's (and what is made of it), or debugpy's.  Coverage's is not."""
    owner = getattr(function, "__self__", function)
    return isinstance(owner, bdb.Bdb) or "pydevd" in (getattr(type(owner), "__module__", None) or "")


def _monitors() -> bool:
    """From Python 3.12 on a debugger may use sys.monitoring instead, and registers there."""
    monitoring = getattr(sys, "monitoring", None)
    return monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None


@cache
def _say_so() -> None:
    print(
        "minicnn: a debugger is here, so the layers compute by their plain definitions"
        " (MINICNN_ENGINE=numpy: as fast as otherwise)",
        file=sys.stderr,
    )
