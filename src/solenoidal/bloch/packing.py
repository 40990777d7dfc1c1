"""Hermitian matrices as their upper triangles, and back."""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import ComplexArray
from solenoidal.compiled import available, compiled


def pack_hermitian(matrices: ComplexArray) -> ComplexArray:
    """Upper triangles of ``matrices`` (rows, legs, n, n), leg after leg and row after row; (rows, legs n (n + 1)/2)."""
    above = np.triu_indices(matrices.shape[-1])
    return np.ascontiguousarray(matrices[:, :, above[0], above[1]].reshape(len(matrices), -1))


def unpack_hermitian(columns: ComplexArray, n: int) -> ComplexArray:
    """Matrices (nk, n, legs, n) from their packed ``columns`` (nk, legs n (n + 1)/2)."""
    legs = columns.shape[1] // (n * (n + 1) // 2)
    out = np.empty((len(columns), n, legs, n), dtype=np.complex128)
    if available:
        _unpack(columns, out)
    else:
        row, column = np.triu_indices(n)
        triangles = columns.reshape(len(columns), legs, -1).transpose(2, 0, 1)
        out[:, row, :, column], out[:, column, :, row] = triangles, triangles.conj()
    return out


def add_commutator(matrices: ComplexArray, product: ComplexArray) -> ComplexArray:
    """``matrices`` + i(H r − r H), in place, for Hermitian r and H from their ``product`` H r, both (nk, n, 3, n)."""
    _add_commutator(product, matrices)
    return matrices


@compiled
def _unpack(columns, out):  # type: ignore[no-untyped-def]
    nk, n, legs, _ = out.shape
    for k in range(nk):
        x = 0
        for leg in range(legs):
            for a in range(n):
                for b in range(a, n):
                    z = columns[k, x]
                    x += 1
                    out[k, a, leg, b] = z
                    out[k, b, leg, a] = z.conjugate()


@compiled
def _add_commutator(product, out):  # type: ignore[no-untyped-def]
    nk, n, legs, _ = out.shape
    for k in range(nk):
        for a in range(n):
            for leg in range(legs):
                for b in range(n):
                    p, q = product[k, a, leg, b], product[k, b, leg, a]
                    # i (p − q*)
                    out[k, a, leg, b] += complex(-p.imag - q.imag, p.real - q.real)
