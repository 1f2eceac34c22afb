"""Executes the lessons and keeps their outputs; or executes them and says where the kept outputs are stale.

    python -m notebooks.execute                          all lessons and the exercises: executed in place and stamped
    python -m notebooks.execute notebooks/2_*.ipynb      some of them
    python -m notebooks.execute --check                  nothing is written; exit code 1 if one fails or is stale

Kept outputs grow stale in three ways, and each has its check.  The tests do the first two, quickly:

    the cells changed:           a hash of the code cells, the stamp, is kept in the notebook (`stamp`)
    code that is shown changed:  what `show.source` showed is compared with the library's code (`stale_sources`)
    what the code does changed:  --check executes everything and compares what it says and draws (`differences`),
                                 captions and texts for those who cannot see a figure included

Numbers are compared to a few per cent and pictures coarsely: another processor rounds otherwise.  What `show.measured`
shows, such as times, is not compared.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import importlib
import io
import os
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from pathlib import Path

import nbformat
import numpy as np
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from minicnn.files import atomic_write

FOLDER = Path(__file__).resolve().parent
LESSONS = sorted(FOLDER.glob("[0-9]*.ipynb"))
EXERCISES = FOLDER / "exercises" / "find_the_bug.ipynb"
SECONDS = 600  # after which a cell is given up
AT_ONCE = 2  # notebooks, with a thread each for NumPy

COMPILING = "compiling the layers' loops for "  # what layers/engine/compiled says when it does
COLOUR = re.compile(r"\x1b\[[\d;]*m")  # of a terminal, in tracebacks
NUMBER = re.compile(r"[-−+]?\d+(\.\d+)?(e[-+]?\d+)?")
RELATIVE, ABSOLUTE = 0.05, 1e-6  # how far numbers may be apart
GREY_LEVELS = 6.0  # how far pictures may be apart, of 255, on the average


# ---------------------------------------------------------------------- the cells changed


def stamp(notebook: NotebookNode) -> str:
    """A hash of the code cells: the outputs are of these cells and no others."""
    code = "\0".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()


# ---------------------------------------------------------------------- code that is shown changed


def stale_sources(notebook: NotebookNode) -> list[str]:
    """The names of the functions and classes whose code is no longer what the notebook shows."""
    from notebooks import show

    shown = [
        (output.metadata.source, output.data["text/markdown"])
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "source" in output.get("metadata", {})
    ]
    return [name for name, text in shown if show.source_text(named(name)) != text]


def named(name: str) -> object:
    """The object that "package.module:Class.method" names."""
    module, _, path = name.partition(":")
    return reduce(getattr, path.split("."), importlib.import_module(module))


# ---------------------------------------------------------------------- what the code does changed


def executed(notebook: NotebookNode) -> NotebookNode:
    """The notebook with the outputs of today, run by this Python on this checkout, in the notebooks' folder."""
    fresh = nbformat.from_dict(notebook)
    paths = [str(FOLDER.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    client = NotebookClient(
        fresh,
        timeout=SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(FOLDER)}},
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],  # not that it talks to this process unencrypted
    )
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    ours = {**threads, "PYTHONPATH": os.pathsep.join(paths), "MINICNN_NOTEBOOK_IS_EXECUTED": "1"}  # show.EXECUTED
    asyncio.run(client.async_execute(env={**os.environ, **ours}))
    for cell in fresh.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not of_a_first_run(output)]
    fresh.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "minicnn": {"stamp": stamp(fresh)},
    }
    return fresh


def of_a_first_run(output: NotebookNode) -> bool:
    """Whether it only says that the compiled engine's loops are being compiled, as once on every machine."""
    lines = output.text.split("\n") if output.get("name") == "stderr" else ["an output"]
    return all(line.startswith(COMPILING) for line in lines if line)


def differences(kept: NotebookNode, fresh: NotebookNode) -> Iterator[str]:
    """One line for each cell whose kept outputs are not what the cell gives today."""
    for number, (old, new) in enumerate(zip(kept.cells, fresh.cells, strict=True), start=1):
        if old.cell_type == "code":
            if len(old.outputs) != len(new.outputs):
                yield f"cell {number}: {len(old.outputs)} outputs were kept, today there are {len(new.outputs)}"
                continue
            pairs = list(zip(old.outputs, new.outputs, strict=True))
            if not all(same(content(before), content(after)) for before, after in pairs if not caption(before)):
                yield f"cell {number}: the kept output is not today's"
            for before, after in pairs:
                for kept, today in ((caption(before), caption(after)), (alternative(before), alternative(after))):
                    if not same(kept, today):
                        yield f"cell {number}: the kept caption is not today's: {kept!r} is now {today!r}"


def caption(output: NotebookNode) -> str:
    """The caption of a figure, its text for those who cannot see it included; "" if the output is none."""
    text = str(output.get("data", {}).get("text/markdown", ""))
    return text if text.startswith("**Figure.**") else ""


def alternative(output: NotebookNode) -> str:
    """What a picture says to those who cannot see it; "" if the output is no picture."""
    texts = [how.get("alt", "") for how in output.get("metadata", {}).values() if isinstance(how, dict)]
    return " ".join(filter(None, texts))


def content(output: NotebookNode) -> str | np.ndarray:
    """What an output shows: a picture as its pixels, everything else as text."""
    from PIL import Image

    if output.get("metadata", {}).get("measured"):  # `show.measured`: of its moment, so there is nothing to compare
        return "measured"
    data = output.get("data", {})
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            return np.asarray(Image.open(io.BytesIO(base64.b64decode(data[kind]))).convert("RGB"), float)
    return data.get("text/markdown") or data.get("text/plain") or output.get("text", "")


def same(old: str | np.ndarray, new: str | np.ndarray) -> bool:
    """Whether two outputs say or show the same, but for rounding."""
    if isinstance(old, str) and isinstance(new, str):
        words = [" ".join(NUMBER.sub("#", text).split()) for text in (old, new)]
        numbers = [[float(n.group().replace("−", "-")) for n in NUMBER.finditer(text)] for text in (old, new)]
        return words[0] == words[1] and np.allclose(*numbers, RELATIVE, ABSOLUTE)
    if isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
        return old.shape == new.shape and float(np.abs(old - new).mean()) <= GREY_LEVELS
    return False


# ---------------------------------------------------------------------- the command


def read(path: Path) -> NotebookNode:
    """The notebook in a file; ValueError if there is none."""
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        raise ValueError(f"{path} is no notebook that can be read ({type(error).__name__})") from None


def attempt(notebook: NotebookNode) -> tuple[NotebookNode | CellExecutionError, float]:
    """The executed notebook, or what went wrong; and how many seconds it took."""
    begun = time.perf_counter()
    try:
        new = executed(notebook)
    except CellExecutionError as error:
        new = error
    return new, time.perf_counter() - begun


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m notebooks.execute", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "lessons", nargs="*", type=Path, metavar="NOTEBOOK", help="default: all lessons and the exercises"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; say what is stale")
    args = parser.parse_args(argv)

    lessons = args.lessons or [*LESSONS, EXERCISES]
    try:
        kept = [read(path) for path in lessons]
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2

    wrong = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for path, old, (new, seconds) in zip(lessons, kept, pool.map(attempt, kept), strict=True):
            if isinstance(new, CellExecutionError):
                print(f"{path.name} fails:\n{COLOUR.sub('', str(new))}", file=sys.stderr)
                wrong += 1
                continue
            found = list(differences(old, new)) if args.check else []
            wrong += bool(found)
            print(*[f"{path.name}: executed in {seconds:.0f} s", *found], sep="\n  ", flush=True)
            if not args.check:
                with atomic_write(path) as file:
                    file.write((nbformat.writes(new) + "\n").encode())
    if wrong:
        print("execute what is stale once more: python -m notebooks.execute", file=sys.stderr)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
