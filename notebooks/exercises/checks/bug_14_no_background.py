"""The check of exercise 14: on some photographs the background has no pixels at all."""

import numpy as np


def check(seeds):
    rng = np.random.default_rng(0)
    plain = rng.random((20, 30))
    half_zero = np.where(rng.random((20, 30)) < 0.5, 0, plain)
    flat_top = np.minimum(plain, 0.9)
    for kind, M in {"no two equal": plain, "half of them 0": half_zero, "a tenth of them at the top": flat_top}.items():
        highest, lowest = seeds(M)
        for name, mask, share in (("object", highest, 0.05), ("background", lowest, 0.30)):
            assert mask.shape == M.shape, f"the {name}'s mask has shape {mask.shape}, the map has {M.shape}"
            assert abs(mask.sum() - share * M.size) <= 1, (
                f"in a map of {M.size} pixels, {kind}, {mask.sum()} were chosen for the {name}; {share:.0%} are "
                f"{share * M.size:.0f}"
            )
        assert M[highest].min() >= M[~highest].max(), (
            f"{kind}: a pixel left out is more salient than one of the object's"
        )
        assert M[lowest].max() <= M[~lowest].min(), (
            f"{kind}: a pixel left out is less salient than one of the background's"
        )
