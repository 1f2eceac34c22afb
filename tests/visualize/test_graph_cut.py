"""The graph cut: the cheapest labelling, held against all labellings there are."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visualize.graph_cut import clamped, energy, grid_graph, minimal_cut, pairwise_terms, unary_terms
from visualize.mixture import Mixture, fit_mixture


def random_terms(rng, H, W, whole, neighbours=4):
    """Unary and pairwise terms of a picture; in whole numbers there are ties."""
    shapes = (2, H, W), (H, W - 1), (H - 1, W), *[(H - 1, W - 1)] * (neighbours - 4 > 0) * 2
    unary, *pairwise = (rng.integers(0, 5, s).astype(float) if whole else 5 * rng.random(s) for s in shapes)
    return unary, tuple(pairwise)


def all_labellings(H, W):
    for labels in itertools.product([False, True], repeat=H * W):
        yield np.array(labels).reshape(H, W)


def energy_by_loops(labels, unary, pairwise):
    """E(L) as it is written."""
    H, W = labels.shape
    total = 0.0
    for i, j in itertools.product(range(H), range(W)):
        total += unary[int(labels[i, j])][i, j]
        if j + 1 < W and labels[i, j] != labels[i, j + 1]:
            total += pairwise[0][i, j]
        if i + 1 < H and labels[i, j] != labels[i + 1, j]:
            total += pairwise[1][i, j]
        if len(pairwise) == 4 and i + 1 < H and j + 1 < W:  # the two diagonals of a square of four pixels
            total += pairwise[2][i, j] * (labels[i, j] != labels[i + 1, j + 1])
            total += pairwise[3][i, j] * (labels[i, j + 1] != labels[i + 1, j])
    return total


@given(st.integers(1, 3), st.integers(1, 4), st.booleans(), st.sampled_from([4, 8]), st.integers(0, 10**6))
def test_no_labelling_of_a_tiny_picture_costs_less_than_the_cut(H, W, whole, neighbours, seed):
    unary, pairwise = random_terms(np.random.default_rng(seed), H, W, whole, neighbours)
    labels, flow = minimal_cut(unary, pairwise)
    costs = {labelling.tobytes(): energy_by_loops(labelling, unary, pairwise) for labelling in all_labellings(H, W)}
    least = min(costs.values())
    assert energy_by_loops(labels, unary, pairwise) == pytest.approx(least, abs=1e-4)
    assert flow == pytest.approx(least, abs=1e-4)  # the greatest flow is the least cut
    assert energy(labels, unary, pairwise) == pytest.approx(least, abs=1e-4)


def test_of_several_least_labellings_the_one_with_the_smallest_object_is_taken():
    rng = np.random.default_rng(3)
    ties = 0
    for _ in range(50):
        unary, pairwise = random_terms(rng, 3, 3, whole=True)
        least = min(energy(labels, unary, pairwise) for labels in all_labellings(3, 3))
        sizes = [labels.sum() for labels in all_labellings(3, 3) if energy(labels, unary, pairwise) == least]
        ties += len(sizes) > 1
        assert minimal_cut(unary, pairwise)[0].sum() == min(sizes)
    assert ties > 10


def test_the_flow_is_the_energy_of_the_cut_on_a_photograph(coffee):
    unary, pairwise = terms_of(coffee[::4, ::4] / 255)
    labels, flow = minimal_cut(unary, pairwise)
    assert 0 < labels.mean() < 1
    assert flow == pytest.approx(energy(labels, unary, pairwise), rel=1e-6)
    for other in (~labels, np.zeros_like(labels), unary[1] < unary[0], np.roll(labels, 1, axis=0)):
        assert energy(other, unary, pairwise) > flow


def terms_of(colours, strength=20.0):
    H, W = colours.shape[:2]
    inside = colours[H // 3 : -H // 3, W // 3 : -W // 3].reshape(-1, 3)
    unary = unary_terms(colours, fit_mixture(inside, 3), fit_mixture(colours[: H // 5].reshape(-1, 3), 3))
    return unary, pairwise_terms(colours, strength)


@pytest.mark.parametrize("scale", [1e-3, 1e3, 1e7])
def test_the_unit_of_energy_does_not_matter_as_far_as_32_bits_reach(scale):
    unary, pairwise = random_terms(np.random.default_rng(4), 20, 30, whole=False)
    labels, flow = minimal_cut(unary, pairwise)
    scaled_labels, scaled_flow = minimal_cut(unary * scale, tuple(V * scale for V in pairwise))
    assert scaled_flow == pytest.approx(flow * scale, rel=1e-3)
    difference = energy(scaled_labels, unary, pairwise) - energy(labels, unary, pairwise)
    assert abs(difference) <= 1e-3 * flow


def test_one_enormous_term_neither_overflows_nor_drowns_the_others():
    unary, pairwise = random_terms(np.random.default_rng(5), 10, 10, whole=False)
    unary[0, 4, 4] = 1e6
    labels, flow = minimal_cut(unary, pairwise)
    assert labels[4, 4]
    assert flow == pytest.approx(energy(labels, unary, pairwise), rel=1e-3)


def test_without_pairwise_terms_each_pixel_takes_its_cheaper_label():
    unary = random_terms(np.random.default_rng(6), 7, 8, whole=False)[0]
    labels, _ = minimal_cut(unary, pairwise_terms(np.zeros((7, 8, 3)), strength=0.0))
    assert np.array_equal(labels, unary[1] < unary[0])


def test_where_nothing_speaks_for_the_object_there_is_none():
    flat = np.full((6, 5, 3), 0.4)
    model = fit_mixture(flat.reshape(-1, 3), 5)
    assert not minimal_cut(unary_terms(flat, model, model), pairwise_terms(flat, 20.0))[0].any()


def test_the_graph_has_the_edges_of_the_grid_and_nothing_else():
    unary = np.array([[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]])
    across, down = np.array([[13, 14], [15, 16]]), np.array([[17, 18, 19]])
    graph = grid_graph(unary, (across, down))
    by_hand = np.array(
        [
            #  0   1   2   3   4   5   s   t
            [0, 13, 0, 17, 0, 0, 0, 7],
            [13, 0, 14, 0, 18, 0, 0, 8],
            [0, 14, 0, 0, 0, 19, 0, 9],
            [17, 0, 0, 0, 15, 0, 0, 10],
            [0, 18, 0, 15, 0, 16, 0, 11],
            [0, 0, 19, 0, 16, 0, 0, 12],
            [1, 2, 3, 4, 5, 6, 0, 0],
            [0, 0, 0, 0, 0, 0, 0, 0],
        ]
    )
    assert np.array_equal(graph.toarray(), by_hand)
    assert graph.has_canonical_format
    assert graph.nnz == 2 * 7 + 4 * 6  # neighbours both ways; each pixel to and from source and sink


def test_the_unary_terms_are_minus_the_logarithms_of_probabilities_that_sum_to_one():
    rng = np.random.default_rng(7)
    bright, dark = (Mixture(np.ones(1), np.full((1, 3), mean), 0.02 * np.eye(3)[None]) for mean in (0.8, 0.2))
    colours = rng.random((4, 5, 3))
    U = unary_terms(colours, bright, dark)
    np.testing.assert_allclose(np.exp(-U).sum(axis=0), 1)
    p1, p0 = (np.exp(model.log_density(colours)) for model in (bright, dark))
    np.testing.assert_allclose(np.exp(-U[1]), p1 / (p0 + p1))


def test_the_unary_terms_of_a_colour_that_neither_model_knows_are_finite():
    bright, dark = (Mixture(np.ones(1), np.full((1, 3), mean), 1e-5 * np.eye(3)[None]) for mean in (0.8, 0.3))
    assert np.isfinite(unary_terms(np.zeros((1, 1, 3)), bright, dark)).all()


@pytest.mark.parametrize(
    ("beta", "jump"),
    [
        ({"beta": 0.5}, np.exp(-2.5)),  # β = 1 / (2 · 0.6), GrabCut's, times ‖Δ‖² = 3
        ({"beta": 2.0}, np.exp(-10.0)),  # β = 1 / (½ · 0.6), iseg's
        ({}, np.exp(-10.0)),
        ({"beta": 0.0}, 1.0),
    ],
)
@pytest.mark.parametrize("scale", [1.0, 255.0])  # β follows the colours' scale
def test_an_outline_costs_less_where_the_colours_jump(beta, jump, scale):
    colours = np.zeros((2, 4, 3))
    colours[:, 2:] = (
        scale  # one jump, of ‖ΔRGB‖² = 3, in each of the two rows; ten pairs of neighbours: the mean is 0.6
    )
    across, down = pairwise_terms(colours, strength=20.0, **beta)
    np.testing.assert_allclose(across[:, [0, 2]], 20.0)
    np.testing.assert_allclose(across[:, 1], 20 * jump)
    np.testing.assert_allclose(down, 20.0)


def outline_of(half_plane, pairwise):
    """What the outline between two sides of a straight line costs, for each pixel of its length within the picture."""
    (slope_y, slope_x), (H, W) = half_plane, (200, 200)
    rows, columns = np.mgrid[:H, :W] - 99.5
    labels = slope_y * rows + slope_x * columns > 0.25
    length = min(H / abs(slope_x or 1e-9), W / abs(slope_y or 1e-9)) * np.hypot(slope_y, slope_x)
    return energy(labels, np.zeros((2, H, W)), pairwise) / length


def test_with_eight_neighbours_an_outline_costs_the_same_whichever_way_it_runs():
    flat = np.zeros((200, 200, 3))
    lines = [(1, 0), (0, 1), (1, 1), (1, -1), (1, 2), (-3, 2)]
    four, eight = ([outline_of(line, pairwise_terms(flat, 7.0, neighbours=n)) / 7 for line in lines] for n in (4, 8))
    assert max(four) / min(four) > 1.4  # √2
    assert max(eight) / min(eight) < 1.1
    assert min(eight) > 0.9
    assert max(eight) < 1.05


def test_eight_neighbours_have_the_colours_of_all_their_pairs_in_beta():
    colours = np.zeros((2, 2, 1))
    colours[0, 0] = 1.0  # of six pairs, three jump by 1: the mean is ½, and β = 2 / ½
    across, down, right, left = pairwise_terms(colours, strength=1.0, neighbours=8)
    level, slanted = np.pi / 8, np.pi / 8 / np.sqrt(2)
    np.testing.assert_allclose(across, level * np.array([[np.exp(-4)], [1]]))
    np.testing.assert_allclose(down, level * np.array([[np.exp(-4), 1]]))
    np.testing.assert_allclose((right, left), slanted * np.array([[[np.exp(-4)]], [[1]]]))


@pytest.mark.parametrize("neighbours", [4, 8])
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 4, 3), (4, 1, 3), (3, 3, 1), (2, 2, 3), (5, 2, 1)])
def test_pictures_of_a_pixel_or_a_line_are_cut_as_well(shape, neighbours):
    colours = np.random.default_rng(8).random(shape)
    unary = np.random.default_rng(9).random((2, *shape[:2]))
    pairwise = pairwise_terms(colours, strength=0.1, neighbours=neighbours)
    labels, flow = minimal_cut(unary, pairwise)
    assert labels.shape == shape[:2]
    assert flow == pytest.approx(energy(labels, unary, pairwise), abs=1e-4)


def test_a_clamped_pixel_keeps_its_label_whatever_its_neighbours_and_its_colour_say():
    unary, pairwise = random_terms(np.random.default_rng(10), 8, 9, whole=False)
    loud = tuple(100 * V for V in pairwise)
    foreground, background = np.zeros((2, 8, 9), bool)
    foreground[[0, 3, 7], [0, 4, 8]] = background[[0, 4, 7], [8, 4, 0]] = True
    soft, _ = minimal_cut(unary, loud)
    assert not (soft[foreground].all() and not soft[background].any())  # or this test would say nothing
    hard, _ = minimal_cut(clamped(unary, foreground, background, loud), loud)
    assert hard[foreground].all()
    assert not hard[background].any()
    assert np.array_equal(unary, random_terms(np.random.default_rng(10), 8, 9, whole=False)[0])  # none written into
