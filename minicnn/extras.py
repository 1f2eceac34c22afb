"""Optional packages: where they are installed, or an error that says how to install them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


class MissingPackage(ImportError):
    """An optional package is not installed."""


def package_folder(package: str, extra: str, purpose: str) -> Path:
    """Where an installed package keeps its files; the package itself is not imported.

    Raises MissingPackage, which names the extra to install.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackage(
            f"{purpose} needs the package {package}, which is not installed: python -m pip install -e '.[{extra}]'"
        )
    return Path(spec.submodule_search_locations[0])
