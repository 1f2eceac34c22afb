"""What every reader of weight files says when it cannot use one."""

from __future__ import annotations


class FileError(ValueError):
    """A weight file that is damaged, hostile, or not what was asked for: what is wrong, and what would be right.

    Readers raise it without the file's name; `formats.load` puts the name in front.
    """
