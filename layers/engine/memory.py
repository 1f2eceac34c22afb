"""Freed memory is kept for the next maps: new memory costs a page fault every 4 KiB, up to a quarter of a map's time.

By itself glibc's malloc returns the maps of a trace to the system when the trace ends, and fetches them anew for the
next one.  Other systems' allocators are left as they are.
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress

KEPT = 512 << 20  # bytes of free memory at the end of the heap before any are returned: the maps of sixteen images

TRIM_THRESHOLD, MMAP_MAX = -1, -4  # their numbers in glibc's malloc.h


def keep_freed_memory() -> None:
    """Let malloc keep what is freed, unless the environment sets it otherwise (MALLOC_…, GLIBC_TUNABLES)."""
    if sys.platform != "linux" or any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return
    with suppress(AttributeError, OSError):  # a C library that is not glibc
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(TRIM_THRESHOLD, KEPT)
        mallopt(MMAP_MAX, 0)  # no array, however large, has pages of its own, which would be returned with it
