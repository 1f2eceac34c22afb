"""The yardsticks against what is counted by hand, and the shortcuts against the long way."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from layers import Conv, Flatten, FullyConnected, MaxPool, ReLU
from minicnn.datasets.annotated import Picture, duet_pictures, in_classes, scene_pictures
from minicnn.datasets.shapes import CLASSES
from minicnn.images import Preprocessing
from minicnn.network import Network
from visualize.evaluation.contrast import contrast
from visualize.evaluation.measures import (
    average,
    best_iou,
    best_threshold,
    bootstrap,
    iou,
    longer_side,
    proportion,
    task_error,
)
from visualize.evaluation.methods import AS_IT_STANDS, CHANGED, CHANGES, MAPS, METHODS, STUDIED, Row, rows
from visualize.evaluation.rules import CentredBox, Cut, Threshold, cut_boxes, normalised, threshold_box
from visualize.evaluation.runs.examine import duet_records, in_percent, table_records, tuning_records
from visualize.evaluation.runs.records import PARTS, Records
from visualize.evaluation.runs.report import measured, repeated, results, tuning, won
from visualize.evaluation.runs.run import Plan, Shared, Task, best_rules, examined, run
from visualize.evaluation.runs.tables import markdown, spread
from visualize.localization import PRESETS, CutSettings, guesses, locate
from visualize.spread import here


def tiny_network(classes=tuple(CLASSES)):
    """A network with random weights that takes 64×64 pixels, and is quick."""
    rng = np.random.default_rng(0)

    def weights(*shape):
        return (rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32)

    layers = {
        "conv1": Conv(weights(8, 3, 3, 3), np.zeros(8, np.float32), stride=2, pad=1),
        "relu1": ReLU(),
        "conv2": Conv(weights(16, 8, 3, 3), np.zeros(16, np.float32), stride=2, pad=1),
        "relu2": ReLU(),
        "pool2": MaxPool(4),
        "flatten": Flatten(),
        "fc3": FullyConnected(weights(len(classes), 256), np.zeros(len(classes), np.float32)),
    }
    return Network(layers, Preprocessing((64, 64), mean=(128.0,) * 3, scale=1 / 64, resize=72), list(classes))


@pytest.fixture(scope="module")
def net():
    return tiny_network()


@pytest.fixture(scope="module")
def scenes():
    return scene_pictures(3, 11, CLASSES)


# ---------------------------------------------------------------------- IoU


def covered(box, size=40):
    mask = np.zeros((size, size), bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


def random_boxes(rng, count, size=40):
    corners = rng.integers(0, size, (count, 2))
    return np.concatenate([corners, [[rng.integers(a + 1, size + 1) for a in corner] for corner in corners]], axis=1)


def test_iou_is_what_counting_pixels_gives(rng):
    for one, other in zip(random_boxes(rng, 300), random_boxes(rng, 300), strict=True):
        a, b = covered(one), covered(other)
        assert iou(one.tolist(), other.tolist()) == pytest.approx((a & b).sum() / (a | b).sum())


def test_no_box_overlaps_nothing_and_any_true_box_will_do():
    assert iou(None, (0, 0, 5, 5)) == 0
    assert iou((0, 0, 5, 5), (5, 0, 10, 5)) == 0  # neighbours that share a border share no pixel
    assert best_iou((0, 0, 5, 5), [(20, 20, 30, 30), (0, 0, 5, 10)]) == 0.5


def test_whole_per_cents_are_rounded_down_but_for_what_floats_do():
    assert [in_percent(x) for x in (0.49999, 0.5, 0.3, 0.7, 0.29, 0.0, 1.0, 0.57, 0.58)] == [
        49,
        50,
        30,
        70,
        29,
        0,
        100,
        57,
        58,
    ]


# ---------------------------------------------------------------------- the ILSVRC task

TRUTH = [[0, 0, 10, 10]]
RIGHT_BOX, HALF, WRONG = [0, 0, 10, 9], [0, 0, 10, 5], [0, 0, 10, 4]  # IoU 0.9, 0.5, 0.4


@pytest.mark.parametrize(
    ("guessed", "error"),
    [
        ([(3, RIGHT_BOX)], False),
        ([(3, HALF)], False),  # 0.5 is enough
        ([(3, WRONG)], True),
        ([(3, None)], True),
        ([(4, RIGHT_BOX)], True),
        ([(4, RIGHT_BOX), (3, WRONG), (3, HALF)], False),
        ([], True),
    ],
)
def test_a_guess_is_right_with_the_right_class_and_half_the_overlap(guessed, error):
    assert task_error(3, guessed, TRUTH) is error


def answer(top, box, truth=TRUTH, number=0, size=(20, 20)):
    return {"number": number, "class": 3, "top": top, "box": box, "truth": truth, "size": size}


def test_the_columns_of_a_table_made_by_hand():
    found = measured(
        [
            answer([3, 1, 2, 4, 5], RIGHT_BOX),  # everything right
            answer([3, 1, 2, 4, 5], WRONG),  # the class right, the box wrong
            answer([1, 2, 3, 4, 5], HALF),  # among five
            answer([1, 2, 4, 5, 6], RIGHT_BOX),  # the box right, the class not among five
            answer([1, 2, 3, 4, 5], None),
        ]
    )
    means = {
        name: found[name]["mean"]
        for name in ("top1", "top5", "given_class_top1", "given_class_top5", "class_known", "iou")
    }
    assert means == pytest.approx(
        {
            "top1": 4 / 5,
            "top5": 3 / 5,
            "given_class_top1": 1 / 2,
            "given_class_top5": 2 / 4,
            "class_known": 2 / 5,
            "iou": 2.7 / 5,
        }
    )
    assert found["given_class_top1"]["count"] == 2
    assert {delta: value["mean"] for delta, value in found["box_acc"].items()} == {"0.3": 0.8, "0.5": 0.6, "0.7": 0.4}


def test_errors_are_told_apart_by_the_size_of_the_largest_object():
    small, large = [[0, 0, 2, 5]], [[0, 0, 2, 2], [0, 0, 12, 4]]
    assert longer_side((20, 10), small) == 0.5  # of the picture's height
    assert longer_side((20, 20), large) == 0.6
    found = measured([answer([3], box, truth) for box, truth in [(small[0], small), (None, small), (None, large)]])
    sizes = {
        (line["from"], line["to"]): (line["class_known"]["mean"], line["class_known"]["count"])
        for line in found["by_size"]
    }
    assert sizes == {(0.2, 0.3): (0.5, 2), (0.6, 0.7): (1.0, 1)}


def test_a_box_of_the_true_class_decides_the_five_guesses_of_the_task(net, scenes):
    """The long way, with a box for each of the five classes, has the same errors as the short one with one box."""
    for n in range(len(scenes)):
        picture = scenes[n]
        (label, truth) = next(iter(picture.objects.items()))
        (record,) = table_records(net, picture, [Row("gradient/cut", "x", METHODS["gradient/cut"].rule)])
        five = guesses(net, picture.photo, 5, MAPS["gradient"])
        assert record["top"] == [guess.c for guess in five]
        for k in (1, 5):
            long_way = task_error(label, [(guess.c, guess.localization.box) for guess in five[:k]], truth)
            assert measured([record])[f"top{k}"]["mean"] == long_way


# ---------------------------------------------------------------------- the best threshold


def naive_component(mask):
    """The largest four-connected component, by flood filling."""
    left, best = set(zip(*np.nonzero(mask), strict=True)), set()
    while left:
        component, edge = set(), [min(left)]
        while edge:
            p = edge.pop()
            if p in left:
                left.discard(p)
                component.add(p)
                edge += [(p[0] + i, p[1] + j) for i, j in ((0, 1), (1, 0), (0, -1), (-1, 0))]
        best = component if len(component) > len(best) else best
    ys, xs = zip(*best, strict=True)
    return int(min(xs)), int(min(ys)), int(max(xs)) + 1, int(max(ys)) + 1


def test_the_best_threshold_is_the_naive_loop_over_thresholds_and_images(rng):
    maps, truth = rng.random((6, 8, 8)) ** 2, random_boxes(rng, 6, 8).tolist()
    overlaps = np.array(
        [
            [iou(box, true) for box in Threshold.grid_boxes(np.zeros((8, 8, 3)), M)[:100]]
            for M, true in zip(maps, truth, strict=True)
        ]
    )
    for delta in (0.3, 0.5, 0.7):
        best = 0.0
        for threshold in Threshold.THRESHOLDS:
            right = 0
            for M, true in zip(maps, truth, strict=True):
                M = (M - M.min()) / (M.max() - M.min())
                right += iou(naive_component(np.greater_equal(M, threshold)), true) >= delta
            best = max(best, right / len(maps))
        assert best_threshold(overlaps, delta)[0] == pytest.approx(best)


def test_one_threshold_serves_all_images():
    overlaps = np.array([[0.9, 0.1], [0.1, 0.9]])  # each image has a threshold that suits it, but not the same
    assert best_threshold(overlaps, 0.5) == (0.5, 0)


# ---------------------------------------------------------------------- intervals


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [
        (0, 13, 0.0, 1 - 0.025 ** (1 / 13)),  # none of 13: the proportion whose thirteenfold failure has 2.5 %, 24.7 %
        (13, 13, 0.025 ** (1 / 13), 1.0),
        (0, 1000, 0.0, 1 - 0.025 ** (1 / 1000)),
        (10, 100, 0.049005, 0.176223),  # Clopper & Pearson's table, as any statistics program has it
    ],
)
def test_the_interval_of_a_share_is_clopper_and_pearsons(right, count, low, high):
    found = proportion([True] * right + [False] * (count - right))
    assert found["mean"] == right / count
    assert found["count"] == count
    np.testing.assert_allclose(found["interval"], [low, high], atol=1e-6)


@pytest.mark.parametrize("truth", [0.02, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("count", [13, 100])
def test_intervals_of_shares_hold_the_truth_at_least_as_often_as_they_say(truth, count):
    """Exactly, from the binomial probabilities of every outcome; the bootstrap would hold 0.05 in half of 13's."""
    from scipy.stats import binom

    held = 0.0
    for right in range(count + 1):
        low, high = proportion(np.arange(count) < right)["interval"]
        held += binom.pmf(right, count, truth) * (low <= truth <= high)
    assert held >= 0.95


def test_bootstrap_intervals_hold_the_truth_about_as_often_as_they_say(rng):
    """95 % intervals for means of skewed numbers, 200 images each."""
    held = 0
    for _ in range(200):
        low, high = bootstrap(rng.exponential(2, 200), rounds=400)
        held += low <= 2.0 <= high
    assert 0.88 <= held / 200 <= 0.99


def test_an_interval_is_about_two_standard_errors_to_each_side_and_always_the_same(rng):
    values = rng.random(5000) < 0.5
    for estimate in (proportion, average):
        low, high = estimate(values)["interval"]
        assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 5000), rel=0.1)
        assert estimate(values)["interval"] == [low, high]
    assert average([1.0, 1.0, 1.0])["interval"] == [1.0, 1.0]
    assert proportion([]) == average([]) == {"mean": None, "interval": None, "count": 0}


# ---------------------------------------------------------------------- rules


def settings_tried():
    return [
        *PRESETS.values(),
        CutSettings(0.9, 0.7, pairwise=100.0),
        CutSettings(0.9, 0.7, pairwise=100.0, clamp=1.0),
        CutSettings(0.9, 0.7, components=1, pairwise=100.0),
        *CHANGES.values(),
        CutSettings(),
    ]


def test_cuts_that_share_their_colour_models_are_the_cuts_one_by_one(net, scenes):
    for n in range(len(scenes)):
        M = MAPS["gradient"](net, scenes[n].photo, [0])[0]
        one_by_one = [locate(scenes[n].photo, M, settings).box for settings in settings_tried()]
        assert cut_boxes(scenes[n].photo, M, settings_tried()) == one_by_one


def test_they_are_so_on_large_photographs_with_unknown_pixels_and_on_flat_maps(rng, scenes):
    photo = np.kron(scenes[0].photo, np.ones((2, 3, 1), np.uint8))
    M = rng.random(photo.shape[:2])
    M[:, :50] = np.nan
    several = [dataclasses.replace(settings, pixels=3000) for settings in settings_tried()]
    assert cut_boxes(photo, M, several) == [locate(photo, M, settings).box for settings in several]
    assert cut_boxes(photo, np.ones_like(M), several) == [None] * len(several)


@pytest.mark.parametrize("rule", [Cut, Threshold, CentredBox])
def test_the_boxes_of_a_grid_are_those_of_its_rules(rule, net, scenes):
    photo = scenes[0].photo
    M = MAPS["guided"](net, photo, [0])[0]
    assert rule.grid_boxes(photo, M) == [one.box(photo, M) for one in rule.grid()]
    assert len(set(rule.grid())) == len(rule.grid())


def test_every_map_is_cut_on_the_same_grid():
    grids = [method.rule.grid() for method in METHODS.values() if isinstance(method.rule, Cut)]
    assert len(grids) == 8
    assert all(grid == grids[0] for grid in grids)


def test_the_grid_has_both_presets_and_no_other_mixture_of_their_constants():
    grid = [rule.settings for rule in Cut.grid()]
    assert PRESETS["iseg"] in grid
    assert PRESETS["minicnn"] in grid
    mixtures = {(settings.beta, settings.uniform, settings.connectivity) for settings in grid}
    assert mixtures == {(2.0, 0.05, 8), (0.5, 0.0, 4)}


def test_a_threshold_keeps_the_largest_component_of_what_reaches_it():
    M = np.zeros((6, 8))
    M[1, 1] = 4  # the highest value stands alone
    M[3:5, 4:7] = 2
    assert Threshold(0.4).box(np.zeros((6, 8, 3)), M) == (4, 3, 7, 5)
    assert Threshold(0.5).box(np.zeros((6, 8, 3)), M) == (4, 3, 7, 5)
    assert Threshold(0.6).box(np.zeros((6, 8, 3)), M) == (1, 1, 2, 2)
    assert threshold_box(normalised(np.ones((6, 8)), 0), 0.5) is None


def test_unknown_pixels_are_below_every_threshold():
    M = np.full((4, 4), np.nan)
    M[1:3, 1:3] = 1
    assert Threshold(0.5).box(np.zeros((4, 4, 3)), M) == (1, 1, 3, 3)


def test_a_centred_box_with_all_of_the_sides_is_the_whole_image():
    photo = np.zeros((40, 60, 3), np.uint8)
    assert CentredBox(1.0).box(photo, photo[:, :, 0]) == (0, 0, 60, 40)
    assert CentredBox(0.5).box(photo, photo[:, :, 0]) == (15, 10, 45, 30)
    assert CentredBox(0.1).box(photo[:2, :2], photo[:2, :2, 0]) == (1, 1, 2, 2)  # never empty


def test_a_centred_gaussian_is_highest_in_the_middle_and_the_same_for_every_class(net):
    one, other = MAPS["gaussian"](net, np.zeros((41, 61, 3), np.uint8), [0, 1])
    assert np.array_equal(one, other)
    assert np.unravel_index(one.argmax(), one.shape) == (20, 30)
    np.testing.assert_array_equal(one, one[::-1, ::-1])


def test_maps_by_the_three_rules_differ_and_ten_crops_know_more_than_one(net, scenes):
    found = {name: MAPS[name](net, scenes[0].photo, [4])[0] for name in MAPS}
    assert not np.array_equal(found["gradient"], found["deconv"])
    assert not np.array_equal(found["gradient"], found["guided"])
    assert np.isnan(found["gradient"]).any()  # the centre crop is smaller than the scene
    assert not np.isnan(found["gradient-10"]).any()


def test_the_contrast_is_what_a_class_has_and_its_four_strongest_rivals_have_not(net, scenes):
    photo = scenes[0].photo
    order = [guess.c for guess in guesses(net, photo, 10, MAPS["gaussian"])]
    made = {
        c: (1 + c) * np.eye(64)[c] + np.ones((64, 1)) for c in range(10)
    }  # what all have, and a column of one's own

    def maps(net, photo, classes):
        return np.stack([made[c] for c in classes])

    first, last = contrast(maps, net, photo, [order[0], order[9]])
    for M, c, rivals in ((first, order[0], order[1:5]), (last, order[9], order[:4])):
        expected = made[c] / made[c].sum() - sum(made[k] / made[k].sum() for k in rivals) / 4
        np.testing.assert_allclose(M, np.maximum(expected, 0), atol=1e-12)
        assert M.argmax() == c


def test_a_contrast_with_maps_that_died_is_not_a_number_nowhere_but_where_nothing_is_known(net, scenes):
    def maps(net, photo, classes):
        made = np.zeros((len(classes), 64, 64))
        made[0] = 1
        made[:, 0] = np.nan
        return made

    M, dead = contrast(maps, net, scenes[0].photo, [7, 8])
    assert np.isnan(M[0]).all()
    assert (M[1:] > 0).all()
    assert (dead[1:] == 0).all()


# ---------------------------------------------------------------------- tuning


def tuned_on(overlaps, name="box"):
    return [{"method": name, "iou": line} for line in overlaps]


def test_tuning_takes_the_fewest_errors_then_the_largest_mean_then_the_first():
    n = len(CentredBox.grid())

    def line(**at):
        return [at.get(f"_{k}", 0) for k in range(n)]

    best = best_rules(["box"], tuned_on([line(_2=50, _3=99, _5=55), line(_2=60, _3=49, _5=56)]))
    assert best == {"box": CentredBox.grid()[5]}  # 3 has the larger mean, but an error; 2 has none, but a smaller mean
    assert best_rules(["box"], tuned_on([line(_2=60, _7=60)])) == {"box": CentredBox.grid()[2]}
    assert best_rules(["box", "gradient/cut"], []) == {}


def test_tuning_finds_the_setting_that_was_planted(net):
    """Objects that fill the middle half of the picture: of all centred boxes that of share 0.5 fits."""
    photo = np.zeros((64, 64, 3), np.uint8)
    picture = Picture("planted", photo, {2: [(16, 16, 48, 48)]})
    (record,) = tuning_records(net, picture, ["box", "whole"])  # the whole image has nothing to tune
    assert best_rules(["box"], [record])["box"] == CentredBox(0.5)


def test_the_table_has_every_method_with_each_preset_and_as_tuned_and_the_constants_one_by_one():
    tuned = {STUDIED: Cut(CutSettings(0.9, 0.7, pairwise=100.0)), "box": CentredBox(0.5)}
    again = {STUDIED: Cut(CutSettings(0.8, 0.7)), "box": CentredBox(0.6)}
    table = rows(["whole", "box", "guided/threshold", STUDIED], [tuned, again])
    assert [(row.method, row.settings) for row in table[:9]] == [
        ("whole", ""), ("box", "tuned"), ("box", "tuning 2"), ("guided/threshold", "not tuned"),
        *((STUDIED, title) for title in AS_IT_STANDS.values()), (STUDIED, "tuned"), (STUDIED, "tuning 2"),
    ]  # fmt: skip
    assert [row.rule.settings for row in table[4:7]] == list(PRESETS.values())
    assert [row.rule for row in table[7:9]] == [tuned[STUDIED], again[STUDIED]]
    assert [row.repeated for row in table[:9]] == [False, False, True, False, False, False, False, False, True]
    assert [row.settings for row in table[9:]] == CHANGED
    assert len({row.rule for row in (table[4], *table[9:])}) == 1 + len(CHANGED)  # each change changes something
    few = rows([STUDIED], [{}], ["minicnn"])
    assert [(row.settings, row.rule) for row in few] == [(AS_IT_STANDS["minicnn"], Cut(PRESETS["minicnn"]))]


def test_tuning_says_what_each_time_chose_and_what_lies_at_the_end_of_its_own_grid():
    first, second = (
        Cut(dataclasses.replace(PRESETS[name], foreground=high, background=0.5, pairwise=50.0))
        for name, high in (("minicnn", 0.9), ("iseg", 0.98))
    )
    found = tuning(STUDIED, [first, second])
    free = ["foreground", "background", "uniform", "pairwise", "beta", "connectivity"]
    assert [list(chosen) for chosen in found["chosen"]] == [free, free]
    assert found["chosen"][1]["foreground"] == 0.98
    assert found["at_the_end_of_its_grid"] == ["pairwise"]  # 10, 20, 50 with minicnn's β, though iseg's go on to 300


def test_the_spread_of_repeated_tunings_is_of_the_errors_of_each():
    table = rows([STUDIED], [{STUDIED: Cut(CutSettings(0.9, 0.7))}, {STUDIED: Cut(CutSettings(0.8, 0.7))}])
    wrong = {"tuned": [0], "tuning 2": [0, 1, 2]}
    found = {
        (row.method, row.settings): [answer([3], WRONG if n in wrong.get(row.settings, []) else HALF) for n in range(4)]
        for row in table
    }
    several = [repeated(table, row, found) for row in table if not row.repeated]
    assert [line for line in several if line is not None] == [
        {"class_known": [0.25, 0.75], "mean": 0.5, "least": 0.25, "most": 0.75}
    ]
    assert spread(several[3]) == "50.0 (25.0 to 75.0)"
    assert spread(None) == ""


def test_each_set_of_pictures_is_tuned_on_alone(net, tmp_path):
    """Objects of one size in the first set, of another in the second."""

    class Planted:
        def __len__(self):
            return 5

        def name(self, n):
            return f"planted {n}"

        def __getitem__(self, n):
            edge = 16 if n < 2 else 8
            return Picture(self.name(n), np.zeros((64, 64, 3), np.uint8), {2: [(edge, edge, 64 - edge, 64 - edge)]})

    planted = Planted()
    plan = Plan({"tune": (planted, [0, 1, 2, 3]), "test": (planted, [4])}, ["box"], tunings=2)
    records = Records(tmp_path / "r.jsonl", {"run": 1}, resume=False)
    shared = Shared(net, plan.pictures)
    with here(shared) as each:
        outcome = run(plan, shared, records, each, lambda answers, part, total: answers, lambda text: None)
    assert outcome.tunings == [{"box": CentredBox(0.5)}, {"box": CentredBox(0.75)}]
    assert [row.settings for row in outcome.rows] == ["tuned", "tuning 2"]


# ---------------------------------------------------------------------- duets


def test_a_duet_is_won_where_the_asked_object_is_overlapped_more_and_a_tie_is_half():
    def record(number, asked, other):
        return {"number": number, "asked": asked, "other": other}

    duel = [record(0, 0.6, 0.1), record(0, 0.5, 0.4), record(1, 0.2, 0.7), record(1, 0.0, 0.0)]
    assert won(duel)["mean"] == pytest.approx((1 + 0.25) / 2)
    assert won(duel)["count"] == 2


def test_what_is_blind_to_classes_has_half_in_every_duet(net):
    duets = duet_pictures(4, 3, CLASSES)
    blind = [row for row in rows(list(METHODS), [], ["iseg"]) if METHODS[row.method].map == "gaussian"]
    assert len(blind) == 3
    records = [{"number": n, **record} for n in range(4) for record in duet_records(net, duets[n], blind)]
    for row in blind:
        mine = won([record for record in records if record["method"] == row.method])
        assert (mine["mean"], mine["interval"]) == (0.5, [0.5, 0.5])


def test_each_class_of_a_duet_is_asked_against_the_other(net):
    photo = np.zeros((64, 64, 3), np.uint8)
    duet = Picture("duet", photo, {1: [(16, 16, 48, 48)], 2: [(0, 0, 8, 8)]})
    first, second = duet_records(net, duet, [Row("box", "x", CentredBox(0.5))])
    assert (first["class"], first["asked"], first["other"]) == (1, 1.0, 0.0)
    assert (second["class"], second["asked"], second["other"]) == (2, 0.0, 1.0)


# ---------------------------------------------------------------------- pictures and reports


def test_scenes_are_labelled_by_name_whatever_order_the_network_has_its_classes_in():
    backwards = CLASSES[::-1]
    ours, theirs = scene_pictures(5, 1, CLASSES), scene_pictures(5, 1, backwards)
    for n in range(5):
        assert CLASSES[next(iter(ours[n].objects))] == backwards[next(iter(theirs[n].objects))]
    assert in_classes(CLASSES, None).tolist() == list(range(10))
    with pytest.raises(ValueError, match="the network has no class"):
        scene_pictures(5, 1, ["disc"])


def test_a_picture_that_cannot_be_used_leaves_a_record_that_says_why(net):
    class Torn:
        def name(self, n):
            return f"torn {n}"

        def __getitem__(self, n):
            raise ValueError("the file\nis torn")

    (record,) = examined(Shared(net, {"test": (Torn(), [7])}), Task("test", 0, []))
    assert record == {"image": "torn 7", "error": "the file is torn"}


def test_the_report_tells_every_method_and_how_many_pictures_were_bad(net, scenes):
    table = rows(["whole", "gradient/threshold", "gaussian/cut"], [{"gaussian/cut": Cut()}])
    records = [
        {"part": "test", "number": n, **record} for n in range(2) for record in table_records(net, scenes[n], table)
    ] + [{"part": "test", "number": 2, "image": "x", "error": "torn"}]
    found = results(records, table, [{"gaussian/cut": Cut()}])
    assert found["pictures"] == {"test": {"pictures": 3, "bad": 1, "questions": 2}}
    text = markdown(found, {"seed": 1})
    for line in ("| the whole image |", "1 of them bad and left out", "- seed: 1", "## MaxBoxAcc", "## The best"):
        assert line in text
    assert "## Duets" not in text
    (whole,) = [line for line in found["methods"] if line["method"] == "whole"]
    gaussian = next(
        line for line in found["methods"] if (line["method"], line["settings"]) == ("gaussian/cut", "tuned")
    )
    assert whole["against_gaussian"]["mean"] == pytest.approx(
        gaussian["class_known"]["mean"] - whole["class_known"]["mean"]
    )
    assert set(PARTS) >= found["pictures"].keys()
