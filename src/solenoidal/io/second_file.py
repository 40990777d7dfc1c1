"""Printed lattice matrices that lie beside a checkpoint: of the same run, or not."""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.errors import InputFileError
from solenoidal.io.files import FileSet
from solenoidal.io.from_checkpoint import LATTICE_TOLERANCE, WannierData
from solenoidal.io.lattice_files import LatticeFile, apply_degeneracy, read_hr, read_tb

DECIMALS, DIGITS = 1e-6, 2e-7
"""Rounding of one element, in eV by six decimals in ``_hr.dat`` and as a share by eight digits in ``_tb.dat``."""

SPREAD = 5.0
"""Largest sum of as many rounding errors as there are vectors R, in units of their root mean square."""

COMPARED = 32
"""First-principles points at which H(k) is compared."""


def compare_second(files: FileSet, data: WannierData) -> str | None:
    """Compare ``_tb.dat`` and ``_hr.dat`` with what a checkpoint gave; the names of those compared, if there are any.

    H(k) is the same at the k points of the run whatever the minimal images, and its eigenvalues whatever the functions.
    Raises ``InputFileError`` where H(k) differs by more than the rounding of the text, or where the unit cells differ.
    """
    kinds = [kind for kind in ("tb", "hr") if files.get(kind) is not None]
    if data.mesh is None:
        return None
    return ", ".join(_compare(files, data, kind) for kind in kinds) or None


def _compare(files: FileSet, data: WannierData, kind: str) -> str:
    path = files.need(kind, f"no _{kind}.dat file found")
    second = read_tb(path) if kind == "tb" else read_hr(path)
    found = _difference(second, data)
    if found is not None:
        raise InputFileError(
            path,
            f"{found}; one of them is of another run, or was changed. Write source = 'chk' or source = '{kind}' for "
            "the one that is meant, or move the other away",
        )
    return path.name


def _difference(second: LatticeFile, data: WannierData) -> str | None:
    """In words, how the file differs from the checkpoint."""
    n = data.hamiltonian.size
    if second.n_wannier != n:
        return f"has {second.n_wannier} Wannier functions, the checkpoint beside it has {n}"
    if second.lattice is not None:
        cell = float(np.max(np.abs(second.lattice - data.lattice)))
        if cell > LATTICE_TOLERANCE:
            return f"its unit cell differs from that of the checkpoint beside it by up to {cell:.3g} Å"
    printed = apply_degeneracy(second.R, second.degeneracy, second.hamiltonian)
    k = _some_points(data)
    of_checkpoint, of_file = data.hamiltonian.at(k), printed.at(k)
    largest = float(np.max(np.abs(of_file - of_checkpoint)))
    allowed = DIGITS * float(np.abs(printed.matrices).max()) + DECIMALS * SPREAD * np.sqrt(len(printed.R))
    if largest <= allowed:
        return None
    bands = float(np.max(np.abs(np.linalg.eigvalsh(of_file) - np.linalg.eigvalsh(of_checkpoint))))
    what = (
        f"bands differ by up to {bands:.3g} eV"
        if bands > allowed
        else "bands agree, but these are other Wannier functions"
    )
    return (
        f"its Hamiltonian differs from that of the checkpoint beside it by up to {largest:.3g} eV at the k points of "
        f"the run ({what})"
    )


def _some_points(data: WannierData) -> RealArray:
    """Some fractional k points of the first-principles mesh, which may be shifted, spread over the zone."""
    mesh = np.asarray(data.mesh)
    numbers = np.unique(np.linspace(0, mesh.prod() - 1, COMPARED).astype(np.int64))
    steps = np.stack(np.unravel_index(numbers, tuple(mesh)), axis=-1) / mesh
    return np.asarray(steps if data.first_kpoint is None else data.first_kpoint + steps)
