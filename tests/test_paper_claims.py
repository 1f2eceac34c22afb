"""Claims of the paper that no other test holds; docs/paper.md lists all claims, with the tests that carry them."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from layers import Conv, Flatten, FullyConnected, GlobalAveragePool, ReLU
from minicnn import Network, architectures
from minicnn.datasets.dataset import Dataset
from minicnn.images import save_picture
from minicnn.training import Run, Settings, train
from tests.examples import random_conv
from visualize import class_model, cli, linearize, localize, locate, saliency, ten_crop_saliency
from visualize.class_models import Settings as Climb
from visualize.localization import quantile_seeds

EGYPTIAN_CAT, ESPRESSO, ZEBRA = 285, 967, 340


@pytest.fixture
def small(rng) -> Network:
    layers = {
        "conv1": random_conv(rng, 4, 3, 3, 3),
        "relu1": ReLU(),
        "flatten": Flatten(),
        "full2": FullyConnected(rng.standard_normal((5, 144)), rng.standard_normal(5)),
    }
    preprocessing = architectures.architecture("small32").preprocessing
    return Network(layers, dataclasses.replace(preprocessing, size=(8, 8)))


@pytest.fixture(scope="module")
def x_cat(squeezenet, chelsea) -> np.ndarray:
    return squeezenet.preprocessing.to_input(squeezenet.preprocessing.centre_crop(chelsea))


@pytest.fixture(scope="module")
def x_cup(squeezenet, coffee) -> np.ndarray:
    return squeezenet.preprocessing.to_input(squeezenet.preprocessing.centre_crop(coffee))


# ---------------------------------------------------------------------- section 2


def test_a_class_model_is_taken_for_its_class_by_the_network_that_dreamt_it(squeezenet):
    model = class_model(squeezenet, ZEBRA, Climb(steps=30))
    assert squeezenet.scores(model.offset[None]).argmax() == ZEBRA
    assert squeezenet.scores(np.zeros_like(model.offset)[None]).argmax() != ZEBRA  # the zero image is not


def test_a_class_model_leaves_the_weights_as_they_are(small):
    before = {name: p.copy() for name, p in small.parameters.items()}
    class_model(small, 3, Climb(steps=10))
    assert all(np.array_equal(p, before[name]) for name, p in small.parameters.items())


@pytest.mark.parametrize("name", architectures.ARCHITECTURES)
def test_no_network_contains_its_softmax(name):
    """The scores are unnormalised: every architecture ends with what makes them, not with what follows."""
    *_, last = architectures.blank(name).layers.values()
    assert isinstance(last, (FullyConnected, GlobalAveragePool))


def test_the_scores_of_the_trained_network_are_no_probabilities(squeezenet, x_cat):
    scores = squeezenet.scores(x_cat)
    assert scores.max() > 1
    assert scores.sum() > 10


# ---------------------------------------------------------------------- section 3


def test_of_a_linear_score_a_pixel_matters_as_much_as_its_weight(rng):
    """Pixels moved one by one by the same amount, from anywhere: the change of S_c ranks them as |w| does."""
    net = Network({"conv": Conv(rng.standard_normal((2, 1, 4, 5)), rng.standard_normal(2)), "flatten": Flatten()})
    x = 100 * rng.standard_normal((1, 4, 5))
    changes = np.empty((4, 5))
    for i, j in np.ndindex(4, 5):
        moved = x.copy()
        moved[0, i, j] += 3
        changes[i, j] = abs(net.scores(moved[None]) - net.scores(x[None]))[0, 1]
    np.testing.assert_allclose(changes, 3 * saliency(net, x, 1))
    np.testing.assert_allclose(changes, 3 * np.abs(net["conv"].K[1, 0]))


def test_a_saliency_map_takes_one_way_up_and_one_way_down(small, rng, monkeypatch):
    calls = []
    for layer in small.layers.values():
        for method in ("forward", "backward"):
            monkeypatch.setattr(layer, method, counted(getattr(layer, method), calls))
        monkeypatch.setattr(layer, "parameter_gradients", None)  # the weights are fixed: nobody asks for theirs
    saliency(small, rng.standard_normal((3, 8, 8)), 2)
    assert calls == ["forward"] * 4 + ["backward"] * 4


def counted(method, calls):
    def call(*arguments):
        calls.append(method.__name__)
        return method(*arguments)

    return call


def test_the_cup_is_more_salient_than_the_table_around_it(squeezenet, coffee):
    M = ten_crop_saliency(squeezenet, coffee, ESPRESSO)
    cup = np.zeros(M.shape, bool)
    cup[18:285, 172:410] = True  # drawn by hand around the cup, without its saucer
    most_salient = np.nanquantile(M, 0.95) <= M
    covered = ~np.isnan(M)
    assert most_salient[cup].sum() > 0.65 * most_salient.sum()
    assert cup[covered].mean() < 0.4
    assert M[cup & covered].mean() > 1.5 * M[~cup & covered].mean()


def test_a_saliency_map_belongs_to_an_image_and_to_a_class(squeezenet, x_cat, x_cup):
    def alike(first: np.ndarray, second: np.ndarray) -> float:
        return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])

    cat, espresso = (linearize(squeezenet, x_cat, c)[0] for c in (EGYPTIAN_CAT, ESPRESSO))
    elsewhere = linearize(squeezenet, x_cup, EGYPTIAN_CAT)[0]
    assert abs(alike(cat, espresso)) < 0.3  # the same image, another class
    assert abs(alike(cat, elsewhere)) < 0.3  # the same class, another image
    assert alike(saliency(squeezenet, x_cat, EGYPTIAN_CAT), saliency(squeezenet, x_cup, EGYPTIAN_CAT)) < 0.5


def test_without_being_told_a_class_the_map_is_that_of_the_highest_score(tmp_path, capsys, chelsea):
    save_picture(tmp_path / "cat.png", chelsea)
    assert cli.main(["saliency", str(tmp_path / "cat.png"), "--out", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["class"] == EGYPTIAN_CAT


def test_a_network_learns_from_images_and_labels_and_nothing_else(rng):
    """No box and no mask: training is given a Dataset, and there are none in it.  Yet the result can localise."""
    assert {field.name for field in dataclasses.fields(Dataset)} == {"images", "labels", "classes"}
    photos = rng.integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    data = Dataset(photos, np.arange(8) % 2, ["disc", "square"])
    run = Run.start(architectures.build("small32", rng, classes=2), Settings(epochs=1, batch=4))
    list(train(run, data, data))
    assert localize(run.net, photos[0], 1).saliency.shape == (32, 32)


def test_colour_carries_a_map_of_one_part_to_the_whole_object(rng):
    """Salient is only the head of an animal; thresholded, the map has nothing else, and the cut finds all of it."""
    photo = np.full((60, 80, 3), (40.0, 60.0, 160.0))
    animal = np.zeros((60, 80), bool)
    animal[15:45, 20:60] = True
    photo[animal] = (220.0, 130.0, 30.0)
    photo = np.clip(photo + 12 * rng.standard_normal(photo.shape), 0, 255).astype(np.uint8)
    M = rng.random((60, 80)) * np.where(animal, 1.0, 0.5)
    M[15:31, 20:36] += 1  # its head
    thresholded, _ = quantile_seeds(M, 0.95, 0.30)
    assert not thresholded[:, 36:].any()
    assert np.array_equal(locate(photo, M).mask, animal)
