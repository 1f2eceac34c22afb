"""Localisation, measured: one command makes every number that README, docs and lessons give of it.

    python -m benchmarks.localization           runs the evaluation (some 35 minutes on one core; killed, it
                                                goes on where it was), writes docs/localization.json, draws the pages
    python -m benchmarks.localization --draw    only draws the pages

What is drawn stands in the pages beside comments, which no reader sees: a table after `<!-- table: TITLE -->`, a
number before `<!--= WHERE -->`, where WHERE leads to it through the JSON, step by step:

    6.3<!--= gradient-10/cut; tuned; class_known -->                  the mean of a line of the main table
    4.8 … 7.8<!--= gradient-10/cut; tuned; class_known; interval -->  its interval
    43.2<!--= max_box_acc; gradient; max_box_acc_v2; mean -->         what is in no line of that table
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from minicnn.files import atomic_write
from visualize import cli
from visualize.evaluation.methods import AS_IT_STANDS, CHANGES
from visualize.evaluation.runs.tables import tables

ROOT = Path(__file__).resolve().parent.parent
JSON = ROOT / "docs" / "localization.json"
PAGES = (
    "README.md",
    "docs/localization.md",
    "docs/paper.md",
    "notebooks/5_localisation.ipynb",
    "notebooks/7_train_your_own.ipynb",
)

METHODS = (
    "whole", "box", "gaussian/cut", "gradient/threshold", "guided/threshold", "gradient/cut", "gradient-10/cut",
    "deconv/cut", "guided/cut", "gradient-10-contrast/cut", "guided-10-contrast/cut",
)  # fmt: skip
SIZES = {"count": 500, "tune": 25, "tunings": 5, "duets": 200}  # of the run that docs/localization.json is of


def arguments(sizes: dict[str, int]) -> list[str]:
    """The command line of the evaluation."""
    counts = [word for option, size in sizes.items() for word in (f"--{option}", str(size))]
    return ["evaluate", "localization", "--network", "shapes", "--data", "shapes", *counts, "--methods", *METHODS]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure localisation, and draw the pages that give its numbers.")
    parser.add_argument("--draw", action="store_true", help="only draw the pages from docs/localization.json")
    parser.add_argument("--out", default="evaluation", help="folder of the run (default: %(default)s)")
    parser.add_argument("--workers", default="1", help="processes (default: %(default)s)")
    for option, size in SIZES.items():
        parser.add_argument(f"--{option}", type=int, default=size, metavar="N", help="default: %(default)s")
    args = parser.parse_args()
    if not args.draw:
        sizes = {option: getattr(args, option) for option in SIZES}
        code = cli.main([*arguments(sizes), "--workers", args.workers, "--out", args.out, "--resume"])
        if code:
            raise SystemExit(code)
        found = json.loads((Path(args.out) / "results.json").read_text(encoding="utf-8"))
        write(JSON, in_lines(rounded(found)))
    found = json.loads(JSON.read_text(encoding="utf-8"))
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        if drawn(text, found) != text:
            write(ROOT / page, drawn(text, found))
            print(f"drawn: {page}")


def write(path: Path, text: str) -> None:
    with atomic_write(path) as file:
        file.write(text.encode())


def rounded(value: Any) -> Any:
    """Floats with five digits after the point: more than the pages show."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return round(value, 5) if isinstance(value, float) else value


def in_lines(found: dict[str, Any]) -> str:
    """As JSON with a line for each line of a table, so that a comparison of two versions shows what has changed."""

    def text(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    parts = []
    for key, value in found.items():
        inner = ",\n  ".join(map(text, value)) if isinstance(value, list) else text(value)
        parts.append(f" {text(key)}: " + (f"[\n  {inner}\n ]" if isinstance(value, list) else inner))
    return "{\n" + ",\n".join(parts) + "\n}\n"


# ---------------------------------------------------------------------- drawing

TABLE = re.compile(r"(<!-- table: (.+?) -->\n).*?(<!-- end of table -->)", re.DOTALL)
NUMBER = re.compile(r"[0-9][0-9.,]*(?: … [0-9.]+)?(<!--= (.+?) -->)")


def drawn(text: str, found: dict[str, Any]) -> str:
    """A page with its tables and numbers as the JSON has them."""
    made = tables(found)
    text = TABLE.sub(lambda match: f"{match[1]}\n{made[match[2]]}\n\n{match[3]}", text)
    return NUMBER.sub(lambda match: shown(follow(found, match[2])) + match[1], text)


def follow(found: dict[str, Any], where: str) -> Any:
    """The value at WHERE; KeyError for a way that leads nowhere."""
    method, *steps = where.split("; ")
    value: Any = found
    lines = [line for line in found["methods"] if line["method"] == method]
    if lines:
        settings, *steps = steps
        title = AS_IT_STANDS.get(settings, f"95/30, iseg's, but {settings}" if settings in CHANGES else settings)
        (value,) = [line for line in lines if line["settings"] == title]
    else:
        steps = [method, *steps]
    for step in steps:
        value = one_of(value, step) if isinstance(value, list) else value[step]
    return value


def one_of(lines: list[Any], step: str) -> Any:
    """Of a list of lines the one whose map, or whose size of objects from …, is this; or the one with this number."""
    if step.isdigit():
        return lines[int(step)]
    (line,) = [line for line in lines if step in (line.get("map"), str(line.get("from")))]
    return line


def shown(value: Any) -> str:
    """A share in per cent, an interval of shares, or a count."""
    if isinstance(value, dict):
        value = value["mean"]
    if isinstance(value, list):
        return " … ".join(map(shown, value))
    return f"{value:,}" if isinstance(value, int) else f"{100 * value:.1f}"


if __name__ == "__main__":
    main()
