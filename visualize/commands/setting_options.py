"""Options for the fields of settings: what `minicnn.settings.setting` says of a field, said to argparse."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from minicnn.settings import described, kind_of


def option(name: str) -> str:
    """warm_up → --warm-up."""
    return f"--{name.replace('_', '-')}"


def add_settings(
    group: Any, settings: type, known: Sequence[str] = (), presets: Mapping[str, Any] | None = None
) -> list[str]:
    """An option for each field of the settings that is not known yet; returns the names of the new ones.

    Its help says the default of each preset; the first preset is the one that holds where none is named.
    """
    new = {name: f for name, f in described(settings).items() if name not in known}
    for name, f in new.items():
        kind, text, choices = kind_of(f), f.metadata["meaning"] + defaults(name, presets or {}), f.metadata["choices"]
        if kind is bool:
            group.add_argument(option(name), action=argparse.BooleanOptionalAction, help=text)
        elif choices is not None:
            group.add_argument(option(name), type=kind, choices=choices, help=text)
        else:
            group.add_argument(option(name), type=kind, metavar="N" if kind is int else "X", help=text)
    return list(new)


def defaults(name: str, presets: Mapping[str, Any]) -> str:
    """ " (default: 150, minicnn 20)": the first preset's, and those of the presets that differ from it."""
    values = {preset: getattr(settings, name) for preset, settings in presets.items() if hasattr(settings, name)}
    usual = next(iter(values.values()), None)
    if usual is None:  # its meaning says what happens where it is not given
        return ""
    others = [f", {preset} {shown(value)}" for preset, value in values.items() if value != usual]
    return f" (default: {shown(usual)}{''.join(others)})"


def shown(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else f"{value:g}"


def given(args: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """The options that were given, by name."""
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}
