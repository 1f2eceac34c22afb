"""Class models (paper, section 2): the ascent, its restraints, and what is said of a class that does not rise."""

import dataclasses
import json
import warnings

import numpy as np
import pytest

from layers import Conv, Flatten, FullyConnected, MaxPool, ReLU
from minicnn.images import Preprocessing
from minicnn.loss import softmax
from minicnn.network import Network
from tests.devices import Draws, assert_close
from visualize import cli
from visualize.class_models import (
    PRESETS,
    Settings,
    Stalled,
    ascend,
    blurred,
    class_model,
    score_and_posterior,
    slope,
    total_variation_gradient,
)


@pytest.fixture
def linear_network(on):
    """Makes networks S = W vec(I) + b on grey images of 4×4 pixels."""

    def network(w, b, scale=1.0):
        preprocessing = Preprocessing((4, 4), mean=(100.0,), scale=scale, order="L")
        return on(Network({"flatten": Flatten(), "fc": FullyConnected(w, b)}, preprocessing))

    return network


@pytest.fixture
def small(on):
    """Two convolutions and two fully connected layers on 12×12 colour images, five classes."""
    rng = np.random.default_rng(1)
    net = Network(
        {
            "conv1": Conv(rng.standard_normal((6, 3, 3, 3), np.float32) / 5, np.full(6, 0.1, np.float32)),
            "relu1": ReLU(),
            "pool1": MaxPool(2),
            "flatten": Flatten(),
            "fc2": FullyConnected(rng.standard_normal((20, 150), np.float32) / 10),
            "relu2": ReLU(),
            "fc3": FullyConnected(rng.standard_normal((5, 20), np.float32) / 4, rng.standard_normal(5, np.float32)),
        },
        Preprocessing((12, 12), mean=(120.0, 115.0, 105.0)),
    )
    return on(net)


def test_of_a_linear_score_the_class_model_is_w_over_two_lambda(linear_network):
    # S_c − λ‖I‖² = ⟨w, I⟩ + b − λ‖I‖² has its maximum at I = w / 2λ: the one case that can be solved by hand
    rng = np.random.default_rng(0)
    w, b = rng.standard_normal((3, 16)), rng.standard_normal(3)
    model = class_model(linear_network(w, b), 1, Settings(steps=400, step=0.5, decay=0.1, momentum=0.5))
    np.testing.assert_allclose(model.offset.ravel(), w[1] / 0.2, rtol=1e-6)
    np.testing.assert_allclose(model.image, 100 + model.offset[0], rtol=1e-6)  # the mean image is added at the end
    np.testing.assert_allclose(model.curves["scores"][-1], w[1] @ w[1] / 0.2 + b[1], rtol=1e-6)
    np.testing.assert_allclose(model.curves["objective"][-1], w[1] @ w[1] / 0.4 + b[1], rtol=1e-6)


def test_the_ascent_starts_at_the_zero_image_and_raises_the_score(xp, small):
    states = list(ascend(small, [2], Settings(steps=30)))
    assert len(states) == 31
    assert not states[0].offset.any()
    at_zero = small.scores(xp.zeros((1, 3, 12, 12), np.float32))[0, 2]
    assert states[0].scores[0] == at_zero
    assert states[-1].scores[0] > at_zero + 1


def test_the_first_step_goes_along_the_gradient_minus_two_lambda_I(small):
    settings = Settings(steps=1, step=3.0, decay=0.01, momentum=0.0, noise=1.0)
    before, after = ascend(small, [4], settings)
    _, _, gradient = slope(small, before.offset, [4], "class")
    assert_close(after.offset - before.offset, 3 * (gradient - 0.02 * before.offset), rtol=1e-4, atol=1e-6)


def test_the_steps_shrink_as_the_schedule_says(linear_network):
    w = np.ones((1, 16))
    settings = Settings(steps=8, step=0.5, decay=0.0, momentum=0.0)
    for schedule, expected in (("constant", [1, 1, 1, 1]), ("cosine", [1, 0.9619, 0.8536, 0.6913])):
        scores = class_model(linear_network(w, np.zeros(1)), 0, dataclasses.replace(settings, schedule=schedule)).scores
        np.testing.assert_allclose(np.diff(scores)[:4], 8 * np.array(expected), rtol=1e-4)  # step · ‖w‖²


def test_shrinking_steps_come_to_rest_where_constant_ones_swing(on):
    """At the edge of a roof, S_c = −|⟨w, I⟩ − 10.5|, no slope is zero: only smaller steps come to rest there."""
    layers = {
        "flatten": Flatten(),
        "fc1": FullyConnected(np.array([[1.0], [-1.0]]) * np.full(16, 0.25), np.array([-10.5, 10.5])),
        "relu1": ReLU(),
        "fc2": FullyConnected(np.array([[-1.0, -1.0]])),
    }
    roof = on(Network(layers, Preprocessing((4, 4), mean=(100.0,), order="L")))
    settings = Settings(steps=60, step=1.0, decay=1e-5, momentum=0.0)
    cosine = class_model(roof, 0, settings).scores
    constant = class_model(roof, 0, dataclasses.replace(settings, schedule="constant")).scores
    assert abs(cosine[-1]) < 0.02
    assert np.abs(constant[-6:]).max() > 0.1


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_the_ascent_is_as_precise_as_the_network(small, precision):
    settings = Settings(steps=4, noise=1.0, jitter=1, blur=0.5, total_variation=1e-4, max_norm=50.0)
    for state in ascend(small.astype(precision), [1], settings):
        assert {array.dtype for array in vars(state).values()} == {np.dtype(precision)}


def test_the_slope_of_the_posterior_is_the_gradient_of_log_P(xp, small):
    net = small.astype(np.float64)
    x, v = Draws(xp, 3).standard_normal((2, 1, 3, 12, 12)) * 10
    _, log_P, gradient = slope(net, x, [1], "posterior")
    assert_close(log_P, xp.log(softmax(net.scores(x))[:, 1]))
    h = 1e-6
    numeric = (slope(net, x + h * v, [1], "posterior")[1] - slope(net, x - h * v, [1], "posterior")[1]) / (2 * h)
    assert_close((gradient * v).sum(), numeric[0], rtol=1e-6)


def test_the_posterior_pushes_other_scores_down_where_the_score_does_not_care(on, small):
    score, posterior = score_and_posterior(small, 0, Settings(steps=60, step=20.0))
    np.testing.assert_allclose(score.curves["norms"][-1], posterior.curves["norms"][-1], rtol=1e-3)
    assert score.curves["scores"][-1] > posterior.curves["scores"][-1]
    others = [small.scores(on(model.offset[None]))[0, 1:].mean() for model in (score, posterior)]
    assert others[1] < others[0]


def test_several_classes_at_once_are_the_classes_one_by_one(small):
    settings = Settings(steps=20, jitter=1, step=1.0, schedule="constant", decay=1e-4)
    together = class_model(small, [0, 3], settings)
    for k, c in enumerate([0, 3]):
        alone = class_model(small, c, settings)
        np.testing.assert_allclose(together.offset[k], alone.offset, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(together.curves["scores"][:, k], alone.curves["scores"], rtol=1e-4)


@pytest.mark.parametrize("preset", [name for name, preset in PRESETS.items() if isinstance(preset, Settings)])
def test_the_same_settings_give_the_same_image_and_another_seed_another(small, preset):
    jitter = min(PRESETS[preset].jitter, 1)
    settings = dataclasses.replace(PRESETS[preset], steps=15, jitter=jitter, step=3.0, schedule="constant", decay=1e-4)
    first, second = (class_model(small, 1, settings) for _ in range(2))
    assert np.array_equal(first.offset, second.offset)
    other = class_model(small, 1, dataclasses.replace(settings, seed=1))
    assert np.array_equal(first.offset, other.offset) == (settings.jitter == 0)


def test_jitter_is_undone_after_the_step(linear_network, small):
    # of a score that is the same for every rolled image, the jittered ascent is the plain one
    net = linear_network(np.ones((1, 16)), np.zeros(1))
    plain, jittered = (class_model(net, 0, Settings(steps=5, step=1.0, decay=0.1, jitter=j)) for j in (0, 3))
    np.testing.assert_allclose(plain.offset, jittered.offset)
    picture = np.arange(16.0).reshape(1, 16)  # and of one that is not, each step shows the picture somewhere else …
    one_step = Settings(steps=1, step=1.0, decay=0.0, jitter=2)
    model = class_model(linear_network(picture, np.zeros(1)), 0, one_step)
    assert sorted(model.offset.ravel()) == sorted(picture.ravel())  # … whole, only rolled


def test_total_variation_gradient_is_that_of_the_total_variation(xp):
    I, v = Draws(xp, 5).standard_normal((2, 2, 3, 6, 7))

    def total_variation(I):
        return xp.abs(xp.diff(I, axis=2)).sum() + xp.abs(xp.diff(I, axis=3)).sum()

    h = 1e-7
    numeric = (total_variation(I + h * v) - total_variation(I - h * v)) / (2 * h)
    assert_close((total_variation_gradient(I) * v).sum(), numeric, rtol=1e-6)


def test_blurring_agrees_with_scipy_inside_and_keeps_a_flat_image_flat(xp, on):
    from scipy.ndimage import gaussian_filter

    I = np.random.default_rng(6).standard_normal((1, 2, 40, 30))
    expected = gaussian_filter(I, (0, 0, 1.5, 1.5), truncate=10)
    assert_close(blurred(on(I), 1.5)[..., 10:-10, 10:-10], expected[..., 10:-10, 10:-10], atol=1e-6)
    assert_close(blurred(xp.full((1, 1, 9, 9), 7.0), 2.0), 7.0)


def test_a_class_may_be_a_numpy_integer(small):
    model = class_model(small, np.int64(2), Settings(steps=10))
    assert model.classes == 2
    assert type(model.classes) is int
    assert np.array_equal(model.scores, model.curves["scores"])
    with pytest.raises(ValueError, match="there is no class -1"):
        class_model(small, -1, Settings(steps=2))


def test_an_ascent_that_fails_at_once_says_so_and_leaves_nothing(small):
    with pytest.raises(ValueError, match="take a smaller step"):
        class_model(small, 0, Settings(steps=5, step=1e38))


def test_an_explosion_is_reported(small):
    with pytest.warns(Stalled, match="grey levels from the mean: take a smaller step"):
        class_model(small, 0, Settings(steps=10, step=1e5, decay=0.0))


def test_a_negative_score_that_rises_is_no_stall(linear_network):
    net = linear_network(np.ones((1, 16)), np.full(1, -1000.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = class_model(net, 0, Settings(steps=20, step=1.0, decay=0.05, momentum=0.0))
    assert -1000 < model.scores[-1] < -800


def test_max_norm_holds_the_image_inside_the_ball(small):
    model = class_model(small, 0, Settings(steps=30, step=100.0, decay=0.0, max_norm=50.0))
    assert model.curves["norms"].max() <= 50 * (1 + 1e-5)
    assert model.curves["norms"][-1] == pytest.approx(50, rel=1e-4)


def test_the_rule_of_thumb_follows_the_scale_of_the_network(linear_network):
    # the same network fed with pixels / 255: the same picture must come out
    rng = np.random.default_rng(7)
    w = rng.standard_normal((2, 16))
    plain = class_model(linear_network(w, np.zeros(2)), 0, Settings(steps=50))
    scaled = class_model(linear_network(w * 255, np.zeros(2), scale=1 / 255), 0, Settings(steps=50))
    np.testing.assert_allclose(plain.image, scaled.image, rtol=1e-4)


def test_a_dead_start_is_reported_with_what_to_change(on):
    dead = Network(
        {"flatten": Flatten(), "fc1": FullyConnected(np.eye(16), np.full(16, -1.0)), "relu1": ReLU()},
        Preprocessing((4, 4), mean=(0.0,), order="L"),
    )
    dead = on(dead)
    with pytest.warns(Stalled, match=r"class 3 .*gradient is zero at the start, it vanished at layer relu1.*noise"):
        class_model(dead, 3, Settings(steps=3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alive = class_model(dead, 3, Settings(steps=30, noise=10.0, seed=2, step=1.0, schedule="constant", decay=0.01))
    assert alive.curves["scores"][-1] > alive.curves["scores"][0]


def test_a_class_without_rivals_has_no_posterior_to_climb(linear_network):
    lonely = linear_network(np.ones((1, 16)), np.zeros(1))  # P_c = 1 for every image
    with pytest.raises(ValueError, match="a single score: its posterior, a softmax, is 1 for every image"):
        score_and_posterior(lonely, 0, Settings(steps=3))


def test_too_strong_a_decay_and_too_large_a_step_are_reported(small):
    with pytest.warns(Stalled, match="smaller decay"):
        class_model(small, 0, Settings(steps=10, step=1e-3, decay=10.0))
    with pytest.warns(Stalled, match="smaller step"):
        class_model(small, 0, Settings(steps=40, step=1.02, decay=1.0, momentum=0.0, noise=3.0))


def test_an_ascent_that_leaves_the_numbers_keeps_the_last_good_image(small):
    with pytest.warns(Stalled) as reports:
        model = class_model(small, 0, Settings(steps=100, step=1e6, decay=1e3))
    assert any("not a number" in str(report.message) for report in reports)
    assert np.isfinite(model.offset).all()
    assert model.settings.stop == model.steps == len(model.curves["scores"]) - 1 < 100


def test_an_interrupted_ascent_keeps_what_it_reached_and_its_settings_repeat_it(small):
    def interrupted(states):
        for t, state in enumerate(states):
            if t == 8:
                raise KeyboardInterrupt
            yield state

    stopped = class_model(small, 1, Settings(steps=50, noise=1.0), interrupted)
    assert stopped.interrupted
    assert (stopped.settings.steps, stopped.settings.stop, stopped.steps) == (50, 7, 7)
    again = class_model(small, 1, stopped.settings)
    assert not again.interrupted
    assert np.array_equal(stopped.offset, again.offset)
    whole = class_model(small, 1, Settings(steps=7, noise=1.0))  # whose steps have shrunk to nothing by then
    assert not np.allclose(stopped.offset, whole.offset, rtol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"steps": 0}, "steps must be 1 or more"),
        ({"step": -1.0}, "step must be more than 0, got -1"),
        ({"decay": float("nan")}, "decay must be"),
        ({"momentum": 1.0}, "momentum must be"),
        ({"score": "softmax"}, "score must be one of class, posterior"),
        ({"schedule": "exponential"}, "schedule must be one of constant, step, linear, cosine"),
        ({"stop": 0}, "stop must be 1 or more"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong, complaint):
    with pytest.raises(ValueError, match=complaint):
        Settings(**wrong)


def test_a_run_is_repeated_from_its_settings_file(tmp_path, capsys):
    options = ["--steps", "2", "--jitter", "3", "--json"]
    assert cli.main(["class-model", "ostrich", *options, "--out", str(tmp_path / "a")]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["class"], record["name"]) == (9, "ostrich")
    settings = tmp_path / "a" / "class-model-ostrich.json"
    assert cli.main(["class-model", "--from", str(settings), "--out", str(tmp_path / "b")]) == 0
    first, second = (np.load(tmp_path / folder / "class-model-ostrich.npz") for folder in "ab")
    assert set(first) == {"offset", "image", "scores", "objective", "norms"}
    for name in first:
        assert np.array_equal(first[name], second[name])
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == [
        "class-model-ostrich-curves.png",
        "class-model-ostrich-ostrich.png",
        "class-model-ostrich.json",
        "class-model-ostrich.npz",
        "class-model-ostrich.png",
    ]


def test_classes_of_one_name_have_files_of_their_own(tmp_path):
    assert cli.main(["class-model", "134", "517", "--steps", "1", "--out", str(tmp_path)]) == 0
    assert {"class-model-crane-134-crane-517-crane-134.png", "class-model-crane-134-crane-517-crane-517.png"} <= {
        path.name for path in tmp_path.iterdir()
    }


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        ([], "expected at least one CLASS"),
        (["crane"], "ambiguous"),
        (["ostrich", "9"], "each class may be named once"),
        (["ostrich", "--steps", "0"], "steps must be 1 or more"),
        (["--from", "{dir}/nothing.json"], "nothing.json: No such file"),
        (["--from", "{dir}/broken.json"], "holds no settings of a class model"),
        (["--from", "{dir}/half_a_step.json"], "steps must be a whole number, got 2.5"),
        (["--from", "{dir}/text.json"], "holds no settings of a class model"),
        (["ostrich", "--from", "{dir}/broken.json"], "--from repeats a run as it was"),
        (["--from", "{dir}/broken.json", "--steps", "200"], "--from repeats a run as it was"),
        (["--from", "{dir}/broken.json", "--network", "squeezenet"], "--from repeats a run as it was"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(tmp_path, capsys, argv, complaint):
    (tmp_path / "broken.json").write_text('{"settings": {"stairs": 3}}')
    run = {"network": "squeezenet", "classes": [9], "settings": {"steps": 2.5}}
    (tmp_path / "half_a_step.json").write_text(json.dumps(run))
    (tmp_path / "text.json").write_text(json.dumps(run | {"classes": "96", "settings": {}}))
    assert cli.main(["class-model", *(a.format(dir=tmp_path) for a in argv), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
