"""What torchvision calls our parameters:  {"conv1.K": "features.0.weight", "conv1.b": "features.0.bias", …}.

A state dict of torchvision's holds every layer under the path of attributes that leads to it.  The arrays themselves
are laid out as ours: nothing has to be turned or flipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from layers import Layer

LETTERS = {
    **{"K": "weight", "W": "weight", "b": "bias"},
    **{"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"},
}

TorchNames = Callable[[Mapping[str, Layer]], dict[str, str]]  # a table → our parameters' names in torchvision


def numbered(table: Mapping[str, Layer]) -> dict[str, str]:
    """AlexNet and VGG: every layer is counted, those below the flattening as features.0, features.1, …, those above as
    classifier.0, classifier.1, …
    """
    names = list(table)
    cut = names.index("flatten")
    places = {name: f"features.{n}" for n, name in enumerate(names[:cut])}
    places |= {name: f"classifier.{n}" for n, name in enumerate(names[cut + 1 :])}
    return parameter_names(table, places)


def squeezenet1_0(table: Mapping[str, Layer]) -> dict[str, str]:
    """features.0 is conv1; fire modules count as one layer each, the pools between them too."""
    fires = {"fire2": 3, "fire3": 4, "fire4": 5, "fire5": 7, "fire6": 8, "fire7": 9, "fire8": 10, "fire9": 12}
    return parameter_names(table, squeezenet_places(fires))


def squeezenet1_1(table: Mapping[str, Layer]) -> dict[str, str]:
    """The same, with the pools at other places."""
    fires = {"fire2": 3, "fire3": 4, "fire4": 6, "fire5": 7, "fire6": 9, "fire7": 10, "fire8": 11, "fire9": 12}
    return parameter_names(table, squeezenet_places(fires))


def squeezenet_places(fires: Mapping[str, int]) -> dict[str, str]:
    places = {"conv1": "features.0", "conv10": "classifier.1"}
    for fire, n in fires.items():
        places[f"{fire}/squeeze1x1"] = f"features.{n}.squeeze"
        places[f"{fire}/expand.expand1x1.0"] = f"features.{n}.expand1x1"
        places[f"{fire}/expand.expand3x3.0"] = f"features.{n}.expand3x3"
    return places


def resnet18(table: Mapping[str, Layer]) -> dict[str, str]:
    """Our conv2_1 is torchvision's layer1.0; its convolutions have no bias (ours hold a bias of zero)."""
    places = {"conv1": "conv1", "bn1": "bn1", "fc": "fc"}
    for stage in (2, 3, 4, 5):
        for place in (1, 2):
            ours, theirs = f"conv{stage}_{place}", f"layer{stage - 1}.{place - 1}"
            for n, name in {0: "conv1", 1: "bn1", 3: "conv2", 4: "bn2"}.items():
                places[f"{ours}.residual.{n}"] = f"{theirs}.{name}"
            for n in (0, 1):
                places[f"{ours}.shortcut.{n}"] = f"{theirs}.downsample.{n}"
    names = parameter_names(table, places)
    return {ours: theirs for ours, theirs in names.items() if ours == "fc.b" or not ours.endswith(".b")}


def parameter_names(table: Mapping[str, Layer], places: Mapping[str, str]) -> dict[str, str]:
    """From layers to parameters: {"conv1": "features.0"} → {"conv1.K": "features.0.weight", …}."""
    names = {}
    for layer_name, layer in table.items():
        for inner in layer.parameters:
            place, _, letter = f"{layer_name}.{inner}".rpartition(".")
            names[f"{place}.{letter}"] = f"{places[place]}.{LETTERS[letter]}"
    return names
