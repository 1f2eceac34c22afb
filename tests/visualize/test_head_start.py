"""What is sent before the search begins must be a flow, and must not change which labelling is cheapest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visualize import graph_cut, head_start
from visualize.graph_cut import energy, minimal_cut
from visualize.head_start import LEVELS, remaining


def random_grid(rng, H, W, largest=1000):
    excess = rng.integers(-largest, largest + 1, (H, W))
    return excess, (rng.integers(0, largest + 1, (H, W - 1)), rng.integers(0, largest + 1, (H - 1, W)))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, LEVELS), st.integers(0, 10**6))
def test_no_edge_carries_more_than_it_can_and_nothing_is_lost_on_the_way(H, W, levels, seed):
    excess, capacity = random_grid(np.random.default_rng(seed), H, W)
    before = excess.copy(), *(V.copy() for V in capacity)
    flow = head_start.head_start(excess, capacity, levels)
    for f, most in zip(flow, capacity, strict=True):
        assert f.dtype.kind == "i"
        assert (np.abs(f) <= most).all()
    assert remaining(excess, flow).sum() == excess.sum()
    assert all(np.array_equal(a, b) for a, b in zip((excess, *capacity), before, strict=True))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 10**6))
def test_every_labelling_costs_as_much_less_as_every_other(H, W, seed):
    rng = np.random.default_rng(seed)
    excess, (across, down) = random_grid(rng, H, W)
    right, downwards = head_start.head_start(excess, (across, down))
    left = remaining(excess, (right, downwards))

    def cost(labels, e, to_right, to_left, to_below, to_above):
        """An edge is cut where it leads from an object's pixel (1) to one of the background (0)."""
        a, b, c, d = labels[:, :-1], labels[:, 1:], labels[:-1], labels[1:]
        cut = (to_right[a & ~b].sum(), to_left[b & ~a].sum(), to_below[c & ~d].sum(), to_above[d & ~c].sum())
        return e[~labels].sum() + sum(cut)

    for _ in range(5):
        labels = rng.random((H, W)) < rng.random()
        begun = cost(labels, left, across - right, across + right, down - downwards, down + downwards)
        assert begun == cost(labels, excess, across, across, down, down)


def test_most_of_the_excess_is_evened_out():
    """Half of a picture has what the other half lacks: a way as long as the picture is wide."""
    excess = np.full((64, 64), 1000)
    excess[:, 32:] = -1000
    plenty = np.full((64, 63), 10**6), np.full((63, 64), 10**6)
    left = remaining(excess, head_start.head_start(excess, plenty))
    assert np.abs(left).mean() < 100


@pytest.mark.parametrize("seed", range(5))
def test_the_cut_is_the_same_without_a_head_start(monkeypatch, seed):
    rng = np.random.default_rng(seed)
    H, W = rng.integers(30, 60, 2)
    smooth = np.cumsum(np.cumsum(rng.standard_normal((H, W)), axis=0), axis=1)
    leaning = smooth - np.median(smooth)
    unary = np.stack([np.maximum(leaning, 0), np.maximum(-leaning, 0)])
    pairwise = (5 * rng.random((H, W - 1)), 5 * rng.random((H - 1, W)))
    labels, flow = minimal_cut(unary, pairwise)
    monkeypatch.setattr(graph_cut, "head_start", lambda excess, V: (np.zeros_like(V[0]), np.zeros_like(V[1])))
    other, other_flow = minimal_cut(unary, pairwise)
    assert 0 < labels.mean() < 1
    assert np.array_equal(labels, other)
    assert flow == pytest.approx(other_flow, rel=1e-12)
    assert flow == pytest.approx(energy(labels, unary, pairwise), rel=1e-5)
