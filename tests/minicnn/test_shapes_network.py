"""The network that comes with the project: small, and it knows its scenes."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import pretrained
from minicnn.datasets import shapes
from minicnn.network import preprocessing_of
from minicnn.training import evaluate
from visualize.cli import main


@pytest.fixture(scope="module")
def net():
    return pretrained.shapes()


def test_the_file_is_smaller_than_a_megabyte():
    assert pretrained.SHAPES_WEIGHTS.stat().st_size < 1_000_000


def test_it_knows_scenes_that_it_never_saw(net):
    _, accuracy = evaluate(net, shapes.scenes(500, seed=123))
    assert accuracy > 0.9


def test_it_does_not_tell_the_classes_of_scenes_whose_pixels_are_shuffled(net, rng):
    scenes = shapes.scenes(300, seed=124)
    pixels = scenes.images.reshape(300, -1, 3)
    shuffled = np.stack([image[rng.permutation(len(image))] for image in pixels]).reshape(scenes.images.shape)
    scores = net.scores(preprocessing_of(net).to_input(*shuffled))
    assert (scores.argmax(axis=1) == scenes.labels).mean() < 0.2


def test_its_demo_needs_the_core_packages_alone(monkeypatch, tmp_path, capsys):
    def missing(package, *rest):
        raise ImportError(f"{package} is asked for")

    monkeypatch.setattr(pretrained, "package_folder", missing)
    monkeypatch.setattr("minicnn.photographs.package_folder", missing)
    assert main(["demo", "--network", "shapes", "--steps", "3", "--out", str(tmp_path)]) == 0
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count("<figure class=") == 8
    assert "“triangle”" in page
