"""Options for the fields of settings: what `minicnn.settings.setting` says of a field, said to argparse."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from minicnn.settings import described, kind_of


def option(name: str) -> str:
    """warm_up → --warm-up."""
    return f"--{name.replace('_', '-')}"


def add_settings(group: Any, settings: type, known: Sequence[str] = ()) -> list[str]:
    """An option for each field of the settings that is not known yet; returns the names of the new ones."""
    new = {name: f for name, f in described(settings).items() if name not in known}
    for name, f in new.items():
        kind, meaning, choices = kind_of(f), f.metadata["meaning"], f.metadata["choices"]
        if kind is bool:
            group.add_argument(option(name), action=argparse.BooleanOptionalAction, help=meaning)
        elif choices is not None:
            group.add_argument(option(name), choices=choices, help=meaning)
        else:
            group.add_argument(option(name), type=kind, metavar="N" if kind is int else "X", help=meaning)
    return list(new)


def given(args: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """The options that were given, by name."""
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}
