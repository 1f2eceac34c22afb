"""The paper in one run: pictures of its results, on bundled photographs, and a page that shows them.

Saliency maps (section 3.1), class models (2), the relation to DeconvNets (4) and localisation (3.2), each with its raw
arrays and settings beside it, and index.html with a paragraph on each and a link to the explorer of a photograph.  A
network that was trained on generated scenes (--network shapes, which needs no package beyond the core dependencies) is
shown such scenes instead.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from layers import Conv
from minicnn.class_names import short_name
from minicnn.network import Network, input_of, preprocessing_of
from visualize.class_models import class_model
from visualize.evaluation.measures import best_iou
from visualize.explorer.explorer import Explorer
from visualize.explorer.file import write_explorer
from visualize.page import Section, write_page
from visualize.portrait import representative_layers, strongest_portraits

from . import opening
from .class_model import write_run
from .classify import print_top
from .common import Answer, Picture, add_network, load_network, network_record, suggest_numba
from .crops import WHOLE
from .deconv import write_portraits
from .exhibits import Exhibits, exhibits
from .localize import write_boxes
from .output import Output, add_out, output_folder, refuse_file
from .saliency import write_saliency
from .screen import Overall, say

EXAMPLE = "minicnn demo --out minicnn-demo --open"

EXPLORED = 3  # classes in the explorer's page, besides a unit of every layer
# How long the parts take, for the bar: one is a step of an ascent.
MAP, BOX, LAYER, EXPLORER = 5, 8, 3, 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_out(parser, default="minicnn-demo", named=False)
    parser.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help="of each class model; few are quick, and show little (default: 60 or more)",
    )
    add_network(parser)
    parser.set_defaults(long_work=True)


def run(args: argparse.Namespace) -> None:
    refuse_file(args.out)
    if args.steps is not None and args.steps < 1:
        raise ValueError(f"--steps {args.steps}: expected 1 or more")
    net = load_network(args)
    suggest_numba("demo")
    shown = exhibits(net)
    pictures = {}
    for name, photo in shown.pictures.items():
        answer = Answer.of(net, photo)
        pictures[name] = Picture(name, photo, answer, answer.best(1))
        print(name)
        print_top(answer, answer.best(5))
    output_folder(args.out)
    with Overall(work(shown, args), "demo") as bar:
        sections = [
            saliency_section(net, pictures, shown, args, bar),
            class_model_section(net, shown, args, bar),
            deconvnet_section(net, pictures, args, bar),
            localization_section(net, pictures, shown, args, bar),
        ]
    page = args.out / "index.html"
    write_page(page, "Deep Inside Convolutional Networks", introduction(pictures, shown), sections)
    opening.written(page)
    print(f"The paper's visualisations, raw arrays and settings are in {args.out.resolve()}; open {page.resolve()}")


def work(shown: Exhibits, args: argparse.Namespace) -> int:
    """All that is to be done, in steps of an ascent."""
    ascents = sum(shown.settings(preset, args.steps).length + 1 for preset in shown.recipes)
    return ascents + MAP * len(shown.pictures) + BOX * len(shown.truths) + 4 * LAYER + EXPLORER


def introduction(pictures: dict[str, Picture], shown: Exhibits) -> str:
    said = "; ".join(f"{name}: {p.answer.title(p.classes[0]).replace('   ', ', ')}" for name, p in pictures.items())
    source = "bundled photographs" if shown.kind == "photograph" else "generated scenes"
    return (
        "The visualisations of “Deep Inside Convolutional Networks”, made by this run from one trained network and "
        f"{source}. "
        f"What the network says of these: {said}. S is the unnormalised score, P the probability. "
        "A click on a picture enlarges it."
    )


# ---------------------------------------------------------------------- the paper's sections


def saliency_section(
    net: Network, pictures: dict[str, Picture], shown: Exhibits, args: argparse.Namespace, bar: Overall
) -> Section:
    """Figure 2."""
    figures: list[tuple[str | None, str]] = []
    for name, picture in bar.of(pictures.items(), "saliency maps", MAP):
        (record,) = write_saliency(net, picture, WHOLE, network_record(args), Output(args.out).files(name, "saliency"))
        note = "" if figures else checkerboard(net)
        caption = f"{name}: {mean_map(net, picture)} for “{record['name']}”. {note}"
        figures.append((record["figure"], caption.strip()))
    say(f"saliency maps: {listed(figures)}")
    return Section(
        "Which pixels made it say so",
        f"Near a {shown.kind} the score is almost linear, S(I) ≈ ⟨w, I⟩ + b, and w = ∂S/∂I says which pixels need to "
        "be changed the least to change the score the most. The map is |w|, its maximum over the three colours; one "
        "way down through the network makes it, for each crop.",
        figures,
    )


def mean_map(net: Network, picture: Picture) -> str:
    """What the maps are, in words: of a picture as large as the crop, ten crops are two."""
    if picture.pixels.shape[:2] == preprocessing_of(net).size:
        return "the mean map of the picture and its mirror image"
    return "the mean map of ten crops"


def checkerboard(net: Network) -> str:
    """A word on the grid in the maps of a network whose first convolution takes large steps."""
    first = next((layer for layer in net.layers.values() if isinstance(layer, Conv)), None)
    if first is None or max(first.stride) == 1:
        return ""
    return (
        f"The fine checkerboard is the network's, not the picture's: its first convolution goes in steps of "
        f"{max(first.stride)} pixels, so its windows see some pixels more often than their neighbours."
    )


def class_model_section(net: Network, shown: Exhibits, args: argparse.Namespace, bar: Overall) -> Section:
    """Figure 1: the same score climbed in another basis, and the paper's objective, plainly."""
    names = ", ".join(short_name(net.classes, c) for c in shown.classes)
    figures = {}
    for preset in shown.recipes:
        settings = shown.settings(preset, args.steps)
        model = class_model(net, shown.classes, settings, lambda states: bar.of(states, "class models"))
        _, drawn = write_run(net, shown.classes, model, network_record(args), Output(args.out / preset))
        figures[preset] = drawn["grid"], model.steps
        if model.interrupted:  # what was reached is kept, and Ctrl-C ends the whole demo
            raise KeyboardInterrupt
    say(f"class models of {names}: {listed(figures.values())}")
    (vivid, vivid_steps), (paper, paper_steps) = figures["vivid"], figures["paper"]
    return Section(
        "What the network thinks a class looks like",
        "Gradient ascent on the image: uphill on the class's score, the weights fixed. Both figures climb the same "
        "score by the same gradient. They differ in the basis: a step in waves and colour axes changes large shapes "
        "much and single pixels little, a step in pixels does the contrary. The basis (with small random views, and "
        "Adam's steps) decides which images are near.",
        [
            (
                vivid,
                f"Climbed in waves and colour axes, {vivid_steps} steps. Not in the paper ([Olah2017]).",
            )
        ],
        [
            (
                paper,
                f"The paper's objective, plainly climbed: S − λ‖I‖², pixel by pixel, from {shown.start}, {paper_steps} "
                "steps. The paper's Figure 1 shows outlined copies of the object (its steps and λ are not known); here "
                "they are fainter, among specks of colour.",
            )
        ],
    )


def deconvnet_section(net: Network, pictures: dict[str, Picture], args: argparse.Namespace, bar: Overall) -> Section:
    """Section 4, for which the paper has no figure."""
    name, picture = next(iter(pictures.items()))
    crop = preprocessing_of(net).centre_crop(picture.pixels)
    trace = net.forward(input_of(net, crop))
    layers = bar.of(representative_layers(net, trace), "DeconvNets", LAYER)
    portraits = [unit for layer in layers for unit in strongest_portraits(net, trace, layer, 1)]
    files = Output(args.out).files(name, "deconv")
    record = write_portraits(net, name, picture.pixels, crop, portraits, network_record(args), files)
    figures = [(record["figure"], f"{name}: the strongest unit of some layers, by three rules.")]
    say(f"gradient, DeconvNet and guided side by side: {listed(figures)}")
    for page in bar.of([args.out / f"{name}-explorer.html"], "explorer", EXPLORER):
        write_explorer(page, Explorer(net, picture.pixels, name, answers=EXPLORED))
        say(f"one signal after the other, layer by layer: {page}")
    link = page.name, f"Choose a class or unit of {name} yourself, and watch it come down layer by layer"
    return Section(
        "Gradient or DeconvNet?",
        "A single unit sent back down to the image. Gradient and DeconvNet differ in one line: a ReLU lets the "
        "gradient pass where its input was positive, and the DeconvNet's signal where that signal is positive. Guided "
        "back-propagation asks for both. The DeconvNet's pictures are cleaner, but in some networks alike for every "
        "class: shown a cat, SqueezeNet's signals of “Egyptian cat” and “espresso” correlate by about 0.05 as "
        "gradients and by 0.997 as DeconvNets.",
        figures,
        links=[link],
    )


def localization_section(
    net: Network, pictures: dict[str, Picture], shown: Exhibits, args: argparse.Namespace, bar: Overall
) -> Section:
    """Figure 3: the boxes, and whether and why they are right."""
    figures = []
    for name, truth in bar.of(shown.truths.items(), "localisation", BOX):
        files = Output(args.out).files(name, "localize")
        record = write_boxes(net, pictures[name], WHOLE, shown.cut, network_record(args), files)
        iou = best_iou(record["guesses"][0]["box"], [truth.box])
        verdict, why = ("right", truth.right) if iou >= 0.5 else ("not right", truth.wrong)
        figures.append((record["figure"], f"{name}: the box is {verdict} (IoU {iou:.2f}). {why}"))
    say(f"boxes: {listed(figures)}")
    return Section(
        "Where the object is, though no box was ever taught",
        f"The most salient {1 - shown.cut.foreground:.0%} of the pixels show which colours the object has, the least "
        f"salient {shown.cut.background:.0%} which colours the background has. A graph cut labels every pixel by its "
        "colour and its neighbours; the largest connected component is taken for the object. A box is right if it and "
        f"the true one ({shown.source}) share at least half of the area that they cover together: IoU ≥ 0.5.",
        figures,
    )


def listed(figures: Iterable[tuple[str | None, object]]) -> str:
    """The names of the figures that were drawn."""
    return ", ".join(file for file, _ in figures if file) or "not drawn"
