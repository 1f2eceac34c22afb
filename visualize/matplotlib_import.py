"""matplotlib with its own defaults, whatever the user's settings are.

matplotlib reads its settings on import, and some make it fail: a backend inherited from a notebook (MPLBACKEND) whose
package is not installed, a `matplotlibrc` that is no text.  Our figures are PNG files and need no window.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path


@contextmanager
def without_users_settings() -> Iterator[None]:
    """In this block `import_matplotlib` takes matplotlib's own defaults; so it does in processes begun in it."""
    ours = {"MPLBACKEND": "agg", "MATPLOTLIBRC": _defaults()}
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def import_matplotlib() -> None:
    """Import matplotlib: for a command by its own defaults, for a program or notebook by its user's settings.

    Where those end the import (a backend inherited from a notebook, in a script), it is done by its own defaults, too.
    """
    if os.environ.get("MATPLOTLIBRC") == _defaults():
        _import_by_defaults()
        return
    try:
        import_module("matplotlib")
    except ImportError:
        raise
    except Exception as error:  # whatever matplotlib says to the settings that it finds
        warnings.warn(f"matplotlib takes its own defaults, for its settings here are wrong: {error}", stacklevel=3)
        for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            del sys.modules[name]  # halves of a first try
        with without_users_settings():
            _import_by_defaults()


def _import_by_defaults() -> None:
    folder = Path.cwd()
    os.chdir(Path(_defaults()).parent)  # for a matplotlibrc in the working folder would come before all others
    try:
        import_module("matplotlib")
    finally:
        os.chdir(folder)


def _defaults() -> str:
    """matplotlib's own matplotlibrc, found without importing it."""
    spec = find_spec("matplotlib")
    return str(Path(spec.origin or "").parent / "mpl-data" / "matplotlibrc") if spec else ""
