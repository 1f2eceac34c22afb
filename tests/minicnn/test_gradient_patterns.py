"""Layers broken on purpose: of each, the check says where and how, in words from which one finds the line."""

from __future__ import annotations

import re

import numpy as np
import pytest

from layers import Conv, Flatten, FullyConnected, Layer, MaxPool, ReLU
from layers.arrays import array_module
from layers.windows import taps
from minicnn.gradient_check import LEFT_OUT, Check, check_layer
from minicnn.gradient_difference import SOME_ENTRIES
from minicnn.gradient_patterns import Compared, pattern


@pytest.fixture
def rng(draws):
    return draws


class Square(Layer):
    """X_{n+1} = X_n²; `wrong` is what is done with its gradient."""

    def __init__(self, wrong):
        self.wrong = wrong

    def forward(self, x):
        return x**2, x

    def backward(self, grad, x):
        return self.wrong(2 * grad * x)


def check_of(layer: Layer, x, rng, name: str = "input") -> Check:
    (check,) = [check for check in check_layer(layer, x, rng).checks if check.name == name]
    assert check.verdict == "WRONG"
    return check


def said(layer: Layer, x, rng, name: str = "input") -> str:
    return check_of(layer, x, rng, name).explanation.splitlines()[0]


def conv(kind: type[Conv], rng, M: int = 4) -> Conv:
    return kind(rng.standard_normal((M, 3, 3, 3)), rng.standard_normal(M), pad=1)


# ---------------------------------------------------------------------- the numbers


def test_the_five_worst_entries_are_shown_with_both_numbers_and_their_ratio(xp, rng):
    wrong = {(0, 1, 2, 3): 9.0, (1, 2, 3, 3): -7.0, (1, 0, 0, 0): 5.0, (0, 0, 5, 5): 3.0, (1, 1, 1, 1): 2.0}
    small = {(0, 2, 0, 0): 0.25, (0, 2, 0, 1): 0.25}

    def spoilt(gradient):
        for index, by in (wrong | small).items():
            gradient[index] += by
        return gradient

    x = rng.standard_normal((2, 3, 6, 6))
    differs = check_of(Square(spoilt), x, rng).differs
    assert [entry.index for entry in differs.worst] == list(wrong)
    for entry, by in zip(differs.worst, wrong.values(), strict=True):
        assert entry.yours - entry.numeric == pytest.approx(by, abs=1e-6)
        assert entry.ratio == entry.yours / entry.numeric
    assert (differs.wrong, differs.compared, differs.size) == (7, 216, 216)
    rows = str(differs).splitlines()
    assert rows[1].split() == ["index", "yours", "numeric", "ratio"]
    assert rows[2].split()[:4] == ["(0,", "1,", "2,", "3)"]
    assert len(rows) == 2 + 5


def test_of_a_large_gradient_some_entries_are_measured_and_it_says_so(rng):
    differs = check_of(Square(lambda g: 3 * g), rng.standard_normal((1, 3, 40, 40)), rng).differs
    assert differs.compared == SOME_ENTRIES
    assert "50 random ones of 4,800, entries differ: all entries are 3.000 times" in str(differs)


def test_a_gradient_that_is_right_has_nothing_to_explain(rng):
    (check,) = check_layer(Square(lambda g: g), rng.standard_normal((2, 3)), rng).checks
    assert (check.verdict, check.differs, check.explanation) == ("ok", None, "")


# ---------------------------------------------------------------------- how they are related


class NotFlipped(Conv):
    def backward(self, grad, x):
        return self.with_parameters({"K": self.K[:, :, ::-1, ::-1]}).deconv(grad, x)


class FlippedOnce(Conv):
    def backward(self, grad, x):
        return self.with_parameters({"K": self.K[:, :, :, ::-1]}).deconv(grad, x)


class ChannelsNotExchanged(Conv):
    def backward(self, grad, x):
        return self.with_parameters({"K": self.K.swapaxes(0, 1)}).deconv(grad, x)


class NotTransposed(FullyConnected):
    def backward(self, grad, cache):
        return grad @ self.W.T


class DeconvAsGradient(ReLU):
    backward = ReLU.deconv


class GuidedAsGradient(ReLU):
    backward = ReLU.guided


class HalfBias(Conv):
    def parameter_gradients(self, grad, cache):
        gradients = super().parameter_gradients(grad, cache)
        return {**gradients, "b": gradients["b"] / 2}


class KernelGradientTurned(Conv):
    def parameter_gradients(self, grad, cache):
        gradients = super().parameter_gradients(grad, cache)
        return {**gradients, "K": gradients["K"][:, :, ::-1, ::-1]}


class BiasOfTheWholeBatchAveraged(Conv):
    def parameter_gradients(self, grad, cache):
        gradients = super().parameter_gradients(grad, cache)
        return {**gradients, "b": grad.mean(axis=0).sum(axis=(1, 2))}


def test_a_kernel_that_is_not_flipped(rng):
    assert "as if the kernel were not flipped" in said(conv(NotFlipped, rng), rng.standard_normal((1, 3, 5, 6)), rng)


def test_a_kernel_that_is_flipped_along_one_axis_only(rng):
    """FlippedOnce's K̂ is K with its rows turned (up and down); its columns are as in K."""
    text = said(conv(FlippedOnce, rng), rng.standard_normal((1, 3, 5, 6)), rng)
    assert "as if the kernel were flipped from top to bottom only" in text


def test_channels_that_are_not_exchanged(rng):
    layer = conv(ChannelsNotExchanged, rng, M=3)
    assert "as if K's channels were not exchanged" in said(layer, rng.standard_normal((1, 3, 5, 6)), rng)


def test_weights_that_are_not_transposed(rng):
    layer = NotTransposed(rng.standard_normal((5, 5)), rng.standard_normal(5))
    assert "as if W were not transposed" in said(layer, rng.standard_normal((3, 5)), rng)


def test_a_relu_that_goes_down_by_another_rule(rng):
    x = rng.standard_normal((2, 3, 4, 4))
    assert "as if what comes down decided (grad > 0)" in said(DeconvAsGradient(), x, rng)
    assert "as if both gates were closed" in said(GuidedAsGradient(), x, rng)


def test_a_constant_factor(rng):
    x = rng.standard_normal((2, 3, 5, 5))
    assert "all entries are 0.500 times the numeric ones" in said(conv(HalfBias, rng), x, rng, "b")
    assert "all entries are 0.500 times the numeric ones" in said(conv(BiasOfTheWholeBatchAveraged, rng), x, rng, "b")
    assert "all entries are 0.500 times" in said(Square(lambda g: g / 2), x, rng)
    assert "-1.000 times the numeric ones: the sign is wrong" in said(Square(lambda g: -g), x, rng)
    assert "all entries are 1.001 times" in said(Square(lambda g: 1.001 * g), x, rng)


def test_a_kernel_gradient_that_is_turned(rng):
    text = said(conv(KernelGradientTurned, rng), rng.standard_normal((1, 3, 5, 6)), rng, "K")
    assert "the right numbers in the wrong order: axes 2 and 3 run backwards" in text


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda g: g + 0.5, "all entries are too large by 0.5"),
        (lambda g: 0 * g, "every entry is zero"),
        (abs, "the sizes are right, the signs are lost"),
        (lambda g: g[::-1], "the right numbers in the wrong order: axis 0 runs backwards"),
        (lambda g: g.swapaxes(2, 3), "transposed: axes 2 and 3 are exchanged"),
        (lambda g: g.transpose(0, 2, 3, 1).reshape(g.shape), "transposed: axes 1, 2 and 3 are exchanged"),
        (lambda g: array_module(g).roll(g, 1, axis=3), "the right numbers, one place too far along axis 3"),
        (lambda g: array_module(g).roll(g, -1, axis=2), "the right numbers, one place too early along axis 2"),
        (lambda g: array_module(g).where(g > 0, g, 0.0), "zero where it should not be"),
        (lambda g: array_module(g).where(g > 0, g, 3 * g), "the wrong ones are 3.000 times the numeric ones"),
    ],
)
def test_how_the_numbers_are_related(spoil, expected, rng):
    assert expected in said(Square(spoil), rng.standard_normal((2, 3, 6, 6)), rng)


@pytest.mark.parametrize("nonsense", [np.nan, np.inf])
def test_what_is_not_a_number_is_counted(nonsense, rng):
    def spoil(gradient):
        gradient[0, 1, 2, 3] = nonsense
        return gradient

    with np.errstate(invalid="ignore"):
        text = said(Square(spoil), rng.standard_normal((2, 3, 4, 4)), rng)
    assert text == "1 of 96 entries differs: 1 is not finite (NaN or infinite); only the entry (0, 1, 2, 3)"


def test_a_gate_that_is_forgotten(xp, rng):
    class NoGate(ReLU):
        def backward(self, grad, x):
            return grad

    assert "not zero where it should be zero" in said(NoGate(), rng.standard_normal((2, 3, 4, 4)), rng)


# ---------------------------------------------------------------------- where they lie


def test_one_wrong_pixel_is_found(rng):
    def spoil(gradient):
        gradient[1, 2, 3, 3] += 0.01
        return gradient

    text = said(Square(spoil), rng.standard_normal((2, 3, 6, 6)), rng)
    assert text == "1 of 216 entries differs: only the entry (1, 2, 3, 3)"


def test_only_the_border(xp, rng):
    class NoPadding(Conv):
        def backward(self, grad, x):
            right = super().backward(grad, x)
            wrong = xp.zeros_like(right)
            wrong[:, :, 1:-1, 1:-1] = right[:, :, 1:-1, 1:-1]
            return wrong

    text = said(conv(NoPadding, rng), rng.standard_normal((2, 3, 7, 6)), rng)
    assert text.endswith("zero where it should not be; only the border, 1 pixel wide")


def test_windows_that_overwrite_one_another_where_they_overlap(xp, rng):
    class Overwrites(MaxPool):
        def backward(self, grad, cache):
            below = xp.zeros(cache[0])
            for q, seen in enumerate(taps(below, self.size, self.stride, grad.shape[2:])):
                seen[...] = xp.where(cache[1] == q, grad, seen)
            return below

    text = said(Overwrites(3, stride=1), rng.standard_normal((1, 2, 6, 6)), rng)
    assert "only where several outputs read the same input" in text


def test_one_image_of_the_batch_or_one_channel(rng):
    def second_image(gradient):
        gradient[1] = gradient[0]
        return gradient

    def last_channel(gradient):
        gradient[:, 2] *= 2
        return gradient

    x = rng.standard_normal((3, 3, 5, 5))
    assert "only at 1 of axis 0" in said(Square(second_image), x, rng)
    assert said(Square(last_channel), x, rng).endswith("2.000 times the numeric ones; only at 2 of axis 1")


def test_every_second_row(rng):
    def rows(gradient):
        gradient[:, :, ::2] *= 1.5
        return gradient

    assert "only at every 2nd place of axis 2: is the stride right?" in said(
        Square(rows), rng.standard_normal((1, 2, 6, 5)), rng
    )


def test_no_pattern_is_said_where_there_is_none():
    rng = np.random.default_rng(0)
    numeric, index = rng.standard_normal(60), np.argwhere(np.ones((2, 5, 6)))
    yours = np.where(rng.random(60) < 0.5, rng.standard_normal(60), numeric)
    assert pattern(Compared(yours, numeric, index, (2, 5, 6), np.ones(60, int))) == ""


# ---------------------------------------------------------------------- what no layer may do


def test_a_forward_that_writes_into_its_input_is_wrong(xp, rng):
    class InPlace(ReLU):
        def forward(self, x):
            return xp.maximum(x, 0, out=x), x

    x = rng.standard_normal((2, 3, 6, 6))
    text = said(InPlace(), x, rng)
    count = int((x < 0).sum())
    assert text.startswith(f"`forward` writes into the layer's input: {count} of 216 entries are changed by it")


def test_a_backward_that_writes_into_the_gradient_or_the_cache_is_wrong(xp, rng):
    class IntoTheGradient(ReLU):
        def backward(self, grad, x):
            grad *= x > 0
            return grad

    class IntoTheCache(ReLU):
        def backward(self, grad, x):
            below = grad * (x > 0)
            x[...] = below
            return below

    class IntoTheGradientOfK(Conv):
        def parameter_gradients(self, grad, cache):
            found = super().parameter_gradients(grad, cache)
            grad += 1
            return found

    x = rng.standard_normal((2, 3, 5, 5))
    assert "`backward` writes into the gradient it is given" in said(IntoTheGradient(), x, rng)
    assert "`backward` writes into X_n, which the cache holds" in said(IntoTheCache(), x, rng)
    assert "`parameter_gradients` writes into the gradient" in said(conv(IntoTheGradientOfK, rng), x, rng, "K")


def test_parameter_gradients_that_are_forgotten(rng):
    class Forgotten(Conv):
        parameter_gradients = Layer.parameter_gradients

    class OneIsMissing(Conv):
        def parameter_gradients(self, grad, cache):
            return {"b": super().parameter_gradients(grad, cache)["b"]}

    class NoDictionary(Conv):
        def parameter_gradients(self, grad, cache):
            return None

    x = rng.standard_normal((2, 3, 5, 5))
    assert said(conv(Forgotten, rng), x, rng, "K") == (
        'Forgotten has no `parameter_gradients`: write one that returns {"K": …, "b": …}'
    )
    assert said(conv(OneIsMissing, rng), x, rng, "K").endswith(
        """expected {"K": …, "b": …}, got a dictionary of ['b']"""
    )
    assert [c.verdict for c in check_layer(conv(OneIsMissing, rng), x, rng).checks] == ["ok", "WRONG", "ok"]
    assert said(conv(NoDictionary, rng), x, rng, "b").endswith("got NoneType")


def test_a_gradient_of_another_type_is_wrong(xp, rng):
    class Single(ReLU):
        def backward(self, grad, x):
            return super().backward(grad, x).astype(xp.float32)

    text = said(Single(), rng.standard_normal((2, 3)), rng)
    assert text == "the gradient of input is float32, expected float64: a layer keeps the type it is given"


def test_a_gradient_of_another_shape_or_none_at_all_is_wrong_and_the_others_are_checked(rng):
    class Cropped(Conv):
        def backward(self, grad, x):
            return super().backward(grad, x)[..., 1:, :]

    class NoReturn(Conv):
        def backward(self, grad, x):
            super().backward(grad, x)

    x = rng.standard_normal((2, 3, 6, 6))
    assert said(conv(Cropped, rng), x, rng) == "the gradient of input has shape (2, 3, 5, 6), expected (2, 3, 6, 6)"
    assert said(conv(NoReturn, rng), x, rng) == "the gradient of input is NoneType, expected an array (2, 3, 6, 6)"
    assert [c.verdict for c in check_layer(conv(Cropped, rng), x, rng).checks] == ["WRONG", "ok", "ok"]


def test_what_left_out_means_stands_below_the_table_where_something_was(xp, rng):
    assert LEFT_OUT in str(check_layer(MaxPool(2), xp.maximum(rng.standard_normal((2, 3, 8, 8)), 0), rng))
    assert "left out:" not in str(check_layer(Flatten(), rng.standard_normal((2, 3, 4, 4)), rng))
    assert not re.search(r"\n\n", str(check_layer(Flatten(), rng.standard_normal((2, 3)), rng)))
