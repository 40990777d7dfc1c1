"""Files on the first-principles mesh: energies (``.eig``), Pauli matrices (``.spn``) and neighbours (``.nnkp``)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from solenoidal.arrays import ComplexArray, IntArray, RealArray
from solenoidal.errors import InputFileError
from solenoidal.io.fortran import open_records, parse_reals, read_lines, require_finite

DIAGONAL_TOLERANCE = 1e-6


def read_eig(path: Path, n_kpoints: int, n_bands: int) -> RealArray:
    """Band energies (nk, bands) in eV from lines ``band k energy``.

    Raises ``InputFileError`` when the file is truncated, its number of bands or k points is not the one asked for, the
    lines are out of order, or an energy is not finite.
    """
    tokens = " ".join(read_lines(path, whole=True)).split()
    if not tokens or len(tokens) % 3:
        raise InputFileError(
            path,
            f"holds {len(tokens)} values; expected lines of three (band, k point, energy); it is truncated",
        )
    table = require_finite(path, parse_reals(path, tokens, "band energies"), "band energies").reshape(-1, 3)
    bands, kpoints = int(table[:, 0].max()), int(table[:, 1].max())
    if len(table) != bands * kpoints:
        raise InputFileError(
            path,
            f"holds {len(table)} energies, not {bands} bands at {kpoints} k points each; it is truncated or damaged",
        )
    if (bands, kpoints) != (n_bands, n_kpoints):
        raise InputFileError(
            path,
            f"holds {bands} bands at {kpoints} k points; the checkpoint has {n_bands} bands at {n_kpoints}; "
            "take both files from the same calculation",
        )
    expected = np.stack(
        [np.tile(np.arange(1, bands + 1), kpoints), np.repeat(np.arange(1, kpoints + 1), bands)], axis=1
    )
    if np.any(table[:, :2] != expected):
        line = int(np.argmax(np.any(table[:, :2] != expected, axis=1)))
        raise InputFileError(
            path,
            f"entry {line + 1} is band {table[line, 0]:g} at k point {table[line, 1]:g}; "
            f"expected band {expected[line, 0]} at k point {expected[line, 1]}",
        )
    return np.ascontiguousarray(table[:, 2].reshape(kpoints, bands))


def read_spn(path: Path, n_kpoints: int, n_bands: int) -> ComplexArray:
    """Pauli matrices ⟨m|σ_i|n⟩ between Bloch states, (nk, 3, bands, bands), from a binary or formatted ``.spn``.

    The file stores the upper triangle, m ≤ n, the Cartesian component fastest. Raises ``InputFileError`` when it is
    truncated, belongs to another number of bands or k points, or its diagonal is not real (then it is not Hermitian).
    """
    with open_records(path) as records:
        records.text("header")
        bands, kpoints = (int(x) for x in records.integers(2, "numbers of bands and k points"))
        if (bands, kpoints) != (n_bands, n_kpoints):
            raise InputFileError(
                path,
                f"holds {bands} bands at {kpoints} k points; the checkpoint has {n_bands} bands at {n_kpoints}; "
                "take both files from the same calculation, with the same excluded bands",
            )
        column, row = np.tril_indices(bands)  # column by column down to the diagonal
        pauli = np.zeros((kpoints, 3, bands, bands), dtype=np.complex128)
        for k in range(kpoints):
            packed = records.complexes(3 * len(row), f"Pauli matrices at k point {k + 1}").reshape(-1, 3).T
            pauli[k][:, column, row] = packed.conj()
            pauli[k][:, row, column] = packed
        records.finish()
    diagonal = np.abs(np.diagonal(pauli, axis1=-2, axis2=-1).imag).max(axis=(1, 2))
    if diagonal.max() > DIAGONAL_TOLERANCE:
        k = int(np.argmax(diagonal))
        raise InputFileError(
            path,
            f"is not Hermitian: a diagonal element at k point {k + 1} has imaginary part {diagonal[k]:.3g}; "
            "expected real numbers (the file is damaged or written in another layout)",
        )
    # Rounding leaves imaginary parts of order 1e-16 on the diagonal.
    return 0.5 * (pauli + np.conj(pauli.swapaxes(-1, -2)))


def read_nnkp(path: Path, n_kpoints: int) -> tuple[IntArray, IntArray]:
    """Neighbours in a ``.nnkp`` file: index of k + b (nk, nb), from 0, and the reciprocal vector to add (nk, nb, 3)."""
    # "end nnkpts" says that the block is whole.
    lines = [line.strip().lower() for line in read_lines(path)]
    try:
        start, end = lines.index("begin nnkpts"), lines.index("end nnkpts")
    except ValueError as error:
        raise InputFileError(path, "has no complete block 'begin nnkpts' ... 'end nnkpts'; it is truncated") from error
    numbers = parse_reals(path, " ".join(lines[start + 1 : end]).split(), "nnkpts")
    values = require_finite(path, numbers, "nnkpts").astype(np.int64)
    count = int(values[0]) if len(values) else 0
    if count <= 0 or len(values) != 1 + 5 * count * n_kpoints:
        raise InputFileError(
            path,
            f"block nnkpts holds {len(values)} numbers; expected {1 + 5 * count * n_kpoints} for {count} neighbours of "
            f"{n_kpoints} k points",
        )
    table = values[1:].reshape(n_kpoints, count, 5)
    neighbours = table[:, :, 1]
    ordered = np.all(table[:, :, 0] == np.arange(1, n_kpoints + 1)[:, None])
    if not ordered or neighbours.min() < 1 or neighbours.max() > n_kpoints:
        raise InputFileError(path, "block nnkpts does not list the k points in order; it is damaged")
    return neighbours - 1, table[:, :, 2:]
