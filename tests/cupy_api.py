"""CuPy's API as data: which names there are, and which arguments they take.  `tests/data/cupy_api.json` holds it.

The table is of the release that its first line names.  With that release installed (its wheel needs no GPU and no
driver to be imported)

    python -m tests.cupy_api

writes the table anew.  A signature is the names of the parameters as Python has them, "=" after those that may be left
out: "a, axis=, dtype=, out=, keepdims=".  What is no function (a constant, a type, a property) has none: null.

`random` and `fft` are left out on purpose: chance is NumPy's here, so that a seed means the same on every device.
"""

from __future__ import annotations

import inspect
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "data" / "cupy_api.json"
MODULES = ("", "linalg", "lib.stride_tricks")  # "" is cupy itself


@cache
def table() -> dict[str, Any]:
    """{"cupy": its version, "functions": {name: signature or None}, "ndarray": {name: signature or None}}."""
    return json.loads(FILE.read_text(encoding="utf-8"))


@cache
def signature(text: str) -> inspect.Signature:
    """The signature that a line of the table stands for."""
    kind, found = inspect.Parameter.POSITIONAL_OR_KEYWORD, []
    for part in filter(None, text.split(", ")):
        if part == "/":
            found = [p.replace(kind=inspect.Parameter.POSITIONAL_ONLY) for p in found]
        elif part == "*":
            kind = inspect.Parameter.KEYWORD_ONLY
        elif part.startswith("**"):
            found.append(inspect.Parameter(part[2:], inspect.Parameter.VAR_KEYWORD))
        elif part.startswith("*"):
            found.append(inspect.Parameter(part[1:], inspect.Parameter.VAR_POSITIONAL))
            kind = inspect.Parameter.KEYWORD_ONLY
        else:
            default = None if part.endswith("=") else inspect.Parameter.empty
            found.append(inspect.Parameter(part.rstrip("="), kind, default=default))
    return inspect.Signature(found)


# ---------------------------------------------------------------------- making the table, where CuPy is installed


def made_from_installed_cupy() -> dict[str, Any]:
    """The table of the CuPy that is installed."""
    import cupy

    functions = {}
    for prefix in MODULES:
        module = cupy
        for name in filter(None, prefix.split(".")):
            module = getattr(module, name)
        for name in dir(module):
            value = getattr(module, name)
            if not name.startswith("_") and not inspect.ismodule(value):
                functions[f"{prefix}.{name}".lstrip(".")] = described(value)
    members = {name: described(getattr(cupy.ndarray, name)) for name in dir(cupy.ndarray) if is_public(name)}
    return {"cupy": cupy.__version__, "functions": functions, "ndarray": members}


def is_public(name: str) -> bool:
    return not name.startswith("_") or (name.startswith("__") and "pyx" not in name)


def described(value: Any) -> str | None:
    """The signature of a function, from itself or (compiled ones) from the first line of its documentation."""
    if not callable(value) or isinstance(value, type):
        return None
    try:
        parameters = list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):
        return from_documentation(str(value.__doc__ or ""))
    kinds, parts = inspect.Parameter, []
    for n, p in enumerate(parameters):
        if p.kind is kinds.KEYWORD_ONLY and parts.count("*") == 0 and not any(part.startswith("*") for part in parts):
            parts.append("*")
        star = {kinds.VAR_POSITIONAL: "*", kinds.VAR_KEYWORD: "**"}.get(p.kind, "")
        parts.append(f"{star}{p.name}{'' if p.default is p.empty else '='}")
        last_positional = n + 1 == len(parameters) or parameters[n + 1].kind is not kinds.POSITIONAL_ONLY
        if p.kind is kinds.POSITIONAL_ONLY and last_positional:
            parts.append("/")
    return without_self(parts)


def from_documentation(text: str) -> str | None:
    """ "maximum(x1, x2, /, out=None, *, casting='same_kind')" → "x1, x2, /, out=, *, casting="."""
    found = re.match(r"[\w.]+\((.*?)\)(?: ->.*)?$", text.split("\n")[0].replace("\\", ""))
    if found is None:
        return None
    parts = []
    for part in re.split(r",\s*", found[1]) if found[1] else []:
        name, equals, _default = part.partition("=")
        parts.append(name.split()[-1] + equals)  # Cython writes types before some names
    return without_self(parts)


def without_self(parts: list[str]) -> str:
    if parts[:1] == ["self"]:
        parts = parts[2:] if parts[1:2] == ["/"] else parts[1:]
    return ", ".join(parts)


if __name__ == "__main__":
    FILE.write_text(json.dumps(made_from_installed_cupy(), indent=0, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{FILE}: CuPy {table()['cupy']}, {len(table()['functions'])} names, {len(table()['ndarray'])} of arrays")
