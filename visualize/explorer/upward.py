"""The arithmetic of the forward pass: the value at one place of X_{n+1} from X_n."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from layers import (
    Add,
    AveragePool,
    BatchNorm,
    Concat,
    Conv,
    Flatten,
    FullyConnected,
    GlobalAveragePool,
    GroupedConv,
    Layer,
    LocalResponseNorm,
    MaxPool,
    ReLU,
)
from layers.average_pool import mean_over_pixels
from layers.concat import join_channels
from layers.convolution import correlate
from layers.fully_connected import affine
from layers.local_response_norm import normalize
from layers.max_pool import max_pool

from .microscope import Grid, Place, Record, Sum, exact, largest_terms, line_of, place_text, table
from .nodes import Node


def up(node: Node, place: Place, branches: list[Node]) -> Record:
    """The arithmetic of X_{n+1}(place).  `branches`: of a branching layer, the last layer of each non-empty branch."""
    if isinstance(node.layer, Concat | Add):
        return _junction(node, place, branches)
    return upward(node.layer, node, place)


@singledispatch
def upward(layer: Layer, node: Node, place: Place) -> Record:
    """Any other kind of layer: its number, and whether it is X_n's."""
    same = node.x.shape == node.y.shape and node.x[0][place] == node.y[0][place]
    note = "the number is unchanged" if same else "this kind of layer shows its number, not its arithmetic"
    return Record("X_{n+1} = X_n" if same else "", [Sum("", _value(node, place), note=note)], [])


def _value(node: Node, place: Place) -> float:
    return float(node.y[0][place])


@upward.register
def _conv(layer: Conv, node: Node, place: Place) -> Record:
    m, i, j = place
    K, b = exact(layer.K[m]), float(layer.b[m])
    first = len(K) * (m // (len(layer.K) // layer.groups)) if isinstance(layer, GroupedConv) else 0
    patch, known = window(node, layer.K.shape[2:], layer.stride, layer.pad[::2], (i, j))
    patch = patch[first : first + len(K)]
    products = K * patch
    of_channels = products.sum(axis=(1, 2))
    c = int(np.abs(of_channels).argmax())
    grids = [
        Grid(f"the patch of X_n, channel {first + c}", table(patch[c], known)),
        Grid(f"kernel K({m}, {c})", table(K[c]), "×"),
        Grid("products; their sum is a term below", table(products[c], known), "="),
    ]
    terms = [*largest_terms(lambda c: f"channel {first + c}", of_channels, "other channels"), (f"bias b({m})", b)]
    return Record(
        "X_{n+1}(m, i, j) = b(m) + Σ_{c,u,v} K(m, c, u, v) · X_n(c, s·i + u − top, s·j + v − left)",
        [Sum("", float(of_channels.sum() + b), terms, grids)],
        [line_of(correlate, "einsum")],
    )


@upward.register
def _fully_connected(layer: FullyConnected, node: Node, place: Place) -> Record:
    (d,) = place
    terms, b = exact(layer.W[d]) * exact(node.x[0]), float(layer.b[d])
    x = exact(node.x[0])
    shown = largest_terms(lambda k: f"W({d}, {k}) · X_n({k}), X_n({k}) = {x[k]:.4g}", terms)
    return Record(
        "X_{n+1}(d) = b(d) + Σ_k W(d, k) · X_n(k)",
        [Sum("", float(terms.sum() + b), [*shown, (f"bias b({d})", b)])],
        [line_of(affine, "return")],
    )


@upward.register
def _relu(layer: ReLU, node: Node, place: Place) -> Record:
    x = float(node.x[0][place])
    note = "open: X_n > 0, unchanged" if x > 0 else "closed: X_n ≤ 0, the result is 0"
    return Record(
        "X_{n+1} = max(X_n, 0)",
        [
            Sum(
                "",
                _value(node, place),
                grids=[Grid("X_n", [[x]]), Grid("max(X_n, 0)", [[max(x, 0.0)]], "→")],
                note=note,
            )
        ],
        [line_of(ReLU.forward, "return")],
    )


@upward.register
def _max_pool(layer: MaxPool, node: Node, place: Place) -> Record:
    c, i, j = place
    patch, known = window(node, layer.size, layer.stride, layer.padding(node.x.shape)[::2], (i, j))
    _shape, switches = node.cache
    winner = divmod(int(switches[0][place]), layer.size[1])
    return Record(
        "X_{n+1}(p) = max_{q∈Ω(p)} X_n(q); the winner's place is the switch",
        [
            Sum(
                "",
                _value(node, place),
                grids=[Grid("the window Ω(p), its winner marked", table(patch[c], known), "", [winner])],
            )
        ],
        [line_of(max_pool, "return")],
    )


@upward.register
def _average_pool(layer: AveragePool, node: Node, place: Place) -> Record:
    c, i, j = place
    patch, known = window(node, layer.size, layer.stride, layer.padding(node.x.shape)[::2], (i, j))
    value = _value(node, place)
    grids = [Grid("the window Ω(p)", table(patch[c], known))]
    note = f"the sum of the window, {patch[c][known].sum():.5g}, over |Ω(p)|"
    return Record("X_{n+1}(p) = (1/|Ω(p)|) Σ_{q∈Ω(p)} X_n(q)", [Sum("", value, grids=grids, note=note)],
                  [line_of(AveragePool.forward, "return")])  # fmt: skip


@upward.register
def _global_average(layer: GlobalAveragePool, node: Node, place: Place) -> Record:
    (c,) = place
    x = exact(node.x[0, c])
    W = x.shape[1]
    terms = largest_terms(lambda q: f"row {q // W}, column {q % W}", x.ravel() / x.size, "other places")
    return Record(
        f"X_{{n+1}}(c) = (1/{x.size}) Σ_q X_n(c, q); each term is X_n(c, q) / {x.size}",
        [Sum("", float(x.mean()), terms)],
        [line_of(mean_over_pixels, "return")],
    )


@upward.register
def _local_response(layer: LocalResponseNorm, node: Node, place: Place) -> Record:
    c = place[0]
    x = exact(np.moveaxis(node.x[0], 0, -1)[place[1:]])
    channels = range(max(0, c - layer.before), min(len(x), c + layer.after + 1))
    terms = [
        ("κ", layer.kappa),
        *((f"α · X_n({j})², X_n({j}) = {x[j]:.4g}", layer.alpha * x[j] ** 2) for j in channels),
    ]
    D = sum(value for _, value in terms)
    result = Grid("X_n(c)", [[float(x[c])]]), Grid("D(c)", [[D]], "/"), Grid("β", [[layer.beta]], "^")
    return Record(
        "X_{n+1}(c) = X_n(c) / D(c)^β,   D(c) = κ + α Σ_{j∈Ω(c)} X_n(j)²",
        [Sum("D(c)", D, terms), Sum("X_{n+1}(c)", float(x[c] * D**-layer.beta), grids=list(result))],
        [line_of(normalize, "D ="), line_of(normalize, "return")],
    )


@upward.register
def _batch_norm(layer: BatchNorm, node: Node, place: Place) -> Record:
    c = place[0]
    a, offset, x = float(layer.slope[c]), float(layer.offset[c]), float(node.x[0][place])
    return Record(
        "X_{n+1} = a · X_n + c,   a = γ / √(σ² + ε),   c = β − a · μ",
        [Sum("", a * x + offset, [(f"a · X_n, a = {a:.4g}, X_n = {x:.4g}", a * x), (f"c({c})", offset)])],
        [line_of(BatchNorm.forward, "return")],
    )


@upward.register
def _flatten(layer: Flatten, node: Node, place: Place) -> Record:
    old = tuple(int(k) for k in np.unravel_index(place[0], node.x.shape[1:]))
    return Record(
        "X_{n+1} = vec(X_n)",
        [Sum("", _value(node, place), note=f"the same number was at {place_text(old)} of X_n")],
        [line_of(Flatten.forward, "return")],
    )


def _junction(node: Node, place: Place, branches: list[Node]) -> Record:
    """[f_1, f_2, …] takes the channel from one branch; f_1 + f_2 + … adds the branches up."""
    if isinstance(node.layer, Add):
        terms = [(f"branch {one.branch}", float(one.y[0][place])) for one in branches]
        if len(terms) < len(node.layer.branches):
            terms.append(("X_n itself, by an empty branch", float(node.x[0][place])))
        return Record("X_{n+1} = f_1(X_n) + f_2(X_n) + …", [Sum("", _value(node, place), terms)],
                      [line_of(Add.join, "return")])  # fmt: skip
    channels, c = node.cache[0], place[0]
    ends = np.cumsum(channels)
    k = int(np.searchsorted(ends, c, side="right"))
    branch = list(node.layer.branches)[k]  # type: ignore[attr-defined]
    note = f"channel {c} is channel {c - int(ends[k]) + channels[k]} of branch {branch}"
    return Record("X_{n+1} = [f_1(X_n), f_2(X_n), …]", [Sum("", _value(node, place), note=note)],
                  [line_of(join_channels, "return")])  # fmt: skip


def window(
    node: Node, size: tuple[int, int], stride: tuple[int, int], before: tuple[int, int], position: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The window of output (i, j) in all channels, (C, kh, kw) with zeros as padding, and which are pixels."""
    H, W = node.x.shape[2:]
    rows = stride[0] * position[0] - before[0] + np.arange(size[0])
    columns = stride[1] * position[1] - before[1] + np.arange(size[1])
    known = ((rows >= 0) & (rows < H))[:, None] & ((columns >= 0) & (columns < W))
    values = exact(node.x[0][:, rows.clip(0, H - 1)][:, :, columns.clip(0, W - 1)])
    return values * known, known
