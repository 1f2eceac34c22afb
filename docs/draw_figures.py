"""The README's and the documentation's figures, drawn by the README's commands, and which of them are stale.

    python docs/draw_figures.py                     all of them, several minutes
    python docs/draw_figures.py saliency-chelsea    some of them
    python docs/draw_figures.py --check             nothing is written; exit code 1 if one is stale or drawn otherwise

Needs the extras demo, notebooks and browser, a Chromium, and Python 3.11.  Each figure has a stamp in
docs/figures/stamps.json: its commands, and a hash of the code that ran when it was drawn (code_that_ran.py).  A test
compares that with the code of today, quickly; --check draws everything anew and compares pictures, coarsely, as
`notebooks.execute` does.  A figure that comes out as it was keeps its file, and gets its new stamp.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

from code_that_ran import code_of, functions_called, is_as_it_ran, whole_files  # noqa: E402

from minicnn.files import atomic_write, save_json  # noqa: E402

FOLDER = ROOT / "docs" / "figures"
STAMPS = FOLDER / "stamps.json"
WIDTH = 1245  # pixels: one and a half times the width at which a README shows them
VIEW = ROOT / "visualize" / "explorer" / "view"  # the explorer's scripts and styles


@dataclass(frozen=True)
class Drawn:
    """A figure, and how it is made.

    commands: as the README has them, photo.jpg being the photograph
    pictures: which of the files that they write it is made of, one below the other; a page is filmed (animation.py)
    rounding: whether another processor draws another picture of the same kind, because it rounds otherwise
    """

    commands: tuple[str, ...]
    pictures: tuple[str, ...]
    photo: str = ""
    rounding: bool = False

    @property
    def suffix(self) -> str:
        return ".webp" if self.pictures[0].endswith(".html") else ".jpg"


FIGURES = {
    "explorer": Drawn(("minicnn explore photo.jpg --open",), ("0.html",), photo="chelsea", rounding=True),
    "class-models": Drawn(
        (
            "minicnn class-model ostrich zebra flamingo",
            "minicnn class-model ostrich zebra flamingo --preset vivid",
        ),
        ("0/class-model-ostrich-zebra-flamingo.png", "1/class-model-ostrich-zebra-flamingo.png"),
        rounding=True,
    ),
    "score-and-posterior": Drawn(
        ("minicnn class-model ostrich zebra --preset jitter --steps 100 --versus-posterior",),
        ("0/class-model-ostrich-zebra-versus-posterior.png",),
        rounding=True,
    ),
    "saliency-chelsea": Drawn(
        ("minicnn saliency photo.jpg --ten-crops",), ("0/chelsea-saliency.png",), photo="chelsea"
    ),
    "localization-coffee": Drawn(
        ("minicnn localize photo.jpg --ten-crops",), ("0/coffee-localize.png",), photo="coffee"
    ),
    "deconv-chelsea": Drawn(("minicnn deconv photo.jpg",), ("0/chelsea-deconv.png",), photo="chelsea"),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"default: all of {', '.join(FIGURES)}")
    parser.add_argument("--check", action="store_true", help="write nothing; say what is stale")
    args = parser.parse_args(argv)
    if unknown := set(args.figures) - set(FIGURES):
        parser.error(f"there is no figure {', '.join(sorted(unknown))}; choose from {', '.join(FIGURES)}")
    bad = 0
    for name in args.figures or FIGURES:
        data, stamp = drawn(FIGURES[name])
        kept = is_as_it_was(name, data)
        if args.check:
            wrong = stale(name, stamps().get(name)) or ([] if kept or FIGURES[name].rounding else ["drawn otherwise"])
            print(f"{name}: {'; '.join(wrong) or 'as it is'}", flush=True)
            bad += bool(wrong)
            continue
        if not kept:
            with atomic_write(path_of(name)) as file:
                file.write(data)
        save_json(STAMPS, dict(sorted({**stamps(), name: stamp}.items())))
        print(f"{name}: {'as it was' if kept else 'drawn'}, and stamped", flush=True)
    return int(bad > 0)


def path_of(name: str) -> Path:
    return FOLDER / f"{name}{FIGURES[name].suffix}"


def is_as_it_was(name: str, data: bytes) -> bool:
    """Whether the kept picture shows the same, but for rounding.  Films are not compared, and always new."""
    from notebooks.execute import same

    return (
        path_of(name).suffix == ".jpg"
        and path_of(name).exists()
        and same(pixels(path_of(name)), pixels(io.BytesIO(data)))
    )


def pixels(file: Path | io.BytesIO) -> np.ndarray:
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB"), float)


# ---------------------------------------------------------------------- drawing


def drawn(figure: Drawn) -> tuple[bytes, dict[str, Any]]:
    """The picture's file, and its stamp."""
    from minicnn.photographs import photograph
    from visualize import cli

    with tempfile.TemporaryDirectory() as folder, working_in(folder):
        if figure.photo:
            Image.fromarray(photograph(figure.photo)).save(f"{figure.photo}.png")
        with functions_called() as called:
            for n, command in enumerate(figure.commands):
                words = shlex.split(command.replace("photo.jpg", f"{figure.photo}.png").replace(" --open", ""))[1:]
                out = f"{n}.html" if words[0] == "explore" else str(n)
                if cli.main([*words, "--engine", "numpy", "--out", out]) != 0:
                    raise SystemExit(f"{command} failed")
        if figure.suffix == ".webp":
            from animation import filmed

            return filmed(Path(figure.pictures[0])), stamp_of(figure, called, VIEW.iterdir())
        return stacked([Image.open(path).convert("RGB") for path in figure.pictures]), stamp_of(figure, called)


def stamp_of(figure: Drawn, called: Iterable[tuple[str, str]], files: Iterable[Path] = ()) -> dict[str, Any]:
    return {"commands": list(figure.commands), "code": {**code_of(called), **whole_files(files)}}


@contextmanager
def working_in(folder: str) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def stacked(parts: list[Image.Image]) -> bytes:
    """The pictures one below the other, all WIDTH wide, as a JPEG."""
    parts = [part.resize((WIDTH, round(part.height * WIDTH / part.width)), Image.Resampling.LANCZOS) for part in parts]
    picture = Image.new("RGB", (WIDTH, sum(part.height for part in parts)))
    top = 0
    for part in parts:
        picture.paste(part, (0, top))
        top += part.height
    data = io.BytesIO()
    picture.save(data, "jpeg", quality=84, optimize=True, progressive=True)
    return data.getvalue()


# ---------------------------------------------------------------------- stamps


def stamps() -> dict[str, Any]:
    return json.loads(STAMPS.read_text(encoding="utf-8")) if STAMPS.exists() else {}


def stale(name: str, stamp: dict[str, Any] | None) -> list[str]:
    """Why a figure is not what its commands draw today, as far as the code tells; nothing is drawn for that."""
    if stamp is None or not path_of(name).exists():
        return ["it was never drawn"]
    if stamp["commands"] != list(FIGURES[name].commands):
        return ["its commands are others now"]
    return [f"{file} has changed" for file, code in stamp["code"].items() if not is_as_it_ran(file, code)]


if __name__ == "__main__":
    sys.exit(main())
