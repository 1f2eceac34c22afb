"""A strict stand-in for CuPy: NumPy inside, and outside it refuses what CuPy refuses.  No GPU and no CuPy is needed.

`strict` is a module to the eye: `strict.zeros(3)` gives a `strict_cupy.ndarray`, which is a wrapper and no subclass of
NumPy's (a subclass would pass every function that asks for an array).  It has the names and takes the arguments of
CuPy's table (`cupy_api.py`), and raises CuPy's exceptions:

- no array of the device becomes one of NumPy's by itself: only `.get()`, `asnumpy` and the numbers of `.item()`,
  `float(x)`, `bool(x)`, … cross over, and they are counted; inside `no_waiting()` they raise `HiddenTransfer`;
- arrays of the device and of the host do not mix, in arithmetic, in calls, as what is assigned;
- an array of the device is no index of a list and no length of a range;
- results of reductions and of indexing are arrays with no axes, on the device.

Where CuPy lets pass what is a mistake all the same, the stand-in is stricter: `empty` is full of NaN; assigning
different values to one place twice, which CuPy leaves undefined, is refused; so are NumPy's functions on arrays of the
device (CuPy's would take them over, but a layer should say `xp.`), lists and NumPy's arrays as indices (CuPy sends them
over), and CuPy's functions on NumPy's arrays (some of CuPy's compute them on the CPU and say nothing).
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from tests.cupy_api import signature, table

IMPLICIT = (
    "Implicit conversion to a NumPy array is not allowed. "
    "Please use `.get()` to construct a NumPy array explicitly."
)  # fmt: skip


class HiddenTransfer(AssertionError):
    """An array crossed between host and device where nothing should."""


class UndefinedInCuPy(AssertionError):
    """CuPy would do this, and nobody can say with what result."""


# ---------------------------------------------------------------------- crossings


class Transfers:
    """How many crossings there were.  One to the host waits until the device has computed what was asked of it."""

    def __init__(self) -> None:
        self.to_host = self.to_device = 0
        self.forbidden: tuple[str, ...] = ()

    def count(self, direction: str, how: str) -> None:
        if direction in self.forbidden:
            raise HiddenTransfer(f"{how} moves an array {direction.replace('_', ' ')}")
        setattr(self, direction, getattr(self, direction) + 1)


transfers = Transfers()


@contextmanager
def watching() -> Iterator[SimpleNamespace]:
    """Counts the crossings inside the block: `with watching() as seen: …`, then seen.to_host, seen.to_device."""
    before, seen = (transfers.to_host, transfers.to_device), SimpleNamespace(to_host=0, to_device=0)
    try:
        yield seen
    finally:
        seen.to_host, seen.to_device = transfers.to_host - before[0], transfers.to_device - before[1]


@contextmanager
def forbidden(*directions: str) -> Iterator[None]:
    before, transfers.forbidden = transfers.forbidden, directions
    try:
        yield
    finally:
        transfers.forbidden = before


def no_waiting() -> Any:
    """Inside this block nothing may come back to the host: the device would be waited for."""
    return forbidden("to_host")


def no_transfers() -> Any:
    """Inside this block nothing may cross, in neither direction."""
    return forbidden("to_host", "to_device")


# ---------------------------------------------------------------------- arrays


class ndarray:
    """An array of the device."""

    __slots__ = ("__weakref__", "_a")
    __array_priority__ = 1000
    __array_ufunc__ = None  # NumPy's arrays and functions leave arithmetic with this one to it; it refuses
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, array: np.ndarray) -> None:
        self._a = array

    def __array_namespace__(self, api_version: str | None = None) -> ModuleType:
        return strict

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise TypeError(IMPLICIT)

    def __array_function__(self, function: Callable, types: Any, args: Any, kwargs: Any) -> Any:
        if function in (np.shape, np.ndim, np.size):
            return function(self._a)
        raise TypeError(f"numpy.{function.__name__} on an array of the device: write xp.{function.__name__}")

    @property
    def __array_interface__(self) -> Any:
        raise AttributeError("'ndarray' object has no attribute '__array_interface__'")

    # -- what an array is

    shape = property(lambda self: self._a.shape)
    dtype = property(lambda self: self._a.dtype)
    ndim = property(lambda self: self._a.ndim)
    size = property(lambda self: self._a.size)
    itemsize = property(lambda self: self._a.itemsize)
    nbytes = property(lambda self: self._a.nbytes)
    strides = property(lambda self: self._a.strides)
    T = property(lambda self: ndarray(self._a.T))
    mT = property(lambda self: ndarray(self._a.mT))
    real = property(lambda self: ndarray(self._a.real))
    imag = property(lambda self: ndarray(self._a.imag))

    @property
    def flags(self) -> SimpleNamespace:
        """CuPy's have no `writeable`."""
        flags = self._a.flags
        return SimpleNamespace(
            c_contiguous=flags.c_contiguous, f_contiguous=flags.f_contiguous, owndata=flags.owndata
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self._a)

    def __iter__(self) -> Iterator[ndarray]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[n] for n in range(len(self)))

    # -- crossings: everything that needs the numbers on the host

    def get(self, *args: Any, **kwargs: Any) -> np.ndarray:
        bound("get", table()["ndarray"]["get"], args, kwargs)
        transfers.count("to_host", ".get()")
        return self._a.copy()

    def item(self) -> Any:
        transfers.count("to_host", ".item()")
        return self._a.item()

    def tolist(self) -> Any:
        transfers.count("to_host", ".tolist()")
        return self._a.tolist()

    def _number(self, kind: Callable) -> Any:
        if self.size != 1:
            raise TypeError("only size-1 arrays can be converted to Python scalars")
        transfers.count("to_host", f"{kind.__name__}(array)")
        return kind(self._a.item())

    def __float__(self) -> float:
        return self._number(float)

    def __int__(self) -> int:
        return self._number(int)

    def __complex__(self) -> complex:
        return self._number(complex)

    def __bool__(self) -> bool:
        if self.size != 1:
            return bool(self._a)  # raises, as NumPy does
        return self._number(bool)

    def __repr__(self) -> str:
        return f"strict {self._a!r}"  # not counted: a debugger and pytest look whenever they like

    def __str__(self) -> str:
        transfers.count("to_host", "str(array)")
        return str(self._a)

    def __format__(self, spec: str) -> str:
        transfers.count("to_host", "format(array)")
        return format(self._a, spec) if self.ndim else format(self._a.item(), spec)

    def __copy__(self) -> ndarray:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> ndarray:
        return self.copy()

    # -- indexing

    def __getitem__(self, index: Any) -> ndarray:
        places = host_index(index)
        if any(isinstance(place, np.ndarray) and place.dtype == bool for place in places):
            transfers.count("to_host", "array[mask]")  # how many there are is only known once they are counted
        if not any(place is Ellipsis for place in places):
            places = (*places, Ellipsis)  # so that a single place is an array with no axes, and a view
        return ndarray(self._a[places])

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, np.ndarray | list | tuple) and np.ndim(value) > 0:
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        places, value = host_index(index), operand(value)
        if np.ndim(value) and any(isinstance(place, np.ndarray) and place.dtype != bool for place in places):
            numbers = np.arange(self.size).reshape(self.shape)[places]
            if np.unique(numbers).size < numbers.size:
                raise UndefinedInCuPy("assignment to an array with repeated indices")
        self._a[places] = value


def host_index(index: Any) -> tuple:
    """What stands between the brackets, for NumPy."""
    places = []
    for place in index if isinstance(index, tuple) else (index,):
        if isinstance(place, ndarray):
            places.append(place._a)
        elif place is None or place is Ellipsis or isinstance(place, slice | int | np.integer):
            places.append(place)
        else:
            raise TypeError(f"{type(place).__name__} as an index of an array of the device: CuPy would send it over")
    for place in places:
        if isinstance(place, slice):
            for end in (place.start, place.stop, place.step):
                if isinstance(end, ndarray):
                    raise TypeError("'ndarray' object cannot be interpreted as an integer")
    return tuple(places)


def operand(value: Any) -> Any:
    """One side of an operation, for NumPy: arrays of the device and numbers, nothing else."""
    if isinstance(value, ndarray):
        return value._a
    if isinstance(value, bool | int | float | complex | np.generic):
        return value
    raise TypeError(f"Unsupported type {type(value)}")


def on_device(result: Any) -> Any:
    """A result of NumPy's, as CuPy would give it."""
    if isinstance(result, np.ndarray | np.generic):
        return ndarray(np.asarray(result))
    if isinstance(result, tuple | list):
        return type(result)(map(on_device, result))
    return result


BINARY = [
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "divmod",
    "pow",
    "matmul",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
]
COMPARISONS = ["lt", "le", "eq", "ne", "ge", "gt"]


def _binary(name: str) -> None:
    function = divmod if name == "divmod" else getattr(operator, {"and": "and_", "or": "or_"}.get(name, name))

    def forward(self: ndarray, other: Any) -> Any:
        return on_device(function(self._a, operand(other)))

    def reflected(self: ndarray, other: Any) -> Any:
        return on_device(function(operand(other), self._a))

    def in_place(self: ndarray, other: Any) -> ndarray:
        result = getattr(operator, f"i{name}")(self._a, operand(other))
        assert result is self._a
        return self

    setattr(ndarray, f"__{name}__", forward)
    if name in BINARY:
        setattr(ndarray, f"__r{name}__", reflected)
    if name in BINARY and name not in ("divmod", "matmul"):
        setattr(ndarray, f"__i{name}__", in_place)


for _name in BINARY + COMPARISONS:
    _binary(_name)
for _function in (operator.neg, operator.pos, operator.abs, operator.invert):
    setattr(ndarray, f"__{_function.__name__}__", lambda self, f=_function: on_device(f(self._a)))

# ---------------------------------------------------------------------- functions and methods

HOST_TOO = ("asarray", "array", "asanyarray")  # functions that exist to take what lies on the host
FROM_NOTHING = {  # functions that need no array of the device
    *HOST_TOO, "zeros", "ones", "empty", "full", "arange", "eye", "identity", "linspace", "logspace", "tri", "indices",
    "result_type", "can_cast", "promote_types", "min_scalar_type", "finfo", "iinfo", "dtype", "broadcast_shapes", "ix_",
    "ndim", "shape", "size", "isscalar", "meshgrid",
}  # fmt: skip
LENGTHS = {  # parameters that are whole numbers or tuples of them, and no arrays
    "shape", "axis", "axes", "axis1", "axis2", "newshape", "n", "N", "M", "num", "repeats", "reps", "window_shape",
    "pad_width", "start", "stop", "step", "source", "destination", "k", "indices_or_sections", "ndmin",
}  # fmt: skip
COUNTING = {"nonzero", "argwhere", "flatnonzero", "unique", "extract", "compress"}  # how long their result is, they ask


def bound(name: str, text: str, args: tuple, kwargs: dict) -> dict[str, Any]:
    """The arguments by the names that CuPy has for them; TypeError for one that it does not take."""
    try:
        return signature(text).bind(*args, **kwargs).arguments
    except TypeError as error:
        raise TypeError(f"{name}(): {error}; CuPy has {name}({text})") from None


def find(kind: type, value: Any) -> bool:
    """Whether there is an object of this kind among the arguments, however deep in lists and tuples."""
    if isinstance(value, list | tuple):
        return any(find(kind, part) for part in value)
    if isinstance(value, dict):
        return any(find(kind, part) for part in value.values())
    return isinstance(value, kind)


def unwrapped(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(map(unwrapped, value))
    return value._a if isinstance(value, ndarray) else value


def refuse_arrays_as_lengths(arguments: dict[str, Any]) -> None:
    for parameter in LENGTHS & arguments.keys():
        if find(ndarray, arguments[parameter]):
            raise TypeError("'ndarray' object cannot be interpreted as an integer")


def called(name: str, function: Callable, text: str, args: tuple, kwargs: dict, method: bool = False) -> Any:
    """NumPy's function, with what CuPy would have to say before and after."""
    arguments = bound(name, text, args, kwargs)
    refuse_arrays_as_lengths(arguments)
    if method and "shape" in arguments and find(ndarray, arguments["shape"]):
        raise TypeError("iteration over a 0-d array")
    if name not in HOST_TOO:
        if find(np.ndarray, (args, kwargs)):
            raise TypeError("Argument has incorrect type (expected cupy.ndarray, got numpy.ndarray)")
        if not method and name not in FROM_NOTHING and not find(ndarray, (args, kwargs)):
            raise TypeError(f"cupy.{name} of nothing that lies on the device")
    elif not find(ndarray, args):
        transfers.count("to_device", f"cupy.{name}()")
    if name in COUNTING or (name == "where" and "x" not in arguments):
        transfers.count("to_host", f"{name}()")
    out = kwargs.get("out")
    result = function(*map(unwrapped, args), **{key: unwrapped(value) for key, value in kwargs.items()})
    if name in ("empty", "empty_like"):
        result.fill(np.nan if result.dtype.kind in "fc" else np.iinfo(result.dtype).max if result.dtype != bool else 1)
    return out if isinstance(out, ndarray) else on_device(result)


def _method(name: str, text: str) -> None:
    def method(self: ndarray, *args: Any, **kwargs: Any) -> Any:
        if name == "astype" and "casting" in kwargs:
            raise TypeError("casting is not supported yet")
        if name == "fill" and args and np.ndim(args[0]):
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        if name in ("tobytes", "tofile", "dump", "dumps"):
            transfers.count("to_host", f".{name}()")
        return called(name, getattr(self._a, name), text, args, kwargs, method=True)

    setattr(ndarray, name, method)


for _name, _text in table()["ndarray"].items():
    if _text is not None and not _name.startswith("_") and _name not in vars(ndarray) and hasattr(np.ndarray, _name):
        _method(_name, _text)


class Module(ModuleType):
    """`cupy`, or a module in it: the names of CuPy's table, and no other."""

    def __init__(self, prefix: str) -> None:
        super().__init__(f"cupy.{prefix}".rstrip("."))
        self.__spec__ = ModuleSpec(self.__name__, loader=None)
        self._prefix = f"{prefix}." if prefix else ""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        full, functions = self._prefix + name, table()["functions"]
        if any(other.startswith(f"{full}.") for other in functions):
            value: Any = Module(full)
        elif full not in functions:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        else:
            value = numpys(full)
            if functions[full] is not None:
                value = self._function(full, value, functions[full])
        setattr(self, name, value)
        return value

    def _function(self, name: str, function: Callable, text: str) -> Callable:
        def function_of_cupy(*args: Any, **kwargs: Any) -> Any:
            return called(name, function, text, args, kwargs)

        function_of_cupy.__name__ = name
        return function_of_cupy


def numpys(name: str) -> Any:
    """What NumPy has under this name."""
    value: Any = np
    for part in name.split("."):
        value = getattr(value, part)
    return value


def array(a: Any, *args: Any, **kwargs: Any) -> ndarray:
    """A copy on the device, of whatever it is."""
    kwargs = {key: value for key, value in kwargs.items() if key != "blocking"}
    return called("array", np.array, table()["functions"]["array"], (a, *args), kwargs)


def asarray(a: Any, *args: Any, **kwargs: Any) -> ndarray:
    """The same, but what is on the device already is not copied."""
    dtype = bound("asarray", table()["functions"]["asarray"], (a, *args), kwargs).get("dtype")
    if isinstance(a, ndarray) and dtype in (None, a.dtype):
        return a
    return array(a, dtype=dtype)


def asnumpy(a: Any, *args: Any, **kwargs: Any) -> np.ndarray:
    return a.get() if isinstance(a, ndarray) else np.asarray(a)


strict = Module("")
strict.ndarray, strict.array, strict.asarray, strict.asnumpy = ndarray, array, asarray, asnumpy
strict.__version__ = table()["cupy"]
strict.cuda = SimpleNamespace(is_available=lambda: True)
assert inspect.ismodule(strict)
