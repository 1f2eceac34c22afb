"""A state dict knows names and numbers but no architecture: here the one is fitted to the other.

Names, shapes and kinds are compared first, so that a wrong file is refused before its numbers are read.  Names come as
training scripts write them: with what wraps a model (DataParallel's "module.", torch.compile's "_orig_mod.") and with
any prefix in common ("model.", "backbone.net."), in a dictionary under any key, beside an optimiser's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import architectures
from .class_names import imagenet_classes
from .errors import FileError
from .extras import MissingPackage
from .formats.stored import Stored
from .network import Network
from .pickles import Unknown

FLOATS = ("float64", "float32", "float16", "bfloat16")
KEYS = ("state_dict", "model_state_dict", "model", "net", "network", "weights")  # usual ones, taken first
WRAPPERS = {"module", "_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module"}
NO_WEIGHTS = re.compile(r"(^|[._])(loss|criterion|metrics?|class_weights?)([._]|$)|_(loss|acc|accuracy)$")
DEEPEST = 5  # dictionaries within dictionaries


@dataclass(frozen=True)
class Fit:
    """Tensors under the names that an architecture gives them, and what is wrong with them."""

    expected: Network
    tensors: Mapping[str, Any]
    complaints: list[str]
    prefix: str


def network(saved: Any, name: str | None) -> Network:
    """The architecture `name` with the tensors of a file as its weights, named as torchvision names them.

    The last layer may have any number of classes; with a thousand they are ImageNet's.
    """
    found = list(dictionaries(saved))
    if not found:
        values = saved.values() if isinstance(saved, dict) else [saved]
        others = [f"; it holds a {value.name:.80}" for value in values if isinstance(value, Unknown)][:1]
        advice = "expected names and tensors, as torch.save(model.state_dict(), FILE) writes them"
        raise FileError(f"no state dict: {advice}{''.join(others)}")
    if name is None:
        fits = [f"--network {other}" for other in fitting(found)]
        advice = f"its tensors fit {' or '.join(fits)}" if fits else f"the names fit none of {', '.join(known())}"
        raise FileError(f"a state dict, which does not say its architecture; {advice}{seen(found)}")
    fit = min((fitted(tensors, name) for _, tensors in found), key=lambda fit: len(fit.complaints))
    if fit.complaints:
        more = f" (and {len(fit.complaints) - 1} more differences)" if len(fit.complaints) > 1 else ""
        fits = fitting(found)
        advice = f"; its tensors fit --network {fits[0]}" if fits else seen(found, fit.prefix)
        raise FileError(f"not the weights of {name}: {fit.complaints[0]}{more}{advice}")
    names = architectures.torch_names(name)
    net = fit.expected.with_parameters(
        {ours: widened(numbers_of(theirs, fit.tensors[theirs])) for ours, theirs in names.items()}
    )
    return Network(net.layers, net.preprocessing, classes_of(net))


# ---------------------------------------------------------------------- which dictionary, which names


def dictionaries(saved: Any, key: str = "", depth: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    """The dictionaries in a file that hold tensors, each with the key that it lies under, the likeliest first."""
    if not isinstance(saved, dict) or depth > DEEPEST:
        return
    if any(isinstance(value, Stored) for value in saved.values()):
        yield key, cleaned(saved)
    inner = {name: value for name, value in saved.items() if isinstance(name, str) and isinstance(value, dict)}
    for name in sorted(inner, key=lambda name: (KEYS.index(name) if name in KEYS else len(KEYS), "optim" in name)):
        yield from dictionaries(inner[name], name, depth + 1)


def cleaned(tensors: Mapping[Any, Any]) -> dict[str, Any]:
    """Without the parts of names that wrappers add, and without what is no weight: counters, and numbers beside."""
    found: dict[str, Any] = {}
    for name, value in tensors.items():
        if isinstance(value, Stored) and not isinstance(name, str):
            raise FileError(f"a tensor is called {name!r:.80}; expected text")
        if not isinstance(value, (Stored, Unknown)) or (isinstance(value, Stored) and is_counter(value)):
            continue
        plain = ".".join(part for part in str(name).split(".") if part not in WRAPPERS)
        if plain in found:
            raise FileError(f"{plain!r:.80} is there twice, once as {name!r:.80}")
        found[plain] = value
    return found


def is_counter(tensor: Stored) -> bool:
    """One whole number: how many batches were seen (num_batches_tracked), how many models averaged (n_averaged)."""
    return tensor.shape == () and tensor.kind not in FLOATS


def common_start(tensors: Mapping[str, Any], expected: set[str]) -> str:
    """What stands in front of most of the names that are expected."""
    starts: Counter[str] = Counter()
    for name in tensors:
        parts = name.split(".")
        for n in range(min(len(parts), DEEPEST + 1)):
            if ".".join(parts[n:]) in expected:
                starts[".".join([*parts[:n], ""])] += 1
    return max(starts, key=lambda start: (starts[start], -len(start)), default="")


def seen(found: list[tuple[str, dict[str, Any]]], prefix: str = "") -> str:
    """What prefixes and keys a file has, for whoever wonders why nothing fits."""
    first = {name.partition(".")[0] for name in found[0][1]}
    prefix = prefix or (f"{first.pop()}." if len(first) == 1 else "")
    keys = [key for key, _ in found if key]
    said = f"; names that begin with {prefix!r} were looked at" if prefix else ""
    return said + (f"; tensors lie under {', '.join(map(repr, keys[:5]))}" if keys else "")


# ---------------------------------------------------------------------- names and shapes compared


def known() -> list[str]:
    """The architectures that torchvision has, too."""
    return [name for name, a in architectures.ARCHITECTURES.items() if a.torch_names is not None]


def fitting(found: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """The architectures that have these names and shapes, all of them and no others."""
    return [name for name in known() if any(not fitted(tensors, name).complaints for _, tensors in found)]


def fitted(tensors: Mapping[str, Any], name: str) -> Fit:
    """The tensors under the architecture's names.  What lies outside of their common prefix belongs to others."""
    names = architectures.torch_names(name)
    prefix = common_start(tensors, set(names.values()))
    inside = {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
    inside = {key: value for key, value in inside.items() if key in names.values() or not NO_WEIGHTS.search(key)}
    expected = blank_like(inside, name)
    return Fit(expected, inside, list(differences(inside, expected, names)), prefix)


def blank_like(tensors: Mapping[str, Any], name: str) -> Network:
    """The architecture without weights, and with as many classes as the tensors' last layer."""
    ours, theirs = list(architectures.torch_names(name).items())[-1]  # the bias of the last layer that has one
    net, weight = architectures.blank(name), tensors.get(theirs.replace("bias", "weight"))
    if not isinstance(weight, Stored) or weight.shape[:1] in ((), (0,), net.parameters[ours].shape):
        return net
    return architectures.blank(name, classes=weight.shape[0])


def differences(tensors: Mapping[str, Any], expected: Network, names: Mapping[str, str]) -> Iterator[str]:
    """What is missing, misshapen, of the wrong kind, or too much, each as a line."""
    parameters = expected.parameters
    for ours, theirs in names.items():
        shape, tensor = parameters[ours].shape, tensors.get(theirs)
        if tensor is None:
            yield f"expected a tensor {theirs!r} of shape {shape}, found none"
        elif isinstance(tensor, Unknown):
            yield f"refused: {theirs!r} is a {tensor.name:.80}, which is no tensor; save it as one"
        elif tensor.shape != shape:
            yield f"{theirs!r}: expected shape {shape}, found {tensor.shape}"
        elif tensor.kind not in FLOATS:
            yield f"{theirs!r}: expected floating-point numbers, found {tensor.kind}"
    for name in tensors.keys() - set(names.values()):
        if isinstance(tensors[name], Stored):
            yield f"it has no tensor {name!r:.80}, found one of shape {tensors[name].shape}"


# ---------------------------------------------------------------------- numbers


def numbers_of(name: str, tensor: Stored) -> np.ndarray:
    try:
        return tensor.read()
    except Exception as error:  # a broken zip archive has many ways to say so
        raise FileError(f"{name!r}: {error}") from None


def widened(numbers: np.ndarray) -> np.ndarray:
    """16-bit floats as float32, which holds each of them exactly."""
    return numbers.astype(np.float32) if numbers.dtype == np.float16 else numbers


def classes_of(net: Network) -> list[str] | None:
    """ImageNet's names for a network of a thousand classes, where they are installed."""
    last = next((p for name, p in reversed(net.parameters.items()) if name.endswith(".b")), ())
    try:
        return imagenet_classes() if len(last) == 1000 else None
    except MissingPackage:
        return None
