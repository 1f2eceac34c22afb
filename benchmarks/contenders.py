"""Who does a work, by name: minicnn by each engine, and whoever else can do it.

They are makers: functions that import what one contender needs, build it, and give back what is timed.  They are called
in a process of that contender's own (`alone`).  What they give computes the same thing for all contenders of a work.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np

from layers.engine import engine
from minicnn import Network, architectures
from minicnn.loss import cross_entropy
from minicnn.network import one_hot
from minicnn.training import sgd_step
from visualize.class_models import Settings, ascend
from visualize.saliency_maps import saliency

C = 285  # the class: "Egyptian cat"; the weights are random, so any would do

Run: TypeAlias = Callable[[], object]
Maker: TypeAlias = Callable[[], Run]
Contenders: TypeAlias = dict[str, Maker]

LAYOUTS = {"PyTorch": False, "PyTorch, channels last": True}


class Absent(Exception):
    """A contender that cannot be had here; the message says why."""


def by_engines(make: Maker, engines: tuple[str, ...] = ("numpy", "compiled")) -> Contenders:
    """minicnn once for each engine."""
    return {f"minicnn {name}": partial(by_engine, name, make) for name in engines}


def by_engine(name: str, make: Maker) -> Run:
    """EngineUnavailable where the engine cannot run."""
    with engine(name):
        run = make()

    def within() -> object:
        with engine(name):
            return run()

    return within


def network_and_images(name: str, batch: int) -> tuple[Network, np.ndarray]:
    """Random weights and images, the same for every contender."""
    rng = np.random.default_rng(0)
    net = architectures.build(name, rng)
    shape = architectures.architecture(name).input_shape
    return net, rng.standard_normal((batch, *shape), dtype=np.float32)


# ---------------------------------------------------------------------- saliency maps


def saliency_maps(name: str, batch: int, engines: tuple[str, ...], peers: tuple[str, ...]) -> Contenders:
    """M_ij of a batch of images, from the scores of one class."""
    layouts = {who: partial(torch_maps, name, batch, channels_last=last) for who, last in LAYOUTS.items()}
    others: Contenders = {
        "torch.compile": partial(torch_maps, name, batch, compiled=True),
        "JAX": partial(jax_maps, name, batch),
        "DeZero": partial(dezero_maps, name, batch),
    }
    return {
        **by_engines(partial(our_maps, name, batch), engines),
        **layouts,
        **{who: make for who, make in others.items() if who in peers},
    }


def our_maps(name: str, batch: int) -> Run:
    net, x = network_and_images(name, batch)
    return lambda: saliency(net, x, C)


def torch_maps(name: str, batch: int, channels_last: bool = False, compiled: bool = False) -> Run:
    from . import torch_side

    net, x = network_and_images(name, batch)
    there = torch_side.twin(name, net)
    return torch_side.saliency(torch_side.compiled(there) if compiled else there, x, C, channels_last)


def jax_maps(name: str, batch: int) -> Run:
    from . import jax_side

    return jax_side.saliency(*network_and_images(name, batch), C)


def dezero_maps(name: str, batch: int) -> Run:
    from . import dezero_side

    w = dezero_side.gradient_of(*network_and_images(name, batch), C)
    return lambda: np.abs(w()).max(axis=1)


# ---------------------------------------------------------------------- a step of a class model


def class_model_step() -> Contenders:
    """One step of gradient ascent on one image of noise (all is zero at the zero image: there are no biases)."""
    layouts = {who: partial(torch_climb, last) for who, last in LAYOUTS.items()}
    return {**by_engines(our_climb), **layouts}


def our_climb() -> Run:
    net, _ = network_and_images("squeezenet1_1", 1)
    states = ascend(net, [C], Settings(steps=10**9, step=1.0, decay=1e-5, noise=1.0))
    next(states)  # the start
    return lambda: next(states).offset


def torch_climb(channels_last: bool) -> Run:
    from . import torch_side

    net, x = network_and_images("squeezenet1_1", 1)
    start = np.random.default_rng([0, C]).standard_normal(x.shape[1:], np.float32)[None]
    return torch_side.climb(torch_side.twin("squeezenet1_1", net), start, C, channels_last)


# ---------------------------------------------------------------------- the three rules


def attribution(name: str, rule: str) -> Contenders:
    """A class score sent down to the image by one of the three rules, as Captum does it."""
    return {**by_engines(partial(our_signal, name, rule)), "Captum": partial(captum_signal, name, rule)}


def our_signal(name: str, rule: str) -> Run:
    net, x = network_and_images(name, 1)

    def run() -> object:
        trace = net.forward(x)
        return net.down(rule, trace, one_hot(trace.scores, C))

    return run


def captum_signal(name: str, rule: str) -> Run:
    import warnings

    import torch
    from captum import attr

    from . import torch_side

    net, x = network_and_images(name, 1)
    kinds = {"gradient": attr.Saliency, "deconv": attr.Deconvolution, "guided": attr.GuidedBackprop}
    settings = {"abs": False} if rule == "gradient" else {}
    method, image = kinds[rule](torch_side.twin(name, net)), torch.from_numpy(x)

    def run() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that hooks are being set
            return method.attribute(image.clone().requires_grad_(), target=C, **settings)

    return run


# ---------------------------------------------------------------------- a step of training


def training_step(name: str, batch: int) -> Contenders:
    """Up, down to all weights, and the step; the loss before it."""
    layouts = {who: partial(torch_training, name, batch, last) for who, last in LAYOUTS.items()}
    return {
        **by_engines(partial(our_training, name, batch)),
        **layouts,
        "DeZero": partial(dezero_training, name, batch),
    }


def labels_of(batch: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 8, batch)


def our_training(name: str, batch: int) -> Run:
    net, x = network_and_images(name, batch)
    labels, rng = labels_of(batch), np.random.default_rng(1)
    velocity = {key: np.zeros_like(w) for key, w in net.trainable.items()}

    def run() -> object:
        nonlocal net, velocity
        trace = net.forward_training(x, rng)
        loss, grad = cross_entropy(trace.scores, labels)
        net, velocity = sgd_step(net, velocity, net.parameter_gradients(trace, grad), 1e-4, 0.9, 5e-4)
        return loss

    return run


def torch_training(name: str, batch: int, channels_last: bool) -> Run:
    from . import torch_side

    net, x = network_and_images(name, batch)
    return torch_side.training_step(torch_side.twin(name, net), x, labels_of(batch), channels_last)


def dezero_training(name: str, batch: int) -> Run:
    from . import dezero_side

    return dezero_side.training_step(*network_and_images(name, batch), labels_of(batch))
