"""Overlaps ⟨u_mk|u_n,k+b⟩ of all bands of a first-principles run (``.mmn``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from solenoidal.arrays import ComplexArray, IntArray, RealArray
from solenoidal.errors import InputFileError
from solenoidal.io.fortran import parse_reals, read_lines, require_finite
from solenoidal.io.kmesh import KMesh, Stencil


@dataclass(frozen=True)
class BandOverlaps:
    """Content of a ``.mmn`` file, in its own order of neighbours.

    ``index`` (nk, nb) number of the mesh point k + b, from 0; ``cells`` (nk, nb, 3) reciprocal vector to add to it;
    ``matrices`` (nk, nb, bands, bands) with element [m, n] = ⟨u_mk|u_n,k+b⟩.
    """

    path: Path
    index: IntArray
    cells: IntArray
    matrices: ComplexArray

    def ordered(self, kmesh: KMesh, stencil: Stencil) -> ComplexArray:
        """The matrices (nk, nb, bands, bands) in the order of the ``stencil``.

        Raises ``InputFileError`` when the b vectors of the file are not those of the stencil.
        """
        points = kmesh.points()
        steps = points[self.index] + self.cells * kmesh.mesh - points[:, None, :]
        if steps.shape != stencil.steps.shape:
            raise InputFileError(
                self.path, f"has {steps.shape[1]} b vectors at each k point, the checkpoint {stencil.steps.shape[1]}"
            )
        same = np.all(stencil.steps[:, :, None, :] == steps[:, None, :, :], axis=-1)
        if not np.all(same.sum(axis=-1) == 1):
            k = int(np.argmin(np.all(same.sum(axis=-1) == 1, axis=-1)))
            raise InputFileError(
                self.path,
                f"its neighbours of k point {k + 1} are not the b vectors of the checkpoint; it is of another run, or "
                "its k points have another order",
            )
        return np.asarray(np.take_along_axis(self.matrices, np.argmax(same, axis=-1)[:, :, None, None], axis=1))


def read_mmn(path: Path, n_kpoints: int, n_bands: int) -> BandOverlaps:
    """Read a ``.mmn`` file: for each k and b a line (k, k + b, reciprocal vector) and the matrix column by column.

    Raises ``InputFileError`` when the file is truncated or damaged, a number is not finite, or its bands or k points
    are not as many as asked for.
    """
    lines = read_lines(path, whole=True)
    counts = [int(x) for x in lines[1].split() if x.isdigit()] if len(lines) > 1 else []
    if len(counts) != 3 or min(counts) <= 0:
        raise InputFileError(
            path, "has no second line with the numbers of bands, k points and neighbours; it is damaged or truncated"
        )
    bands, kpoints, neighbours = counts
    if (bands, kpoints) != (n_bands, n_kpoints):
        raise InputFileError(
            path,
            f"holds {bands} bands at {kpoints} k points; the checkpoint has {n_bands} bands at {n_kpoints}; "
            "take both files from the same calculation, with the same excluded bands",
        )
    values = _numbers(path, " ".join(lines[2:]))
    size = 5 + 2 * bands * bands
    if len(values) != kpoints * neighbours * size:
        raise InputFileError(
            path,
            f"holds {len(values)} numbers after its second line; expected {kpoints * neighbours * size} for "
            f"{kpoints} k points, {neighbours} neighbours and {bands} bands; it is truncated or damaged",
        )
    blocks = values.reshape(kpoints, neighbours, size)
    heads = np.rint(blocks[:, :, :5]).astype(np.int64)
    in_order = np.all(heads[:, :, 0] == np.arange(1, kpoints + 1)[:, None])
    if not in_order or np.any(heads != blocks[:, :, :5]) or heads[:, :, 1].min() < 1 or heads[:, :, 1].max() > kpoints:
        raise InputFileError(path, "does not list the neighbours of one k point after the other; it is damaged")
    pairs = np.ascontiguousarray(blocks[:, :, 5:]).view(np.complex128)
    # Fortran order: the first index runs fastest.
    matrices = pairs.reshape(kpoints, neighbours, bands, bands).swapaxes(-1, -2)
    return BandOverlaps(path, heads[:, :, 1] - 1, heads[:, :, 2:], np.ascontiguousarray(matrices))


def _numbers(path: Path, text: str) -> RealArray:
    try:
        # Three times as fast as a list of words, which files of some million numbers make worth while.
        values: RealArray = np.fromstring(text, sep=" ", dtype=np.float64)
    except ValueError:
        values = parse_reals(path, text.split(), "overlaps")
    return require_finite(path, values, "overlaps")
