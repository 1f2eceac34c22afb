"""Checkpoints: a training run in one file, from which it goes on as if it had never stopped.

A checkpoint is an ordinary weight file (`pretrained.load` takes its network), and beside the network it holds

    training.json             settings, step, log, the generator's state, and what it learns from
    training/conv1.K.npy …    the velocity v of each trainable parameter

It appears only once it is complete, so the one before stays whole whatever happens.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from layers.arrays import Array

from . import formats
from .formats import npz
from .formats.errors import FileError, reading
from .jitter import Jitter
from .training import Epoch, Run, Settings

FORMAT = "minicnn training 1"

PLAIN = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,), "Jitter": (Jitter,)}  # by annotation
Plain = TypeVar("Plain", Settings, Epoch, Jitter)


def save(run: Run, path: str | os.PathLike[str]) -> None:
    """The run as it is after its last step."""
    record = {
        "format": FORMAT,
        "settings": dataclasses.asdict(run.settings),
        "step": run.step,
        "log": [dataclasses.asdict(line) for line in run.log],
        "generator": run.rng.bit_generator.state,
        "about": run.about,
    }
    npz.save(run.net, path, npz.Attachment(record, run.velocity))


def load(path: str | os.PathLike[str]) -> Run:
    """The run as it was saved.

    Raises FileError for a file that is damaged or holds no run, FileNotFoundError and other OSErrors.
    """
    with reading(path, "a checkpoint that minicnn train wrote"):
        attachment = npz.load_attachment(path)
    net = formats.load(path)
    with reading(path, "a checkpoint that minicnn train wrote"):
        record, velocity = attachment.record, attachment.arrays
        if record.get("format") != FORMAT:
            raise FileError(f"its training.json is not of the format {FORMAT!r}")
        trainable = net.trainable
        if kinds(velocity) != kinds(trainable):
            raise FileError("its velocities are not those of its network")
        settings = dict(record["settings"])
        return Run(
            net,
            plain(Settings, {**settings, "jitter": plain(Jitter, settings["jitter"])}),
            {name: velocity[name] for name in trainable},
            generator(record["generator"]),
            whole(record["step"]),
            [plain(Epoch, line) for line in record["log"]],
            dict(record["about"]),
        )


def kinds(arrays: Mapping[str, Array]) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    return {name: (array.shape, array.dtype) for name, array in arrays.items()}


def plain(kind: type[Plain], record: dict[str, Any]) -> Plain:
    """A dataclass of plain values, each of the type that it should have."""
    wanted = {f.name: f.type for f in dataclasses.fields(kind)}
    if record.keys() != wanted.keys():
        raise FileError(f"expected {kind.__name__} of {', '.join(wanted)}, found {', '.join(record)}")
    for name, value in record.items():
        admitted = PLAIN[str(wanted[name])]
        if type(value) not in admitted or (isinstance(value, float) and not math.isfinite(value)):
            raise FileError(f"expected {name} to be of type {wanted[name]}, found {value!r:.80}")
    return kind(**record)


def whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise FileError(f"expected a count, found {value!r:.80}")
    return value


def generator(state: Any) -> np.random.Generator:
    """The generator in the state that it was saved in."""
    bits = np.random.PCG64()
    bits.state = state  # which refuses another generator's, and what is no state
    return np.random.Generator(bits)
