"""What the wrong entries of a gradient have in common, in words that point to the mistake.

Each pattern is a function of a few lines: it takes a comparison and returns a sentence, or "" where it does not apply.
`SIMPLE` and `HOW` say how the numbers are related, `WHERE` where the wrong ones are; of each the first that applies is
taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np

CLOSE = 1e-5  # of the larger number, or of the gradient's typical size: central differences are no better


@dataclass(frozen=True)
class Compared:
    """Entries of a gradient: as they were given, and by central differences.

    yours, numeric: the entries' values (E,)
    index:          where they are in the gradient (E, dimensions)
    shape:          of the whole gradient
    reach:          how many outputs each entry of x changes (E,)
    """

    yours: np.ndarray
    numeric: np.ndarray
    index: np.ndarray
    shape: tuple[int, ...]
    reach: np.ndarray

    @property
    def distance(self) -> np.ndarray:
        """|yours − numeric|; infinite where yours is not a number."""
        return np.nan_to_num(np.abs(self.yours - self.numeric), nan=np.inf)

    @property
    def wrong(self) -> np.ndarray:
        """Which entries differ."""
        return ~self.close(self.yours, self.numeric)

    @property
    def whole(self) -> bool:
        """Whether all entries were compared."""
        return len(self.numeric) == int(np.prod(self.shape))

    def close(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Which numbers agree up to the error of central differences; NaN and infinity never do."""
        typical = float((self.numeric**2).mean()) ** 0.5
        finite = np.isfinite(a) & np.isfinite(b)
        return finite & (np.abs(a - b) <= CLOSE * np.maximum(np.maximum(np.abs(a), np.abs(b)), typical))


def pattern(c: Compared, suspects: Iterable[tuple[str, np.ndarray]] = ()) -> str:
    """How the wrong entries differ, and where they are; "" if there is no pattern.

    suspects: pairs (description, the array that a mistake would give), computed one after the other.
    """
    if not c.wrong.any():
        return "each is off by less than a step can show; is something computed in single precision?"
    suspected = (text for text, other in suspects if same_shape_and_close(c, other))
    how = next(filter(None, (find(c) for find in SIMPLE)), "") or next(suspected, "")
    how = how or next(filter(None, (find(c) for find in HOW)), "")
    where = "" if c.wrong.all() else next(filter(None, (find(c) for find in WHERE)), "")
    return "; ".join(filter(None, [how, where]))


# ---------------------------------------------------------------------- how the numbers are related


def not_a_number(c: Compared) -> str:
    count = int((~np.isfinite(c.yours)).sum())
    return f"{count} {'is' if count == 1 else 'are'} not finite (NaN or infinite)" if count else ""


def nothing_at_all(c: Compared) -> str:
    return "every entry is zero" if not c.yours.any() else ""


def constant_ratio(c: Compared) -> str:
    """yours = factor · numeric: a factor is missing, doubled, or has the wrong sign."""
    size = float((c.numeric**2).sum())
    factor = float((c.yours * c.numeric).sum()) / size if size else 0.0
    if factor == 0 or len(c.numeric) < 2 or not c.close(c.yours, factor * c.numeric).all():
        return ""
    meaning = {-1.0: ": the sign is wrong", 0.5: ": a factor of 2 is missing", 2.0: ": counted twice"}
    return f"all entries are {factor:.3f} times the numeric ones" + meaning.get(round(factor, 6), "")


def constant_offset(c: Compared) -> str:
    """yours = numeric + constant."""
    offset = float((c.yours - c.numeric).mean())
    if len(c.numeric) < 2 or not c.close(c.yours, c.numeric + offset).all():
        return ""
    return f"all entries are too {'large' if offset > 0 else 'small'} by {abs(offset):.3g}"


def sign_lost(c: Compared) -> str:
    return "the sizes are right, the signs are lost" if c.close(np.abs(c.yours), np.abs(c.numeric)).all() else ""


def mirrored(c: Compared) -> str:
    """yours = numeric, flipped along some axes."""
    yours, numeric = grids(c)
    axes = [axis for axis in range(numeric.ndim) if numeric.shape[axis] > 1]
    for turned in (t for count in range(1, len(axes) + 1) for t in combinations(axes, count)):
        if c.close(yours, np.flip(numeric, turned)).all():
            return f"the right numbers in the wrong order: {axes_named(turned)} run{'s' * (len(turned) == 1)} backwards"
    return ""


def transposed(c: Compared) -> str:
    """yours = numeric with two axes or more exchanged, where their lengths allow it; or read in another order."""
    yours, numeric = grids(c)
    for order in permutations(range(numeric.ndim)):
        turned = numeric.transpose(order)
        moved = tuple(axis for axis, source in enumerate(order) if axis != source)
        if moved and turned.size and c.close(yours.reshape(-1), turned.reshape(-1)).all():
            return f"transposed: {axes_named(moved)} are exchanged"
    return ""


def shifted(c: Compared) -> str:
    """yours = numeric, shifted by one along an axis."""
    yours, numeric = grids(c)
    for axis in range(numeric.ndim):
        if numeric.shape[axis] > 2:
            a, b = np.moveaxis(yours, axis, 0), np.moveaxis(numeric, axis, 0)
            for text, left, right in (("far", a[1:], b[:-1]), ("early", a[:-1], b[1:])):
                if c.close(left, right).all():
                    return f"the right numbers, one place too {text} along {axes_named((axis,))}"
    return ""


def zero_by_mistake(c: Compared) -> str:
    return "zero where it should not be" if not c.yours[c.wrong].any() else ""


def something_by_mistake(c: Compared) -> str:
    nothing = c.close(c.numeric, np.zeros_like(c.numeric))
    return "not zero where it should be zero" if nothing[c.wrong].all() else ""


def same_factor(c: Compared) -> str:
    """The wrong entries alone have one ratio."""
    yours, numeric = c.yours[c.wrong], c.numeric[c.wrong]
    factor = float((yours * numeric).sum()) / max(float((numeric**2).sum()), 1e-300)
    if len(yours) < 2 or not c.close(yours, factor * numeric).all():
        return ""
    return f"the wrong ones are {factor:.3f} times the numeric ones"


# ---------------------------------------------------------------------- where the wrong ones are


def one_entry(c: Compared) -> str:
    return f"only the entry {tuple(map(int, c.index[c.wrong][0]))}" if c.wrong.sum() == 1 else ""


def some_slices(c: Compared) -> str:
    """The wrong entries are exactly those at some indices of an axis: of some images, of some channels."""
    for axis in range(min(2, len(c.shape))):
        at = sorted({int(i) for i in c.index[c.wrong, axis]})
        if len(at) < c.shape[axis] and c.wrong[np.isin(c.index[:, axis], at)].mean() > 0.9:
            return f"only at {', '.join(map(str, at))} of {axes_named((axis,))}"
    return ""


def border(c: Compared) -> str:
    """The wrong entries are those within some pixels of the maps' border."""
    if len(c.shape) != 4 or min(c.shape[2:]) < 3:
        return ""
    rows, columns = c.index[:, 2:].T
    depth = np.min([rows, columns, c.shape[2] - 1 - rows, c.shape[3] - 1 - columns], axis=0)
    width = int(depth[c.wrong].max()) + 1
    if not (depth >= width).any() or 2 * width >= min(c.shape[2:]):
        return ""
    return f"only the border, {width} {'pixel' if width == 1 else 'pixels'} wide"


def used_several_times(c: Compared) -> str:
    """Entries that reach one output are right, those that reach several are wrong: their sum is."""
    several = c.reach > 1
    if not several[c.wrong].all() or several.all():
        return ""
    return (
        "only where several outputs read the same input: are their gradients added up, or does one overwrite another?"
    )


def every_other(c: Compared) -> str:
    """The wrong entries are every second, third or fourth row or column: a stride."""
    for axis in range(2, len(c.shape)):
        for stride, th in ((2, "2nd"), (3, "3rd"), (4, "4th")):
            at = {int(i) for i in c.index[c.wrong, axis]}
            if len({i % stride for i in at}) == 1 < len(at):
                return f"only at every {th} place of {axes_named((axis,))}: is the stride right?"
    return ""


SIMPLE = (not_a_number, nothing_at_all, constant_ratio, constant_offset)  # before the suspects are computed
HOW = (sign_lost, mirrored, transposed, shifted, zero_by_mistake, something_by_mistake, same_factor)
WHERE = (one_entry, border, used_several_times, some_slices, every_other)


# ---------------------------------------------------------------------- helpers


def grids(c: Compared) -> tuple[np.ndarray, np.ndarray]:
    """yours and numeric in the gradient's shape; 0 and 1 if only some entries were compared: no pattern fits these."""
    if not c.whole:
        return np.zeros(()), np.ones(())
    return c.yours.reshape(c.shape), c.numeric.reshape(c.shape)


def axes_named(axes: tuple[int, ...]) -> str:
    """axis 1; axes 2 and 3."""
    numbers = [str(axis) for axis in axes]
    return f"axis {numbers[0]}" if len(axes) == 1 else f"axes {', '.join(numbers[:-1])} and {numbers[-1]}"


def same_shape_and_close(c: Compared, other: np.ndarray) -> bool:
    return other.shape == c.yours.shape and bool(c.close(c.yours, other).all())
