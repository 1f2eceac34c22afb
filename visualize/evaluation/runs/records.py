"""The results file of a run: JSON lines that survive a run that is killed at any instant.

The first line says what the run is; every other is a record of what one method says of one picture.  Records are only
ever added at the end, all those of a picture together, and each says how many they are: so what a killed run leaves of
its last picture is known, and dropped when the run goes on.  A run that has ended sorts its lines: the same run makes
the same file, whatever order its workers finished in.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minicnn.files import atomic_write, json_text

Record = dict[str, Any]

PARTS = ("tune", "test", "duet")


class Records:
    """The records of a run, in memory and in its file."""

    def __init__(self, path: Path, run: Record, resume: bool) -> None:
        """A new file, or with `resume` the file of the same run, which may be unfinished or not yet there.

        Raises FileExistsError if there is a file and nobody wants to go on with it, ValueError if it is of another run
        or no such file.
        """
        self.path, self.run, self.all = path, run, list[Record]()
        if path.exists() and not resume:
            raise FileExistsError(f"{path} exists already; go on with it by --resume, or choose another --out")
        lines = self._whole_lines() if path.exists() else []
        if lines:
            self._compare(lines[0])
            there = Counter(map(_picture, lines[1:]))
            self.all = [
                record for record in lines[1:] if there[_picture(record)] == record["of"] and not _again(record)
            ]
        self._write()

    def _whole_lines(self) -> list[Record]:
        lines = self.path.read_bytes().split(b"\n")
        records = []
        for number, line in enumerate(lines[:-1], 1):  # behind the last line end there is nothing, or half a line
            try:
                record = json.loads(line)
            except ValueError:
                raise ValueError(f"{self.path}, line {number}, is no JSON; is it the results file of a run?") from None
            expected = self.run.keys() if number == 1 else {"part", "number", "place", "of"}
            if not isinstance(record, dict) or not expected <= record.keys():
                raise ValueError(f"{self.path}, line {number}, is no record; is it the results file of a run?")
            records.append(record)
        return records

    def _compare(self, found: Record) -> None:
        """ValueError if the file was begun by a run with other settings."""
        run = json.loads(json.dumps(self.run))
        for setting in [*run, *found]:
            if run.get(setting) != found.get(setting):
                raise ValueError(
                    f"{self.path} is of another run: its {setting} is {_short(found.get(setting))}, now "
                    f"{_short(run.get(setting))}; choose another --out"
                )

    def done(self, part: str) -> set[int]:
        """The numbers of the pictures of a part whose records are here."""
        return {record["number"] for record in self.all if record["part"] == part}

    def add(self, part: str, number: int, of_picture: Sequence[Record]) -> None:
        """Add all the records of a picture at the end; they are in the file when this returns."""
        new = [
            {"part": part, "number": number, "place": place, "of": len(of_picture), **record}
            for place, record in enumerate(of_picture)
        ]
        self.all += new
        try:
            with open(self.path, "ab") as file:
                file.write(b"".join(map(_line, new)))
        except OSError as error:  # a full disk does not say which
            error.filename = str(self.path)
            raise

    def end(self) -> None:
        """Sort the records of a run that is complete."""
        self.all.sort(key=_order)
        self._write()

    def _write(self) -> None:
        with atomic_write(self.path) as file:
            file.write(_line(self.run) + b"".join(map(_line, self.all)))
            file.flush()
            os.fsync(file.fileno())


def _line(record: Record) -> bytes:
    return (json_text(record) + "\n").encode()


def _picture(record: Record) -> tuple[str, int]:
    return record["part"], record["number"]


def _again(record: Record) -> bool:
    """Whether it says why a picture was left out that may be usable now, by other workers.  Not of tuning's: what is
    tested already depends on them."""
    return "error" in record and record["part"] != "tune"


def _order(record: Record) -> tuple[int, int, int]:
    return PARTS.index(record["part"]), record["number"], record["place"]


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"
