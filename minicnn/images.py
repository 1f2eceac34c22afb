"""Photographs and network inputs: cropping, X_0 = (pixels − mean) · scale, and all the way back.

A *photograph* is an array (H, W, 3) of bytes, RGB.  A *crop* is the part of it that a network sees, at the network's
size, and knows where it came from.  X_0 is what the network computes with: (N, C, h, w), float32.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from PIL import Image

from .files import atomic_write
from .photo_files import MAX_PIXELS as MAX_PIXELS
from .photo_files import read_photo as read_photo
from .resizing import ROUNDINGS, Size, resized

Box = tuple[float, float, float, float]  # (x0, y0, x1, y1) in pixels of the photograph, right and bottom exclusive


# ---------------------------------------------------------------------- to a file


def save_picture(path: str | os.PathLike[str], pixels: np.ndarray) -> None:
    """Pixels (H, W, 3) or (H, W), 0 … 255, as a PNG; only here are they rounded and clipped to bytes."""
    with atomic_write(path) as file:
        Image.fromarray(to_bytes(pixels)).save(file, format="PNG", optimize=True)


def to_bytes(pixels: np.ndarray) -> np.ndarray:
    """Pixels rounded and clipped to 0 … 255, as bytes, for display."""
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


# ---------------------------------------------------------------------- crops


@dataclass(frozen=True, eq=False)
class Crop:
    """A part of a photograph at the network's size.

    pixels:   (h, w, 3), or (h, w) for a network of grey images; bytes
    box:      the part of the photograph it shows, (x0, y0, x1, y1) in the photograph's pixels
    mirrored: left and right exchanged
    """

    pixels: np.ndarray
    box: Box
    mirrored: bool = False

    def mirror(self) -> Crop:
        """The same part of the photograph, mirrored."""
        return Crop(self.pixels[:, ::-1], self.box, not self.mirrored)

    def put_back(self, values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """A map over this crop (h, w), resampled to where the crop is in a photograph of `shape` (H, W).

        Mirroring is undone.  Where the crop is coarser than the photograph, values in between are interpolated
        bilinearly; where it is finer, a pixel of the photograph is the mean of the values that it covers.  Pixels
        that the crop does not cover are NaN, not zero: they are unknown.
        """
        (x0, y0, x1, y1), (h, w) = self.box, values.shape
        rows, R = _resampling(y0, y1, h, shape[0])
        columns, C = _resampling(x0, x1, w, shape[1])
        photo = np.full(shape, np.nan, values.dtype)
        photo[rows, columns] = R @ (values[:, ::-1] if self.mirrored else values) @ C.T
        return photo


def _resampling(begin: float, end: float, n: int, size: int) -> tuple[slice, np.ndarray]:
    """n values over [begin, end] of an axis → the pixels that they cover, of `size`, as a matrix."""
    return _means(begin, end, n, size) if n > end - begin else _bilinear(begin, end, n, size)


def _bilinear(begin: float, end: float, n: int, size: int) -> tuple[slice, np.ndarray]:
    """Linear interpolation between the values, at the pixels whose centres are in [begin, end]."""
    centres = np.arange(size) + 0.5
    first, stop = np.searchsorted(centres, begin), np.searchsorted(centres, end, side="right")
    position = ((centres[first:stop] - begin) * n / (end - begin) - 0.5).clip(0, n - 1)
    return slice(first, stop), np.maximum(0, 1 - np.abs(position[:, None] - np.arange(n)))


def _means(begin: float, end: float, n: int, size: int) -> tuple[slice, np.ndarray]:
    """The mean of the values that each pixel covers, weighted by the overlap."""
    rim = 1e-6  # of a pixel: crops' boxes are rounded
    first, stop = max(0, int(np.floor(begin + rim))), min(size, int(np.ceil(end - rim)))
    edges = begin + np.arange(n + 1) * (end - begin) / n
    pixels = np.arange(first, stop)[:, None]
    covered = np.minimum(pixels + 1, edges[1:]) - np.maximum(pixels, edges[:-1])
    covered = covered.clip(0)
    return slice(first, stop), covered / covered.sum(axis=1, keepdims=True)


# ---------------------------------------------------------------------- preprocessing


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """Photographs to inputs of a network:  X_0 = (pixels − mean) · scale,  and back:  pixels = X_0 / scale + mean.

    size:   (h, w) of the network's input
    mean:   of the training images, in pixel values 0 … 255: one for each channel, or a full image (C, h, w)
    scale:  one number, or one for each channel
    order:  "RGB", "BGR" (as Caffe's networks) or "L" (grey); mean and scale are in this order
    resize: the size before cropping.  A number: of the shorter side, the aspect kept; a pair (height, width): the
            photograph is warped to it; None: the smallest size that contains a crop, the aspect kept
    rounding: how this is rounded to whole pixels, a name of `resizing.ROUNDINGS`
    """

    size: tuple[int, int]
    mean: tuple[float, ...] | np.ndarray
    scale: float | tuple[float, ...] = 1.0
    order: str = "RGB"
    resize: int | Size | None = None
    rounding: str = "nearest"

    def __post_init__(self) -> None:
        if self.order not in ("RGB", "BGR", "L"):
            raise ValueError(f"unknown channel order {self.order!r}: choose RGB, BGR or L")
        mean, scale = np.asarray(self.mean), np.asarray(self.scale)
        if mean.shape not in ((self.channels,), (self.channels, *self.size)):
            raise ValueError(f"expected a mean of {self.channels} channels or a full image, got shape {mean.shape}")
        if scale.shape not in ((), (self.channels,)) or not np.all(scale):
            raise ValueError(f"expected one scale or {self.channels}, none of them zero, got {self.scale}")
        if self.rounding not in ROUNDINGS:
            raise ValueError(f"unknown rounding {self.rounding!r}: choose from {', '.join(ROUNDINGS)}")
        if self.resize is not None and np.any(np.less(self.resize, self.size)):
            raise ValueError(f"resizing to {self.resize} leaves no room for crops of {self.size}")

    @property
    def channels(self) -> int:
        return len(self.order)

    # ------------------------------------------------------------------ pixels ↔ X_0

    def to_input(self, *crops: Crop | np.ndarray) -> np.ndarray:
        """X_0 = (pixels − mean) · scale of one or several crops (or arrays of pixels): (N, C, h, w), float32."""
        pixels = np.stack([crop.pixels if isinstance(crop, Crop) else crop for crop in crops]).astype(np.float32)
        maps = pixels[:, None] if self.order == "L" else np.moveaxis(pixels, -1, 1)
        if self.order == "BGR":
            maps = maps[:, ::-1]
        return np.ascontiguousarray((maps - self._mean()) * self._scale())

    def to_pixels(self, x: np.ndarray) -> np.ndarray:
        """pixels = X_0 / scale + mean: the exact inverse, neither clipped nor rounded.

        (N, C, h, w) → (N, h, w, 3) in RGB, or (N, h, w) for a grey network.
        """
        maps = x / self._scale() + self._mean()
        if self.order == "BGR":
            maps = maps[:, ::-1]
        return maps[:, 0] if self.order == "L" else np.moveaxis(maps, 1, -1)

    def _mean(self) -> np.ndarray:
        mean = np.asarray(self.mean, np.float32)
        return mean[:, None, None] if mean.ndim == 1 else mean

    def _scale(self) -> np.ndarray:
        return np.broadcast_to(np.asarray(self.scale, np.float32), self.channels)[:, None, None]

    # ------------------------------------------------------------------ photograph → crops

    def centre_crop(self, photo: np.ndarray) -> Crop:
        """The middle of the photograph."""
        image, whole = self._to_resize(photo)
        return self._crop(image, whole, *self._middle(whole, self.size))

    def ten_crops(self, photo: np.ndarray) -> list[Crop]:
        """Corners and centre of the *whole* resized photograph, and their mirror images.

        As torchvision (TenCrop) and Caffe (oversample) do.  The corners of an elongated photograph are far apart and
        leave parts of it uncovered.
        """
        image, whole = self._to_resize(photo)
        return self._corners_and_centre(image, whole, (0, 0), whole)

    def ten_crops_of_square(self, photo: np.ndarray) -> list[Crop]:
        """Corners and centre of the *central square* of the resized photograph, and their mirror images.

        As in [Krizhevsky2012], sections 2 and 4.1, to which the paper refers: with 256 pixels for the shorter side, the
        square is 256×256.  What is beside the square is not covered.
        """
        image, whole = self._to_resize(photo)
        square = max(self.size[0], min(whole)), max(self.size[1], min(whole))
        return self._corners_and_centre(image, whole, self._middle(whole, square), square)

    def _corners_and_centre(self, image: Image.Image, whole: Size, corner: Size, part: Size) -> list[Crop]:
        """Ten crops of a part (height, width) of the resized photograph; the part's upper left corner is at (y, x).

        If the part is as large as a crop, the five are the same, and the ten are two: it and its mirror image.
        """
        (top, left), (h, w) = corner, self.size
        down, right = part[0] - h, part[1] - w
        places = [(0, 0), (0, right), (down, 0), (down, right), self._middle(part, self.size)]
        crops = [self._crop(image, whole, top + y, left + x) for y, x in places]
        return crops + [crop.mirror() for crop in crops]

    def _middle(self, outer: Size, inner: Size) -> Size:
        """(y, x) of the corner of a rectangle of size `inner` in the middle of one of size `outer`."""
        middle = ROUNDINGS[self.rounding].middle
        return middle(outer[0] - inner[0]), middle(outer[1] - inner[1])

    def _to_resize(self, photo: np.ndarray) -> tuple[Image.Image, Size]:
        """The photograph, and the (height, width) to which it would be resized."""
        if photo.shape[2:] not in ((), (3,)) or photo.ndim < 2 or photo.dtype != np.uint8 or 0 in photo.shape:
            raise ValueError(f"expected a photograph (H, W, 3) of bytes, got {photo.dtype} {photo.shape}")
        image = Image.fromarray(photo).convert("L" if self.order == "L" else "RGB")
        return image, resized((image.height, image.width), self.resize, self.size, self.rounding)

    def _crop(self, image: Image.Image, whole: Size, y: int, x: int) -> Crop:
        """The crop at (y, x) of the resized photograph.  Nothing else of it is computed: it may be very elongated."""
        (h, w), (height, width) = self.size, whole
        across, down = image.width / width, image.height / height  # a new pixel in old ones
        box = (x * across, y * down, min((x + w) * across, image.width), min((y + h) * down, image.height))
        return Crop(np.asarray(image.resize((w, h), Image.Resampling.BILINEAR, box=box)), box)
