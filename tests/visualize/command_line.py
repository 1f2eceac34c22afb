"""What the tests of commands share."""

from __future__ import annotations

from visualize import cli


def complaint(capsys, *arguments: str) -> str:
    """The one line with which a command refuses its arguments."""
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err
