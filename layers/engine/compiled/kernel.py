"""What all kernels are made of: how they are compiled, runs of numbers that are copied or added, and BLAS's product.

Kernels see flat arrays, so one signature for each dtype serves maps of any layout.  Slices in inner loops are on
purpose: `y[o + q] = x[p + q]` tests each index for being negative, and what tests is not vectorised.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  where Numba's runtime finds BLAS
from numba import njit, types
from numpy.lib.stride_tricks import as_strided

# A product and a sum may be rounded once (contract); in SUM terms may change places.  NaN and ∞ stay what they are.
SERIAL: dict[str, Any] = {"nogil": True, "cache": True, "fastmath": {"contract"}, "error_model": "numpy"}
PARALLEL = {**SERIAL, "parallel": True}
SUM = {**SERIAL, "fastmath": {"contract", "reassoc", "nsz"}}


@njit(**SERIAL)
def copy(x, p, y, o, n):
    """y(o + q) = x(p + q), q = 0 … n − 1."""
    a, b = x[p : p + n], y[o : o + n]
    for q in range(n):
        b[q] = a[q]


@njit(**SERIAL)
def zero(y, o, n):
    """y(o + q) = 0."""
    b = y[o : o + n]
    for q in range(n):
        b[q] = 0


@njit(**SERIAL)
def add_to(x, p, y, o, n):
    """y(o + q) += x(p + q)."""
    a, b = x[p : p + n], y[o : o + n]
    for q in range(n):
        b[q] += a[q]


@njit(**SERIAL)
def fill_rows(b, y, o, rows, ldy):
    """Each of `rows` rows of y begins with b: the biases, to which a product is added.  Nothing if there are none."""
    for p in range(rows if b.size else 0):
        copy(b, 0, y, o + p * ldy, b.size)


# ---------------------------------------------------------------------- C = A·B

BLAS_NAME = "numba_xxgemm"  # what np.dot calls in compiled code; a private name of Numba's, so look whether it is there
_char, _int, _pointer = types.uint8, types.intp, types.voidptr
_ARGUMENTS: list[Any] = [_char] * 3 + [_int] * 3 + [_pointer] * 2 + [_int, _pointer, _int, _pointer, _pointer, _int]
_xxgemm: Any = types.ExternalFunction(BLAS_NAME, types.int32(*_ARGUMENTS))


@njit(**SERIAL)
def gemm_by_name(k01, A, a0, lda, ta, B, b0, ldb, tb, C, c0, ldc, rows, inner, cols, add):
    """C (rows × cols) = A·B, or with `add` C += A·B; row-major, A and B transposed if ta, tb.  k01 holds 0 and 1.

    Row r of A begins at a0 + r·lda.  (BLAS counts columns first, so it computes Cᵀ = Bᵀ·Aᵀ.)
    """
    kind = 115 if k01.itemsize == 4 else 100  # "s" or "d"
    n, t = 110, 116
    one, beta = k01[1:].ctypes, k01[1 if add else 0 :].ctypes
    a, b, c = A[a0:].ctypes, B[b0:].ctypes, C[c0:].ctypes
    _xxgemm(kind, t if tb else n, t if ta else n, cols, rows, inner, one, b, ldb, a, lda, beta, c, ldc)


@njit(**SERIAL)
def gemm_by_dot(k01, A, a0, lda, ta, B, b0, ldb, tb, C, c0, ldc, rows, inner, cols, add):
    """The same by np.dot, which has no leading dimensions: A and B are copied."""
    size = k01.itemsize
    a = as_strided(A[a0:], (inner, rows) if ta else (rows, inner), (lda * size, size)).copy()
    b = as_strided(B[b0:], (cols, inner) if tb else (inner, cols), (ldb * size, size)).copy()
    if ta:
        a = a.T.copy()
    if tb:
        b = b.T.copy()
    y = np.dot(a, b)
    for r in range(rows):
        if not add:
            zero(C, c0 + r * ldc, cols)
        add_to(y[r], 0, C, c0 + r * ldc, cols)


gemm = gemm_by_name if llvmlite.binding.address_of_symbol(BLAS_NAME) else gemm_by_dot
