"""A pickle is a program for a small machine with a stack.  This machine knows the instructions that build containers,
numbers, text and bytes, and calls nothing but what it is handed.

Python's own machine calls whatever the program names, `os.system` too, and takes whatever memory it is told to.
"""

from __future__ import annotations

import pickletools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import FileError

MOST_INSTRUCTIONS = 1_000_000  # a state dict takes about 30 for each tensor, a batch of CIFAR-10's about 100,000

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
CONTAINERS: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
LITERALS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}


@dataclass(frozen=True)
class Known:
    """A function that a program may call."""

    call: Callable[..., Any]


class Unfinished(ABC):
    """What a call gave, until the program says the rest of it (BUILD): NumPy's arrays come in these two steps."""

    finished: Any = None

    @abstractmethod
    def finish(self, state: Any) -> Any:
        """The thing itself."""


def unpickle(
    program: Any, names: Mapping[str, Any], persistent: Callable[[Any], Any] | None = None, advice: str = ""
) -> Any:
    """What the program leaves on the stack.

    program:    a file whose `read` never takes more memory than the file has bytes
    names:      what it may ask for, {"collections.OrderedDict": Known(…), …}; it can call those that are Known
    persistent: gives the object for a reference to something outside of the program (PyTorch: a storage)
    advice:     what to do about a program that asks for anything else
    """
    try:
        return run(program, names, persistent, advice)
    except FileError:
        raise
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise FileError(f"a damaged or truncated pickle ({error})") from None


def run(program: Any, names: Mapping[str, Any], persistent: Callable[[Any], Any] | None, advice: str) -> Any:
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}

    def since_mark() -> list[Any]:
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    argument: Any
    for count, (opcode, argument, _) in enumerate(pickletools.genops(program)):
        if count >= MOST_INSTRUCTIONS:
            raise FileError(f"a pickle of more than {MOST_INSTRUCTIONS:,} instructions")
        match opcode.name:
            case "PROTO" | "FRAME":
                pass
            case "STOP":
                return stack.pop()
            case name if name in CONSTANTS:
                stack.append(CONSTANTS[name])
            case name if name in CONTAINERS:
                stack.append(CONTAINERS[name]())
            case name if name in LITERALS:
                stack.append(argument)
            # ------------------------------------------------------------ containers
            case "MARK":
                marks.append(len(stack))
            case "TUPLE":
                stack.append(tuple(since_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                items = [stack.pop() for _ in range(int(opcode.name[-1]))]
                stack.append(tuple(reversed(items)))
            case "LIST":
                stack.append(since_mark())
            case "DICT":
                stack.append(put({}, since_mark()))
            case "APPEND":
                item = stack.pop()
                expected(list, stack[-1]).append(item)
            case "APPENDS":
                items = since_mark()
                expected(list, stack[-1]).extend(items)
            case "SETITEM":
                items = [stack.pop(), stack.pop()]
                put(stack[-1], items[::-1])
            case "SETITEMS":
                items = since_mark()
                put(stack[-1], items)
            # ------------------------------------------------------------ the memo: what is used more than once
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                memo[int(argument)] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                item = memo[int(argument)]
                stack.append(item.finished if isinstance(item, Unfinished) else item)
            # ------------------------------------------------------------ names, calls, and what lies outside
            case "GLOBAL":
                stack.append(find(argument.replace(" ", "."), names, advice))
            case "STACK_GLOBAL":
                name, module = stack.pop(), stack.pop()
                stack.append(find(f"{expected(str, module)}.{expected(str, name)}", names, advice))
            case "REDUCE":
                arguments, function = stack.pop(), stack.pop()
                stack.append(expected(Known, function).call(*expected(tuple, arguments)))
            case "BUILD":
                state, item = stack.pop(), stack.pop()
                if isinstance(item, Unfinished):
                    item.finished = item.finish(state)
                    stack.append(item.finished)
                else:  # the attributes of an OrderedDict, where PyTorch notes versions: nothing that is needed
                    stack.append(expected(dict, item))
            case "BINPERSID" if persistent is not None:
                stack.append(persistent(stack.pop()))
            case other:
                raise FileError(f"refused: the pickle uses the instruction {other}, which numbers never need")
    raise FileError("a pickle without an end")


def put(target: Any, items: list[Any]) -> Any:
    """Keys and values in turn into a dictionary.  Keys are text or numbers: to hash more may take for ever."""
    for key, value in zip(items[::2], items[1::2], strict=True):
        if not isinstance(key, (str, bytes, int)):
            raise FileError(f"refused: the pickle has a {type(key).__name__} as a key, where names should be")
        expected(dict, target)[key] = value
    return target


def find(name: str, names: Mapping[str, Any], advice: str) -> Any:
    if name not in names:
        raise FileError(f"refused: the pickle asks for {name!r:.80}, which is neither numbers nor a container{advice}")
    return names[name]


def expected(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind):
        raise FileError(f"a damaged pickle: a {type(value).__name__} where a {kind.__name__} should be")
    return value
