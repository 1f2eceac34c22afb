"""How work is cut: into portions that fit into a core's cache, and into a share for each core."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from .cores import CORES

Portion = tuple[slice, slice]  # some images of a batch, and some of their rows

SUM_BYTES = 48 << 20  # partial sums take so much at most, unless one takes more


def portions(N: int, rows: int, columns: int, most: int) -> Iterator[Portion]:
    """N images of `rows` rows of so many columns, cut into portions of at most so many columns, unless a row has more.

    Whole images as long as they fit, or else about equal parts of one.
    """
    if most >= rows * columns:
        count = max(1, most // max(1, rows * columns))
        for n in range(0, N, count):
            yield slice(n, min(n + count, N)), slice(0, rows)
    else:
        for n in range(N):
            for part in shares(rows, -(-rows // max(1, most // columns))):
                yield slice(n, n + 1), part


def shares(count: int, parts: int) -> list[slice]:
    """0 … count − 1 in about equal parts, one after the other."""
    ends = [count * part // parts for part in range(parts + 1)]
    return [slice(start, stop) for start, stop in pairwise(ends)]


def shares_to_sum(count: int, nbytes: int) -> list[slice]:
    """A share for each core, of each of which it makes a sum; fewer, if sums of so many bytes would take too much.

    A sum counts twice, for what is about to be added is as large.
    """
    return shares(count, max(1, min(CORES, count, SUM_BYTES // max(1, 2 * nbytes))))
