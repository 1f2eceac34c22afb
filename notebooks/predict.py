"""Predictions, written down before the cell is run: they are kept, shown, and a class's answers are counted.

    predict("1.1", "three cats, quite sure")            # one answer
    predict("1.2", "more", "more", "fewer")             # several people's
    predict("1.2", {"more": 17, "fewer": 5})            # a show of hands

What was answered is in `predictions.json`, in the folder that the lesson runs in.  This adds up a class's files:

    python -m notebooks.predict anna/predictions.json ben/predictions.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from minicnn.files import save_json

KEPT = Path("predictions.json")
BAR, LARGEST = 30, 1_000_000  # characters, bytes


class Unanswered(Exception):
    """A question was passed over.  In a notebook this is one line, and what follows is not run."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def predict(question: str, *answers: str | Mapping[str, int]) -> None:
    """Keep and show the answers to a question, such as "1.1"; Unanswered if there is none."""
    counts = counted(answers)
    if not counts:
        raise Unanswered(f"{question}: first write between the quotes what you expect (a guess will do), then run on.")
    save_json(KEPT, read(KEPT) | {question: dict(counts)} if KEPT.exists() else {question: dict(counts)})
    print(table(question, counts))


def counted(answers: tuple[str | Mapping[str, int], ...]) -> Counter[str]:
    """How often each answer was given; blanks are none."""
    counts: Counter[str] = Counter()
    for answer in answers:
        for text, count in answer.items() if isinstance(answer, Mapping) else [(answer, 1)]:
            if str(text).strip():
                counts[" ".join(str(text).split())] += int(count)
    return +counts


def table(question: str, counts: Mapping[str, int]) -> str:
    """The answers, most frequent first, a bar for each; one alone as it is."""
    if len(counts) == 1 and sum(counts.values()) == 1:
        return f"{question}  you expect: {next(iter(counts))}"
    most, width = max(counts.values()), max(map(len, counts))
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    rows = [f"      {text:{width}}  {'█' * max(1, BAR * n // most)} {n}" for text, n in ordered]
    return "\n".join([f"{question}  {sum(counts.values())} answers", *rows])


def read(path: Path) -> dict[str, dict[str, int]]:
    """The answers in a file, by question; ValueError if it holds something else."""
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {str(q): {str(a): int(n) for a, n in counts.items()} for q, counts in kept.items()}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        raise ValueError(
            f"{path}: expected the answers that `predict` keeps; move the file away to begin anew"
        ) from None


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m notebooks.predict", description="Counts a class's predictions.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="predictions.json of each student")
    together: dict[str, Counter[str]] = {}
    try:
        for path in parser.parse_args(argv).files:
            for question, counts in read(path).items():
                together.setdefault(question, Counter()).update({a.casefold(): n for a, n in counts.items()})
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for question in sorted(together, key=lambda q: [int(part) if part.isdigit() else 0 for part in q.split(".")]):
        print(table(question, together[question]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
