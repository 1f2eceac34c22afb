"""Reads source code for calls that CuPy does not take: in every branch, also in those that no test runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.cupy_api import signature, table

NUMBERS_AND_TYPES = {
    "ndarray",
    "dtype",
    "float32",
    "float64",
    "inf",
    "nan",
    "pi",
    "newaxis",
    "min_scalar_type",
    "finfo",
}


def complaints(source: str) -> list[str]:
    """What is wrong with the calls of an array module, xp.<name>(…), and of methods that only arrays have."""
    found = []
    tree = ast.parse(source)
    calls = {node.func: node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    inner = {node.value for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or node in inner:
            continue
        name, call = name_in_module(node), calls.get(node)
        if name is None or name.startswith("cuda."):  # the driver's part, which only cuda_available asks
            continue
        if name not in table()["functions"]:
            found.append(f"line {node.lineno}: CuPy has no {name}")
        elif call is not None:
            found += misfits(f"xp.{name}", table()["functions"][name], call)
    return found


def complaints_about_methods(source: str) -> list[str]:
    """Calls of arrays' methods with arguments that CuPy's arrays do not take: x.max(initial=0).

    Only for files whose arrays may lie on the device.  What an expression is nobody knows: the method's name decides.
    """
    methods, found = table()["ndarray"], []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.keywords):
            continue
        name = node.func.attr
        if methods.get(name) and name_in_module(node.func) is None and not is_numpy(node.func.value):
            found += misfits(f".{name}", methods[name], node)
    return found


def numpys_functions(source: str) -> list[str]:
    """NumPy's functions by name; its numbers and types are no matter."""
    return [
        f"line {node.lineno}: np.{node.attr}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and is_numpy(node.value) and node.attr not in NUMBERS_AND_TYPES
    ]


def is_numpy(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("np", "numpy")


def name_in_module(node: ast.Attribute) -> str | None:
    """ "lib.stride_tricks.as_strided" of xp.lib.stride_tricks.as_strided; None if the root is no array module."""
    names, root = list(reversed(list(attributes(node)))), node.value
    while isinstance(root, ast.Attribute):
        if root.attr == "xp":  # net.xp
            return ".".join(names[names.index("xp") + 1 :])
        root = root.value
    is_module = isinstance(root, ast.Name) and root.id in ("xp", "cupy")
    if isinstance(root, ast.Call):
        is_module = ast.unparse(root.func).split(".")[-1] in ("array_module", "module_of")
    return ".".join(names) if is_module else None


def attributes(node: ast.expr) -> Iterator[str]:
    while isinstance(node, ast.Attribute):
        yield node.attr
        node = node.value


def misfits(name: str, text: str | None, call: ast.Call) -> list[str]:
    """The call's arguments against the signature; a * or ** among them hides how many there are."""
    if text is None:
        return []
    starred = any(isinstance(arg, ast.Starred) for arg in call.args) or any(k.arg is None for k in call.keywords)
    bind = signature(text).bind_partial if starred else signature(text).bind
    positional = [arg for arg in call.args if not isinstance(arg, ast.Starred)]
    try:
        bind(*positional, **{keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None})
    except TypeError as error:
        return [f"line {call.lineno}: {name}: {error}; CuPy has {name}({text})"]
    return []
