"""The preset `vivid`: the same argmax_I S_c(I), by gradient ascent in another basis.

The gradient is the paper's.  The coordinates are others:

    I = preprocessed( 255 · σ(A · B_h (s ∘ Z) B_wᵀ) )     Z: the coefficients of all waves, along the colour axes

    ∂S_c/∂Z:  back through the network, the view, the colours and the waves, each by its adjoint.

Steps of equal size in all of Z change large shapes more than single pixels, and colours as in photographs; no frequency
is excluded, and no weight on ‖I‖ is needed, for σ keeps the pixels in 0 … 255.  At each step the network gets a view of
the image, a little shifted, rotated and scaled.  The sources are cited in `fourier`, `colours`, `views` and `adam`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layers.arrays import Array
from minicnn.images import Preprocessing
from minicnn.network import Network, preprocessing_of
from minicnn.settings import check, setting

from .adam import Adam
from .ascent import Ascent
from .colours import Colours
from .fourier import Waves
from .objective import precision, slope
from .views import View

LARGEST = 2048  # pixels: spectrum and Adam's two means of it must fit into memory


@dataclass(frozen=True)
class Vivid:
    """Settings of the ascent in waves and colour axes.  Of all this only S_c is in the paper.

    A picture larger than the network's input is covered by several views, placed at random in each step; the objective
    is the mean of their S_c.
    """

    steps: int = setting(200, "steps of the ascent", minimum=1)
    rate: float = setting(0.02, "Adam's rate: how far a step moves the coefficient of each wave", above=0)
    shift: float = setting(12.0, "shift the view by up to so many random pixels before each step …", minimum=0)
    turn: float = setting(5.0, "… turn it by up to so many degrees either way …", minimum=0, maximum=45)
    zoom: float = setting(0.05, "… and scale it by up to this fraction, up or down", minimum=0, below=1)
    noise: float = setting(0.0025, "size of the normal noise in Z to start from", above=0)
    seed: int = setting(0, "of every random number", minimum=0)
    picture_size: int | None = setting(
        None, "pixels of the picture's longer side (default: the network's input)", minimum=1, maximum=LARGEST
    )

    def __post_init__(self) -> None:
        check(self)

    @property
    def length(self) -> int:
        """The number of steps to do."""
        return self.steps

    def stopped_after(self, steps: int) -> Vivid:
        """These settings, ended after so many steps."""
        return replace(self, steps=min(steps, self.steps))


def ascend_vividly(net: Network, classes: Sequence[int], settings: Vivid) -> Iterator[Ascent]:
    """The ascent a step at a time: settings.steps + 1 states, the last of them by straight views.

    Z ← Z + Adam's step along ∂S_c/∂Z
    """
    picture, xp = canvas(net, settings), net.xp
    Z = start(net, classes, settings, picture)
    waves, colours, adam = Waves(Z, picture.size), Colours(Z, picture.order), Adam(settings.rate)
    mean, scale = (xp.asarray(a.astype(Z.dtype)) for a in per_channel(picture))
    rng = np.random.default_rng(settings.seed)  # one for all classes: each has the views that it would have alone
    rate, none = xp.full(len(classes), settings.rate, Z.dtype), xp.zeros(len(classes), Z.dtype)
    for t in range(settings.steps + 1):
        P = colours.pixels(waves.image(Z))
        views = (
            random_views(net, picture.size, settings, rng) if t < settings.steps else straight_views(net, picture.size)
        )
        scores, gradient = mean_slope(net, (P - mean) * scale, classes, views)
        I = (P - mean) * scale
        yield Ascent(I, scores, scores, xp.sqrt((I**2).sum(axis=(1, 2, 3))), rate, none)
        Z = adam.step(Z, waves.adjoint(colours.adjoint(gradient * scale, P)))


def mean_slope(net: Network, I: Array, classes: Sequence[int], views: Sequence[View]) -> tuple[Array, Array]:
    """The mean of S_c over some views of the images, and its gradient ∂/∂I.  One view at a time, to save memory."""
    scores, gradient = 0.0, 0.0
    for view in views:
        S_c, _, grad = slope(net, view.of(I), classes)
        scores, gradient = scores + S_c / len(views), gradient + view.adjoint(grad, I.shape) / len(views)
    return scores, gradient


def canvas(net: Network, settings: Vivid) -> Preprocessing:
    """The preprocessing for pictures of this size: the network's own, with the mean colour of a mean image."""
    own = preprocessing_of(net)
    smallest = max(own.size)
    size = settings.picture_size or smallest
    if size < smallest:
        raise ValueError(f"picture_size must be {smallest} or more, what the network sees at once, got {size}")
    shape = (round(own.size[0] * size / smallest), round(own.size[1] * size / smallest))
    mean = np.asarray(own.mean).reshape(own.channels, -1).mean(axis=1)
    return replace(own, size=shape, mean=tuple(mean.tolist()), resize=None)


def per_channel(picture: Preprocessing) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale, each (C, 1, 1)."""
    mean, scale = np.asarray(picture.mean), np.broadcast_to(np.asarray(picture.scale), picture.channels)
    return mean[:, None, None], scale[:, None, None]


def start(net: Network, classes: Sequence[int], settings: Vivid, picture: Preprocessing) -> Array:
    """A little noise, which breaks the symmetry: (N, C, H, W)."""
    generators = [np.random.default_rng([settings.seed, c]) for c in classes]  # one for each class, whatever the batch
    shape = (picture.channels, *picture.size)
    Z = settings.noise * np.stack([rng.standard_normal(shape, np.float32) for rng in generators])
    return net.xp.asarray(Z, precision(net))


# ---------------------------------------------------------------------- views


def random_views(net: Network, size: tuple[int, int], settings: Vivid, rng: np.random.Generator) -> list[View]:
    """Views that cover the picture: shifted together at random, rotated and scaled independently.

    A single view shifts by `shift` at most; several by half their distance, so that their borders are anywhere.
    """
    straight = straight_views(net, size)
    reach = settings.shift if len(straight) == 1 else max(size) / 2 / np.sqrt(len(straight))
    down, across = rng.uniform(-reach, reach, 2)
    return [
        View(
            view.size,
            (view.middle[0] + down, view.middle[1] + across),
            scale=float(1 + settings.zoom * rng.uniform(-1, 1)),
            turn=float(np.radians(settings.turn) * rng.uniform(-1, 1)),
        )
        for view in straight
    ]


def straight_views(net: Network, size: tuple[int, int]) -> list[View]:
    """The fewest views of the network's size that cover the picture, evenly spread."""
    own = preprocessing_of(net).size
    middles = [
        [(i + 0.5) * N / count - 0.5 for i in range(count)]
        for n, N in zip(own, size, strict=True)
        for count in [-(-N // n)]
    ]
    return [View(own, (y, x)) for y in middles[0] for x in middles[1]]
