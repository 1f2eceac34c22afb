"""What a class has and its rivals have not: a map for pictures with several objects.  It is not in the paper.

A class's saliency lies on the other objects of a picture as well: what is there changes its score, too.  What all
classes have in common is subtracted,

    M_c − ¼ Σ_k M_k,  where positive,  over the four rivals k ≠ c with the highest scores,

each map scaled to the sum 1 beforehand.  The idea is that of [Zhang2016], contrastive
excitation back-propagation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from layers.arrays import to_host
from minicnn.network import Network, input_of, preprocessing_of

from ..localization import Maps

RIVALS = 4


def contrast(maps: Maps, net: Network, photo: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """The contrasted map of each class, (K, H, W), from the maps that `maps` makes; unknown pixels stay NaN."""
    best = top_classes(net, photo, RIVALS + 1)  # one of these may be the class itself
    needed = list(dict.fromkeys([*classes, *best]))
    normalised = {k: normalise(M) for k, M in zip(needed, maps(net, photo, needed), strict=True)}
    contrasted = []
    for c in classes:
        rivals = [normalised[k] for k in best if k != c][:RIVALS]
        common = np.mean(rivals, axis=0) if rivals else np.float32(0)
        contrasted.append(np.maximum(normalised[c] - common, 0))
    return np.stack(contrasted)


def normalise(M: np.ndarray) -> np.ndarray:
    """M / ΣM; a map that is zero everywhere stays so."""
    total = np.nansum(M)
    return M / total if total > 0 else M


def top_classes(net: Network, photo: np.ndarray, count: int) -> list[int]:
    """The classes with the highest scores at the photograph's centre crop, highest first."""
    scores = to_host(net.scores(input_of(net, preprocessing_of(net).centre_crop(photo)))[0])
    return [int(c) for c in np.argsort(-scores, kind="stable")[:count]]
