"""What CuPy refuses, as expressions; the stand-in must refuse the same, and CuPy itself is asked where it is installed.

x (3, 4), i (3,) of integers, s and k without axes, b (3,) of truth values lie on the device; a (3, 4) lies on the host.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from PIL import Image

HOST = {
    "x": np.arange(12.0).reshape(3, 4),
    "i": np.arange(3),
    "s": np.array(3.0),
    "k": np.array(2),
    "b": np.array([True, False, True]),
}

REFUSED = {  # what CuPy refuses without a GPU, too
    # no array becomes one of NumPy's by itself
    "np.asarray(x)": TypeError,
    "np.array([x, x])": TypeError,
    "np.ascontiguousarray(x)": TypeError,
    "np.testing.assert_array_equal(x, x)": TypeError,
    "np.random.default_rng(0).integers(k)": TypeError,
    "Image.fromarray(x)": AttributeError,
    # an array of the device is no index and no length
    "a[i]": TypeError,
    "a[k]": TypeError,
    "a[b]": TypeError,
    "[1, 2, 3][k]": TypeError,
    "range(k)": TypeError,
    "operator.index(k)": TypeError,
    "xp.zeros(k)": TypeError,
    "xp.zeros((k, 2))": TypeError,
    "x.reshape(k)": TypeError,
    "len(s)": TypeError,
    "iter(s)": TypeError,
    "round(s)": TypeError,
    "hash(x)": TypeError,
    "bool(x)": ValueError,
    "x.item()": ValueError,
    # host and device do not mix
    "x @ a": TypeError,
    "a @ x": TypeError,
    "xp.stack([x, a])": TypeError,
    "x.__setitem__(slice(None), a)": ValueError,
    "x.__setitem__(slice(None), [1, 2, 3, 4])": ValueError,
    "x.fill(a)": ValueError,
    # functions of the device take no arrays of the host
    "xp.ascontiguousarray(a)": TypeError,
    "xp.moveaxis(a, 0, 1)": TypeError,
    "xp.expand_dims(a, 0)": TypeError,
    "xp.broadcast_to(a, (2, 3, 4))": TypeError,
    "xp.split(a, 3)": TypeError,
    "xp.matmul(a, a.T)": TypeError,
    # names and keywords that CuPy does not have
    "xp.errstate(over='ignore')": AttributeError,
    "xp.einsum_path('ij,jk', x, x)": AttributeError,
    "x.setflags(write=False)": AttributeError,
    "x.flags.writeable": AttributeError,
    "x.sum(where=b)": TypeError,
    "x.max(initial=0)": TypeError,
    "x.mean(axis=(0, 1), where=True)": TypeError,
    "x.std(correction=1)": TypeError,
    "x.clip(a_min=0, a_max=1)": TypeError,
    "x.astype(np.float32, casting='safe')": TypeError,
    "xp.maximum(x, 0, where=True)": TypeError,
    "xp.clip(x, 0)": TypeError,
    "xp.take_along_axis(x, i)": TypeError,
    "xp.unravel_index(3, shape=(3, 4))": TypeError,
    # as NumPy does
    "x[5]": IndexError,
    "x[:, :, 0]": IndexError,
    "x.reshape(5, 3)": ValueError,
}

VIEWS = [  # what both give, without a GPU: arrays of the device, of the same shape, dtype and strides
    "x[0]", "x[0, 0]", "x[::2, 1:]", "x[None, ..., None]", "x[:]", "x[-1, ::-1]", "x.T", "x.mT", "x.transpose(1, 0)",
    "x.transpose((1, 0))", "x.swapaxes(0, 1)", "x.reshape(4, 3)", "x.reshape((2, -1))", "x.ravel()", "x.squeeze()",
    "x.astype('f8', copy=False)", "x.view()", "xp.broadcast_to(x, (2, 3, 4))", "xp.flip(x)",
    "xp.lib.stride_tricks.as_strided(x, (2, 2), (8, 8))",
]  # fmt: skip

STRICTER = {  # what CuPy takes, and the stand-in does not, for it is a mistake all the same (or hides a transfer)
    "np.exp(x)": TypeError,
    "np.pad(x, 1)": TypeError,
    "np.stack([x, x])": TypeError,
    "np.array_equal(x, x)": TypeError,
    "xp.sum(a)": TypeError,
    "xp.max(a, axis=0)": TypeError,
    "xp.clip(a, 0, 1)": TypeError,
    "xp.transpose(a)": TypeError,
    "x[np.arange(2)]": TypeError,
    "x[[0, 1]]": TypeError,
    "x[a > 1]": TypeError,
    "xp.random.default_rng(0)": AttributeError,
}

NEEDING_A_GPU = {  # what CuPy refuses once it has a GPU; without one it cannot even be asked
    "x + a": TypeError,
    "a + x": TypeError,
    "x < a": TypeError,
    "x.__iadd__(a)": TypeError,
    "x + 's'": TypeError,
    "x + None": TypeError,
    "xp.exp(a)": TypeError,
    "xp.maximum(x, a)": TypeError,
    "xp.concatenate([x, a])": TypeError,
    "float(x)": TypeError,
}


def outcome(expression: str, xp: Any, arrays: dict[str, Any]) -> Any:
    """What the expression gives, or the exception that it raises."""
    names = {"xp": xp, "np": np, "Image": Image, "operator": operator, "a": HOST["x"].copy(), **arrays}
    try:
        return eval(expression, names)
    except Exception as error:
        return error
