"""Class models in another basis: each map has an adjoint, their chain is the gradient, and PyTorch knows the class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers import Conv, Flatten, FullyConnected, GlobalAveragePool, ReLU
from layers.engine import engine, engine_of_long_work
from minicnn.images import Preprocessing
from minicnn.network import Network
from tests.devices import Draws, assert_close, host
from visualize import cli
from visualize.class_models import PRESETS, Vivid, ascend_vividly, class_model, slope
from visualize.class_models.adam import Adam
from visualize.class_models.colours import AXES, Colours
from visualize.class_models.fourier import Waves, waves
from visualize.class_models.views import View, interpolation, moved, turned
from visualize.class_models.vivid import canvas, mean_slope, random_views, straight_views


@pytest.fixture
def small(on):
    """Two convolutions on colour images of any size; its preprocessing takes 12×14 pixels, in BGR."""
    rng = np.random.default_rng(1)
    net = Network(
        {
            "conv1": Conv(rng.standard_normal((6, 3, 3, 3), np.float32) / 5, np.full(6, 0.1, np.float32)),
            "relu1": ReLU(),
            "conv2": Conv(rng.standard_normal((5, 6, 3, 3), np.float32) / 5, rng.standard_normal(5, np.float32)),
            "pool": GlobalAveragePool(),
        },
        Preprocessing((12, 14), mean=(120.0, 115.0, 105.0), scale=(1 / 60, 1 / 50, 1 / 55), order="BGR"),
    )
    return on(net)


def assert_adjoint(A, adjoint, x, y):
    """⟨A x, y⟩ = ⟨x, A' y⟩."""
    assert_close((A(x) * y).sum(), (x * adjoint(y)).sum(), rtol=1e-11)


# ---------------------------------------------------------------------- waves


@pytest.mark.parametrize("n", [1, 2, 5, 8, 227])
def test_the_waves_are_orthonormal_and_each_has_one_frequency(n):
    B, frequency = waves(n)
    np.testing.assert_allclose(B.T @ B, np.eye(n), atol=1e-12)
    for b, f in zip(B.T, frequency, strict=True):
        strength = np.abs(np.fft.rfft(b))
        assert strength.argmax() == round(f * n)
        np.testing.assert_allclose(np.delete(strength, strength.argmax()), 0, atol=1e-10)


def test_the_waves_adjoint_is_their_transpose(xp):
    draws = Draws(xp)
    Z, G = draws.standard_normal((2, 2, 3, 9, 8))
    basis = Waves(Z, (9, 8))
    assert_adjoint(basis.image, basis.adjoint, Z, G)


def test_a_wave_of_the_spectrum_is_as_strong_as_its_frequency_is_low():
    Z = np.ones((1, 1, 16, 16))
    X = Waves(Z, (16, 16)).image(Z)
    power = np.abs(np.fft.fft2(X[0, 0], norm="ortho"))
    f = np.hypot(np.fft.fftfreq(16)[:, None], np.fft.fftfreq(16))
    f[0, 0] = 1 / 16
    rings = [(power[f == value] ** 2).mean() * value**2 for value in np.unique(f)]
    np.testing.assert_allclose(rings, 1)  # so equal steps in all of Z make a spectrum of 1 / frequency


# ---------------------------------------------------------------------- colours


@pytest.mark.parametrize("order", ["RGB", "BGR", "L"])
def test_the_colours_gradient_is_that_of_finite_differences(xp, order):
    draws = Draws(xp)
    x, v, R = draws.standard_normal((3, 2, len(order), 4, 5))
    colours, h = Colours(x, order), 1e-6
    numeric = ((colours.pixels(x + h * v) - colours.pixels(x - h * v)) * R).sum() / (2 * h)
    assert_close((colours.adjoint(R, colours.pixels(x)) * v).sum(), numeric, rtol=1e-7)


def test_pixels_are_between_black_and_white_and_blue_comes_first_in_bgr():
    x = np.zeros((1, 3, 1, 2))
    x[0, 0] = [[100, -100]]
    assert host(Colours(x, "RGB").pixels(x)).reshape(3, 2).tolist() == [[255, 0]] * 3
    x = np.random.default_rng(0).standard_normal((1, 3, 4, 4))
    rgb, bgr = (Colours(x, order).pixels(x) for order in ("RGB", "BGR"))
    assert np.array_equal(rgb, bgr[:, ::-1])
    np.testing.assert_allclose(rgb[0, :, 1, 2], 255 / (1 + np.exp(-AXES @ x[0, :, 1, 2])))


# ---------------------------------------------------------------------- views

VIEWS = [
    View((7, 6), (3.0, 2.5)),
    View((7, 6), (4.3, 1.8), scale=1.2),
    View((7, 6), (-2.0, 11.6), scale=0.8, turn=0.3),  # beyond the border, where the picture begins again
    View((9, 8), (4.0, 3.5), turn=-0.5),
]


@pytest.mark.parametrize("view", VIEWS)
def test_a_views_adjoint(xp, view):
    draws = Draws(xp)
    X, G = draws.standard_normal((2, 3, 9, 8)), draws.standard_normal((2, 3, *view.size))
    assert_adjoint(view.of, lambda grad: view.adjoint(grad, X.shape), X, G)


@given(d=st.floats(-20, 20), seed=st.integers(0, 9))
def test_the_adjoint_of_moving_rows_is_moving_them_back(d, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((2, 1, 2, 3, 5))
    distances = d * np.array([1, 0.5, -0.7])
    assert_adjoint(lambda a: moved(a, distances), lambda a: moved(a, -distances), x, y)


def test_rows_moved_by_hand():
    X = np.array([[1.0, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4]]).reshape(1, 1, 3, 4)
    expected = [[4, 1, 2, 3], [2.5, 1.5, 2.5, 3.5], [2, 3, 4, 1]]  # one to the right, half of one, one to the left
    assert moved(X, np.array([1, 0.5, -1]))[0, 0].tolist() == expected


def test_a_straight_view_is_the_picture_and_a_shifted_one_is_rolled(xp):
    X = Draws(xp).standard_normal((1, 3, 9, 8))
    assert_close(View((9, 8), (4.0, 3.5)).of(X), X, rtol=1e-12)
    assert_close(View((9, 8), (6.0, 2.5)).of(X), xp.roll(X, (-2, 1), axis=(2, 3)), rtol=1e-12)
    assert_close(View((3, 4), (4.0, 3.5)).of(X), X[:, :, 3:6, 2:6], rtol=1e-12)  # a part of it


def test_interpolation_by_hand():
    expected = [[0.75, 0.25, 0], [0, 0.75, 0.25], [0.25, 0, 0.75]]
    np.testing.assert_allclose(interpolation(3, 3, 1.25, 1.0), expected)
    np.testing.assert_allclose(interpolation(2, 4, 1.5, 2.0), [[0, 0.75, 0.25, 0], [0, 0.25, 0.75, 0]])


def test_a_turn_is_scipys_where_the_picture_is_smooth():
    from scipy.ndimage import gaussian_filter, rotate

    picture = gaussian_filter(np.random.default_rng(3).standard_normal((60, 60)), 3)
    ours = turned(picture[None, None], np.radians(12))[0, 0]
    theirs = rotate(picture, -12, reshape=False, order=3)
    middle = slice(18, 42)
    assert np.abs(ours - theirs)[middle, middle].max() < 0.03 * np.abs(picture).max()
    assert np.abs(rotate(picture, 12, reshape=False, order=3) - theirs)[middle, middle].max() > 0.5 * picture.max()


# ---------------------------------------------------------------------- the chain


def test_the_gradient_of_the_spectrum_is_that_of_finite_differences(xp, small):
    net, picture = small.astype(np.float64), canvas(small, Vivid(picture_size=20))
    draws = Draws(xp)
    Z, v = draws.standard_normal((2, 1, 3, *picture.size))
    basis, colours = Waves(Z, picture.size), Colours(Z, picture.order)
    mean, scale = (xp.asarray(np.reshape(a, (3, 1, 1))) for a in (picture.mean, picture.scale))
    views = random_views(net, picture.size, Vivid(), np.random.default_rng(5))

    def score(Z):
        return mean_slope(net, (colours.pixels(basis.image(Z)) - mean) * scale, [2], views)

    P = colours.pixels(basis.image(Z))
    gradient = basis.adjoint(colours.adjoint(score(Z)[1] * scale, P))
    h = 1e-6
    numeric = (score(Z + h * v)[0] - score(Z - h * v)[0]) / (2 * h)
    assert_close((gradient * v).sum(), numeric[0], rtol=1e-6)


def test_waves_colours_and_views_are_pytorchs_and_so_are_their_gradients():
    torch = pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")
    rng = np.random.default_rng(0)
    Z, R = rng.standard_normal((1, 3, 12, 13)), rng.standard_normal((1, 3, 10, 9))
    basis, colours, view = Waves(Z, (12, 13)), Colours(Z, "RGB"), View((10, 9), (5.2, 6.4), scale=1.1)
    P = colours.pixels(basis.image(Z))
    ours = basis.adjoint(colours.adjoint(view.adjoint(R, P.shape), P))

    z = torch.tensor(Z, requires_grad=True)
    # the same waves from PyTorch's inverse Fourier transform: the spectrum of the sum of all rows' and columns' waves
    (B_h, f_h), (B_w, f_w) = waves(12), waves(13)
    spectra = torch.fft.fft(torch.tensor(B_h), dim=0), torch.fft.fft(torch.tensor(B_w), dim=0)
    scaled = z / torch.tensor(np.maximum(np.hypot(f_h[:, None], f_w), 1 / 13))
    spectrum = torch.einsum("uk,nckl,vl->ncuv", spectra[0], scaled.to(torch.complex128), spectra[1])
    x = torch.fft.ifft2(spectrum).real
    p = 255 * torch.sigmoid(torch.einsum("dc,nchw->ndhw", torch.tensor(AXES), x))
    rows = 5.2 + (torch.arange(10, dtype=torch.float64) - 4.5) / 1.1
    columns = 6.4 + (torch.arange(9, dtype=torch.float64) - 4) / 1.1
    grid = torch.stack(torch.meshgrid(2 * columns / 12 - 1, 2 * rows / 11 - 1, indexing="xy"), dim=-1)[None]
    seen_by_torch = torch.nn.functional.grid_sample(p, grid, align_corners=True)
    np.testing.assert_allclose(P, p.detach().numpy(), rtol=1e-10)
    np.testing.assert_allclose(view.of(P), seen_by_torch.detach().numpy(), rtol=1e-10)
    (seen_by_torch * torch.tensor(R)).sum().backward()
    np.testing.assert_allclose(ours, z.grad.numpy(), rtol=1e-8, atol=1e-9 * np.abs(ours).max())


def test_adam_is_pytorchs():
    torch = pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")
    rng = np.random.default_rng(1)
    z, gradients = rng.standard_normal(5), rng.standard_normal((20, 5))
    theirs = torch.tensor(z, requires_grad=True)
    optimiser, adam = torch.optim.Adam([theirs], lr=0.3, maximize=True), Adam(0.3)
    for g in gradients:
        theirs.grad = torch.tensor(g)
        optimiser.step()
        z = adam.step(z, g)
    np.testing.assert_allclose(z, theirs.detach().numpy(), rtol=1e-12)


# ---------------------------------------------------------------------- where to look


def test_straight_views_cover_a_larger_picture_and_one_is_enough_for_one_of_the_networks_size(small):
    assert straight_views(small, (12, 14)) == [View((12, 14), (5.5, 6.5))]
    covered = np.zeros((26, 30), int)
    for view in straight_views(small, (26, 30)):
        y, x = (round(m - (n - 1) / 2) for m, n in zip(view.middle, view.size, strict=True))
        covered[max(y, 0) : y + 12, max(x, 0) : x + 14] += 1
    assert covered.min() == 1
    assert len(straight_views(small, (26, 30))) == 9


def test_views_move_by_no_more_than_they_may(small):
    rng = np.random.default_rng(0)
    settings = Vivid(shift=3, turn=10, zoom=0.2)
    drawn = [random_views(small, (12, 14), settings, rng)[0] for _ in range(200)]
    for values, reach in (
        ([view.middle[0] - 5.5 for view in drawn], 3),
        ([view.middle[1] - 6.5 for view in drawn], 3),
        ([view.scale - 1 for view in drawn], 0.2),
        ([np.degrees(view.turn) for view in drawn], 10),
    ):
        assert 0.9 * reach < np.abs(values).max() <= reach
        assert abs(np.mean(values)) < 0.2 * reach


# ---------------------------------------------------------------------- the ascent


def test_the_score_rises_and_pixels_stay_between_black_and_white(small):
    model = class_model(small, 2, Vivid(steps=40, shift=2))
    assert model.scores[-1] > model.scores[0] + 1
    assert model.image.shape == (12, 14, 3)
    assert model.image.min() >= -1e-3
    assert model.image.max() <= 255.001


def test_the_last_score_is_that_of_the_picture_itself(small, on):
    model = class_model(small, 2, Vivid(steps=5))
    x = on(small.preprocessing.to_input(model.image))
    assert_close(model.scores[-1], small.scores(x)[0, 2], rtol=1e-4)
    assert_close(model.offset, host(x)[0], atol=1e-4)


def test_the_same_settings_give_the_same_picture_and_another_seed_another(small):
    first, again, other = (class_model(small, 1, Vivid(steps=6, seed=seed)).image for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other, atol=1)


@pytest.mark.parametrize("size", [None, 30])
def test_several_classes_at_once_are_the_classes_one_by_one(small, size):
    settings = Vivid(steps=8, picture_size=size)
    net = small.astype(np.float64)
    together = class_model(net, [0, 3], settings)
    for k, c in enumerate([0, 3]):
        np.testing.assert_allclose(together.image[k], class_model(net, c, settings).image, rtol=1e-6)


def test_a_larger_picture_is_looked_at_a_view_at_a_time(small, monkeypatch):
    from visualize.class_models import vivid

    sizes = []

    def noted(net, x, classes):
        sizes.append(x.shape)
        return slope(net, x, classes)

    monkeypatch.setattr(vivid, "slope", noted)
    model = class_model(small, [0, 3], Vivid(steps=2, picture_size=40))
    assert model.image.shape == (2, 34, 40, 3)
    assert set(sizes) == {(2, 3, 12, 14)}  # what the network takes in, however large the picture is
    assert len(sizes) == 3 * 9


def test_a_network_with_a_mean_image_and_one_of_grey_images(on):
    rng = np.random.default_rng(2)
    for order in ("RGB", "L"):
        mean = rng.uniform(80, 160, (len(order), 6, 6))
        layers = {"flatten": Flatten(), "fc": FullyConnected(rng.standard_normal((3, 36 * len(order))))}
        net = on(Network(layers, Preprocessing((6, 6), mean, order=order)))
        for size in (6, 15):
            model = class_model(net, 1, Vivid(steps=10, picture_size=size, shift=1))
            assert model.image.shape[:2] == (size, size)
            assert 0 <= model.image.min() < model.image.max() <= 255


def test_an_interrupted_ascent_is_repeated_by_its_settings(small):
    def interrupted(states):
        for t, state in enumerate(states):
            if t == 8:
                raise KeyboardInterrupt
            yield state

    stopped = class_model(small, 2, Vivid(steps=50, shift=2), interrupted)
    assert stopped.settings.steps == stopped.steps == 7
    assert np.array_equal(stopped.offset, class_model(small, 2, stopped.settings).offset)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_the_ascent_is_as_precise_as_the_network(small, precision):
    for state in ascend_vividly(small.astype(precision), [1], Vivid(steps=3, picture_size=20)):
        assert {array.dtype for array in vars(state).values()} == {np.dtype(precision)}


@pytest.mark.slow  # a hundred steps up SqueezeNet
def test_pytorch_takes_vivid_models_for_their_classes_wherever_they_are_moved(squeezenet):
    pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")
    from tests.vivid_report import judged

    classes = [292, 949]  # tiger, strawberry
    with engine(engine_of_long_work()):
        model = class_model(squeezenet, classes, replace(PRESETS["vivid"], steps=100))
    for k, c in enumerate(classes):
        verdict = judged(squeezenet, c, model.image[k])
        assert (verdict.rank, verdict.worst_rank) == (1, 1)
        assert verdict.least_lead > 10


# ---------------------------------------------------------------------- settings and the command


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"steps": 0}, "steps must be 1 or more"),
        ({"rate": 0.0}, "rate must be more than 0"),
        ({"noise": 0.0}, "noise must be more than 0"),
        ({"turn": 60.0}, "turn must be 0 or more and 45 or less, got 60"),
        ({"zoom": 1.0}, "zoom must be 0 or more and less than 1"),
        ({"picture_size": 10**6}, "picture_size must be 1 or more and 2048 or less"),
        ({"picture_size": 99.5}, "picture_size must be a whole number"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong, complaint):
    with pytest.raises(ValueError, match=complaint):
        Vivid(**wrong)


def test_a_run_is_repeated_from_its_settings_file(tmp_path, capsys):
    options = ["--network", "shapes", "--preset", "vivid", "--steps", "3", "--picture-size", "100"]
    assert cli.main(["class-model", "star", "ring", *options, "--out", str(tmp_path / "a")]) == 0
    (settings,) = (tmp_path / "a").glob("*.json")
    assert cli.main(["class-model", "--from", str(settings), "--out", str(tmp_path / "b")]) == 0
    first, second = (np.load(next((tmp_path / folder).glob("*.npz"))) for folder in "ab")
    assert first["image"].shape == (2, 100, 100, 3)
    for name in first:
        assert np.array_equal(first[name], second[name])


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--preset", "vivid", "--jitter", "3"], "--jitter is no setting of the preset vivid"),
        (["--rate", "0.1"], "--rate is no setting of the preset paper"),
        (
            ["--preset", "vivid", "--picture-size", "10"],
            "picture_size must be 64 or more, what the network sees at once, got 10",
        ),
        (["--preset", "vivid", "--picture-size", "5000"], "picture_size must be 1 or more and 2048 or less, got 5000"),
        (["--preset", "vivid", "--versus-posterior"], "--versus-posterior climbs pixel by pixel"),
    ],
)
def test_wrong_options_are_one_line_and_exit_code_2(tmp_path, capsys, argv, complaint):
    out = tmp_path / "out"
    assert cli.main(["class-model", "star", "--network", "shapes", *argv, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
    assert not out.exists()
