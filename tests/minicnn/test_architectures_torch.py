"""Every architecture against the same network in plain torch.nn on the same random weights: scores and three ways down.

The networks have their full depth and input size, but are thinned (every width divided by `WIDTH`).
"""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
import pytest

from layers import Layer
from layers.branches import Branches
from minicnn import Network, architectures
from minicnn.network import RULES, one_hot

torch = pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")
from tests.torch_networks import IN_TORCH, scores_and_signals  # noqa: E402 - it needs torch

WIDTH = {name: 16 if "vgg" in name else 8 for name in architectures.ARCHITECTURES}
WIDTH |= {"small28": 1, "small32": 1, "shapes": 1}
WIDTH |= {
    "squeezenet1_0": 2,
    "squeezenet1_1": 2,
}  # thinner ones die: where all squeezed channels are 0, pools meet ties
IN_TORCHVISION = [name for name, a in architectures.ARCHITECTURES.items() if a.torch_names is not None]


def names_in_torch(name: str) -> dict[str, str]:
    """Our parameter → PyTorch's: torchvision's name, or else the one at the same place of the list."""
    if name in IN_TORCHVISION:
        return architectures.torch_names(name)
    with torch.device("meta"):
        return dict(zip(architectures.blank(name).parameters, IN_TORCH[name]().state_dict(), strict=True))


def thinned(net: Network, w: int) -> Network:
    return net.map_layers(lambda layer: thinned_layer(layer, w))


def thinned_layer(layer: Layer, w: int) -> Layer:
    """1/w of all channels and features but the image's (1 or 3) and the classes (10 or 1000)."""
    if isinstance(layer, Branches):
        return type(layer)({name: [thinned_layer(f, w) for f in chain] for name, chain in layer.branches.items()})
    twin = copy.copy(layer)
    for name, p in layer.parameters.items():
        channels = [n if n in (1, 3, 10, 1000) else n // w for n in p.shape[:2]]
        setattr(twin, name, np.zeros((*channels, *p.shape[2:])))
    return twin


def random_parameters(net: Network, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Weights at which every term of every formula matters: no bias is zero, no BatchNorm the identity."""
    drawn = {}
    for name, p in net.parameters.items():
        match name.rpartition(".")[2]:
            case "K" | "W":
                drawn[name] = rng.standard_normal(p.shape) * (2 / np.prod(p.shape[1:])) ** 0.5
            case "gamma" | "variance":
                drawn[name] = rng.uniform(0.5, 1.5, p.shape)
            case _:
                drawn[name] = 5 * rng.standard_normal(p.shape)
    return drawn


@cache
def two_networks(name: str):
    """The same thin network here and there, in float64."""
    rng = np.random.default_rng(0)
    names = names_in_torch(name)
    net = thinned(architectures.blank(name), WIDTH[name])
    drawn = random_parameters(net, rng)
    net = net.with_parameters({ours: p if ours in names else np.zeros_like(p) for ours, p in drawn.items()})

    there = IN_TORCH[name](WIDTH[name]).double().eval()
    state = {theirs: torch.tensor(drawn[ours]) for ours, theirs in names.items()}
    missing, unexpected = there.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(key.endswith("num_batches_tracked") for key in missing)
    return net, there


def relative_error(ours: np.ndarray, theirs) -> float:
    """The largest difference, in units of the largest value."""
    theirs = theirs.detach().numpy()
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    error = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    assert np.isfinite(error)  # a signal that died, or NaN, would agree with everything
    return error


def errors(name: str, dtype: type, image: int, size: int | None = None) -> dict[str, float]:
    """How far we are from PyTorch, in the scores and in each signal, on random image number `image`."""
    net, there = two_networks(name)
    rng = np.random.default_rng(image)
    C, H, W = architectures.architecture(name).input_shape
    x = rng.uniform(-128, 128, (1, C, size or H, size or W)).astype(dtype)
    net, there = net.astype(dtype), copy.deepcopy(there).to(torch.from_numpy(x).dtype)

    trace = net.forward(x)
    seed = rng.standard_normal(trace.scores.shape).astype(dtype)
    ours = {"scores": trace.scores} | {rule: getattr(net, method)(trace, seed) for rule, method in RULES.items()}
    theirs = scores_and_signals(there, torch.from_numpy(x), torch.from_numpy(seed))
    return {name: relative_error(ours[name], theirs[name]) for name in ours}


@pytest.mark.parametrize("name", architectures.ARCHITECTURES)
def test_scores_and_three_ways_down_agree_with_pytorch_in_float64(name):
    found = errors(name, np.float64, image=0)
    assert max(found.values()) < 1e-10, found


@pytest.mark.parametrize("size", [227, 230])
@pytest.mark.parametrize("name", ["squeezenet1_0", "squeezenet1_1", "resnet18"])
def test_networks_that_take_any_size_agree_where_the_last_windows_are_incomplete(name, size):
    """Between them the two sizes leave each of SqueezeNet's pools with a remainder."""
    found = errors(name, np.float64, image=0, size=size)
    assert max(found.values()) < 1e-10, found


@pytest.mark.parametrize("name", architectures.ARCHITECTURES)
def test_scores_and_three_ways_down_agree_with_pytorch_in_float32(name):
    """Where two pixels of a pool's window, or a pixel and 0, differ by less than float32's rounding, either may win,
    and another signal comes down, as right as ours.  About one image in fifty meets such a case: so two of the first
    three must agree, and the scores of every one.
    """
    found: list[dict[str, float]] = []
    while sum(max(each.values()) < 1e-4 for each in found) < 2:
        assert len(found) < 3, found
        found.append(errors(name, np.float32, image=len(found)))
        assert found[-1]["scores"] < 1e-4, found


@pytest.mark.filterwarnings("ignore:Setting backward hooks:UserWarning")
@pytest.mark.parametrize("name", ["alexnet", "vgg11_bn", "squeezenet1_1", "resnet18"])
def test_agrees_with_captum(name):
    """The people who explain PyTorch's networks by these rules get the same pictures."""
    attr = pytest.importorskip("captum.attr", reason="needs Captum: the extra oracles")
    net, there = two_networks(name)
    x = np.random.default_rng(1).uniform(-128, 128, (1, *architectures.architecture(name).input_shape))
    trace = net.forward(x)
    c = int(trace.scores.argmax())
    there = copy.deepcopy(there)
    theirs = {
        "gradient": attr.Saliency(there).attribute(torch.tensor(x, requires_grad=True), target=c, abs=False),
        "deconv": attr.Deconvolution(there).attribute(torch.tensor(x, requires_grad=True), target=c),
        "guided": attr.GuidedBackprop(there).attribute(torch.tensor(x, requires_grad=True), target=c),
    }
    for rule, method in RULES.items():
        assert relative_error(getattr(net, method)(trace, one_hot(trace.scores, c)), theirs[rule]) < 1e-10, rule


@pytest.mark.parametrize("name", IN_TORCHVISION)
def test_torch_names_are_those_of_torchvision_with_our_shapes(name):
    """At full width, on PyTorch's "meta" device, where tensors have a shape and no memory."""
    with torch.device("meta"):
        state = IN_TORCH[name]().state_dict()
    there = {key: tuple(t.shape) for key, t in state.items() if not key.endswith("num_batches_tracked")}
    ours = architectures.blank(name).parameters
    named = {theirs: ours[our].shape for our, theirs in architectures.torch_names(name).items()}
    assert named == there


@pytest.mark.parametrize("name", [n for n in architectures.ARCHITECTURES if n not in IN_TORCHVISION])
def test_the_other_networks_hold_the_same_shapes_as_in_torch(name):
    with torch.device("meta"):
        state = IN_TORCH[name]().state_dict()
    ours = architectures.blank(name).parameters
    assert [p.shape for p in ours.values()] == [tuple(t.shape) for t in state.values()]
