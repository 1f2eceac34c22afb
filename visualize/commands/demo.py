"""The paper in one run: pictures of its results, on bundled photographs, and a page that shows them.

Class models (section 2), saliency maps (3.1), localisation (3.2) and the relation to DeconvNets (4), each with its raw
arrays and settings beside it, and index.html with a paragraph on each and a link to the explorer of a photograph.  A
network that was trained on generated scenes (--network shapes, which needs no package beyond the core dependencies) is
shown such scenes instead.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from minicnn.class_names import find_class, short_name
from minicnn.datasets import shapes
from minicnn.network import Network, input_of, preprocessing_of
from minicnn.photographs import PHOTOGRAPHS, photograph
from visualize.class_models import PRESETS, class_model
from visualize.cut_settings import PRESETS as CUTS
from visualize.cut_settings import CutSettings
from visualize.explorer.explorer import Explorer
from visualize.explorer.file import write_explorer
from visualize.page import Section, write_page
from visualize.portrait import representative_layers, strongest_portraits

from .class_model import write_run
from .classify import print_top
from .common import (
    Answer,
    Picture,
    add_network,
    class_count,
    load_network,
    network_record,
    suggest_numba,
)
from .crops import WHOLE
from .deconv import write_portraits
from .localize import write_boxes
from .output import Output, add_out, output_folder, refuse_file
from .saliency import write_saliency
from .screen import progress

EXAMPLE = "minicnn demo --out minicnn-demo"

CLASSES = ("ostrich", "zebra", "flamingo"), ("disc", "star", "arrow")  # whichever the network has
SCENES, SCENES_SEED = 3, 2  # how many scenes, and which: three different classes
# Of class models: the preset, what is changed of it, and the caption.
RECIPES: dict[str, tuple[dict[str, Any], str]] = {
    "paper": ({"steps": 100}, "The paper's objective, climbed plainly."),
    "jitter": ({"steps": 100}, "With jitter, which is not in the paper."),
}
# At the zero image the scenes' network is flat: there is nothing to climb.
SCENE_RECIPES: dict[str, tuple[dict[str, Any], str]] = {
    "paper": (
        {"steps": 250, "noise": 1.0, "step": 0.05, "decay": 0.02},
        "The same, but from noise in place of zero.",
    ),
    "smooth": (
        {"steps": 200, "noise": 2.0, "step": 0.1, "decay": 0.005, "jitter": 4, "blur": 0.5},
        "With jitter and now and then a blur, which are not in the paper.",
    ),
}

EXPLORED = 3  # classes in the explorer's page, besides a unit of every layer

# Tuned on scenes: docs/localization.md.
SCENE_CUT = dataclasses.replace(CUTS["minicnn"], foreground=0.98, background=0.90)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_out(parser, default="minicnn-demo", named=False)
    parser.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help="of each class model; few are quick, and show little (default: 100 or more)",
    )
    add_network(parser)
    parser.set_defaults(long_work=True)


def run(args: argparse.Namespace) -> None:
    refuse_file(args.out)
    if args.steps is not None and args.steps < 1:
        raise ValueError(f"--steps {args.steps}: expected 1 or more")
    net = load_network(args)
    suggest_numba("demo")
    photos = pictures(net)
    answers = {name: Answer.of(net, photo) for name, photo in photos.items()}
    for name, answer in answers.items():
        print(name)
        print_top(answer, answer.best(5))
    output_folder(args.out)
    sections = [
        saliency_section(net, photos, answers, args),
        localization_section(net, photos, answers, args),
        deconvnet_section(net, photos, args),
        class_model_section(net, args),
    ]
    page = args.out / "index.html"
    write_page(page, "Deep Inside Convolutional Networks", introduction(answers), [sections[-1], *sections[:-1]])
    print(f"The paper's visualisations, raw arrays and settings are in {args.out.resolve()}; open {page.resolve()}")


def pictures(net: Network) -> dict[str, np.ndarray]:
    """What the network is shown: scenes if it was trained on them, the bundled photographs otherwise."""
    if knows_scenes(net):
        drawn = shapes.scenes(SCENES, seed=SCENES_SEED)
        return {shapes.CLASSES[label]: image for image, label in zip(drawn.images, drawn.labels, strict=True)}
    return {name: photograph(name) for name in PHOTOGRAPHS}


def knows_scenes(net: Network) -> bool:
    return net.classes == shapes.CLASSES


def introduction(answers: dict[str, Answer]) -> str:
    said = "; ".join(f"{name}: {answer.title(answer.best(1)[0])}" for name, answer in answers.items())
    return (
        "The visualisations of “Deep Inside Convolutional Networks”, made by this run from one trained network and "
        f"bundled photographs. What the network says of these: {said}. S is the unnormalised score, P the probability."
    )


def class_model_section(net: Network, args: argparse.Namespace) -> Section:
    """Figure 1: the paper's objective, climbed plainly, and with jitter."""
    classes = demo_classes(net)
    figures = []
    for preset, (changes, caption) in (SCENE_RECIPES if knows_scenes(net) else RECIPES).items():
        if args.steps is not None:
            changes = {**changes, "steps": args.steps}
        settings = dataclasses.replace(PRESETS[preset], **changes)
        model = class_model(net, classes, settings, partial(progress, what="class models", total=settings.steps + 1))
        files = write_run(net, classes, model, network_record(args), Output(args.out / preset))
        figures.append((files[".png"], caption))
        if model.interrupted:  # what was reached is kept, and Ctrl-C ends the whole demo
            raise KeyboardInterrupt
    names = ", ".join(short_name(net.classes, c) for c in classes)
    print(f"class models of {names}: {', '.join(file for file, _ in figures)}")
    return Section(
        "What the network thinks a class looks like",
        "Gradient ascent on the image: from the zero image, uphill on the class's score minus λ‖I‖², the weights "
        "fixed. Plainly climbed it draws specks of colour with some outlines (the paper's Figure 1 shows outlines; its "
        "steps and λ are not known). Rolling the image by a few random pixels before each step, and back after it, "
        "makes larger and fewer objects.",
        figures,
    )


def demo_classes(net: Network) -> list[int]:
    """Classes whose models look good, or the network's first three."""
    count = class_count(net)
    for names in CLASSES:
        try:
            return [find_class(name, net.classes, count) for name in names]
        except ValueError:
            continue
    return list(range(min(3, count)))


def saliency_section(
    net: Network, photos: dict[str, np.ndarray], answers: dict[str, Answer], args: argparse.Namespace
) -> Section:
    """Figure 2."""
    figures = []
    for name, photo in progress(photos.items(), "saliency"):
        picture = Picture(name, photo, answers[name], answers[name].best(1))
        files = Output(args.out).files(name, "saliency")
        (record,) = write_saliency(net, picture, WHOLE, network_record(args), files)
        figures.append((str(record["figure"]), f"{name}: {mean_map(net, photo)} for “{record['name']}”."))
    print(f"saliency maps: {listed(figures)}")
    return Section(
        "Which pixels made it say so",
        "Near a photograph the score is almost linear, S(I) ≈ ⟨w, I⟩ + b, and w = ∂S/∂I says which pixels need to be "
        "changed the least to change the score the most. The map is |w|, its maximum over the three colours; one way "
        "down through the network makes it, for each crop.",
        figures,
    )


def mean_map(net: Network, photo: np.ndarray) -> str:
    """What the maps are, in words: of a picture as large as the crop, ten crops are two."""
    if photo.shape[:2] == preprocessing_of(net).size:
        return "the mean map of the picture and its mirror image"
    return "the mean map of ten crops"


def localization_section(
    net: Network, photos: dict[str, np.ndarray], answers: dict[str, Answer], args: argparse.Namespace
) -> Section:
    """Figure 3."""
    figures, settings = [], SCENE_CUT if knows_scenes(net) else CutSettings()
    for name, photo in progress(photos.items(), "localisation"):
        picture = Picture(name, photo, answers[name], answers[name].best(1))
        files = Output(args.out).files(name, "localize")
        record = write_boxes(net, picture, WHOLE, settings, network_record(args), files)
        figures.append((record["figure"], f"{name}: the map, its two quantiles, the mask and the box."))
    print(f"boxes: {listed(figures)}")
    return Section(
        "Where the object is, though no box was ever taught",
        f"The most salient {1 - settings.foreground:.0%} of the pixels tell what colours the object has, the least "
        f"salient {settings.background:.0%} what colours the background has. A graph cut labels every pixel by its "
        "colour and its neighbours; the largest connected piece is taken for the object. One that fills the picture "
        "has no background to differ from: its box is too small.",
        figures,
    )


def deconvnet_section(net: Network, photos: dict[str, np.ndarray], args: argparse.Namespace) -> Section:
    """Section 4, for which the paper has no figure."""
    name, photo = next(iter(photos.items()))
    crop = preprocessing_of(net).centre_crop(photo)
    trace = net.forward(input_of(net, crop))
    layers = progress(representative_layers(net, trace), "DeconvNets")
    portraits = [unit for layer in layers for unit in strongest_portraits(net, trace, layer, 2)]
    files = Output(args.out).files(name, "deconv")
    record = write_portraits(net, name, photo, crop, portraits, network_record(args), files)
    figures = [(str(record["figure"]), f"{name}: the strongest units of some layers, by three rules.")]
    print(f"gradient, DeconvNet and guided side by side: {listed(figures)}")
    return Section(
        "Gradient or DeconvNet?",
        "A single unit sent back down to the image. Gradient and DeconvNet differ in one line: a ReLU lets the "
        "gradient pass where its input was positive, and the DeconvNet's signal where that signal is positive. Guided "
        "back-propagation asks for both. The DeconvNet's pictures are cleaner, but in some networks alike for every "
        "class: shown a cat, SqueezeNet's signals of “Egyptian cat” and “espresso” correlate by about 0.05 as "
        "gradients and by 0.997 as DeconvNets.",
        figures,
        [explorer_link(net, name, photo, args)],
    )


def explorer_link(net: Network, name: str, photo: np.ndarray, args: argparse.Namespace) -> tuple[str, str]:
    """Writes the explorer of a photograph beside the page: the link to it."""
    page = args.out / f"{name}-explorer.html"
    write_explorer(page, Explorer(net, photo, name, answers=EXPLORED))
    print(f"one signal after the other, layer by layer: {page}")
    return page.name, f"Choose a class or unit of {name} yourself, and watch it come down layer by layer"


def listed(figures: Sequence[tuple[str, str]]) -> str:
    return ", ".join(file for file, _ in figures)
