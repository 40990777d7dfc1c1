"""A Wannier model from printed lattice matrices: ``_tb.dat`` or ``_hr.dat`` with ``_wsvec.dat``."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from solenoidal.arrays import ComplexArray, IntArray, RealArray
from solenoidal.errors import InputFileError
from solenoidal.io.files import FileSet
from solenoidal.io.from_checkpoint import LATTICE_TOLERANCE, WannierData
from solenoidal.io.lattice_files import (
    LatticeFile,
    apply_degeneracy,
    apply_images,
    apply_shifts,
    read_hr,
    read_tb,
    read_wsvec,
)
from solenoidal.io.position_check import require_decay, require_hermitian, require_plausible
from solenoidal.io.wigner_seitz import hermitian_part, minimal_images
from solenoidal.io.winfile import WinFile, read_wout_centres, read_xyz_centres
from solenoidal.models.hamiltonian import LatticeOperator

HERMITICITY_TOLERANCE = 1e-5

logger = logging.getLogger(__name__)


def from_lattice(
    files: FileSet, win: WinFile | None, *, kind: str, periodic: tuple[bool, bool, bool], minimal_image: bool
) -> WannierData:
    """Read ``_tb.dat`` (``kind`` "tb") or ``_hr.dat`` ("hr"); raises ``InputFileError`` when one is damaged."""
    path = files.need(kind, f"no _{kind}.dat file found")
    data = read_tb(path) if kind == "tb" else read_hr(path)
    lattice = _lattice(data, win, files)
    home = int(np.argmin(np.abs(data.R).sum(axis=1)))
    if np.any(data.R[home]):
        raise InputFileError(path, "lacks the lattice vector 0 0 0; it is damaged")
    if data.position is None:
        centres = _printed_centres(files, data.n_wannier)
        positions = _diagonal(data.R, home, centres)
    else:
        centres = _centres(data, home)
        positions = data.position
        require_plausible(data, lattice, home)
    folded, how = _fold(files, win, data, lattice, centres, positions, periodic, minimal_image)
    hamiltonian, asymmetry = hermitian_part(folded[0])
    if asymmetry > HERMITICITY_TOLERANCE * max(1.0, float(np.abs(data.hamiltonian).max())):
        raise InputFileError(
            path,
            f"the Hamiltonian is not Hermitian: max |H(R) - H(-R)†| = {asymmetry:.3g} eV; the file is damaged",
        )
    require_hermitian(path, folded[1])
    position, removed = hermitian_part(folded[1])
    require_decay(path, position, lattice, centres)
    logger.info("position matrix: antihermitian part of the finite difference removed, up to %.3g Å", removed)
    provenance: dict[str, Any] = {
        "source": path.name,
        "files": {k: p.name for k, p in files.found.items() if k in (kind, "wsvec", "win")},
        "written": data.header,
        "minimal_image": how,
        "position": "centres only" if data.position is None else "wannier90",
        "position_antihermitian": removed,
    }
    mesh = None if win is None else win.mesh
    return WannierData(lattice, hamiltonian, position, centres, mesh, None, provenance)


def _lattice(data: LatticeFile, win: WinFile | None, files: FileSet) -> RealArray:
    stated = None if win is None else win.lattice
    if data.lattice is None:
        if stated is None:
            raise InputFileError(
                data.path,
                f"has no lattice vectors; put {files.prefix.name}.win with block unit_cell_cart beside it",
            )
        return stated
    if win is not None and stated is not None:
        difference = float(np.max(np.abs(stated - data.lattice)))
        if difference > LATTICE_TOLERANCE:
            raise InputFileError(
                win.path,
                f"its unit cell differs from that in {data.path.name} by up to {difference:.3g} Å; they are of "
                f"different runs",
            )
    return data.lattice


def _centres(data: LatticeFile, home: int) -> RealArray:
    if data.position is None:
        raise InputFileError(data.path, "has no position matrix")
    diagonal = np.diagonal(data.position[home], axis1=-2, axis2=-1)
    if np.abs(diagonal.imag).max() > 1e-5:
        raise InputFileError(
            data.path,
            f"Wannier centres have imaginary parts up to {np.abs(diagonal.imag).max():.3g} Å; the file is damaged",
        )
    return np.ascontiguousarray(diagonal.real.T)


def _printed_centres(files: FileSet, n: int) -> RealArray:
    """Centres for ``_hr.dat``, which has no position matrix."""
    wout, xyz = files.get("wout"), files.get("centres")
    if wout is not None:
        return read_wout_centres(wout, n)
    if xyz is not None:
        return read_xyz_centres(xyz, n)
    raise InputFileError(
        files.prefix,
        f"_hr.dat has no positions; put {files.prefix.name}.wout or {files.prefix.name}_centres.xyz beside it, "
        "or use _tb.dat (write_tb = true)",
    )


def _diagonal(R: IntArray, home: int, centres: RealArray) -> ComplexArray:
    n = len(centres)
    position = np.zeros((len(R), 3, n, n), dtype=np.complex128)
    position[home][:, np.arange(n), np.arange(n)] = centres.T
    return position


def _fold(
    files: FileSet,
    win: WinFile | None,
    data: LatticeFile,
    lattice: RealArray,
    centres: RealArray,
    positions: ComplexArray,
    periodic: tuple[bool, bool, bool],
    minimal_image: bool,
) -> tuple[list[LatticeOperator], str]:
    """H and r on their final vectors, and how they got there in words."""
    matrices = (data.hamiltonian, positions)
    if not minimal_image:
        return [apply_degeneracy(data.R, data.degeneracy, x) for x in matrices], "none"
    wsvec = files.get("wsvec")
    if wsvec is not None:
        shifts = read_wsvec(wsvec, data.R, data.n_wannier)
        return [apply_shifts(data.R, data.degeneracy, shifts, x) for x in matrices], wsvec.name
    if win is None or win.mesh is None:
        raise InputFileError(
            files.prefix,
            f"minimal-image vectors need {files.prefix.name}_wsvec.dat, or mp_grid from {files.prefix.name}.win; "
            "put one of "
            "them beside the data or ask for minimal_image=False",
        )
    if win.kpoints is not None and np.max(np.abs(win.kpoints * win.mesh - np.rint(win.kpoints * win.mesh))) > 1e-5:
        raise InputFileError(
            win.path, "its k points are a shifted mesh; minimal-image vectors then need the _wsvec.dat file"
        )
    images = minimal_images(lattice, win.mesh, centres, periodic=periodic)
    return [apply_images(data.path, data.R, x, images, win.mesh) for x in matrices], "from the Wannier centres"
