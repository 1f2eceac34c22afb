"""The arithmetic of the backward pass: the signal at one place of X_n from the signals at X_{n+1}."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from layers import (
    AveragePool,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    FullyConnected,
    GlobalAveragePool,
    GroupedConv,
    Layer,
    LocalResponseNorm,
    MaxPool,
    ReLU,
)
from layers.arrays import to_host
from layers.branches import Branches
from layers.convolution import correlate_transposed
from layers.fully_connected import affine_transposed
from layers.local_response_norm import normalize_gradient, window_sums
from layers.max_pool import unpool
from layers.pool import Pool
from visualize.way_down import Passage

from .microscope import Cases, Grid, Place, Record, Sum, exact, largest_terms, line_of, place_text, table
from .nodes import Node

RULE_TITLES = {"gradient": "gradient", "deconv": "DeconvNet", "guided": "guided"}


@singledispatch
def downward(layer: Layer, node: Node, passages: dict[str, Passage], place: Place) -> Record:
    """The arithmetic of the three signals at `place` of X_n; any other kind of layer shows its numbers only."""
    note = "this kind of layer shows its number, not its arithmetic"
    sums = [Sum(RULE_TITLES[rule], _value(p, place), note=note) for rule, p in passages.items()]
    return Record("", sums, [])


def _value(passage: Passage, place: Place) -> float:
    return float(passage.below[0][place])


@downward.register
def _conv(layer: Conv, node: Node, passages: dict[str, Passage], place: Place) -> Record:
    sums = [_collected(layer, rule, passage, place) for rule, passage in passages.items()]
    return Record(
        "∂f/∂X_n = ∂f/∂X_{n+1} ⋆ K̂: each pixel sums over the patches that it is part of; R_n and G_n likewise",
        sums,
        [line_of(correlate_transposed, "K_hat ="), line_of(correlate_transposed, "return")],
    )


def _collected(layer: Conv, rule: str, passage: Passage, place: Place) -> Sum:
    """Σ_{m,i,j} K(m, c, u, v) · ∂f/∂X_{n+1}(m, i, j) over the patches (i, j) in which the pixel is tap (u, v)."""
    c, row, column = place
    above = passage.above[0]
    K, first = layer.K, 0
    if isinstance(layer, GroupedConv):
        group, c = divmod(c, layer.K.shape[1])
        each = len(layer.K) // layer.groups
        first, K = group * each, layer.K[group * each : (group + 1) * each]
        above = above[first : first + each]
    rows, u = seen_from(row, K.shape[2], layer.stride[0], layer.pad[0], above.shape[1])
    columns, v = seen_from(column, K.shape[3], layer.stride[1], layer.pad[2], above.shape[2])
    signals = exact(above[:, rows][:, :, columns])
    kernel = exact(K[:, c])[:, u][:, :, v]  # by rising i and j the taps fall: the flipped kernel
    products = signals * kernel
    of_channels = products.sum(axis=(1, 2))
    m = int(np.abs(of_channels).argmax()) if of_channels.any() else 0
    grids = [
        Grid(f"{signal_letter(rule)} at X_{{n+1}}, channel {first + m}", table(signals[m])),
        Grid(f"flipped kernel K̂({place[0]}, {first + m})", table(kernel[m]), "×"),
        Grid("products; their sum is a term below", table(products[m]), "="),
    ]
    terms = largest_terms(lambda m: f"channel {first + m}", of_channels, "other channels")
    if not products.shape[1] * products.shape[2]:  # a stride larger than the kernel: no patch contains this pixel
        return Sum(RULE_TITLES[rule], 0.0, note="no patch contains this pixel")
    return Sum(RULE_TITLES[rule], float(of_channels.sum()), terms, grids)


def signal_letter(rule: str) -> str:
    return {"gradient": "∂f/∂X", "deconv": "R", "guided": "G"}[rule]


def seen_from(position: int, k: int, stride: int, before: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The windows i that contain this row (or column), and their tap u there, = position + before − s·i."""
    windows = np.arange(count)
    taps = position + before - stride * windows
    inside = (taps >= 0) & (taps < k)
    return windows[inside], taps[inside]


@downward.register
def _fully_connected(layer: FullyConnected, node: Node, passages: dict[str, Passage], place: Place) -> Record:
    (k,) = place
    sums = []
    for rule, passage in passages.items():
        above = exact(passage.above[0])
        terms = exact(layer.W[:, k]) * above
        shown = largest_terms(lambda d, above=above: f"W({d}, {k}) · {above[d]:.4g}", terms)  # type: ignore[misc]
        sums.append(Sum(RULE_TITLES[rule], float(terms.sum()), shown))
    formula = "∂f/∂X_n(k) = Σ_d W(d, k) · ∂f/∂X_{n+1}(d): Wᵀ times the signal"
    return Record(formula, sums, [line_of(affine_transposed, "return")])


@downward.register
def _relu(layer: ReLU, node: Node, passages: dict[str, Passage], place: Place) -> Record:
    at = (0, *place)
    cases = Cases(
        x=float(node.x[at]),
        above={rule: float(passage.above[at]) for rule, passage in passages.items()},
        below={rule: float(passage.below[at]) for rule, passage in passages.items()},
    )
    methods = ReLU.backward, ReLU.deconv, ReLU.guided
    formula = "gradient · 1(X_n > 0)      R · 1(R > 0)      G · 1(X_n > 0) · 1(G > 0)"
    return Record(formula, [], [line_of(method, "return") for method in methods], cases)


@downward.register
def _max_pool(layer: MaxPool, node: Node, passages: dict[str, Passage], place: Place) -> Record:
    _shape, switches = node.cache
    sums = []
    for rule, passage in passages.items():
        windows = windows_of(layer, node, passage, place)
        chosen = [(i, j, value) for i, j, tap, value in windows if int(switches[0, place[0], i, j]) == tap]
        terms = [(f"window at row {i}, column {j}", value) for i, j, value in chosen]
        note = f"the maximum of {len(chosen)} of the {len(windows)} windows that contain this pixel"
        sums.append(Sum(RULE_TITLES[rule], sum(value for *_, value in chosen), terms, note=note))
    formula = "∂f/∂X_n(s) = Σ_p ∂f/∂X_{n+1}(p) · 1(s = argmax_{q∈Ω(p)} X_n(q)): only the maximum gets it"
    return Record(formula, sums, [line_of(unpool, "seen +=")])


def windows_of(layer: Pool, node: Node, passage: Passage, place: Place) -> list[tuple[int, int, int, float]]:
    """The windows that contain the pixel: (i, j, its tap, the signal at the window's output)."""
    c, row, column = place
    above = passage.above[0, c]
    top, _, left, _ = layer.padding(node.x.shape)
    rows = seen_from(row, layer.size[0], layer.stride[0], top, above.shape[0])
    columns = seen_from(column, layer.size[1], layer.stride[1], left, above.shape[1])
    return [
        (int(i), int(j), int(u) * layer.size[1] + int(v), float(above[i, j]))
        for i, u in zip(*rows, strict=True)
        for j, v in zip(*columns, strict=True)
    ]


@downward.register
def _average_pool(layer: AveragePool, node: Node, passages: dict[str, Passage], place: Place) -> Record:
    areas = exact(layer._window_areas(node.x))[0, 0]
    sums = []
    for rule, passage in passages.items():
        windows = windows_of(layer, node, passage, place)
        terms = [(f"window at row {i}, column {j}: {value:.4g} / {areas[i, j]:g}", value / areas[i, j])
                 for i, j, _, value in windows]  # fmt: skip
        sums.append(Sum(RULE_TITLES[rule], sum(value for _, value in terms), terms))
    formula = "∂f/∂X_n(q) = Σ_{p: q∈Ω(p)} ∂f/∂X_{n+1}(p) / |Ω(p)|: divided evenly over the window"
    return Record(formula, sums, [line_of(AveragePool.backward, "share, below")])


@downward.register
def _global_average(layer: GlobalAveragePool, node: Node, passages: dict[str, Passage], place: Place) -> Record:
    c, area = place[0], node.x.shape[2] * node.x.shape[3]
    sums = []
    for rule, passage in passages.items():
        came = float(passage.above[0, c])
        note = f"the signal of channel {c} is {came:.5g}; each of its {area} pixels gets 1/{area} of it"
        sums.append(Sum(RULE_TITLES[rule], came / area, note=note))
    formula = "∂f/∂X_n(c, q) = ∂f/∂X_{n+1}(c) / (H·W), the same for every pixel q"
    return Record(formula, sums, [line_of(GlobalAveragePool.backward, "return")])


@downward.register
def _local_response(layer: LocalResponseNorm, node: Node, passages: dict[str, Passage], place: Place) -> Record:
    sums = []
    _x, D = node.cache
    for rule, passage in passages.items():
        if rule == "deconv":
            note = "a DeconvNet leaves normalisation out: the signal is unchanged"
            sums.append(Sum(RULE_TITLES[rule], _value(passage, place), note=note))
            continue
        own, taken = _normalised(layer, node.x, to_host(D), passage.above, place)
        terms = [("own: ∂f/∂X_{n+1}(j) · D(j)^(−β)", own), ("taken from the neighbours: −2αβ X(j) · Σ …", taken)]
        sums.append(Sum(RULE_TITLES[rule], own + taken, terms))
    formula = (
        "∂f/∂X(j) = ∂f/∂Y(j) · D(j)^(−β) − 2αβ X(j) · Σ_{c: j∈Ω(c)} ∂f/∂Y(c) · X(c) · D(c)^(−β−1);   R_n = R_{n+1}"
    )
    return Record(formula, sums, [line_of(normalize_gradient, "return"), line_of(LocalResponseNorm.deconv, "return R")])


def _normalised(
    layer: LocalResponseNorm, x: np.ndarray, D: np.ndarray, above: np.ndarray, place: Place
) -> tuple[float, float]:
    """The two terms of the gradient: the unit's own, and the one through its neighbours' normalisation."""
    j, at = place[0], (slice(None), slice(None), *(slice(k, k + 1) for k in place[1:]))
    x, D, above = exact(x[at]), exact(D[at]), exact(above[at])
    own = above * D**-layer.beta
    taken = -2 * layer.alpha * layer.beta * x * window_sums(own * x / D, layer.after, layer.before)
    return float(own[0, j].item()), float(taken[0, j].item())


@downward.register
def _batch_norm(layer: BatchNorm, node: Node, passages: dict[str, Passage], place: Place) -> Record:
    a = float(layer.slope[place[0]])
    sums = []
    for rule, passage in passages.items():
        came = float(passage.above[0][place])
        sums.append(
            Sum(RULE_TITLES[rule], a * came, grids=[Grid("a", [[a]]), Grid("the signal at X_{n+1}", [[came]], "×")])
        )
    formula = "∂f/∂X_n = a · ∂f/∂X_{n+1},   a = γ / √(σ² + ε)"
    return Record(formula, sums, [line_of(BatchNorm.backward, "return")])


@downward.register(Flatten)
@downward.register(Dropout)
def _the_same(layer: Flatten | Dropout, node: Node, passages: dict[str, Passage], place: Place) -> Record:
    note = "the signal is unchanged"
    if isinstance(layer, Flatten):
        k = int(np.ravel_multi_index(place, node.x.shape[1:]))
        note = f"the same number as {place_text((k,))} of the signal above"
    sums = [Sum(RULE_TITLES[rule], _value(passage, place), note=note) for rule, passage in passages.items()]
    return Record("∂f/∂X_n = ∂f/∂X_{n+1}", sums, [line_of(type(layer).backward, "return")])


def junction(layer: Branches, arrived: dict[str, dict[str, np.ndarray]], place: Place) -> Record:
    """Σ_k of the signals of the branches.  `arrived`: for each rule the signal of each branch at X_n."""
    sums = []
    for rule, of_branches in arrived.items():
        terms = [(f"branch {branch}", float(below[0][place])) for branch, below in of_branches.items()]
        sums.append(Sum(RULE_TITLES[rule], sum(value for _, value in terms), terms))
    formula = "∂f/∂X_n = Σ_k of the signal of branch k: at X_n the signals add up"
    return Record(formula, sums, [line_of(Branches.run_down, "return")])
