"""Which pixels are the object?  The labelling of least energy, found by a graph cut [Boykov2001].

    E(L) = Σ_p U_p(L_p) + Σ_{p~q} V_pq · [L_p ≠ L_q],      L_p = 1 object, 0 background,

    U_p(L) = −log P(L | colour of p)                       unary: how badly the label fits the pixel's colour
    V_pq   = γ · exp(−β ‖colour_p − colour_q‖²)            pairwise: what an outline between two neighbours costs

Neighbours are a pixel's four, to the right and left, above and below; with the diagonal ones they are eight.

Every labelling is a cut through a graph: a source joined to each pixel by an edge of capacity U_p(0), a sink by one of
capacity U_p(1), neighbours by edges of capacity V_pq.  The object is what stays with the source, E is the capacity of
the edges cut, and the least cut is the greatest flow from source to sink.

Step by step:  fit_mixture (mixture.py) → unary_terms, pairwise_terms → minimal_cut;  energy prices any labelling.
Most of the flow is sent before SciPy searches for the rest (head_start.py).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .head_start import Flow, head_start, remaining
from .mixture import Mixture

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# V to the right (H, W−1) and downwards (H−1, W); of eight neighbours also down-right and down-left (H−1, W−1)
Pairwise = tuple[np.ndarray, ...]
Step = tuple[int, int]

STEPS: tuple[Step, ...] = ((0, 1), (1, 0), (1, 1), (1, -1))  # to those neighbours, in rows and columns
# By the Cauchy-Crofton formula an outline then costs about γ for each pixel of its length, whichever way it runs.  With
# four neighbours a slanted one costs up to √2 times as much as a level one, and a round object is cut in stairs.
EIGHT = np.pi / 8 / np.array([1, 1, np.sqrt(2), np.sqrt(2)])  # [Boykov2003]

PARTS = 1e6  # the flow runs in whole numbers: so many to a unit of energy
LARGEST = 2**27  # and no term above this: a pixel's excess and its edges, up to eight, are added up in 32 bits


def unary_terms(colours: np.ndarray, foreground: Mixture, background: Mixture) -> np.ndarray:
    """U_p(L) = −log P(L | x_p) with both labels equally likely beforehand:  P(1 | x) = p_1(x) / (p_0(x) + p_1(x)).

    Colours (H, W, d) → (2, H, W): U[0] the cost of calling a pixel background, U[1] of calling it object.
    """
    log_ratio = foreground.log_density(colours) - background.log_density(colours)
    return np.stack([np.logaddexp(0, log_ratio), np.logaddexp(0, -log_ratio)])


def clamped(unary: np.ndarray, foreground: np.ndarray, background: np.ndarray, pairwise: Pairwise) -> np.ndarray:
    """Hard seeds: the unary terms (2, H, W) with the pixels of two masks (H, W) bound to their labels.

    The right label costs nothing, the wrong one more than cutting every edge of the pixel.
    """
    prohibitive = 1 + 2 * sum(V.max() for V in pairwise if V.size)
    bound = unary.copy()
    bound[:, foreground] = [[prohibitive], [0]]
    bound[:, background] = [[0], [prohibitive]]
    return bound


def pairwise_terms(colours: np.ndarray, strength: float, beta: float = 2.0, neighbours: int = 4) -> Pairwise:
    """V_pq = γ · exp(−β ‖x_p − x_q‖²) for four neighbours, γ being the strength, β = beta / mean ‖x_p − x_q‖².

    An outline is cheap where the colours jump; β says what counts as a jump in this picture.  Divided by the mean, it
    is the same whether colours run from 0 to 1 or to 255.  beta is 2 in iseg, ½ in GrabCut [Rother2004].
    Colours (H, W, d) → V to the right (H, W−1) and V downwards (H−1, W).

    Of eight neighbours each has its share of γ, and V down-right and down-left (H−1, W−1) follow.
    """
    steps, shares = (STEPS, EIGHT) if neighbours == 8 else (STEPS[:2], np.ones(2))
    jumps = [((there - here) ** 2).sum(axis=-1) for here, there in (ends(colours, step) for step in steps)]
    mean = sum(jump.sum() for jump in jumps) / max(sum(jump.size for jump in jumps), 1)
    scale = beta / mean if mean > 0 else 0.0  # a flat picture has no jumps: every outline costs the full strength
    return tuple(share * strength * np.exp(-scale * jump) for share, jump in zip(shares, jumps, strict=True))


def ends(pixels: np.ndarray, step: Step) -> tuple[np.ndarray, np.ndarray]:
    """Every pixel (H, W, …) that has a neighbour one step away, and that neighbour: two views."""
    (H, W), (y, x) = pixels.shape[:2], step
    return pixels[: H - y, max(0, -x) : W - max(0, x)], pixels[y:, max(0, x) : W - max(0, -x)]


def energy(labels: np.ndarray, unary: np.ndarray, pairwise: Pairwise) -> float:
    """E(L) of a labelling (H, W) of 0 and 1."""
    outline = 0.0
    for V, step in zip(pairwise, STEPS, strict=False):
        here, there = ends(labels, step)
        outline += V[here != there].sum()
    return float(np.where(labels, unary[1], unary[0]).sum() + outline)


def minimal_cut(unary: np.ndarray, pairwise: Pairwise) -> tuple[np.ndarray, float]:
    """The labelling (H, W) of least energy, and the flow, which is that energy (to PARTS, rounded).

    Of several such labellings it is the one with the smallest object.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    largest = max((float(terms.max()) for terms in (unary, *pairwise) if terms.size), default=0.0)
    parts = min(PARTS, LARGEST / max(1.0, largest))
    unary, *whole = (np.rint(terms * parts).astype(np.int64) for terms in (unary, *pairwise))
    excess = unary[0] - unary[1]
    begun = head_start(excess, (whole[0], whole[1]))  # none on the diagonals: that is a flow, too
    left = remaining(excess, begun)
    graph = grid_graph(np.stack([np.maximum(left, 0), np.maximum(-left, 0)]), tuple(whole), begun)
    source, sink = excess.size, excess.size + 1
    flow = maximum_flow(graph, source, sink)

    # What flow a pixel could still get from the source decides: it is the object's if there is a way with room left.
    room = csr_array((graph.data - flow.flow.data, graph.indices, graph.indptr), graph.shape)
    room.eliminate_zeros()  # an edge without room is no edge, and a stored 0 would be walked
    reached = breadth_first_order(room, source, return_predecessors=False)
    labels = np.zeros(sink + 1, bool)
    labels[reached] = True
    before = unary[1].sum() - np.maximum(-left, 0).sum()  # what every labelling costs, whatever is left to be found
    return labels[:source].reshape(excess.shape), float((before + flow.flow_value) / parts)


def grid_graph(unary: np.ndarray, pairwise: Pairwise, begun: Flow | None = None) -> csr_array:
    """The graph as a sparse matrix of capacities, entry (a, b) that of the edge a → b; pixels, source, sink in order.

    Pixel p has an edge to each neighbour, in the order of the pixels, then those to source and sink.  Each edge's
    reverse is there too, if only with capacity 0, so that the flow comes back with the same entries.
    A flow that has begun takes from the capacity of one direction and gives to that of the other.
    """
    from scipy.sparse import csr_array

    H, W = unary.shape[1:]
    edges = ways(len(pairwise))
    inside, leads_to, starts = grid(H, W, len(pairwise))
    capacity = np.zeros((H, W, len(edges) + 2), np.int32)
    for n, (V, step) in enumerate(zip(pairwise, STEPS, strict=False)):
        flow = begun[n] if begun and n < len(begun) else 0
        here, there = ends(capacity, step)
        here[..., edges.index(step)], there[..., edges.index(back(step))] = V - flow, V + flow
    capacity[..., -1] = unary[1]
    data = np.concatenate([capacity[inside], unary[0].ravel(), np.zeros(H * W, np.int32)]).astype(np.int32)
    return csr_array((data, leads_to.copy(), starts.copy()), shape=(H * W + 2, H * W + 2))  # SciPy writes into them


@lru_cache(maxsize=4)
def grid(H: int, W: int, terms: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What all graphs of one size share: which of a pixel's edges there are, where edges lead, where rows start."""
    n = H * W
    edges, pixels = ways(terms), np.arange(n, dtype=np.int32)
    leads_to = pixels.reshape(H, W, 1) + np.array([y * W + x for y, x in edges] + [0, 0], np.int32)
    leads_to[..., -2], leads_to[..., -1] = n, n + 1
    inside = np.zeros((H, W, len(edges) + 2), bool)  # at its borders the grid has fewer neighbours
    inside[..., -2:] = True
    for step in STEPS[:terms]:
        here, there = ends(inside, step)
        here[..., edges.index(step)] = there[..., edges.index(back(step))] = True
    starts = np.cumsum([0, *inside.sum(axis=2).ravel(), n, n], dtype=np.int32)
    return inside, np.concatenate([leads_to[inside], pixels, pixels]), starts


def ways(terms: int) -> list[Step]:
    """From a pixel to all of its neighbours, there and back along the steps, in the order of the pixels."""
    return sorted([*STEPS[:terms], *map(back, STEPS[:terms])])


def back(step: Step) -> Step:
    return -step[0], -step[1]
