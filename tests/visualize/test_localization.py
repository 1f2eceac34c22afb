"""Localisation (paper, section 3.2): from a map to seeds, mask and box, with and without a network; the command."""

import dataclasses
import itertools
import json
import sys

import numpy as np
import pytest
from PIL import Image

from layers import Conv, Flatten, FullyConnected, ReLU
from minicnn import pretrained
from minicnn.images import Preprocessing
from minicnn.network import Network, input_of
from tests.devices import host
from visualize import cli
from visualize.evaluation.rules import cut_boxes
from visualize.figures import COLOURS, SEED_COLOURS, localization_figure, save_figure, seed_picture
from visualize.localization import (
    PRESETS,
    CutSettings,
    bounding_box,
    clamped_seeds,
    cut,
    enlarged,
    guesses,
    largest_component,
    localize,
    localize_each,
    locate,
    quantile_seeds,
    shrunk,
)
from visualize.mixture import fit_mixture
from visualize.saliency_maps import photo_saliency, ten_crop_saliency
from visualize.vanished_signal import VanishedSignal


def scene(H=60, W=80, box=(20, 10, 50, 40), noise=12.0):
    """An orange rectangle on noisy blue, and a noisy map that is higher inside: (photo, map)."""
    rng = np.random.default_rng(0)
    x0, y0, x1, y1 = box
    photo = np.full((H, W, 3), (40.0, 60.0, 160.0))
    photo[y0:y1, x0:x1] = (220.0, 130.0, 30.0)
    saliency = rng.random((H, W))
    saliency[y0:y1, x0:x1] += 0.5
    return np.clip(photo + noise * rng.standard_normal(photo.shape), 0, 255).astype(np.uint8), saliency


def overlap(a, b):
    """Intersection over union of two boxes."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(0, width) * max(0, height)
    return both / (sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (a, b)) - both)


@pytest.fixture
def small(on):
    """A convolution and a fully connected layer on 12×12 colour images, four classes."""
    rng = np.random.default_rng(1)
    net = Network(
        {
            "conv1": Conv(rng.standard_normal((6, 3, 3, 3), np.float32) / 5),
            "relu1": ReLU(),
            "flatten": Flatten(),
            "fc2": FullyConnected(rng.standard_normal((4, 600), np.float32) / 10),
        },
        Preprocessing((12, 12), mean=(120.0, 115.0, 105.0)),
        classes=["disc", "square", "star", "ring"],
    )
    return on(net)


# ---------------------------------------------------------------------- from a map to a box


def test_a_coloured_object_on_another_colour_is_found_to_the_pixel():
    photo, saliency = scene()
    place = locate(photo, saliency)
    assert place.box == (20, 10, 50, 40)
    assert place.mask.sum() == 30 * 30
    assert place.saliency is saliency


def test_only_the_order_of_the_maps_values_matters():
    photo, saliency = scene()
    plain, bent = locate(photo, saliency), locate(photo, -1e9 + np.exp(20 * saliency))
    for name in ("foreground", "background", "mask"):
        assert np.array_equal(getattr(plain, name), getattr(bent, name))


def test_a_centred_gaussian_is_a_map_as_good_as_any():
    photo, _ = scene(box=(25, 15, 55, 45))
    y, x = np.mgrid[:60, :80]
    place = locate(photo, np.exp(-((x - 39.5) ** 2 + (y - 29.5) ** 2) / 200), CutSettings(background=0.6))
    assert place.box == (25, 15, 55, 45)


def test_the_same_call_gives_the_same_seeds_and_mask_even_where_the_map_has_ties():
    photo, saliency = scene(noise=60.0)
    first, second = (locate(photo, np.round(saliency)) for _ in range(2))
    for name in ("foreground", "background", "mask"):
        assert np.array_equal(getattr(first, name), getattr(second, name))


def test_of_two_objects_of_one_colour_the_larger_is_the_mask():
    photo, saliency = scene(box=(5, 5, 35, 35))
    photo[40:50, 60:75] = photo[5:15, 5:20]
    saliency[40:50, 60:75] += 0.5
    place = locate(photo, saliency)
    assert place.foreground[40:50, 60:75].any()
    assert place.box == (5, 5, 35, 35)
    assert place.mask.sum() == 30 * 30


@pytest.mark.parametrize(("connectivity", "box"), [(4, (10, 10, 30, 30)), (8, (10, 10, 46, 46))])
def test_components_that_touch_at_a_corner_are_one_with_eight_neighbours(connectivity, box):
    photo, saliency = scene(box=(10, 10, 30, 30))
    photo[30:46, 30:46] = photo[10:26, 10:26]
    saliency[30:46, 30:46] += 0.5
    settings = CutSettings(connectivity=connectivity)
    assert locate(photo, saliency, settings).box == cut_boxes(photo, saliency, [settings])[0] == box


def test_the_object_may_reach_where_the_map_knows_nothing_but_nothing_is_learnt_there():
    photo, saliency = scene()
    saliency[:, 35:] = np.nan  # half the object is outside of the crop
    place = locate(photo, saliency)
    assert place.box == (20, 10, 50, 40)
    assert not (place.foreground | place.background)[:, 35:].any()


def test_with_soft_seeds_a_wrong_seed_can_be_overruled_with_clamped_seeds_it_cannot():
    photo, saliency = scene()
    saliency[20, 30] = -1.0  # the least salient pixel lies in the middle of the object
    soft, hard = (locate(photo, saliency, CutSettings(clamp=clamp)) for clamp in (0.0, 1.0))
    assert soft.background[20, 30]
    assert soft.mask[20, 30]
    assert not hard.mask[20, 30]
    assert not (hard.mask & hard.background).any()


def test_a_stronger_pairwise_term_shortens_the_outline():
    photo, saliency = scene(noise=90.0)

    def outline(pairwise):
        mask = locate(photo, saliency, CutSettings(pairwise=pairwise)).mask
        return np.abs(np.diff(mask.astype(int), axis=0)).sum() + np.abs(np.diff(mask.astype(int), axis=1)).sum()

    assert outline(0.5) > 1.5 * outline(10.0)


# ---------------------------------------------------------------------- its parts


def test_seeds_are_the_top_5_and_the_bottom_30_percent():
    saliency = np.random.default_rng(2).permutation(1000).reshape(25, 40).astype(float)
    foreground, background = quantile_seeds(saliency, 0.95, 0.30)
    assert np.array_equal(foreground, saliency >= 950)
    assert np.array_equal(background, saliency < 300)


def test_seeds_are_taken_by_rank_where_most_of_the_map_is_exactly_zero():
    saliency = np.zeros((50, 40))
    saliency[20:25, 20:30] = 1.0  # 2.5 % of the pixels: the 95 % quantile is 0, and so is the 30 % quantile
    foreground, background = quantile_seeds(saliency, 0.95, 0.30)
    assert foreground.sum() == 100
    assert foreground[20:25, 20:30].all()
    assert background.sum() == 600
    assert not (foreground & background).any()
    for half in (background[:25], background[25:]):  # … and not from the top rows only
        assert 200 < half.sum() < 400


def test_unknown_pixels_are_no_seeds_and_do_not_count():
    saliency = np.arange(200.0).reshape(10, 20)
    saliency[5:] = np.nan
    foreground, background = quantile_seeds(saliency, 0.95, 0.30)
    assert np.array_equal(np.flatnonzero(foreground), np.arange(95, 100))
    assert np.array_equal(np.flatnonzero(background), np.arange(30))


@pytest.mark.parametrize("n", range(2, 8))
@pytest.mark.parametrize("quantiles", [(0.95, 0.30), (1.0, 0.0), (0.5, 0.5), (1.0, 1.0), (0.0, 0.0)])
def test_each_side_has_a_seed_however_few_pixels_there_are(n, quantiles):
    foreground, background = quantile_seeds(np.arange(float(n))[None], *quantiles)
    assert foreground.any()
    assert background.any()
    assert not (foreground & background).any()


@pytest.mark.parametrize("value", [0.0, 3.5, np.nan])
def test_a_map_that_is_the_same_everywhere_has_no_seeds(value):
    foreground, background = quantile_seeds(np.full((9, 9), value), 0.95, 0.30)
    assert not foreground.any()
    assert not background.any()


def test_the_largest_component_is_kept_and_corners_connect_with_eight_neighbours_only():
    labels = np.array([[1, 1, 0, 0, 1], [1, 0, 0, 0, 1], [0, 1, 0, 0, 1], [0, 0, 0, 0, 1]], bool)
    left, right = labels.copy(), labels.copy()  # five pixels of which one touches at a corner; four in a column
    left[:, 4], right[:, :4] = False, False
    assert np.array_equal(largest_component(labels), left)
    assert np.array_equal(largest_component(labels, connectivity=8), left)
    assert np.array_equal(largest_component(labels, connectivity=4), right)
    assert not largest_component(np.zeros((3, 4), bool)).any()


@pytest.mark.parametrize(
    ("settings", "above", "below"),
    [
        (CutSettings(), None, None),
        (PRESETS["ksseg"], range(995, 1000), range(5)),  # the top and the bottom ½ % of 1000
        (CutSettings(clamp=0.02), range(980, 1000), range(20)),
        (CutSettings(clamp=0.1), range(950, 1000), range(100)),  # never more than the seeds
        (CutSettings(clamp=1.0), range(950, 1000), range(300)),
    ],
)
def test_the_clamped_seeds_are_the_share_of_pixels_at_either_end(settings, above, below):
    saliency = np.random.default_rng(2).permutation(1000).reshape(25, 40).astype(float)
    bound = clamped_seeds(saliency, settings)
    if above is None:
        assert bound is None
    else:
        assert [sorted(saliency[mask].astype(int)) for mask in bound] == [list(above), list(below)]


# ---------------------------------------------------------------------- the constants


def test_the_presets_have_the_constants_of_those_they_are_named_after():
    names = ("foreground", "background", "components", "uniform", "pairwise", "beta", "connectivity", "clamp")
    found = {preset: [getattr(settings, name) for name in names] for preset, settings in PRESETS.items()}
    assert found == {
        "iseg": [0.95, 0.30, 5, 0.05, 150, 2, 8, 0],
        "ksseg": [0.95, 0.30, 5, 0.05, 150, 2, 8, 0.005],
        "minicnn": [0.95, 0.30, 5, 0, 20, 0.5, 4, 0],
    }
    assert CutSettings() == PRESETS["iseg"]


def energies_by_loops(colours, models, settings):
    """E(L) of every labelling of a tiny picture by the definitions: SciPy's Gaussians, one pair of pixels at a time."""
    from scipy.special import logsumexp
    from scipy.stats import multivariate_normal

    H, W = colours.shape[:2]

    def log_density(model, x):
        gaussians = zip(model.means, model.covariances, strict=True)
        terms = [multivariate_normal(mean, spread).logpdf(x) for mean, spread in gaussians] + [0.0]
        return logsumexp(terms, b=[*(1 - settings.uniform) * model.weights, settings.uniform])

    likely = {p: [log_density(model, colours[p]) for model in models] for p in np.ndindex(H, W)}  # object, background
    pairs = [(p, q) for p in likely for q in ((p[0], p[1] + 1), (p[0] + 1, p[1])) if q in likely]
    jumps = [((colours[p] - colours[q]) ** 2).sum() for p, q in pairs]
    prices = [settings.pairwise * np.exp(-settings.beta * jump / np.mean(jumps)) for jump in jumps]
    for labels in itertools.product([0, 1], repeat=H * W):
        L = np.array(labels, bool).reshape(H, W)
        unary = sum(np.logaddexp(one, other) - (one if L[p] else other) for p, (one, other) in likely.items())
        yield L, unary + sum(price for price, (p, q) in zip(prices, pairs, strict=True) if L[p] != L[q])


@pytest.mark.parametrize(
    "settings",
    [
        *PRESETS.values(),
        CutSettings(pairwise=1.0),
        CutSettings(pairwise=1.0, beta=0.5),
        CutSettings(pairwise=1.0, uniform=0.9),
        CutSettings(pairwise=1.0, uniform=0.0),
        CutSettings(pairwise=1.0, components=1),
    ],
)
def test_the_cut_is_the_least_of_all_energies_written_out_with_these_constants(settings):
    rng = np.random.default_rng(7)
    foreground, background = np.zeros((2, 3, 3), bool)
    foreground[0, :2] = foreground[1, 1] = background[2] = True
    for _ in range(2):
        colours = np.clip(0.5 + 0.1 * rng.standard_normal((3, 3, 3)), 0, 1)
        models = [fit_mixture(colours[seed], settings.components) for seed in (foreground, background)]
        labels = cut(colours, foreground, background, settings)
        energies = {L.tobytes(): E for L, E in energies_by_loops(colours, models, settings)}
        assert energies[labels.tobytes()] == pytest.approx(min(energies.values()), abs=1e-3)


def test_boxes_end_after_their_last_pixel():
    mask = np.zeros((8, 9), bool)
    mask[2, 3] = mask[5, 4] = True
    assert bounding_box(mask) == (3, 2, 5, 6)
    assert bounding_box(np.ones((8, 9), bool)) == (0, 0, 9, 8)
    assert bounding_box(np.zeros((8, 9), bool)) is None


# ---------------------------------------------------------------------- the size of the cut


def test_a_large_photograph_is_cut_small_and_its_box_is_in_its_own_pixels():
    photo, saliency = scene()
    photo, saliency = (values.repeat(20, axis=0).repeat(20, axis=1) for values in (photo, saliency))
    place = locate(photo, saliency, CutSettings(pixels=60 * 80))
    assert place.box == (400, 200, 1000, 800)
    assert place.mask.shape == place.foreground.shape == photo.shape[:2]


@pytest.mark.parametrize("shape", [(300, 200), (37, 1000), (1, 5000), (5000, 1), (71, 70)])
def test_the_cut_has_about_as_many_pixels_as_asked_for_and_the_photographs_shape(shape):
    colours, small = shrunk(np.zeros((*shape, 3), np.uint8), np.zeros(shape), 1000)
    assert colours.shape[:2] == small.shape
    assert small.size <= 1100
    if min(shape) > 30:
        assert small.shape[0] / small.shape[1] == pytest.approx(shape[0] / shape[1], rel=0.15)


def test_a_small_photograph_is_cut_as_it_is():
    photo, saliency = scene()
    colours, small = shrunk(photo, saliency, 60 * 80)
    assert np.array_equal(colours, photo / 255)
    assert small is saliency


def test_the_small_map_is_the_mean_of_what_is_known():
    saliency = np.arange(16.0).reshape(4, 4)
    saliency[0, 0] = saliency[2:, 2:] = np.nan
    colours, small = shrunk(np.arange(16, dtype=np.uint8).reshape(4, 4), saliency, 4)
    np.testing.assert_allclose(small, [[(1 + 4 + 5) / 3, (2 + 3 + 6 + 7) / 4], [(8 + 9 + 12 + 13) / 4, np.nan]])
    np.testing.assert_allclose(colours[..., 0] * 255, [[2.5, 4.5], [10.5, 12.5]], atol=0.51)  # bytes are rounded


def test_an_enlarged_mask_repeats_its_pixels():
    mask = np.array([[1, 0, 1], [0, 1, 0]], bool)
    assert np.array_equal(enlarged(mask, (8, 9)), mask.repeat(4, axis=0).repeat(3, axis=1))
    assert np.array_equal(enlarged(mask, (2, 3)), mask)
    assert enlarged(mask, (3, 7)).shape == (3, 7)


# ---------------------------------------------------------------------- degenerate cases


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
def test_a_map_that_says_nothing_finds_nothing(value):
    photo, _ = scene()
    place = locate(photo, np.full((60, 80), value))
    assert place.box is None
    assert not place.mask.any()


def test_in_a_flat_photograph_nothing_is_found():
    _, saliency = scene()
    place = locate(np.full((60, 80, 3), 77, np.uint8), saliency)
    assert place.foreground.any()
    assert place.box is None
    assert not place.mask.any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (2, 2), (1, 9), (3, 3)])
def test_pictures_with_fewer_pixels_than_components_are_cut(shape):
    rng = np.random.default_rng(3)
    photo, saliency = rng.integers(0, 256, (*shape, 3), dtype=np.uint8), rng.random(shape)
    place = locate(photo, saliency)
    assert place.mask.shape == shape
    assert place.box == bounding_box(place.mask)
    assert (place.box is None) if shape == (1, 1) else place.foreground.any()


def test_a_grey_photograph_is_cut_by_its_greys():
    photo, saliency = scene()
    grey = photo[..., 0]
    for same in (grey, np.repeat(grey[..., None], 3, axis=2)):
        assert locate(same, saliency).box == (20, 10, 50, 40)


def test_a_map_of_another_size_is_refused():
    photo, saliency = scene()
    with pytest.raises(ValueError, match=r"map of the photograph's size \(60, 80\), got \(60, 79\)"):
        locate(photo, saliency[:, 1:])


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"foreground": 1.2}, "foreground must be 0 or more and 1 or less, got 1.2"),
        ({"background": -0.1}, "background must be 0 or more"),
        ({"background": 0.8, "foreground": 0.7}, "quantiles 0 ≤ background ≤ foreground ≤ 1, got background 0.8 and"),
        ({"foreground": float("nan")}, "foreground must be a number, got nan"),
        ({"components": 0}, "components must be 1 or more, got 0"),
        ({"components": 2.5}, "components must be a whole number"),
        ({"pairwise": -1.0}, "pairwise must be 0 or more, got -1"),
        ({"pairwise": float("inf")}, "pairwise must be a number"),
        ({"uniform": 1.0}, "uniform must be 0 or more and less than 1, got 1"),
        ({"uniform": -0.1}, "uniform must be 0 or more"),
        ({"beta": -1.0}, "beta must be 0 or more, got -1"),
        ({"beta": float("nan")}, "beta must be a number"),
        ({"connectivity": 6}, "connectivity must be one of 4, 8, got 6"),
        ({"neighbours": 6}, "neighbours must be one of 4, 8, got 6"),
        ({"clamp": 1.5}, "clamp must be 0 or more and 1 or less, got 1.5"),
        ({"pixels": 0}, "pixels must be 1 or more, got 0"),
    ],
)
def test_impossible_settings_are_refused(wrong, complaint):
    with pytest.raises(ValueError, match=complaint):
        CutSettings(**wrong)


# ---------------------------------------------------------------------- with a network


@pytest.mark.parametrize("maps", [photo_saliency, ten_crop_saliency])
def test_localize_is_locate_on_the_networks_map(small, maps):
    photo, _ = scene()
    settings = CutSettings(background=0.5)
    place, by_hand = localize(small, photo, 2, maps, settings), locate(photo, maps(small, photo, 2), settings)
    assert np.array_equal(place.saliency, by_hand.saliency, equal_nan=True)
    assert np.array_equal(place.mask, by_hand.mask)
    assert place.box == by_hand.box
    assert place.settings == settings


@pytest.mark.parametrize("maps", [photo_saliency, ten_crop_saliency])
def test_several_classes_are_localised_as_they_are_one_by_one(small, maps):
    photo, _ = scene()
    for c, place in zip([3, 0], localize_each(small, photo, [3, 0], maps), strict=True):
        alone = localize(small, photo, c, maps)
        assert np.array_equal(place.saliency, alone.saliency, equal_nan=True)
        assert place.box == alone.box


def test_the_network_goes_up_once_for_all_classes(small, monkeypatch):
    ups = []
    forward = small.forward
    monkeypatch.setattr(small, "forward", lambda x: ups.append(len(x)) or forward(x))
    localize_each(small, scene()[0], [0, 1, 2, 3])
    assert ups == [1]


def test_the_guesses_are_the_best_classes_with_their_scores_and_boxes(small):
    photo, _ = scene()
    crop = small.preprocessing.centre_crop(photo)
    scores = host(small.scores(input_of(small, crop))[0])
    found = guesses(small, photo, 3)
    assert [guess.c for guess in found] == list(np.argsort(-scores)[:3])
    np.testing.assert_allclose([guess.score for guess in found], np.sort(scores)[::-1][:3])
    for guess in found:
        assert guess.localization.box == localize(small, photo, guess.c).box
    assert len(guesses(small, photo)) == 4  # five were asked for, there are four


def test_a_grey_network_localises_in_a_colour_photograph():
    rng = np.random.default_rng(4)
    net = Network(
        {"flatten": Flatten(), "fc": FullyConnected(rng.standard_normal((2, 144), np.float32))},
        Preprocessing((12, 12), mean=(100.0,), order="L"),
    )
    photo, _ = scene()
    for picture in (photo, photo[..., 0]):
        assert localize(net, picture, 1).mask.shape == (60, 80)


def test_a_dead_network_finds_nothing_and_says_why():
    dead = Network(
        {"flatten": Flatten(), "fc": FullyConnected(np.zeros((2, 432), np.float32))},
        Preprocessing((12, 12), mean=(0.0, 0.0, 0.0)),
    )
    with pytest.warns(VanishedSignal, match="fc"):
        place = localize(dead, scene()[0], 0)
    assert place.box is None


def test_in_the_bundled_photographs_the_boxes_lie_where_they_should(squeezenet, chelsea, coffee):
    cup_and_saucer = (75, 18, 482, 385)
    assert overlap(localize(squeezenet, coffee, 967, ten_crop_saliency).box, cup_and_saucer) > 0.7
    eyes_and_nose = (135, 85, 345, 265)  # the network looks at them, and the cat's fur is on both sides of the cut
    assert overlap(localize(squeezenet, chelsea, 285).box, eyes_and_nose) > 0.7


# ---------------------------------------------------------------------- figure


def test_the_figure_draws_boxes_nothing_found_unknown_pixels_and_grey_photographs(tmp_path):
    photo, saliency = scene()
    saliency[:, :10] = np.nan
    found, nothing = locate(photo, saliency), locate(photo, np.zeros((60, 80)))
    for picture in (photo, photo[..., 0]):
        save_figure(tmp_path / "figure.png", localization_figure(picture, [found, nothing], ["object", "nothing"]))
    with Image.open(tmp_path / "figure.png") as figure:
        assert figure.width > figure.height > 500


def test_the_thresholds_are_drawn_in_the_papers_colours():
    photo, saliency = scene()
    saliency[:, 0] = np.nan
    place = locate(photo, saliency)
    picture = seed_picture(place)
    blue, cyan, red = np.array([[0, 114, 178], [86, 180, 233], [213, 94, 0]]) / 255  # of Okabe and Ito
    assert [COLOURS.index(colour) for colour in SEED_COLOURS.values()] == [5, 2, 1]
    assert np.array_equal((picture == blue).all(axis=2), place.foreground)
    assert np.array_equal((picture == cyan).all(axis=2), place.background)
    neither = ~(place.foreground | place.background | np.isnan(saliency))
    assert np.array_equal((picture == red).all(axis=2), neither)


# ---------------------------------------------------------------------- command


@pytest.fixture
def command(small, monkeypatch, tmp_path):
    """`minicnn localize` with the small network, in a folder with a photograph `scene.png`."""
    monkeypatch.setitem(pretrained.NETWORKS, "small", lambda: small)
    monkeypatch.chdir(tmp_path)
    Image.fromarray(scene()[0]).save("scene.png")
    return lambda *options: cli.main(["localize", "scene.png", "--network", "small", "--out", "out", *options])


def test_the_command_prints_an_object_a_line_with_class_name_score_box_and_size(command, small, capsys):
    assert command("--top", "3", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for line, guess in zip(lines, guesses(small, scene()[0], 3), strict=True):
        assert list(line) == ["photo", "class", "name", "score", "box", "size"]
        assert line["photo"] == "scene.png"
        assert line["class"] == guess.c
        assert line["name"] == small.classes[guess.c]
        assert line["score"] == pytest.approx(guess.score)
        assert line["box"] == list(guess.localization.box)
        assert line["size"] == [80, 60]


def test_what_the_command_writes_is_enough_to_make_it_again(command, small, tmp_path):
    numbers = ["--background", "0.5", "--pairwise", "7", "--components", "2", "--pixels", "3000"]
    numbers += ["--uniform", "0.1", "--beta", "1.5", "--connectivity", "8", "--clamp", "0.01", "--neighbours", "8"]
    assert command("--class", "ring", "--ten-crops", "--preset", "minicnn", *numbers) == 0
    record = json.loads((tmp_path / "out/scene-localize-ring.json").read_text(encoding="utf-8"))
    settings = CutSettings(**record["settings"])
    assert settings == CutSettings(0.95, 0.5, 2, 0.1, 7.0, 1.5, 8, 0.01, 3000, 8)
    assert (record["network"], record["crops"], record["guesses"][0]["class"]) == ("small", 10, 3)
    place = localize(small, scene()[0], 3, ten_crop_saliency, settings)
    with np.load(tmp_path / record["arrays"]) as arrays:
        for name in ("saliency", "foreground", "background", "mask"):
            assert np.array_equal(arrays[name][0], getattr(place, name), equal_nan=name == "saliency")
    with Image.open(tmp_path / record["figure"]) as figure:
        assert figure.format == "PNG"
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".json", ".npz", ".png"]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_all_of_its_constants_and_what_is_given_besides_changes_one(command, preset, tmp_path):
    for options, wanted in (
        ([], PRESETS[preset]),
        (["--pairwise", "7"], dataclasses.replace(PRESETS[preset], pairwise=7.0)),
    ):
        assert command("--preset", preset, *options) == 0
        record = json.loads((tmp_path / "out/scene-localize.json").read_text(encoding="utf-8"))
        assert CutSettings(**record["settings"]) == wanted


def test_the_command_says_so_where_nothing_is_found(command, monkeypatch, capsys):
    Image.new("RGB", (40, 30), "teal").save("scene.png")
    assert command() == 0
    assert "nothing found" in capsys.readouterr().out
    assert command("--json") == 0
    assert json.loads(capsys.readouterr().out)["box"] is None


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--foreground", "1.5"], "foreground must be 0 or more and 1 or less, got 1.5"),
        (["--foreground", "0.2"], "quantiles"),
        (["--background", "0.99"], "background 0.99 and foreground 0.95"),
        (["--components", "0"], "components"),
        (["--pairwise", "-3"], "pairwise"),
        (["--uniform", "1"], "uniform"),
        (["--beta", "-3"], "beta"),
        (["--clamp", "2"], "clamp must be"),
        (["--pixels", "0"], "pixels"),
        (["--top", "0"], "--top 0"),
        (["--top", "2", "--class", "disc"], "--class"),
        (["--class", "sqare"], "the nearest are 1 (square)"),
        (["--class", "4"], "expected 0 … 3"),
        (["--out", "scene.png"], "scene.png is the photograph itself"),
    ],
)
def test_wrong_input_ends_with_one_line_and_exit_code_2_and_writes_nothing(
    command, options, complaint, capsys, tmp_path
):
    assert command(*options) == 2
    printed, complaints = capsys.readouterr()
    assert printed == ""
    assert complaints.count("\n") == 1
    assert complaint in complaints
    assert [path.name for path in tmp_path.iterdir()] == ["scene.png"]


def test_visualize_is_imported_without_scipy_or_matplotlib():
    import subprocess

    heavy = "[name for name in ('scipy', 'matplotlib', 'sklearn') if name in sys.modules]"
    answer = subprocess.run(
        [sys.executable, "-c", f"import sys, visualize.localization; print({heavy})"], capture_output=True, text=True
    )
    assert answer.stdout.strip() == "[]", answer.stderr
