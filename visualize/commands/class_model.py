"""Class models, images with a large score: argmax_I S_c(I) − λ‖I‖² (paper, section 2).

The paper's objective is the default: from the zero image along the gradient of the unnormalised score, with λ‖I‖² as
the only regulariser (steps, λ and momentum are ours).  The presets "jitter" and "smooth" add regularisers that are not
in the paper; "vivid" is an ascent of the same score in a basis of waves and colour axes.

A run writes, for all its classes together, the grid of images (.png), the curves of the ascent (-curves.png), the raw
arrays (.npz) and the settings (.json), from which `--from` repeats the run; and each class's image by itself.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from layers.engine import checked, current_engine, engine
from minicnn.architectures import PREPROCESSINGS
from minicnn.class_names import find_class, short_name
from minicnn.files import save_arrays, save_json
from minicnn.images import save_picture
from minicnn.network import Network
from minicnn.preparation import Preparation
from minicnn.settings import described
from visualize.class_models import (
    NO_POSTERIOR,
    PRESETS,
    AnySettings,
    ClassModel,
    Settings,
    Vivid,
    class_model,
    score_and_posterior,
)

from .common import (
    add_json,
    add_network,
    class_count,
    load_network,
    network_record,
    print_json,
    suggest_numba,
)
from .drawing import draw
from .output import Files, Output, add_out, different_slugs
from .prepared import PREPARATION, preparation
from .screen import progress
from .setting_options import add_settings, given, option

EXAMPLE = "minicnn class-model ostrich zebra --preset vivid --out models"

SETTINGS = [name for kind in (Settings, Vivid) for name in described(kind) if name != "stop"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("classes", nargs="*", metavar="CLASS", help="index or name of a class")
    parser.add_argument("--from", dest="from_", type=Path, metavar="FILE", help="repeat the run of this settings file")
    parser.add_argument("--versus-posterior", action="store_true", help="also draw score and posterior at equal ‖I‖")
    add_out(parser, default=".")
    add_network(parser)
    parser.set_defaults(long_work=True)
    add_json(parser)
    group = parser.add_argument_group("settings")
    group.add_argument("--preset", choices=PRESETS, help="start from these (default: paper) …")
    pixels = add_settings(group, Settings, known=["stop"], presets=PRESETS)
    add_settings(parser.add_argument_group("settings of the preset vivid"), Vivid, known=pixels, presets=PRESETS)


def run(args: argparse.Namespace) -> None:
    changed = given(args, SETTINGS)
    settings = chosen_settings(args.preset or "paper", changed)
    if args.versus_posterior and not isinstance(settings, Settings):
        raise ValueError("--versus-posterior climbs pixel by pixel: give it another preset than vivid")
    if args.from_ is not None:
        if args.classes or changed or args.preset or args.network or args.weights or preparation(args) is not None:
            raise ValueError("--from repeats a run as it was: give it no classes, no network and no settings")
        args.network, args.weights, prepared, args.classes, settings, made_with = read_run(args.from_)
        vars(args).update(dataclasses.asdict(prepared), preprocessing=prepared.preset)
        with engine(args.engine or made_with):
            return climb(args, settings)
    climb(args, settings)


def chosen_settings(preset: str, changed: dict[str, Any]) -> AnySettings:
    """The preset with some settings changed; ValueError for one that it does not have."""
    settings = PRESETS[preset]
    for name in changed:
        if not hasattr(settings, name):
            raise ValueError(f"{option(name)} is no setting of the preset {preset}")
    return dataclasses.replace(settings, **changed)


def climb(args: argparse.Namespace, settings: AnySettings) -> None:
    """Compute the class models of args.classes, write them and print where they are."""
    if not args.classes:
        raise ValueError("expected at least one CLASS (an index or a name), or --from FILE")
    output = Output(args.out)
    net = load_network(args)
    suggest_numba("class-model")
    classes = [find_class(query, net.classes, class_count(net)) for query in args.classes]
    if args.versus_posterior and class_count(net) == 1:
        raise ValueError(f"--versus-posterior: {NO_POSTERIOR}")
    if len(set(classes)) < len(classes):
        raise ValueError("each class may be named once")
    model = class_model(net, classes, settings, lambda states: progress(states, "steps", settings.length + 1))
    if model.steps < settings.length:
        print(f"minicnn class-model: note: stopped after {model.steps} steps, and kept", file=sys.stderr)
    files, pictures = write_run(net, classes, model, network_record(args), output)
    slugs = different_slugs([short_name(net.classes, c) for c in classes])
    if args.versus_posterior and isinstance(settings, Settings) and not model.interrupted:
        pictures["versus_posterior"] = write_versus_posterior(net, classes, settings, network_record(args), files)
    for k, c in enumerate(classes):
        record = {
            "class": c,
            "name": short_name(net.classes, c),
            "score": float(model.curves["scores"][-1, k]),
            "norm": float(model.curves["norms"][-1, k]),
            "steps": model.steps,
            "image": files[f"-{slugs[k]}.png"],
        }
        if args.json:
            print_json({**record, **pictures})
        else:
            print(f"{record['name']}: S = {record['score']:.1f}, ‖I‖ = {record['norm']:.0f} → {record['image']}")
    if not args.json:
        drawn = ", ".join(filter(None, pictures.values()))
        print(f"all together → {drawn or 'not drawn'}{' (replaced)' if files.replaced else ''}")
    if model.interrupted:  # the result is kept; the exit code says that it is incomplete
        raise KeyboardInterrupt


def read_run(path: Path) -> tuple[str, Path | None, Preparation, list[str], AnySettings, str]:
    """(network, weights, preparation, classes, settings, engine) of an earlier run; ValueError if it is none."""
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        settings = settings_of(run)
        if not isinstance(run["classes"], list):
            raise TypeError("expected a list of classes")
        classes = [f"#{int(c)}" for c in run["classes"]]  # indices, whatever the classes are called
        network, weights = str(run["network"]), Path(run["weights"]) if "weights" in run else None
        recorded = (run.get(name) for name in PREPARATION)
        values: list[Any] = [tuple(value) if isinstance(value, list) else value for value in recorded]
        prepared = Preparation(*values)
        if prepared.preset not in (None, *PREPROCESSINGS):
            raise ValueError(f"unknown preprocessing {prepared.preset!r}")
        made_with = checked(run.get("engine", current_engine()))
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} holds no settings of a class model: {type(error).__name__} {error}") from None
    return network, weights, prepared, classes, settings, made_with


def settings_of(run: dict[str, Any]) -> AnySettings:
    """The settings that a run's record holds."""
    if run.get("preset") == "vivid":
        return Vivid(**run["settings"])
    settings = Settings(**run["settings"])
    if "schedule" not in run["settings"]:
        raise ValueError("schedule is missing: an earlier version made it, with other steps")
    return settings


def write_run(
    net: Network, classes: list[int], model: ClassModel, network: dict[str, Any], output: Output
) -> tuple[Files, dict[str, str | None]]:
    """The run's files, and the names of its figures, None where one could not be drawn."""
    from visualize.figures import class_model_curves_figure, class_models_figure

    names = [short_name(net.classes, c) for c in classes]
    files = output.files("class", "model", names)
    for slug, image in zip(different_slugs(names), model.image, strict=True):
        save_picture(files[f"-{slug}.png"], image)
    save_arrays(files[".npz"], {"offset": model.offset, "image": model.image, **model.curves})
    record = {**network, "classes": classes, "names": names, "settings": dataclasses.asdict(model.settings)}
    record |= {"preset": "vivid"} if isinstance(model.settings, Vivid) else {}
    save_json(files[".json"], {**record, "step": model.step.tolist(), "decay": model.decay.tolist()})
    return files, {
        "grid": draw(files[".png"], lambda: class_models_figure(model, names)),
        "curves": draw(files["-curves.png"], lambda: class_model_curves_figure(model, names)),
    }


def write_versus_posterior(
    net: Network, classes: list[int], settings: Settings, network: dict[str, Any], files: Files
) -> str | None:
    """Each class climbed by score and by posterior, side by side: .png, .npz and .json; returns the .png's name."""
    from visualize.figures import score_and_posterior_figure

    pairs = [score_and_posterior(net, c, settings) for c in progress(classes, "score and posterior")]
    names = [short_name(net.classes, c) for c in classes]
    by_score, by_posterior = (np.stack([model.offset for model in models]) for models in zip(*pairs, strict=True))
    save_arrays(files["-versus-posterior.npz"], {"by_score": by_score, "by_posterior": by_posterior})
    record = {**network, "classes": classes, "names": names, "settings": dataclasses.asdict(settings)}
    save_json(files["-versus-posterior.json"], record)
    return draw(files["-versus-posterior.png"], lambda: score_and_posterior_figure(pairs, names))
