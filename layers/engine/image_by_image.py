"""The definitions on a GPU, whose memory is limited: batches whose windows would be large go image by image.

`correlate`, `kernel_gradient` and `max_pool` look at every window of a batch at once: kh·kw times the maps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arrays import Array, array_module

LIMIT = 512 << 20  # bytes of windows at once


def in_pieces(definition: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """definition(*arguments), one image after the other if the windows of the batch would take more than LIMIT.

    The first argument is the batch (N, …); for `kernel_gradient` the second one, too, and what each image gives is
    summed, not joined.
    """
    name = definition.__name__
    if name not in WINDOWS_OF or len(arguments[0]) < 2 or WINDOWS_OF[name](*arguments, **named) <= LIMIT:
        return definition(*arguments, **named)
    images = [slice(n, n + 1) for n in range(len(arguments[0]))]
    if name == "kernel_gradient":
        grad, x, *others = arguments
        return sum(definition(grad[n], x[n], *others, **named) for n in images)
    batch, *others = arguments
    results = [definition(batch[n], *others, **named) for n in images]
    if isinstance(results[0], tuple):
        return tuple(array_module(batch).concatenate(parts) for parts in zip(*results, strict=True))
    return array_module(batch).concatenate(results)


def _bytes(x: Array, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1), *_: Any) -> int:
    """About how many bytes the windows of x (N, C, H, W) take: kh·kw numbers for each pixel, stride² times fewer."""
    return x.nbytes * kernel[0] * kernel[1] // (stride[0] * stride[1])


WINDOWS_OF: dict[str, Callable[..., int]] = {
    "correlate": lambda x, K, b=None, stride=(1, 1), pad=(0, 0, 0, 0): _bytes(x, K.shape[2:], stride),
    "kernel_gradient": lambda grad, x, kernel, stride, pad: _bytes(x, kernel, stride),
    "max_pool": _bytes,
}
