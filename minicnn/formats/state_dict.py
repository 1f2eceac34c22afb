"""A state dict knows names and numbers but no architecture: here the one is fitted to the other.

Names, shapes and kinds are compared first, so that a wrong file is told before its numbers are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from .. import architectures
from ..class_names import imagenet_classes
from ..extras import MissingPackage
from ..network import Network
from .errors import FileError
from .stored import StoredTensor

FLOATS = ("float64", "float32", "float16", "bfloat16")


def network(tensors: Mapping[str, StoredTensor], name: str | None, allow_nonfinite: bool = False) -> Network:
    """The architecture `name` with these tensors as its weights, named as torchvision names them.

    The last layer may have any number of classes; with a thousand they are ImageNet's.
    """
    if name is None:
        fits = [f"--network {other}" for other in fitting(tensors)]
        advice = f"its tensors fit {' or '.join(fits)}" if fits else f"the names fit none of {', '.join(known())}"
        raise FileError(f"a state dict, which does not say its architecture; {advice}")
    wanted = blank_like(tensors, name)
    names = architectures.torch_names(name)
    complaints = list(differences(tensors, wanted, names))
    if complaints:
        more = f" (and {len(complaints) - 1} more differences)" if len(complaints) > 1 else ""
        fits = fitting(tensors)
        advice = f"; its tensors fit --network {fits[0]}" if fits else ""
        raise FileError(f"not the weights of {name}: {complaints[0]}{more}{advice}")
    weights = {ours: widened(checked(theirs, tensors[theirs], allow_nonfinite)) for ours, theirs in names.items()}
    net = wanted.with_parameters(weights)
    return Network(net.layers, net.preprocessing, classes_of(net))


def known() -> list[str]:
    """The architectures that torchvision has, too."""
    return [name for name, a in architectures.ARCHITECTURES.items() if a.torch_names is not None]


def fitting(tensors: Mapping[str, StoredTensor]) -> list[str]:
    """The architectures that have these names and shapes, all of them and no others."""
    return [
        name
        for name in known()
        if not list(differences(tensors, blank_like(tensors, name), architectures.torch_names(name)))
    ]


def blank_like(tensors: Mapping[str, StoredTensor], name: str) -> Network:
    """The architecture without weights, and with as many classes as the tensors' last layer."""
    ours, theirs = list(architectures.torch_names(name).items())[-1]  # the bias of the last layer that has one
    bias, weight = tensors.get(theirs), tensors.get(theirs.replace("bias", "weight"))
    net = architectures.blank(name)
    if bias is None or weight is None or len(bias.shape) != 1 or bias.shape[:1] != weight.shape[:1] or 0 in bias.shape:
        return net
    return net if bias.shape == net.parameters[ours].shape else architectures.blank(name, classes=bias.shape[0])


def differences(tensors: Mapping[str, StoredTensor], wanted: Network, names: Mapping[str, str]) -> Iterator[str]:
    """What is missing, misshapen, of the wrong kind, or too much, each as a line."""
    parameters = wanted.parameters
    for ours, theirs in names.items():
        shape = parameters[ours].shape
        if theirs not in tensors:
            yield f"expected a tensor {theirs!r} of shape {shape}, found none"
        elif tensors[theirs].shape != shape:
            yield f"{theirs!r}: expected shape {shape}, found {tensors[theirs].shape}"
        elif tensors[theirs].kind not in FLOATS:
            yield f"{theirs!r}: expected floating-point numbers, found {tensors[theirs].kind}"
    for name in tensors.keys() - set(names.values()):
        yield f"it has no tensor {name!r}, found one of shape {tensors[name].shape}"


def checked(name: str, tensor: StoredTensor, allow_nonfinite: bool) -> np.ndarray:
    """The tensor's numbers; those that are NaN or infinite are refused unless allowed."""
    try:
        numbers = tensor.read()
    except FileError as error:
        raise FileError(f"{name!r}: {error}") from None
    return finite(name, numbers, allow_nonfinite)


def finite(name: str, numbers: np.ndarray, allow_nonfinite: bool) -> np.ndarray:
    """The numbers, unless there are NaN or infinite ones among them that nobody asked for."""
    if not allow_nonfinite and not is_finite(numbers):
        raise FileError(f"{name!r} holds NaN or infinite weights; to take them all the same: --allow-nonfinite")
    return numbers


def widened(numbers: np.ndarray) -> np.ndarray:
    """16-bit floats as float32, which holds each of them exactly."""
    return numbers.astype(np.float32) if numbers.dtype == np.float16 else numbers


def is_finite(numbers: np.ndarray) -> bool:
    """Whether all numbers are finite, by the smallest and the largest: np.isfinite(numbers) would take more memory."""
    return numbers.size == 0 or bool(np.isfinite(numbers.min()) and np.isfinite(numbers.max()))


def classes_of(net: Network) -> list[str] | None:
    """ImageNet's names for a network of a thousand classes, where they are installed."""
    last = next((p for name, p in reversed(net.parameters.items()) if name.endswith(".b")), ())
    try:
        return imagenet_classes() if len(last) == 1000 else None
    except MissingPackage:
        return None
