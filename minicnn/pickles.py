"""Pickles, read by Python's own `Unpickler`, which builds containers, text and numbers, and calls nothing else.

A pickle is a program that may ask for anything by name.  Here a name means what a table says (`find_class`: see
"Restricting Globals" in Python's documentation); any other name becomes an inert placeholder, which takes what it is
given and does nothing.  So a checkpoint may hold whatever its writer put beside the weights.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable
from typing import Any

from .errors import FileError

MOST_INSTRUCTIONS = 1_000_000  # a state dict takes about 30 for each tensor, a batch of CIFAR-10's about 100,000
MOST_PARTS = 100_000  # of a tuple, counted through the tuples inside it


class Known:
    """A function that a program may call."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call

    def __call__(self, *arguments: Any) -> Any:
        return self.call(*arguments)

    def __setstate__(self, state: Any) -> None:
        """A program may not change it."""


class Unknown:
    """What stands for an object whose class is not in the table."""

    name = ""

    def __new__(cls, *arguments: Any, **more: Any) -> Unknown:
        return super().__new__(cls)

    def ignore(self, *arguments: Any, **more: Any) -> None:
        """Whatever the program wants to put into the object."""

    __init__ = __setstate__ = __setitem__ = append = extend = add = ignore


class Ordered(dict[Any, Any]):
    """collections.OrderedDict: dictionaries keep their order by themselves now.  Its attributes are not needed."""

    def __setstate__(self, state: Any) -> None:
        """PyTorch notes versions of modules there."""


class Table(dict[str, Any]):
    """What a program may ask for by name, and a placeholder for all else."""

    def __missing__(self, name: str) -> Any:
        return Known(Ordered) if name == "collections.OrderedDict" else type("Unknown", (Unknown,), {"name": name})


class Reader(pickle.Unpickler):
    """Python's unpickler with a table, and `persistent` for references to what lies outside of the pickle."""

    def __init__(self, program: io.BytesIO, table: Table, persistent: Callable[[Any], Any] | None) -> None:
        super().__init__(program, encoding="latin1")
        self.table, self.persistent = table, persistent

    def find_class(self, module: str, name: str) -> Any:
        return self.table[f"{module}.{name}"]

    def persistent_load(self, identity: Any) -> Any:
        if self.persistent is None:
            raise pickle.UnpicklingError("a reference to something outside of the pickle")
        return self.persistent(identity)


def unpickle(program: io.BytesIO, table: Table, persistent: Callable[[Any], Any] | None = None) -> Any:
    """What the pickle at the present place of `program` makes; if it is damaged, whatever the unpickler raises."""
    begin = program.tell()
    inspect(program)
    end = program.tell()
    program.seek(begin)
    made = Reader(program, table, persistent).load()
    program.seek(end)
    return made


def inspect(program: io.BytesIO) -> None:
    """Refuses a pickle that would cost more than its bytes: Python's unpickler does what it says.

    Two things cost more: a place in its memory far beyond the others, and tuples within tuples, each used twice: a few
    hundred bytes are 2¹⁰⁰ parts to whoever hashes or compares them.
    """
    size, memo = len(program.getbuffer()), dict[int, int]()
    stack: list[int] = []  # for each value its parts: 1, or for a tuple the sum; 0 is a mark
    for count, (opcode, argument, _) in enumerate(pickletools.genops(program)):
        if count >= MOST_INSTRUCTIONS:
            raise FileError(f"a pickle of more than {MOST_INSTRUCTIONS:,} instructions")
        before, name, parts = opcode.stack_before, opcode.name, 1
        if name.endswith("PUT") or name == "MEMOIZE":
            place = len(memo) if name == "MEMOIZE" else int(argument or 0)
            if place > size:
                raise FileError(f"a damaged pickle: place {place} of its memory")
            memo[place] = stack[-1]
        elif name.endswith("GET"):
            stack.append(memo[int(argument or 0)])
        elif name in ("DUP", "MARK"):
            stack.append(stack[-1] if name == "DUP" else 0)
        else:
            if pickletools.markobject in before:
                mark = len(stack) - 1 - stack[::-1].index(0)
                parts += sum(stack[mark:])
                del stack[mark:]
                before = before[: before.index(pickletools.markobject)]
            parts += sum(stack.pop() for _ in before)
            is_tuple = name.startswith(("TUPLE", "REDUCE", "NEWOBJ", "FROZENSET"))
            if is_tuple and parts > MOST_PARTS:
                raise FileError(f"a pickle with a tuple of more than {MOST_PARTS:,} parts")
            stack.extend([parts if is_tuple else 1] * len(opcode.stack_after))


def expected(kind: Any, value: Any) -> Any:
    """The value, if it is of this kind."""
    if not isinstance(value, kind):
        names = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise FileError(f"a damaged pickle: a {type(value).__name__} where a {names} should be")
    return value
