"""What is timed: each work done by minicnn and by whoever else can do it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec

import numpy as np
from PIL import Image

from minicnn import Network, architectures, summary
from minicnn.loss import cross_entropy
from minicnn.network import one_hot
from minicnn.photographs import photograph
from minicnn.pretrained import squeezenet
from minicnn.training import descend
from visualize import graph_cut, localization
from visualize.class_models import Settings, ascend
from visualize.mixture import fit_mixture
from visualize.saliency_maps import photo_saliency, saliency, ten_crop_saliency

from . import dezero_side

C = 285  # the class: "Egyptian cat"; the weights are random, so any would do


@dataclass(frozen=True)
class Work:
    """One thing to do.

    contenders: who does it, by name; "minicnn" is among them
    bar:        minicnn's time, in those of its fastest rival of the kind `against`, may be so much
    seconds:    or it may be so many, where there is no rival
    products:   multiplications that are needed, and …
    fetched:    … bytes of weights that must be fetched, both without tricks: the floor
    """

    contenders: dict[str, Callable[[], object]]
    bar: float | None = None
    against: str = "PyTorch"
    seconds: float | None = None
    products: int = 0
    fetched: int = 0
    dezero_bar: float | None = field(default=0.33)


def network_and_images(name: str, batch: int) -> tuple[Network, np.ndarray]:
    rng = np.random.default_rng(0)
    net = architectures.build(name, rng)
    shape = architectures.architecture(name).input_shape
    return net, rng.standard_normal((batch, *shape), dtype=np.float32)


def floor_of(net: Network, batch: int, ways: int) -> dict[str, int]:
    """Up and down (and, in training, down to the weights): each way the same products and the same weights."""
    costs = summary.summary(net)
    return {
        "products": ways * batch * costs.multiply_adds,
        "fetched": ways * sum(p.nbytes for p in net.parameters.values()),
    }


def saliency_maps(name: str, batch: int, bar: float) -> Work:
    """M_ij of a batch of images, from the scores of one class."""
    net, x = network_and_images(name, batch)
    contenders: dict[str, Callable[[], object]] = {"minicnn": lambda: saliency(net, x, C)}
    if find_spec("torch"):
        from . import torch_side

        for label, channels_last in {"PyTorch": False, "PyTorch, channels last": True}.items():
            w = torch_side.gradient_of(torch_side.twin(name, net), x, C, channels_last)
            contenders[label] = lambda w=w: w().abs().amax(dim=1)
    if dezero_side.available() and name in ("alexnet", "vgg16"):
        contenders["DeZero"] = dezero_side.gradient_of(net, x, C)
    return Work(contenders, bar, **floor_of(net, batch, ways=2))


def class_model_step() -> Work:
    """One step of gradient ascent on one image."""
    net, x = network_and_images("squeezenet1_1", 1)
    settings = Settings(steps=10**9, step=1.0, decay=1e-5)
    states = ascend(net, [C], settings)
    contenders: dict[str, Callable[[], object]] = {"minicnn": lambda: next(states)}
    if find_spec("torch"):
        from . import torch_side

        contenders["PyTorch"] = torch_side.climb(torch_side.twin("squeezenet1_1", net), x, C)
    return Work(contenders, 1.00, **floor_of(net, 1, ways=2))


def attribution(name: str, rule: str) -> Work:
    """A class score sent down to the image by one of the three rules, as Captum does it."""
    net, x = network_and_images(name, 1)

    def ours() -> object:
        trace = net.forward(x)
        return net.down(rule, trace, one_hot(trace.scores, C))

    contenders: dict[str, Callable[[], object]] = {"minicnn": ours}
    if find_spec("captum"):
        import warnings

        import torch
        from captum import attr

        from . import torch_side

        kinds = {"gradient": attr.Saliency, "deconv": attr.Deconvolution, "guided": attr.GuidedBackprop}
        method, image = kinds[rule](torch_side.twin(name, net)), torch.from_numpy(x)

        def theirs() -> object:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that hooks are being set
                return method.attribute(image.clone().requires_grad_(), target=C)

        contenders["Captum"] = theirs
    return Work(contenders, 0.80, "Captum", **floor_of(net, 1, ways=2))


def training_step(name: str = "small32", batch: int = 64) -> Work:
    """Up, down to all weights, and the step."""
    net, x = network_and_images(name, batch)
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 10, batch)
    state = [net, {key: np.zeros_like(w) for key, w in net.trainable.items()}]

    def ours() -> None:
        here, velocity = state
        trace = here.forward_training(x, rng)
        _, grad = cross_entropy(trace.scores, labels)
        state[:] = descend(here, velocity, here.parameter_gradients(trace, grad), 1e-4, 0.9, 5e-4)

    contenders: dict[str, Callable[[], object]] = {"minicnn": ours}
    if find_spec("torch"):
        from . import torch_side

        contenders["PyTorch"] = torch_side.training_step(torch_side.twin(name, net), x, labels)
    if dezero_side.available():
        contenders["DeZero"] = dezero_side.training_step(net, x, labels)
    return Work(contenders, 1.60 if name == "small32" else None, **floor_of(net, batch, ways=3))


# ---------------------------------------------------------------------- localisation and its parts


def cut_terms() -> tuple[np.ndarray, np.ndarray, np.ndarray, graph_cut.Pairwise]:
    """Colours 224×224, a map's two seeds (2, 224, 224), the costs of labels and of outlines."""
    square = Image.fromarray(photograph("coffee")[:, 100:500])
    colours = np.asarray(square.resize((224, 224), Image.Resampling.BOX)) / 255
    middle = np.hypot(*(np.indices((224, 224)) - 112))
    above, below = localization.quantile_seeds(-middle, 0.95, 0.30)
    models = (fit_mixture(colours[seed], 5) for seed in (above, below))
    unary = graph_cut.unary_terms(colours, *models)
    return colours, np.stack([above, below]), unary, graph_cut.pairwise_terms(colours, 20.0)


def one_map() -> Work:
    net, photo = squeezenet(), photograph("coffee")
    return Work({"minicnn": lambda: photo_saliency(net, photo, C)})


def ten_crops() -> Work:
    """The mean of ten maps, put back over the photograph."""
    net, photo = squeezenet(), photograph("coffee")
    return Work({"minicnn": lambda: ten_crop_saliency(net, photo, C)})


def mixtures() -> Work:
    """The two colour models of a photograph of 224×224 pixels."""
    colours, seeds, _, _ = cut_terms()
    return Work({"minicnn": lambda: [fit_mixture(colours[seed], 5) for seed in seeds]})


def cut() -> Work:
    """The graph cut of 224×224 pixels: costs of outlines and the cut itself, without the mixtures."""
    colours, _, unary, _ = cut_terms()
    return Work(
        {"minicnn": lambda: graph_cut.minimal_cut(unary, graph_cut.pairwise_terms(colours, 20.0))}, seconds=0.10
    )


def ten_crop_localisation() -> Work:
    """From a photograph to mask and box, the paper's section 3.2 as a whole."""
    net, photo = squeezenet(), photograph("coffee")
    return Work({"minicnn": lambda: localization.localize(net, photo, C, ten_crop_saliency)})


SALIENCY_BARS = {"squeezenet1_1": 1.00, "paper": 0.70, "alexnet": 0.60, "vgg16": 1.10}

WORKS: dict[str, Callable[[], Work]] = {
    **{f"saliency {name}": partial(saliency_maps, name, 1, bar) for name, bar in SALIENCY_BARS.items()},
    **{f"saliency {name}, 16 images": partial(saliency_maps, name, 16, 1.20) for name in SALIENCY_BARS},
    "class model, a step": class_model_step,
    **{f"{rule} {name}": partial(attribution, name, rule) for name in ("squeezenet1_1", "alexnet")
       for rule in ("gradient", "deconv", "guided")},
    "training step small32": training_step,
    "training step shapes": partial(training_step, "shapes", 32),
    "one map of a photograph": one_map,
    "ten-crop map of a photograph": ten_crops,
    "ten-crop localisation": ten_crop_localisation,
    "two colour models": mixtures,
    "graph cut 224×224": cut,
}  # fmt: skip
