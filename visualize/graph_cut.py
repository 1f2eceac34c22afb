"""Which pixels are the object?  The labelling of least energy, found by a graph cut [Boykov2001].

    E(L) = Σ_p U_p(L_p) + Σ_{p~q} V_pq · [L_p ≠ L_q],      L_p = 1 object, 0 background,

    U_p(L) = −log P(L | colour of p)                       unary: how badly the label fits the pixel's colour
    V_pq   = γ · exp(−β ‖colour_p − colour_q‖²)            pairwise: what an outline between two neighbours costs

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

Pairwise = tuple[np.ndarray, np.ndarray]  # V to the right (H, W−1) and V downwards (H−1, W)

PARTS = 1e6  # the flow runs in whole numbers: so many to a unit of energy
LARGEST = 2**27  # and no term above this: a pixel's excess and its four edges are added up in 32 bits


def unary_terms(colours: np.ndarray, foreground: Mixture, background: Mixture) -> np.ndarray:
    """U_p(L) = −log P(L | x_p) with both labels equally likely beforehand:  P(1 | x) = p_1(x) / (p_0(x) + p_1(x)).

    Colours (H, W, d) → (2, H, W): U[0] the cost of calling a pixel background, U[1] of calling it object.
    """
    log_ratio = foreground.log_density(colours) - background.log_density(colours)
    return np.stack([np.logaddexp(0, log_ratio), np.logaddexp(0, -log_ratio)])


def clamped(unary: np.ndarray, foreground: np.ndarray, background: np.ndarray, pairwise: Pairwise) -> np.ndarray:
    """Hard seeds: the unary terms (2, H, W) with the pixels of two masks (H, W) bound to their labels.

    The right label costs nothing, the wrong one more than all the outline around a pixel can.
    """
    dear = 1 + 4 * max((V.max() for V in pairwise if V.size), default=0.0)
    bound = unary.copy()
    bound[:, foreground] = [[dear], [0]]
    bound[:, background] = [[0], [dear]]
    return bound


def pairwise_terms(colours: np.ndarray, strength: float, beta: float = 2.0) -> Pairwise:
    """V_pq = γ · exp(−β ‖x_p − x_q‖²) for the four neighbours, γ being the strength, β = beta / mean ‖x_p − x_q‖².

    An outline is cheap where the colours jump; β says what counts as a jump in this picture.  Divided by the mean, it
    is the same whether colours run from 0 to 1 or to 255.  beta is 2 in iseg, ½ in GrabCut [Rother2004].
    Colours (H, W, d) → V to the right (H, W−1) and V downwards (H−1, W).
    """
    across = ((colours[:, 1:] - colours[:, :-1]) ** 2).sum(axis=-1)
    down = ((colours[1:] - colours[:-1]) ** 2).sum(axis=-1)
    mean = (across.sum() + down.sum()) / max(across.size + down.size, 1)
    scale = beta / mean if mean > 0 else 0.0  # a flat picture has no jumps: every outline costs the full strength
    return strength * np.exp(-scale * across), strength * np.exp(-scale * down)


def energy(labels: np.ndarray, unary: np.ndarray, pairwise: Pairwise) -> float:
    """E(L) of a labelling (H, W) of 0 and 1."""
    across, down = pairwise
    outline = across[labels[:, 1:] != labels[:, :-1]].sum() + down[labels[1:] != labels[:-1]].sum()
    return float(np.where(labels, unary[1], unary[0]).sum() + outline)


def minimal_cut(unary: np.ndarray, pairwise: Pairwise) -> tuple[np.ndarray, float]:
    """The labelling (H, W) of least energy, and the flow, which is that energy (to PARTS, rounded).

    Of several such labellings it is the one with the smallest object.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    largest = max((float(terms.max()) for terms in (unary, *pairwise) if terms.size), default=0.0)
    parts = min(PARTS, LARGEST / max(1.0, largest))
    unary, across, down = (np.rint(terms * parts).astype(np.int64) for terms in (unary, *pairwise))
    excess = unary[0] - unary[1]
    begun = head_start(excess, (across, down))
    left = remaining(excess, begun)
    graph = grid_graph(np.stack([np.maximum(left, 0), np.maximum(-left, 0)]), (across, down), begun)
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

    Pixel p has six edges, in the order of where they lead: up p−W, left p−1, right p+1, down p+W, source, sink.  Each
    edge's reverse is there too, if only with capacity 0, so that the flow comes back with the same entries.
    A flow that has begun takes from the capacity of one direction and gives to that of the other.
    """
    from scipy.sparse import csr_array

    (H, W), (across, down) = unary.shape[1:], pairwise
    right, downwards = begun or (0, 0)
    inside, leads_to, starts = grid(H, W)
    capacity = np.zeros((H, W, 6), np.int32)
    capacity[1:, :, 0], capacity[:-1, :, 3] = down + downwards, down - downwards
    capacity[:, 1:, 1], capacity[:, :-1, 2] = across + right, across - right
    capacity[..., 5] = unary[1]
    data = np.concatenate([capacity[inside], unary[0].ravel(), np.zeros(H * W, np.int32)]).astype(np.int32)
    return csr_array((data, leads_to.copy(), starts.copy()), shape=(H * W + 2, H * W + 2))  # SciPy writes into them


@lru_cache(maxsize=4)
def grid(H: int, W: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What all graphs of one size share: which of a pixel's six edges there are, where edges lead, where rows start."""
    n = H * W
    pixels = np.arange(n, dtype=np.int32)
    leads_to = pixels.reshape(H, W, 1) + np.array([-W, -1, 1, W, 0, 0], np.int32)
    leads_to[..., 4], leads_to[..., 5] = n, n + 1
    inside = np.ones((H, W, 6), bool)  # at its borders the grid has fewer neighbours
    inside[0, :, 0] = inside[:, 0, 1] = inside[:, -1, 2] = inside[-1, :, 3] = False
    starts = np.cumsum([0, *inside.sum(axis=2).ravel(), n, n], dtype=np.int32)
    return inside, np.concatenate([leads_to[inside], pixels, pixels]), starts
