"""What is timed: each work, who does it, and the bar that is set for minicnn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from PIL import Image

from minicnn import architectures, summary
from minicnn.photographs import photograph
from minicnn.pretrained import squeezenet
from visualize import graph_cut, localization
from visualize.mixture import fit_mixture
from visualize.saliency_maps import photo_saliency, ten_crop_saliency

from .contenders import C, Contenders, Run, attribution, by_engines, class_model_step, saliency_maps, training_step


@dataclass(frozen=True)
class Work:
    """One thing to do.

    contenders: who does it, by name: "minicnn" and the engine, or "minicnn" alone where no engine computes
    bars:       minicnn's time may be so much of each rival's; of a rival's two layouts the faster counts
    seconds:    or it may be so many, where there is no rival
    products:   multiplications that are needed, and …
    fetched:    … bytes of weights that must be fetched, both without tricks: the floor
    most_rounds: of the contenders' turns, where one takes long
    """

    contenders: Contenders
    bars: dict[str, float] = field(default_factory=dict)
    seconds: float | None = None
    products: int = 0
    fetched: int = 0
    most_rounds: int = 100


def floor_of(name: str, batch: int, ways: int) -> dict[str, int]:
    """Up and down (and, in training, down to the weights): each way the same products and the same weights."""
    net = architectures.blank(name)
    return {
        "products": ways * batch * summary.summary(net).multiply_adds,
        "fetched": ways * sum(p.nbytes for p in net.parameters.values()),
    }


def maps_of(name: str, batch: int, bar: float | None) -> Work:
    """Saliency maps.  The peers that compile are there for single images; DeZero where it has the layers.

    Sixteen images and VGG-16 take seconds, in DeZero half a minute: one round, and not in DeZero.
    """
    peers = ("torch.compile", "JAX") if batch == 1 else ()
    if name == "alexnet" or (name == "vgg16" and batch == 1):
        peers = (*peers, "DeZero")
    engines = ("plain", "numpy", "compiled") if (name, batch) == ("squeezenet1_1", 1) else ("numpy", "compiled")
    bars = {} if bar is None else {"PyTorch": bar}
    if "DeZero" in peers:
        bars["DeZero"] = 0.33
    rounds = {"most_rounds": 1} if (name, batch) == ("vgg16", 16) else {}
    return Work(saliency_maps(name, batch, engines, peers), bars, **floor_of(name, batch, ways=2), **rounds)


def class_model() -> Work:
    return Work(class_model_step(), {"PyTorch": 0.95}, **floor_of("squeezenet1_1", 1, ways=2))


def signal_of(name: str, rule: str, bar: float | None) -> Work:
    bars = {} if bar is None else {"Captum": bar}
    return Work(attribution(name, rule), bars, **floor_of(name, 1, ways=2))


def training_of(name: str, batch: int, bar: float) -> Work:
    return Work(training_step(name, batch), {"PyTorch": bar, "DeZero": 0.33}, **floor_of(name, batch, ways=3))


# ---------------------------------------------------------------------- localisation and its parts


def cut_terms() -> tuple[np.ndarray, np.ndarray, np.ndarray, graph_cut.Pairwise]:
    """Colours 224×224, a map's two seeds (2, 224, 224), the costs of labels and of outlines."""
    square = Image.fromarray(photograph("coffee")[:, 100:500])
    colours = np.asarray(square.resize((224, 224), Image.Resampling.BOX)) / 255
    middle = np.hypot(*(np.indices((224, 224)) - 112))
    above, below = localization.quantile_seeds(-middle, 0.95, 0.30)
    models = (fit_mixture(colours[seed], 5) for seed in (above, below))
    unary = graph_cut.unary_terms(colours, *models)
    return colours, np.stack([above, below]), unary, graph_cut.pairwise_terms(colours, 20.0, beta=0.5)


def one_map() -> Run:
    net, photo = squeezenet(), photograph("coffee")
    return lambda: photo_saliency(net, photo, C)


def ten_crops() -> Run:
    """The mean of ten maps, put back over the photograph."""
    net, photo = squeezenet(), photograph("coffee")
    return lambda: ten_crop_saliency(net, photo, C)


def ten_crop_localisation() -> Run:
    """From a photograph to mask and box, the paper's section 3.2 as a whole."""
    net, photo = squeezenet(), photograph("coffee")
    return lambda: localization.localize(net, photo, C, ten_crop_saliency)


def mixtures() -> Run:
    """The two colour models of a photograph of 224×224 pixels."""
    colours, seeds, _, _ = cut_terms()
    return lambda: [fit_mixture(colours[seed], 5) for seed in seeds]


def cut() -> Run:
    """The graph cut of 224×224 pixels: costs of outlines and the cut itself, without the mixtures."""
    colours, _, unary, _ = cut_terms()
    return lambda: graph_cut.minimal_cut(unary, graph_cut.pairwise_terms(colours, 20.0, beta=0.5))


SINGLE = {"squeezenet1_1": 0.90, "paper": 0.70, "alexnet": 0.85, "vgg16": 0.85}
SIXTEEN = {"squeezenet1_1": 1.00, "paper": 0.70, "alexnet": 0.95, "vgg16": None}
RULES = ("gradient", "deconv", "guided")
CAPTUM = {"squeezenet1_1": 0.80, "alexnet": None}

WORKS: dict[str, Callable[[], Work]] = {
    **{f"saliency {name}": partial(maps_of, name, 1, bar) for name, bar in SINGLE.items()},
    **{f"saliency {name}, 16 images": partial(maps_of, name, 16, bar) for name, bar in SIXTEEN.items()},
    "class model, a step": class_model,
    **{f"{rule} {name}": partial(signal_of, name, rule, bar) for name, bar in CAPTUM.items() for rule in RULES},
    "training step small32": partial(training_of, "small32", 64, 0.90),
    "training step shapes": partial(training_of, "shapes", 32, 1.20),
    "one map of a photograph": lambda: Work(by_engines(one_map)),
    "ten-crop map of a photograph": lambda: Work(by_engines(ten_crops)),
    "ten-crop localisation": lambda: Work(by_engines(ten_crop_localisation)),
    "two colour models": lambda: Work({"minicnn": mixtures}),
    "graph cut 224×224": lambda: Work({"minicnn": cut}, seconds=0.10),
}
