"""What results depend on besides pictures and settings: compared before machines share the work."""

from __future__ import annotations

import hashlib
import json
import platform
from functools import cache
from importlib import import_module
from pathlib import Path

FLOORS = ("layers", "minicnn", "visualize")
LIBRARIES = {"NumPy": "numpy", "SciPy": "scipy", "Pillow": "PIL"}


def versions(engine: str) -> str:
    """As JSON: of minicnn a digest of its source, of Python and the libraries that compute the version."""
    libraries = {**LIBRARIES, **({"Numba": "numba"} if engine == "compiled" else {})}
    found = {"minicnn": source_digest(), "Python": ".".join(platform.python_version_tuple()[:2])}
    for name, module in libraries.items():
        try:
            found[name] = import_module(module).__version__
        except ImportError:
            found[name] = "none"
    return json.dumps(found)


@cache
def source_digest() -> str:
    """The same only for the same code: the number of a version says too little between two versions."""
    digest = hashlib.sha256()
    root = Path(__file__).resolve().parent.parent.parent
    for path in sorted(path for floor in FLOORS for path in (root / floor).rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return f"with source {digest.hexdigest()[:12]}"


def difference(ours: str, theirs: object) -> str:
    """In what the versions of a worker differ, in words; "" if in nothing.  An exception: it could not even say."""
    if not isinstance(theirs, str):
        return f"no minicnn, or quite another ({' '.join(str(theirs).split())})"
    here, there = json.loads(ours), json.loads(theirs)
    return ", ".join(f"{name} {there.get(name)} (here {here[name]})" for name in here if here[name] != there.get(name))
