"""Training against PyTorch, one step and many; that a network learns; and what is said when it cannot."""

from __future__ import annotations

import copy
import itertools
import math

import numpy as np
import pytest

from layers import Add, BatchNorm, Concat, Conv, Dropout, Flatten, FullyConnected, Layer, MaxPool, ReLU
from minicnn import Network, architectures
from minicnn.datasets import Dataset
from minicnn.images import Preprocessing
from minicnn.jitter import Jitter
from minicnn.loss import cross_entropy
from minicnn.training import (
    Diverged,
    Run,
    Settings,
    Tally,
    epoch,
    evaluate,
    fitted_preprocessing,
    held_out,
    sgd_step,
    train,
)
from tests.devices import assert_close

NO_AXES = np.zeros((3, 3))


def tiny_network(rng: np.random.Generator, dropout: float = 0.0, classes: int = 3) -> Network:
    """For grey images of 6×6 pixels."""
    layers = {
        "conv1": Conv(rng.standard_normal((4, 1, 3, 3)) / 3, rng.standard_normal(4) / 10),
        "relu1": ReLU(),
        "pool1": MaxPool(2),
        "flatten": Flatten(),
        "drop2": Dropout(dropout),
        "fc2": FullyConnected(rng.standard_normal((classes, 16)) / 4, rng.standard_normal(classes) / 10),
    }
    names = [f"class {c}" for c in range(classes)]
    return Network(layers, Preprocessing((6, 6), mean=(100.0,), scale=1 / 60, order="L"), names).astype(np.float32)


def stripes(rng: np.random.Generator, count: int) -> Dataset:
    """Class 0 has rows, class 1 columns, class 2 neither: a problem that a small network can solve."""
    labels = rng.integers(0, 3, count)
    patterns = np.zeros((3, 6, 6))
    patterns[0, ::2] = patterns[1, :, ::2] = 1
    images = 60 + 100 * patterns[labels] + rng.integers(0, 50, (count, 6, 6))
    return Dataset(images.astype(np.uint8), labels, ["class 0", "class 1", "class 2"])


def weights_of(net: Network) -> dict[str, np.ndarray]:
    return {name: w.copy() for name, w in net.parameters.items()}


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


# ---------------------------------------------------------------------- the step, against PyTorch


def torch_twin(net: Network):
    """The tiny network in PyTorch, without dropout; its parameters in the order of ours."""
    torch = pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")
    twin = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(16, 3)
    )
    with torch.no_grad():
        for theirs, ours in zip(twin.parameters(), net.parameters.values(), strict=True):
            theirs.data = torch.tensor(ours)
    return torch, twin


def test_an_sgd_step_by_hand():
    """w = 1, v = 2, g = 3, with μ = 0.5, λ = 0.1, η = 0.2:  v ← 1 + 3 + 0.1 = 4.1,  w ← 1 − 0.82."""
    net = Network({"fc": FullyConnected(np.ones((1, 1)), np.ones(1))})
    twos, threes = ({name: np.full_like(w, n) for name, w in net.trainable.items()} for n in (2.0, 3.0))
    after, velocity = sgd_step(net, twos, threes, rate=0.2, momentum=0.5, weight_decay=0.1)
    assert velocity["fc.W"] == pytest.approx(4.1)
    assert after.parameters["fc.W"] == pytest.approx(0.18)
    assert net.parameters["fc.W"] == 1
    assert twos["fc.W"] == 2


def test_momentum_is_krizhevskys_too_while_the_rate_stays_and_not_when_it_falls():
    """His v holds η: v ← μ v − η (g + λ w), w ← w + v.  Of L = w²/2, so g = w; after a drop, his goes on faster."""
    net = Network({"fc": FullyConnected(np.ones((1, 1)), np.ones(1))})
    v = {name: np.zeros_like(w) for name, w in net.trainable.items()}
    w, his, apart = 1.0, 0.0, []
    for rate in [0.1] * 10 + [0.01] * 10:
        net, v = sgd_step(net, v, net.trainable, rate, momentum=0.9, weight_decay=0.1)
        his = 0.9 * his - rate * (w + 0.1 * w)
        w += his
        apart.append(abs(float(net.parameters["fc.W"][0, 0]) - w))
    assert max(apart[:10]) < 1e-12
    assert apart[-1] > 0.2


@pytest.mark.parametrize(("momentum", "weight_decay"), [(0, 0), (0.9, 0), (0, 0.1), (0.9, 0.1)])
def test_many_steps_are_pytorchs_sgd(momentum, weight_decay, rng):
    """The whole step, up, down and descent, with another rate each time, in float64."""
    net = tiny_network(rng).astype(np.float64)
    torch, twin = torch_twin(net)
    optimizer = torch.optim.SGD(twin.parameters(), lr=1.0, momentum=momentum, weight_decay=weight_decay)
    velocity = Run.start(net, Settings()).velocity
    for rate in (0.1, 0.3, 0.2, 0.05, 0.4, 0.1):
        x, labels = rng.standard_normal((8, 1, 6, 6)), rng.integers(0, 3, 8)
        trace = net.forward_training(x, rng)
        loss, grad = cross_entropy(trace.scores, labels)
        net, velocity = sgd_step(net, velocity, net.parameter_gradients(trace, grad), rate, momentum, weight_decay)

        optimizer.zero_grad()
        their_loss = torch.nn.functional.cross_entropy(twin(torch.tensor(x)), torch.tensor(labels))
        their_loss.backward()
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        assert loss == pytest.approx(their_loss.item(), rel=1e-12)
        for ours, theirs in zip(net.parameters.values(), twin.parameters(), strict=True):
            np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-10, atol=1e-13)


def test_an_epoch_is_pytorchs_with_the_same_batches(rng):
    """What the loop itself does: the order, the last small batch, the preprocessing, the schedule."""
    net, data = tiny_network(rng).astype(np.float64), stripes(rng, 20)
    torch, twin = torch_twin(net)
    settings = Settings(epochs=2, batch=8, rate=0.2, schedule="linear", warm_up=2, momentum=0.9, weight_decay=0.01)
    run = Run.start(net, settings, np.random.default_rng(7))
    tallies = [copy.copy(tally) for tally in epoch(run, data, NO_AXES)]

    order = np.random.default_rng(7).permutation(20)
    optimizer = torch.optim.SGD(twin.parameters(), lr=1.0, momentum=0.9, weight_decay=0.01)
    for chosen, rate in zip((order[:8], order[8:16], order[16:]), (0.1, 0.2, 0.2), strict=True):
        x = torch.tensor((data.images[chosen].astype(np.float32)[:, None] - np.float32(100)) * np.float32(1 / 60))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(twin(x.double()), torch.tensor(data.labels[chosen])).backward()
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
    for ours, theirs in zip(run.net.parameters.values(), twin.parameters(), strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-6, atol=1e-8)
    assert run.step == 3
    assert [tally.images for tally in tallies] == [8, 16, 20]


# ---------------------------------------------------------------------- learning


def test_a_tiny_network_learns_what_can_be_learnt(rng):
    training, validation = held_out(stripes(rng, 360), 0.25, rng)
    run = Run.start(tiny_network(rng, dropout=0.1), Settings(epochs=4, batch=16, rate=0.05, weight_decay=1e-3))
    before = evaluate(run.net, validation)
    lines = list(train(run, training, validation))
    assert lines == run.log
    assert before[1] < 0.6
    assert lines[-1].validation_accuracy > 0.95
    assert lines[-1].validation_loss < before[0] / 3
    assert lines[-1].loss < lines[0].loss
    assert [line.epoch for line in lines] == [1, 2, 3, 4]
    assert [line.steps for line in lines] == [17, 34, 51, 68]
    assert evaluate(run.net, validation) == (lines[-1].validation_loss, lines[-1].validation_accuracy)


class Watching(Layer):
    """Lets everything through; in training `saw` is called with the maps, and may return others."""

    def __init__(self, saw):
        self.saw = saw

    def forward(self, x):
        return x, None

    def forward_training(self, x, rng):
        maps = self.saw(x)
        return (x if maps is None else maps), None

    def backward(self, grad, cache):
        return grad


def test_each_image_is_seen_once_an_epoch_in_another_order_each_time(rng):
    seen = []
    net = tiny_network(rng)
    net = Network({"watch": Watching(lambda x: seen.append(x[:, 0, 0, 0])), **net.layers}, net.preprocessing)
    images = np.repeat(np.arange(0, 250, 25, dtype=np.uint8), 36).reshape(10, 6, 6)
    data = Dataset(images, np.arange(10) % 3, [f"class {c}" for c in range(3)])
    run = Run.start(net, Settings(batch=4))
    for _ in range(2):
        list(epoch(run, data, NO_AXES))
    assert [len(part) for part in seen] == [4, 4, 2, 4, 4, 2]
    first, second = (np.concatenate(seen[begin : begin + 3]) for begin in (0, 3))
    assert sorted(first) == sorted(second) == sorted(set(first))
    assert not np.array_equal(first, second)


def test_the_same_seed_trains_the_same_network_and_another_one_does_not(rng):
    net, data = tiny_network(rng, dropout=0.5), stripes(rng, 40)

    def trained(seed: int) -> dict[str, np.ndarray]:
        run = Run.start(net, Settings(epochs=1, batch=8, jitter=Jitter(crop=1, mirror=True), seed=seed))
        list(train(run, data, data))
        return weights_of(run.net)

    assert same(trained(3), trained(3))
    assert not same(trained(3), trained(4))


def test_accuracy_and_loss_are_means_over_images_not_over_batches(rng):
    net, data = tiny_network(rng), stripes(rng, 11)
    losses = [
        cross_entropy(net.scores(net.preprocessing.to_input(i)), np.array([c]))[0]
        for i, c in zip(data.images, data.labels, strict=True)
    ]
    answers = [int(net.scores(net.preprocessing.to_input(image)).argmax()) for image in data.images]
    for batch in (1, 3, 4, 100):
        loss, accuracy = evaluate(net, data, batch)
        assert loss == pytest.approx(np.mean(losses), rel=1e-5)
        assert accuracy == np.mean(answers == data.labels)
    with pytest.raises(ValueError, match="no images"):
        evaluate(net, data[:0])


def test_a_run_on_a_gpu_is_the_same_run(on, rng):
    """What it draws is NumPy's on every device, so only the last digits of sums may differ."""
    net, data = tiny_network(rng, dropout=0.3), stripes(rng, 40)
    settings = Settings(epochs=2, batch=8, warm_up=3, jitter=Jitter(crop=1, mirror=True))
    here, there = Run.start(net, settings), Run.start(on(net), settings)
    lines, same_lines = list(train(here, data, data)), list(train(there, data, data))
    for name, w in on(here.net.parameters).items():
        assert_close(there.net.parameters[name], w, rtol=1e-4, atol=1e-6)
    assert [line.validation_accuracy for line in lines] == [line.validation_accuracy for line in same_lines]
    assert [line.loss for line in lines] == pytest.approx([line.loss for line in same_lines], rel=1e-4)


# ---------------------------------------------------------------------- dropout


def dropout_masks(net: Network, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    trace = net.forward_training(x, rng)
    return trace.caches[trace.names.index("drop2")]


def test_dropout_masks_differ_from_step_to_step_and_are_off_in_validation(rng):
    net, x = tiny_network(rng, dropout=0.5), rng.standard_normal((4, 1, 6, 6)).astype(np.float32)
    one, other = dropout_masks(net, x, rng), dropout_masks(net, x, rng)
    assert set(np.unique(one)) == {0, 2}
    assert not np.array_equal(one, other)
    assert np.array_equal(net.scores(x), net.forward(x).scores)
    assert not np.array_equal(net.scores(x), net.forward_training(x, rng).scores)
    data = stripes(rng, 20)
    assert evaluate(net, data) == evaluate(net, data) == evaluate(net.without(Dropout), data)


def test_an_epoch_trains_with_dropout(rng, monkeypatch):
    drawn = []
    real = Dropout.forward_training
    monkeypatch.setattr(Dropout, "forward_training", lambda *args: drawn.append(real(*args)[1]) or (args[1], drawn[-1]))
    net, data = tiny_network(rng, dropout=0.5), stripes(rng, 12)
    list(train(Run.start(net, Settings(epochs=1, batch=4)), data, data))
    assert [mask.shape for mask in drawn] == [(4, 16)] * 3  # and none in the validation
    assert not np.array_equal(drawn[0], drawn[1])


def test_gradients_of_a_training_pass_go_through_the_mask_of_its_way_up(rng):
    """By finite differences of the pass with the same draws."""
    net = tiny_network(rng, dropout=0.5).astype(np.float64)
    x, labels = rng.standard_normal((4, 1, 6, 6)), np.array([0, 1, 2, 0])

    def loss(W: np.ndarray) -> float:
        trace = net.with_parameters({"fc2.W": W}).forward_training(x, np.random.default_rng(1))
        return float(cross_entropy(trace.scores, labels)[0])

    trace = net.forward_training(x, np.random.default_rng(1))
    gradient = net.parameter_gradients(trace, cross_entropy(trace.scores, labels)[1])["fc2.W"]
    W, v = net.parameters["fc2.W"], rng.standard_normal((3, 16))
    slope = (loss(W + 1e-5 * v) - loss(W - 1e-5 * v)) / 2e-5
    assert slope == pytest.approx((gradient * v).sum(), rel=1e-6)


@pytest.mark.parametrize("junction", [Add, Concat])
def test_branches_hand_the_generator_on_to_dropout_inside_of_them(junction, rng):
    layer = junction([[Dropout(0.5)], [ReLU(), Dropout(0.5)]])
    x = np.ones((3, 4, 5, 5))
    y, cache = layer.forward_training(x, np.random.default_rng(0))
    masks = [Dropout(0.5).forward_training(x, draws)[1] for draws in itertools.repeat(np.random.default_rng(0), 2)]
    expected = masks[0] + masks[1] if junction is Add else np.concatenate(masks, axis=1)
    assert np.array_equal(y, expected)
    down = layer.backward(np.ones_like(y), cache)
    assert np.array_equal(down, masks[0] + masks[1])
    assert np.array_equal(layer.forward(x)[0], x + x if junction is Add else np.concatenate([x, x], axis=1))


def test_without_dropout_a_training_pass_is_the_usual_one(rng):
    net, x = tiny_network(rng).without(Dropout), rng.standard_normal((2, 1, 6, 6)).astype(np.float32)
    state = rng.bit_generator.state
    assert all(map(np.array_equal, net.forward_training(x, rng).maps, net.forward(x).maps))
    assert rng.bit_generator.state == state


def test_a_shape_error_of_a_training_pass_names_the_layer(rng):
    with pytest.raises(ValueError, match="Conv conv1 expects 1 channels"):
        tiny_network(rng).forward_training(np.zeros((1, 2, 6, 6)), rng)


# ---------------------------------------------------------------------- when it fails


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_step(rng):
    factors = itertools.chain([1] * 7, itertools.repeat(math.nan))
    net = tiny_network(rng)
    layers = {**net.layers, "spoil": Watching(lambda scores: scores * np.float32(next(factors)))}
    run = Run.start(Network(layers, net.preprocessing, net.classes), Settings(epochs=2, batch=4))
    with pytest.raises(Diverged, match="the loss was nan at step 8; try a smaller rate"):
        list(train(run, stripes(rng, 40), stripes(rng, 5)))
    assert run.log == []


def test_the_steps_of_later_epochs_are_counted_on(rng):
    run = Run.start(tiny_network(rng), Settings(epochs=9, batch=4))
    data = stripes(rng, 40)
    lines = train(run, data, data)
    next(lines)
    run.net = run.net.with_parameters({"fc2.b": np.full(3, np.nan, np.float32)})
    with pytest.raises(Diverged, match="at step 11;"):
        next(lines)
    assert len(run.log) == 1


def test_weights_that_break_in_the_very_last_step_are_found_by_the_validation(rng):
    net, data = tiny_network(rng), stripes(rng, 4)
    run = Run.start(net, Settings(epochs=1, batch=4, rate=1e38, momentum=0, weight_decay=1e5))
    with pytest.raises(Diverged, match="the validation loss was nan after step 1"):
        list(train(run, data, data))
    assert run.log == []


def test_losses_are_fetched_only_now_and_then():
    fetched = []

    class OnDevice(float):
        dtype, shape, ndim = np.dtype("f8"), (), 0

        def __array__(self, dtype=None, copy=None):
            fetched.append(self)
            return np.array(float(self))

    tally = Tally(step=100)
    for n in range(19):
        tally.add(OnDevice(n), OnDevice(1), 2)
    assert fetched == []
    assert math.isnan(tally.loss)
    tally.add(OnDevice(19), OnDevice(1), 2)
    assert (tally.loss, tally.accuracy, tally.images) == (9.5, 0.5, 40)
    tally.add(OnDevice(70), OnDevice(2), 1)
    assert tally.loss == 9.5
    tally.fetch()
    assert tally.loss == pytest.approx((190 * 2 + 70) / 41)


def test_batch_normalisation_is_refused_by_name(rng):
    with pytest.raises(ValueError, match=r"batch normalisation cannot be trained here \(bn1.mean"):
        Run.start(Network({"bn1": BatchNorm(*(np.ones(3) for _ in range(4)))}), Settings())
    with pytest.raises(ValueError, match="batch normalisation cannot be trained"):
        Run.start(architectures.blank("resnet18"), Settings())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"epochs": 0}, "epochs must be 1 or more, got 0"),
        ({"batch": 0}, "batch must be 1 or more"),
        ({"rate": 0.0}, "rate must be more than 0, got 0.0"),
        ({"rate": math.nan}, "rate must be a number, got nan"),
        ({"rate": math.inf}, "rate must be a number, got inf"),
        ({"momentum": 1.0}, "momentum must be 0 or more and less than 1"),
        ({"weight_decay": -1.0}, "weight_decay must be 0 or more"),
        ({"weight_decay": math.nan}, "weight_decay must be a number, got nan"),
        ({"warm_up": -1}, "warm_up must be 0 or more"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"schedule": "magic"}, "schedule must be one of constant, step, linear, cosine, got 'magic'"),
    ],
)
def test_wrong_settings_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        Settings(**wrong)


# ---------------------------------------------------------------------- data


@pytest.mark.parametrize("shape", [(7, 5, 6), (7, 5, 6, 3)])
def test_inputs_fitted_to_the_data_have_mean_0_and_deviation_1_in_each_channel(shape, rng):
    data = Dataset(rng.integers(30, 200, shape, dtype=np.uint8), np.zeros(7, int), ["one"])
    preprocessing = fitted_preprocessing(data, resize=8)
    x = preprocessing.to_input(*data.images)
    np.testing.assert_allclose(x.mean(axis=(0, 2, 3), dtype=np.float64), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=(0, 2, 3), dtype=np.float64), 1, rtol=1e-5)
    assert (preprocessing.size, preprocessing.resize) == ((5, 6), 8)
    assert preprocessing.order == ("L" if len(shape) == 3 else "RGB")


def test_images_of_one_colour_have_inputs_too(rng):
    data = Dataset(np.full((3, 5, 6), 9, np.uint8), np.zeros(3, int), ["one"])
    assert np.allclose(fitted_preprocessing(data).to_input(*data.images), 0)


def test_what_is_held_out_is_not_learnt_from(rng):
    data = Dataset(np.arange(20, dtype=np.uint8).reshape(20, 1, 1), np.arange(20), [str(n) for n in range(20)])
    training, validation = held_out(data, 0.25, np.random.default_rng(1))
    assert (len(training), len(validation)) == (15, 5)
    assert sorted([*training.labels, *validation.labels]) == list(range(20))
    assert np.array_equal(validation.images[:, 0, 0], validation.labels)
    assert np.array_equal(held_out(data, 0.25, np.random.default_rng(1))[1].labels, validation.labels)
    assert not np.array_equal(held_out(data, 0.25, np.random.default_rng(2))[1].labels, validation.labels)
    assert len(held_out(data, 0.001, rng)[1]) == 1
    for share in (0.0, -1.0, 1.0, 0.99, math.nan):
        with pytest.raises(ValueError, match="expected a fraction between 0 and 1"):
            held_out(data, share, rng)
