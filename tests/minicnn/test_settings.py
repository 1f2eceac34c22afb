"""Settings: a field says once what it means and what it may be."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass

import numpy as np
import pytest

from minicnn.settings import check, setting
from visualize.commands.setting_options import add_settings, given


@dataclass(frozen=True)
class Settings:
    count: int = setting(3, "how many", minimum=1)
    share: float = setting(0.5, "which fraction", minimum=0, below=1)
    rate: float | None = setting(None, "how fast", above=0, maximum=9)
    mirror: bool = setting(False, "whether mirrored")
    how: str = setting("up", "which way", choices=("up", "down"))
    internal: int = -1

    def __post_init__(self) -> None:
        check(self)


@pytest.mark.parametrize(
    "right", [{}, {"count": 1}, {"share": 0}, {"share": np.float32(0.9)}, {"rate": 9}, {"mirror": True}]
)
def test_what_a_field_may_be_is_taken(right):
    Settings(**right)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"count": 0}, "count must be 1 or more, got 0"),
        ({"count": 2.0}, "count must be a whole number, got 2.0"),
        ({"count": True}, "count must be a whole number, got True"),
        ({"count": None}, "count must be a whole number, got None"),
        ({"share": 1}, "share must be 0 or more and less than 1, got 1"),
        ({"share": float("nan")}, "share must be a number, got nan"),
        ({"share": "0.5"}, "share must be a number, got '0.5'"),
        ({"rate": 0}, "rate must be more than 0 and 9 or less, got 0"),
        ({"rate": float("inf")}, "rate must be a number, got inf"),
        ({"mirror": 1}, "mirror must be true or false, got 1"),
        ({"how": "left"}, "how must be one of up, down, got 'left'"),
        ({"how": []}, "how must be one of up, down, got []"),
    ],
)
def test_anything_else_is_refused_in_one_line(wrong, said):
    with pytest.raises(ValueError, match=re.escape(said) + "$"):
        Settings(**wrong)


def test_each_field_is_an_option_of_its_kind():
    parser = argparse.ArgumentParser()
    names = add_settings(parser, Settings, known=["share"])
    assert names == ["count", "rate", "mirror", "how"]
    args = parser.parse_args(["--count", "4", "--no-mirror", "--how", "down"])
    assert given(args, names) == {"count": 4, "mirror": False, "how": "down"}
    assert "how many" in parser.format_help()


def test_the_help_of_an_option_says_the_default_of_each_preset():
    parser = argparse.ArgumentParser()
    add_settings(parser, Settings, presets={"first": Settings(), "same": Settings(), "other": Settings(count=7)})
    text = " ".join(parser.format_help().split())
    usual = Settings()
    assert f"(default: {usual.count}, other 7)" in text
    assert f"(default: {usual.share:g})" in text
