"""A head start for the maximum flow through a grid: a large flow found quickly, coarse to fine, on whole arrays.

Any flow f from pixel to neighbour within the capacities may be sent before the search begins.  What is left to find is
the maximum flow through the grid with the capacities that remain,

    right of p:  V_pq − f_pq,   left of q:  V_pq + f_pq,       and      e_p − Σ_q f_pq

in place of e_p = U_p(0) − U_p(1), the excess of what the source gives p over what the sink takes from it.  That takes
the same from the energy of every labelling, so the cut is exactly the same.  A good f leaves little to do: it evens the
excess out as far as the capacities allow.  Exchange between neighbours does that over short distances; for long ones
the image is first reduced, one pixel for each 2×2.
"""

from __future__ import annotations

import numpy as np

Flow = tuple[np.ndarray, np.ndarray]  # to the right (H, W−1) and downwards (H−1, W); negative: the other way

LEVELS = 5  # down to a sixteenth of the image's sides
SWEEPS, FINE_SWEEPS = 10, 4  # found by timing: more cost more time than they save


def head_start(excess: np.ndarray, capacity: Flow, levels: int = LEVELS) -> Flow:
    """A flow in whole numbers, at most `capacity` either way, that evens out most of the excess (H, W)."""
    H, W = excess.shape
    finest = levels == LEVELS
    if levels > 1 and min(H, W) > 1:
        coarse_capacity = joined_capacity(capacity, H, W)
        coarse = head_start(joined(excess), coarse_capacity, levels - 1)
        flow = refined(coarse, coarse_capacity, capacity)
    else:
        flow = np.zeros_like(capacity[0]), np.zeros_like(capacity[1])
    evened_out(remaining(excess, flow), flow, capacity, FINE_SWEEPS if finest else SWEEPS)
    return flow


def remaining(excess: np.ndarray, flow: Flow) -> np.ndarray:
    """e_p − Σ_q f_pq."""
    across, down = flow
    left = excess.copy()
    left[:, :-1] -= across
    left[:, 1:] += across
    left[:-1] -= down
    left[1:] += down
    return left


def evened_out(excess: np.ndarray, flow: Flow, capacity: Flow, sweeps: int) -> None:
    """Pairs of neighbours even their excess out, within the capacity of their edge; excess and flow change in place."""
    for _ in range(sweeps):
        for first in (0, 1):  # pairs begin at even places, then at odd ones
            for a, b, f, limit in (
                (excess[:, first:-1:2], excess[:, first + 1 :: 2], flow[0][:, first::2], capacity[0][:, first::2]),
                (excess[first:-1:2], excess[first + 1 :: 2], flow[1][first::2], capacity[1][first::2]),
            ):
                more = np.clip(f + (a - b) // 2, -limit, limit) - f
                f += more
                a -= more
                b += more


# ---------------------------------------------------------------------- coarse and fine


def joined(excess: np.ndarray) -> np.ndarray:
    """Sums over 2×2 pixels, at an odd border over fewer: (H, W) → (⌈H/2⌉, ⌈W/2⌉)."""
    even = np.pad(excess, [(0, side % 2) for side in excess.shape])
    return even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]


def joined_capacity(capacity: Flow, H: int, W: int) -> Flow:
    """The two edges between neighbouring blocks of 2×2 pixels become one."""
    across = np.pad(capacity[0][:, 1::2], [(0, H % 2), (0, 0)])
    down = np.pad(capacity[1][1::2], [(0, 0), (0, W % 2)])
    return across[::2] + across[1::2], down[:, ::2] + down[:, 1::2]


def refined(coarse: Flow, coarse_capacity: Flow, capacity: Flow) -> Flow:
    """The flow between blocks divided between their two edges in proportion to capacity; within a block no flow."""
    ratios = [f / np.maximum(limit, 1) for f, limit in zip(coarse, coarse_capacity, strict=True)]
    across, down = np.zeros_like(capacity[0]), np.zeros_like(capacity[1])
    across[:, 1::2] = ratios[0].repeat(2, axis=0)[: len(across)] * capacity[0][:, 1::2]  # rounded towards 0
    down[1::2] = ratios[1].repeat(2, axis=1)[:, : down.shape[1]] * capacity[1][1::2]
    return across, down
