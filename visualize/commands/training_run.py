"""The beginning of `minicnn train`: a run from scratch, or one resumed from its checkpoint, with its data."""

from __future__ import annotations

import argparse
import zlib
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from layers.engine import current_engine
from minicnn import architectures, checkpoint, datasets
from minicnn.datasets import Dataset, Splits
from minicnn.files import remove_parts
from minicnn.images import Preprocessing
from minicnn.jitter import Jitter
from minicnn.network import Network
from minicnn.recipes import recipe
from minicnn.settings import described
from minicnn.training import Run, Settings, fitted_preprocessing, held_out, refuse_running_statistics

from .output import output_folder
from .screen import progress
from .setting_options import given, option


@dataclass(frozen=True)
class Task:
    """A run and its data: training images, validation images for each epoch, test images for the end."""

    run: Run
    training: Dataset
    validation: Dataset
    test: Dataset
    left_out: tuple[str, ...]  # files that could not be read, and folders that were passed over


def started(args: argparse.Namespace, out: Path) -> Task:
    """A run from scratch."""
    if (out / "last.npz").exists():
        raise ValueError(f"{out} holds a run already: go on with it by --resume, or choose another --out")
    usual = recipe(args.data)
    settings = chosen_settings(args, usual.settings)
    about: dict[str, Any] = {
        "data": args.data,
        "folder": args.folder,
        "network": args.network or usual.network,
        "validation": usual.validation if args.validation is None else args.validation,
        "engine": current_engine(),
    }
    refuse_running_statistics(architectures.blank(about["network"]))

    rng = np.random.default_rng(settings.seed)
    splits = load(about, settings.seed)
    if splits.validation is not None:
        if args.validation is not None:
            raise ValueError(f"--validation {args.validation:g}: {args.data} has a folder of images for that already")
        about["validation"] = None
    training, validation = training_and_validation(splits, about, rng)
    about["checksum"] = checksum(splits.train)
    preprocessing = fitted(about, training)
    net = architectures.build(about["network"], rng, classes=len(splits.classes))
    run = Run.start(Network(net.layers, preprocessing, splits.classes), settings, rng)
    run.about = about
    remove_parts(output_folder(out))
    return Task(run, training, validation, splits.test, splits.left_out)


def training_and_validation(splits: Splits, about: dict[str, Any], rng: np.random.Generator) -> tuple[Dataset, Dataset]:
    """Training and validation images; the latter from a folder of their own, or held out."""
    if splits.validation is not None:
        return splits.train, splits.validation
    return held_out(splits.train, about["validation"], rng)


def resumed(args: argparse.Namespace, out: Path) -> Task:
    """The run in `out`, as it was after its last whole epoch."""
    run = checkpoint.load(out / "last.npz")
    if run.about.keys() != {"data", "folder", "network", "validation", "engine", "checksum"}:
        raise ValueError(f"{out / 'last.npz'} does not say what it trains on: minicnn train did not write it")
    refuse_other_settings(args, run)
    splits = load(run.about, run.settings.seed)
    if checksum(splits.train) != run.about["checksum"] or splits.classes != run.net.classes:
        raise ValueError(f"the images of {run.about['data']} are not those that the run in {out} trains on")
    if (splits.validation is None) != (run.about["validation"] is not None):
        raise ValueError(f"the folder of {run.about['data']} has changed since the run in {out} began")
    training, validation = training_and_validation(splits, run.about, np.random.default_rng(run.settings.seed))
    remove_parts(out)
    return Task(run, training, validation, splits.test, splits.left_out)


def chosen_settings(args: argparse.Namespace, usual: Settings) -> Settings:
    """The usual settings, with the options that were given in place of their own."""
    jitter = replace(usual.jitter, **given(args, [*described(Jitter)]))
    return replace(usual, jitter=jitter, **given(args, [*described(Settings)]))


def refuse_other_settings(args: argparse.Namespace, run: Run) -> None:
    """ValueError if an option was given that differs from what the run was started with."""
    settings = asdict(run.settings)
    known = {**run.about, **settings, **settings["jitter"]}
    names = ["data", "folder", "network", "validation", "engine", *described(Settings), *described(Jitter)]
    for name, value in given(args, names).items():
        if value != known.get(name):
            what = "DATA" if name == "data" else option(name)
            raise ValueError(
                f"{what} {value}: this run was started with {known.get(name)}, and goes on with it; "
                "leave the option out, or start another run in another --out"
            )


def load(about: dict[str, Any], seed: int) -> Splits:
    """The images that a run trains on."""
    return datasets.load(
        about["data"],
        folder=about["folder"],
        preprocessing=architectures.architecture(about["network"]).preprocessing,
        seed=seed,
        progress=partial(progress, what="reading"),
    )


def fitted(about: dict[str, Any], training: Dataset) -> Preprocessing:
    """The preprocessing fitted to the images; ValueError if the network takes images of another shape."""
    expected = architectures.architecture(about["network"]).preprocessing
    found = fitted_preprocessing(training)
    if (found.channels, found.size) != (expected.channels, expected.size):
        shapes = ["×".join(map(str, (p.channels, *p.size))) for p in (expected, found)]
        raise ValueError(
            f"--network {about['network']} takes images of {shapes[0]}, but those of {about['data']} are {shapes[1]}"
        )
    return replace(found, resize=expected.resize, rounding=expected.rounding)


def checksum(data: Dataset) -> int:
    """A checksum of the images and labels, to recognise them when a run is resumed."""
    return zlib.crc32(data.labels.tobytes(), zlib.crc32(np.ascontiguousarray(data.images).data))
