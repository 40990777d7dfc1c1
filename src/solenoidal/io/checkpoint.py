"""The Wannier90 checkpoint: gauge matrices, overlaps and centres (``.chk`` unformatted, ``.chk.fmt`` formatted)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from solenoidal.arrays import BoolArray, ComplexArray, IntArray, RealArray
from solenoidal.errors import InputFileError
from solenoidal.io.fortran import RecordReader, open_records

UNITARITY_TOLERANCE = 1e-6


@dataclass(frozen=True)
class WannierCheckpoint:
    """Content of a finished Wannierisation.

    ``lattice`` (3, 3) rows in Å; ``mesh`` (3,); ``kpoints`` (nk, 3) fractional; ``window`` (nk, bands) bands in the
    outer window; ``gauge`` (nk, bands, wann) = V = U_opt U, zero outside the window; ``overlaps`` (nk, nb, wann,
    wann) is ⟨u_a,k|u_b,k+b⟩ in the Wannier gauge; ``centres`` (wann, 3) in Å; ``spreads`` (wann,) in Å².
    """

    path: Path
    header: str
    lattice: RealArray
    mesh: IntArray
    kpoints: RealArray
    excluded: IntArray
    disentangled: bool
    window: BoolArray
    gauge: ComplexArray
    overlaps: ComplexArray
    centres: RealArray
    spreads: RealArray

    @property
    def n_bands(self) -> int:
        """Number of Bloch bands, excluded bands not counted."""
        return int(self.gauge.shape[1])

    @property
    def n_wannier(self) -> int:
        """Number of Wannier functions."""
        return int(self.gauge.shape[2])

    @property
    def n_kpoints(self) -> int:
        """Number of k points of the mesh."""
        return len(self.kpoints)


def read_checkpoint(path: Path) -> WannierCheckpoint:
    """Read ``.chk`` or ``.chk.fmt``, plain or packed, whichever the content is.

    Raises ``InputFileError`` when the file is truncated or damaged, the Wannierisation had not finished, or the gauge
    is not unitary.
    """
    with open_records(path) as records:
        return _parse(records)


def _matrices(records: RecordReader, shape: tuple[int, ...], what: str) -> ComplexArray:
    # Fortran order: the last index varies slowest, the first fastest.
    flat = records.complexes(int(np.prod(shape)), what)
    return np.ascontiguousarray(flat.reshape(shape[::-1]).swapaxes(-1, -2))


def _parse(records: RecordReader) -> WannierCheckpoint:
    path = records.path
    header = records.text("header")
    n_bands = _positive(records, "number of bands")
    n_excluded = int(records.integers(1, "number of excluded bands")[0])
    excluded = records.integers(n_excluded, "excluded bands")
    lattice = records.reals(9, "real lattice").reshape(3, 3).T
    reciprocal = records.reals(9, "reciprocal lattice").reshape(3, 3).T
    n_k = _positive(records, "number of k points")
    mesh = records.integers(3, "k mesh")
    if int(np.prod(mesh)) != n_k:
        raise InputFileError(path, f"k mesh {'x'.join(map(str, mesh))} does not hold the {n_k} k points of the file")
    if np.max(np.abs(lattice @ reciprocal.T - 2 * np.pi * np.eye(3))) > 1e-6:
        raise InputFileError(path, "the real and reciprocal lattices do not fit together; the file is damaged")
    kpoints = records.reals(3 * n_k, "k points").reshape(n_k, 3)
    n_neighbours = _positive(records, "number of b vectors")
    n_wannier = _positive(records, "number of Wannier functions")
    stage = records.text("position of the checkpoint")
    if stage != "postwann":
        raise InputFileError(
            path,
            f"written at stage {stage!r}, before the Wannier functions were final; let Wannier90 finish ('postwann')",
        )
    disentangled = bool(records.logicals(1, "disentanglement flag")[0])
    window, subspace = _disentanglement(records, disentangled, n_k, n_bands, n_wannier)
    rotation = _matrices(records, (n_wannier, n_wannier, n_k), "U matrix")
    overlaps = _matrices(records, (n_wannier, n_wannier, n_neighbours, n_k), "M matrix")
    centres = records.reals(3 * n_wannier, "Wannier centres").reshape(n_wannier, 3)
    spreads = records.reals(n_wannier, "Wannier spreads")
    records.finish()
    gauge = _gauge(path, window, subspace, rotation)
    return WannierCheckpoint(
        path,
        header,
        lattice,
        mesh,
        kpoints,
        excluded,
        disentangled,
        window,
        gauge,
        overlaps,
        centres,
        spreads,
    )


def _positive(records: RecordReader, what: str) -> int:
    value = int(records.integers(1, what)[0])
    if value <= 0:
        raise InputFileError(records.path, f"found {value} for the {what}; expected a positive number")
    return value


def _disentanglement(
    records: RecordReader, disentangled: bool, n_k: int, n_bands: int, n_wannier: int
) -> tuple[BoolArray, ComplexArray | None]:
    if not disentangled:
        if n_bands != n_wannier:
            raise InputFileError(
                records.path,
                f"has {n_bands} bands, {n_wannier} Wannier functions and no disentanglement; expected equal numbers",
            )
        return np.ones((n_k, n_bands), dtype=np.bool_), None
    records.reals(1, "invariant spread")
    window = records.logicals(n_k * n_bands, "outer window").reshape(n_k, n_bands)
    inside = records.integers(n_k, "number of bands in the outer window")
    if np.any(window.sum(axis=1) != inside):
        k = int(np.argmax(window.sum(axis=1) != inside))
        raise InputFileError(
            records.path,
            f"at k point {k + 1} marks {window[k].sum()} bands inside the outer window but counts {inside[k]}",
        )
    return window, _matrices(records, (n_bands, n_wannier, n_k), "U_opt matrix")


def _gauge(path: Path, window: BoolArray, subspace: ComplexArray | None, rotation: ComplexArray) -> ComplexArray:
    """V(k) = U_opt(k) U(k), with the rows of U_opt, stored from the first, put on the bands inside the window."""
    if subspace is None:
        gauge = rotation
    else:
        gauge = np.zeros((*window.shape, rotation.shape[-1]), dtype=np.complex128)
        for k, inside in enumerate(window):
            gauge[k, inside] = subspace[k, : inside.sum()] @ rotation[k]
    overlap = np.conj(gauge.swapaxes(-1, -2)) @ gauge
    error = float(np.max(np.abs(overlap - np.eye(gauge.shape[-1]))))
    if error > UNITARITY_TOLERANCE:
        raise InputFileError(
            path, f"the gauge matrices are not unitary (max |V†V - 1| = {error:.2g}); the file is damaged"
        )
    return gauge
