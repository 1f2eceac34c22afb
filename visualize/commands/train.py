"""Trains a network from scratch, with checkpoints, a log and a curve.

DATA is a data set by name or a folder with a folder of images for each class.  Without further options the recipe for
it is followed (minicnn/recipes.py).  Some of the images are held out for validation after each epoch.

Into the folder --out go: last.npz and best.npz, the run after its last epoch and after the one with the best validation
accuracy; log.jsonl, a line for each epoch; and at the end curve.png, network.npz (the best network, to be used with
--weights) and training.json, with its accuracy on the test images and every file that was left out.  A run that was
stopped or killed goes on with --resume and ends with the same weights.  --json prints an object for each epoch,
then one with the test accuracy.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from layers.engine import engine
from minicnn import checkpoint, formats
from minicnn.files import atomic_write, save_json
from minicnn.jitter import Jitter
from minicnn.recipes import RECIPES
from minicnn.tally import Diverged, Tally
from minicnn.training import Epoch, Run, Settings, evaluate, train

from .common import add_device, add_json, chosen_device, print_json, suggest_numba
from .drawing import draw
from .opening import add_open
from .output import refuse_file
from .setting_options import add_settings
from .training_run import Task, resumed, started

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXAMPLE = "minicnn train fashion-mnist --out fashion"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", nargs="?", metavar="DATA", help=f"{', '.join(RECIPES)}, or a folder of images")
    parser.add_argument("--folder", metavar="DIR", help="where the files of a data set by name are")
    parser.add_argument("--network", metavar="NAME", help="an architecture (minicnn networks lists them)")
    parser.add_argument("--validation", type=float, metavar="X", help="the fraction of images held out for validation")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for what is written (default: trained-DATA)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out, by its own settings")
    add_open(parser)
    add_device(parser)
    parser.set_defaults(long_work=True)
    add_json(parser)
    add_settings(parser.add_argument_group("settings (default: the recipe's)"), Settings)
    add_settings(parser.add_argument_group("jitter"), Jitter)


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
    except BrokenPipeError:  # the reader of the results closed the pipe
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
    """What is saved of a run that stopped, and how to go on."""
    if not (out / "last.npz").exists():
        return "nothing is saved, for its first epoch was not done"
    run = checkpoint.load(out / "last.npz")
    resume = f"minicnn train --resume --out {shlex.quote(str(out))}"
    return f"epoch {len(run.log)} of {run.settings.epochs} is saved, and to go on from there: {resume}"


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
    """The checkpoints and the log.  `last` is written after `best`: with it the epoch counts as done."""
    if run.best is run.log[-1]:
        checkpoint.save(run, out / "best.npz")
    checkpoint.save(run, out / "last.npz")
    write_log(run, out)


def write_log(run: Run, out: Path) -> None:
    with atomic_write(out / "log.jsonl") as file:
        file.writelines((json.dumps(asdict(line)) + "\n").encode() for line in run.log)


def report(run: Run, line: Epoch, as_json: bool) -> None:
    """Print the metrics of an epoch."""
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
