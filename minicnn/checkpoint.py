"""Checkpoints: a training run in one file; resumed from it, the run ends with the same weights as an uninterrupted one.

A checkpoint is an ordinary weight file (`pretrained.load` takes its network), and beside the network it holds

    training.json             settings, step, log, the state of the random generator, and the data set
    training/conv1.K.npy …    the velocity v of each trainable parameter

It is written under another name and renamed once complete: the checkpoint before is never damaged.
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
from .errors import FileError, reading
from .formats import npz
from .jitter import Jitter
from .training import Epoch, Run, Settings

FORMAT = "minicnn training 1"

TYPES = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,), "Jitter": (Jitter,)}  # by annotation
Record = TypeVar("Record", Settings, Epoch, Jitter)


def save(run: Run, path: str | os.PathLike[str]) -> None:
    """Write the run as it is after its last step."""
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

    Raises FileError for a file that is damaged or not a checkpoint, FileNotFoundError and other OSErrors.
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
            validated(Settings, {**settings, "jitter": validated(Jitter, settings["jitter"])}),
            {name: velocity[name] for name in trainable},
            generator(record["generator"]),
            count(record["step"]),
            [validated(Epoch, line) for line in record["log"]],
            dict(record["about"]),
        )


def kinds(arrays: Mapping[str, Array]) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    return {name: (array.shape, array.dtype) for name, array in arrays.items()}


def validated(kind: type[Record], record: dict[str, Any]) -> Record:
    """The dataclass that a JSON object describes; FileError if a field is missing, unknown or of another type."""
    types = {f.name: f.type for f in dataclasses.fields(kind)}
    if record.keys() != types.keys():
        raise FileError(f"expected {kind.__name__} of {', '.join(types)}, found {', '.join(record)}")
    for name, value in record.items():
        admitted = TYPES[str(types[name])]
        if type(value) not in admitted or (isinstance(value, float) and not math.isfinite(value)):
            raise FileError(f"expected {name} to be of type {types[name]}, found {value!r:.80}")
    return kind(**record)


def count(value: Any) -> int:
    """A number of steps; FileError for anything else."""
    if type(value) is not int or value < 0:
        raise FileError(f"expected a count, found {value!r:.80}")
    return value


def generator(state: Any) -> np.random.Generator:
    """A random generator in the saved state."""
    bits = np.random.PCG64()
    bits.state = state  # raises for the state of another generator, and for anything else
    return np.random.Generator(bits)
