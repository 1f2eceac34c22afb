"""--network and --weights on the command line, and the list of networks."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

from minicnn import Network, architectures, formats, pretrained
from tests.visualize.command_line import complaint
from visualize import cli

from ..minicnn.formats.networks import squeezenet_weights
from ..minicnn.formats.torch_files import write_state_dict


@pytest.fixture
def photo(tmp_path, chelsea) -> str:
    Image.fromarray(chelsea).save(tmp_path / "cat.png")
    return str(tmp_path / "cat.png")


@pytest.fixture
def state_dict(tmp_path, rng):
    """SqueezeNet 1.1 with random weights and seven classes, as PyTorch saves it; and the same network."""
    weights = squeezenet_weights(rng)
    path = write_state_dict(tmp_path / "weights.pth", weights)
    return str(path), formats.load(path, "squeezenet1_1")


def printed(capsys, *arguments: str) -> list[dict]:
    assert cli.main([*arguments, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def centre_scores(net: Network, photo: np.ndarray) -> np.ndarray:
    return net.scores(net.preprocessing.to_input(net.preprocessing.centre_crop(photo)))[0]


def test_classify_with_a_state_dict(capsys, photo, chelsea, state_dict):
    path, net = state_dict
    (record,) = printed(capsys, "classify", photo, "--network", "squeezenet1_1", "--weights", path, "--top", "7")
    scores = centre_scores(net, chelsea)
    assert [entry["index"] for entry in record["top"]] == list(np.argsort(-scores))
    assert [entry["score"] for entry in record["top"]] == pytest.approx(sorted(scores, reverse=True))


def test_classify_with_a_file_that_knows_its_architecture(capsys, tmp_path, photo, squeezenet):
    formats.save(squeezenet, tmp_path / "net.npz")
    by_name = printed(capsys, "classify", photo)
    assert printed(capsys, "classify", photo, "--weights", str(tmp_path / "net.npz")) == by_name
    assert printed(capsys, "classify", photo, "--network", str(tmp_path / "net.npz")) == by_name
    assert by_name[0]["top"][0]["name"] == "Egyptian cat"


@pytest.mark.parametrize("command", ["saliency", "deconv", "localize"])
def test_settings_say_which_weights_they_belong_to(capsys, tmp_path, photo, state_dict, command):
    path, net = state_dict
    formats.save(net, tmp_path / "net.npz")
    out = tmp_path / "out"
    chosen = ["--network", "squeezenet1_1", "--weights", path]
    printed(capsys, command, photo, *chosen, "--out", str(out))
    settings = json.loads((out / f"cat-{command}.json").read_text())
    assert (settings["network"], settings["weights"]) == ("squeezenet1_1", path)
    printed(capsys, command, photo, "--weights", str(tmp_path / "net.npz"), "--out", str(out))
    settings = json.loads((out / f"cat-{command}.json").read_text())
    assert settings["network"] == str(tmp_path / "net.npz")
    assert "weights" not in settings


def test_trace_runs_on_a_state_dict(capsys, photo, state_dict):
    path, net = state_dict
    steps = printed(capsys, "trace", photo, "--network", "squeezenet1_1", "--weights", path)
    assert [step["layer"] for step in steps] == net.names[::-1]


def test_a_class_model_is_repeated_with_its_weights(capsys, tmp_path, state_dict):
    path, _ = state_dict
    chosen = [
        "--network",
        "squeezenet1_1",
        "--weights",
        path,
        "--steps",
        "2",
        "--noise",
        "10",
        "--step",
        "1",
        "--decay",
        "0",
    ]
    (first,) = printed(capsys, "class-model", "3", *chosen, "--out", str(tmp_path / "a"))
    (settings,) = (tmp_path / "a").glob("*.json")
    (again,) = printed(capsys, "class-model", "--from", str(settings), "--out", str(tmp_path / "b"))
    assert again["score"] == first["score"]


def test_nonfinite_weights_are_taken_if_asked_for(capsys, tmp_path, photo, rng):
    weights = squeezenet_weights(rng)
    weights["classifier.1.bias"][3] = -np.inf
    chosen = ["--network", "squeezenet1_1", "--weights", str(write_state_dict(tmp_path / "x.pth", weights))]
    assert "'classifier.1.bias' holds NaN" in complaint(capsys, "classify", photo, *chosen)
    assert len(printed(capsys, "classify", photo, *chosen, "--allow-nonfinite")) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--weights", "STATE"], "STATE: a state dict, which does not say its architecture; its tensors fit --network"),
        (
            ["--network", "alexnet", "--weights", "STATE"],
            "STATE: not the weights of alexnet: .*--network squeezenet1_1",
        ),
        (["--network", "lenet", "--weights", "STATE"], "no architecture 'lenet': choose from"),
        (["--network", "alexnet"], "alexnet is an architecture without weights here.*--weights FILE"),
        (["--network", "lenet"], "no network 'lenet': choose from squeezenet, shapes, or give a weight file"),
        (["--weights", "nowhere"], "nowhere does not exist"),
        (["--network", "nowhere.pth"], "nowhere.pth does not exist"),
        (["--weights", "."], "is a folder"),
    ],
)
def test_a_wrong_choice_is_told_in_one_line(capsys, photo, state_dict, arguments, said):
    path, _ = state_dict
    arguments = [path if argument == "STATE" else argument for argument in arguments]
    assert re.search(said.replace("STATE", re.escape(path)), complaint(capsys, "classify", photo, *arguments))


def test_the_list_of_networks(capsys):
    lines = printed(capsys, "networks")
    assert [line["network"] for line in lines if line["trained"]] == list(pretrained.NETWORKS)
    assert [line["network"] for line in lines if not line["trained"]] == list(architectures.ARCHITECTURES)
    [vgg16] = [line for line in lines if line["network"] == "vgg16"]
    assert (vgg16["parameters"], vgg16["multiply_adds"]) == (138_357_544, 15_470_264_320)
    assert vgg16["input"] == [3, 224, 224]
    assert vgg16["map_bytes"] > 4 * (3 * 224**2 + 4 * 64 * 224**2)

    assert cli.main(["networks"]) == 0
    table = capsys.readouterr().out
    assert all(line["network"] in table for line in lines)
    assert "138,357,544" in table


def test_networks_without_their_packages_are_left_out(capsys, monkeypatch):
    monkeypatch.setattr("minicnn.extras.find_spec", lambda name: None)
    trained = [line["network"] for line in printed(capsys, "networks") if line["trained"]]
    assert trained == ["shapes"]  # which comes with minicnn itself
