"""Trains a network from scratch, and writes down how it went.

DATA is a data set by name or a folder with a folder of images for each class.  Without further options the recipe for
it is followed (minicnn/recipes.py).  Some of the images are held out; on them the network is tried after each epoch.

Into the folder --out go: last.npz and best.npz, the run after its last epoch and after the one with the best validation
accuracy; log.jsonl, a line for each epoch; and at the end curve.png, network.npz (the best network, to be used with
--weights) and training.json, with its accuracy on the test images and every file that was left out.  A run that was
stopped, however rudely, goes on with --resume and ends with the same weights.  --json prints an object for each epoch,
then one with the test accuracy.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layers.engine import current_engine, engine
from minicnn import architectures, checkpoint, datasets, formats
from minicnn.datasets import Dataset, Splits
from minicnn.files import atomic_write, remove_parts, save_json
from minicnn.images import Preprocessing
from minicnn.network import Network
from minicnn.recipes import RECIPES, recipe
from minicnn.schedules import SCHEDULES
from minicnn.training import (
    Diverged,
    Epoch,
    Run,
    Settings,
    Tally,
    evaluate,
    fitted_preprocessing,
    held_out,
    refuse_measured,
    train,
)

from .common import add_device, add_json, chosen_device, print_json, suggest_numba
from .drawing import draw
from .output import output_folder, refuse_file
from .screen import progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXAMPLE = "minicnn train fashion-mnist --out fashion"

SETTINGS: list[tuple[str, type, str]] = [
    ("epochs", int, "how often every image is seen"),
    ("batch", int, "images in a step"),
    ("rate", float, "the learning rate"),
    ("momentum", float, "share of each step that the next one keeps"),
    ("weight_decay", float, "λ, by which each step shrinks the weights"),
    ("warm_up", int, "steps in which the rate grows from almost nothing"),
    ("seed", int, "of everything that is drawn"),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", nargs="?", metavar="DATA", help=f"{', '.join(RECIPES)}, or a folder of images")
    parser.add_argument("--folder", metavar="DIR", help="where the files of a data set by name lie")
    parser.add_argument("--network", metavar="NAME", help="an architecture (minicnn networks lists them)")
    parser.add_argument("--validation", type=float, metavar="X", help="the share of images held out to try it on")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for what is written (default: trained-DATA)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out, by its own settings")
    add_device(parser)
    parser.set_defaults(long_work=True)
    add_json(parser)
    group = parser.add_argument_group("settings (default: the recipe's)")
    group.add_argument("--schedule", choices=SCHEDULES, help="how the rate changes")
    for name, kind, meaning in SETTINGS:
        group.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="X", help=meaning)
    jitter = parser.add_argument_group("jitter")
    jitter.add_argument("--crop", type=int, metavar="N", help="random crops out of a frame of so many pixels")
    jitter.add_argument("--mirror", action=argparse.BooleanOptionalAction, help="mirror images; not of text")
    jitter.add_argument("--zero", type=int, metavar="N", help="a random square of N×N pixels zeroed, as in the paper")
    jitter.add_argument("--colour", type=float, metavar="X", help="shifts along the axes of RGB; Krizhevsky's: 0.1")


@dataclass(frozen=True)
class Task:
    """A run, and what it learns from, is tried on after each epoch, and is tested by at the end."""

    run: Run
    training: Dataset
    validation: Dataset
    test: Dataset
    left_out: tuple[str, ...]  # files that could not be read, and folders that were passed over


def run(args: argparse.Namespace) -> int:
    if args.data is None and not (args.resume and args.out):
        raise ValueError(f"expected DATA ({', '.join(RECIPES)}, or a folder), or --resume and the --out of a run")
    out = args.out or Path(f"trained-{Path(args.data).resolve().name}")
    refuse_file(out)
    device = chosen_device(args)
    task = resumed(args, out) if args.resume else started(args, out)
    say_left_out(task.left_out)
    if device != "cpu":
        task = replace(task, run=task.run.to(device))
    with engine(task.run.about["engine"]):  # a run that goes on does so with the engine that it began with
        return follow(task, out, device, args.json)


def follow(task: Task, out: Path, device: str, as_json: bool) -> int:
    """The run to its end, with all that is written on the way; returns the exit code."""
    suggest_numba("train")
    try:
        for line in train(task.run, task.training, task.validation, partial(bar, task)):
            write_epoch(task.run, out)
            report(task.run, line, as_json)
        finish(task, out, device, as_json)
    except KeyboardInterrupt:
        print(f"minicnn train: interrupted; {saved(out)}", file=sys.stderr)
        return 130
    except Diverged as error:
        raise Diverged(f"{error}; {saved(out)}") from None
    except BrokenPipeError:  # whoever read the results has seen enough
        raise
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}; {saved(out)}", str(error.filename or out)) from None
    return 0


def say_left_out(left_out: Sequence[str], most: int = 3) -> None:
    """How many files were left out, and the first reasons, on standard error."""
    if left_out:
        first = "; ".join(left_out[:most])
        more = f"; and {len(left_out) - most} more" if len(left_out) > most else ""
        count = f"{len(left_out)} left out (training.json lists all)"
        print(f"minicnn train: note: {count}: {first}{more}", file=sys.stderr)


def saved(out: Path) -> str:
    """What is left of a run that stopped."""
    if not (out / "last.npz").exists():
        return "nothing is saved, for its first epoch was not done"
    run = checkpoint.load(out / "last.npz")
    resume = f"minicnn train --resume --out {shlex.quote(str(out))}"
    return f"epoch {len(run.log)} of {run.settings.epochs} is saved, and to go on from there: {resume}"


# ---------------------------------------------------------------------- beginning


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
    refuse_measured(architectures.blank(about["network"]))

    rng = np.random.default_rng(settings.seed)
    splits = load(about, settings.seed)
    if splits.validation is not None:
        if args.validation is not None:
            raise ValueError(f"--validation {args.validation:g}: {args.data} has a folder of images for that already")
        about["validation"] = None
    training, validation = learnt_and_tried(splits, about, rng)
    about["checksum"] = checksum(splits.train)
    preprocessing = fitted(about, training)
    net = architectures.build(about["network"], rng, classes=len(splits.classes))
    run = Run.start(Network(net.layers, preprocessing, splits.classes), settings, rng)
    run.about = about
    remove_parts(output_folder(out))
    return Task(run, training, validation, splits.test, splits.left_out)


def learnt_and_tried(splits: Splits, about: dict[str, Any], rng: np.random.Generator) -> tuple[Dataset, Dataset]:
    """The images to learn from, and those to try the network on: of a folder of their own, or a share held out."""
    if splits.validation is not None:
        return splits.train, splits.validation
    return held_out(splits.train, about["validation"], rng)


def resumed(args: argparse.Namespace, out: Path) -> Task:
    """The run in `out`, as it was after its last whole epoch."""
    run = checkpoint.load(out / "last.npz")
    if run.about.keys() != {"data", "folder", "network", "validation", "engine", "checksum"}:
        raise ValueError(f"{out / 'last.npz'} does not say what it learns from: minicnn train did not write it")
    refuse_other_settings(args, run)
    splits = load(run.about, run.settings.seed)
    if checksum(splits.train) != run.about["checksum"] or splits.classes != run.net.classes:
        raise ValueError(f"the images of {run.about['data']} are not those that the run in {out} learns from")
    if (splits.validation is None) != (run.about["validation"] is not None):
        raise ValueError(f"the folder of {run.about['data']} has changed since the run in {out} began")
    training, validation = learnt_and_tried(splits, run.about, np.random.default_rng(run.settings.seed))
    remove_parts(out)
    return Task(run, training, validation, splits.test, splits.left_out)


def given(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """The options that were given, by name."""
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def chosen_settings(args: argparse.Namespace, usual: Settings) -> Settings:
    """The usual settings, but for those that were given."""
    jitter = replace(usual.jitter, **given(args, "crop", "mirror", "colour", "zero"))
    return replace(usual, jitter=jitter, **given(args, "schedule", *(name for name, _, _ in SETTINGS)))


def refuse_other_settings(args: argparse.Namespace, run: Run) -> None:
    """ValueError if an option was given that differs from what the run was started with."""
    settings = asdict(run.settings)
    known = {**run.about, **settings, **settings["jitter"]}
    names = ("data", "folder", "network", "validation", "engine", "schedule", "crop", "mirror", "colour", "zero")
    for name, value in given(args, *names, *(name for name, _, _ in SETTINGS)).items():
        if value != known.get(name):
            option = "DATA" if name == "data" else f"--{name.replace('_', '-')}"
            raise ValueError(
                f"{option} {value}: this run was started with {known.get(name)}, and goes on with it; "
                "leave the option out, or start another run in another --out"
            )


def load(about: dict[str, Any], seed: int) -> Splits:
    """The images that a run is about."""
    return datasets.load(
        about["data"],
        folder=about["folder"],
        preprocessing=architectures.architecture(about["network"]).preprocessing,
        seed=seed,
        progress=partial(progress, what="reading"),
    )


def fitted(about: dict[str, Any], training: Dataset) -> Preprocessing:
    """The preprocessing that the images suggest; ValueError if they are none for the network."""
    wanted = architectures.architecture(about["network"]).preprocessing
    found = fitted_preprocessing(training)
    if (found.channels, found.size) != (wanted.channels, wanted.size):
        shapes = ["×".join(map(str, (p.channels, *p.size))) for p in (wanted, found)]
        raise ValueError(
            f"--network {about['network']} takes images of {shapes[0]}, but those of {about['data']} are {shapes[1]}"
        )
    return replace(found, resize=wanted.resize, rounding=wanted.rounding)


def checksum(data: Dataset) -> int:
    """Tells whether these are the same images and labels as before."""
    return zlib.crc32(data.labels.tobytes(), zlib.crc32(np.ascontiguousarray(data.images).data))


# ---------------------------------------------------------------------- on the way


def bar(task: Task, tallies: Iterable[Tally]) -> Iterator[Tally]:
    """The steps of an epoch, with a progress bar on standard error; silent when that is not a terminal."""
    from tqdm import tqdm

    title = f"epoch {len(task.run.log) + 1}/{task.run.settings.epochs}"
    total = len(task.training)
    with tqdm(total=total, desc=title, unit=" images", leave=False, disable=None, file=sys.stderr) as shown:
        for tally in tallies:
            shown.update(tally.images - shown.n)
            if tally.seen:
                shown.set_postfix(loss=f"{tally.loss:.3f}", accuracy=f"{tally.accuracy:.1%}", refresh=False)
            yield tally


def write_epoch(run: Run, out: Path) -> None:
    """The checkpoints and the log.  `last` is written after `best`: only with it an epoch is done."""
    if run.best is run.log[-1]:
        checkpoint.save(run, out / "best.npz")
    checkpoint.save(run, out / "last.npz")
    write_log(run, out)


def write_log(run: Run, out: Path) -> None:
    with atomic_write(out / "log.jsonl") as file:
        file.writelines((json.dumps(asdict(line)) + "\n").encode() for line in run.log)


def report(run: Run, line: Epoch, as_json: bool) -> None:
    """What there is to tell of an epoch."""
    if as_json:
        print_json(asdict(line))
        return
    print(
        f"epoch {line.epoch}/{run.settings.epochs}   loss {line.loss:.4f}   accuracy {line.accuracy:.2%}   "
        f"validation: loss {line.validation_loss:.4f}   accuracy {line.validation_accuracy:.2%}   "
        f"{line.images_per_second:.0f} images/s{'   (best)' if run.best is line else ''}",
        flush=True,
    )


def finish(task: Task, out: Path, device: str, as_json: bool) -> None:
    """The best network tested and written by itself, at last the curve drawn."""
    run, best = task.run, task.run.best
    net = formats.load(out / "best.npz")
    loss, accuracy = evaluate(net if device == "cpu" else net.to(device), task.test)
    result = {
        "test_accuracy": accuracy,
        "test_loss": loss,
        "test_images": len(task.test),
        "best_epoch": best.epoch,
        "validation_accuracy": best.validation_accuracy,
        "network": str(out / "network.npz"),
    }
    write_log(run, out)  # once more, for a run that was stopped right after its last checkpoint
    formats.save(net, out / "network.npz")
    record = {"about": run.about, "settings": asdict(run.settings), "result": result, "left_out": list(task.left_out)}
    save_json(out / "training.json", record)
    if as_json:
        print_json(result)
    else:
        print(
            f"test accuracy {accuracy:.2%} of {len(task.test)} images, after epoch {best.epoch} → {result['network']}"
        )

    def curve() -> Figure:
        from visualize.figures import training_figure

        return training_figure(run.log, f"{run.about['network']} on {run.about['data']}")

    draw(out / "curve.png", curve)
