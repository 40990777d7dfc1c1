"""A Wannier model from the checkpoint: H(R), r(R) and s(R) from gauge, energies, overlaps and Pauli matrices."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from solenoidal.arrays import ComplexArray, IntArray, RealArray
from solenoidal.errors import InputFileError
from solenoidal.io.all_states import BlochData, all_states_of, require_same_run
from solenoidal.io.bandfiles import read_eig, read_nnkp, read_spn
from solenoidal.io.checkpoint import WannierCheckpoint, read_checkpoint
from solenoidal.io.files import FileSet
from solenoidal.io.kmesh import (
    SEARCH_SHELLS,
    SHELL_TOLERANCE,
    KMesh,
    Stencil,
    berry_connection,
    invariant_connection,
    pairing_error,
    reconstruct_stencil,
    stencil_from_list,
)
from solenoidal.io.overlaps import read_mmn
from solenoidal.io.position_check import require_decay
from solenoidal.io.wigner_seitz import ImageWeights, minimal_images, to_lattice, wigner_seitz_vectors
from solenoidal.io.winfile import WinFile, read_wout_centres
from solenoidal.models.all_states import AllStates
from solenoidal.models.hamiltonian import LatticeOperator

LATTICE_TOLERANCE = 1e-5  # Å; unit cells are written by hand with six digits or more
PAIRING_TOLERANCE = 1e-5  # overlaps are printed with twelve decimals
CENTRE_TOLERANCE = 1e-4  # Å
BRANCH = 0.9 * np.pi
"""Phase of an overlap, moved to the centre of its function, from which its logarithm may be on either branch."""
FROZEN_TOLERANCE = 1e-6  # eV
EDGE_TOLERANCE = 1e-6  # eV

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WannierData:
    """Operators of a Wannier model as read, before the spin is settled.

    ``mesh`` (3,) or ``None`` when unknown, ``first_kpoint`` (3,) fractional likewise; ``centres``
    (n, 3) in Å; ``spin`` ``None`` when no file gave it.
    """

    lattice: RealArray
    hamiltonian: LatticeOperator
    position: LatticeOperator
    centres: RealArray
    mesh: IntArray | None
    spin: LatticeOperator | None
    provenance: dict[str, Any]
    all_states: AllStates | None = None
    first_kpoint: RealArray | None = None


def from_checkpoint(
    files: FileSet,
    win: WinFile | None,
    *,
    with_spn: bool,
    periodic: tuple[bool, bool, bool],
    minimal_image: bool,
    position: str,
    matrix_elements: str = "wannier-space",
) -> WannierData:
    """Read ``.chk``, ``.eig`` and, if asked, ``.spn`` and ``.mmn``.

    Raises ``InputFileError`` when they do not belong together.
    """
    checkpoint = read_checkpoint(files.need("chk", "no checkpoint found"))
    if win is not None:
        _compare_win(checkpoint, win)
    _compare_wout(checkpoint, files.get("wout"))
    eig = files.need(
        "eig", "the checkpoint holds no band energies and no .eig file was found; copy it from the same run"
    )
    energies = read_eig(eig, checkpoint.n_kpoints, checkpoint.n_bands)
    V = checkpoint.gauge
    H = np.conj(V.swapaxes(-1, -2)) @ (energies[:, :, None] * V)
    frozen = None if win is None else _check_windows(checkpoint, win, eig, energies, H)
    reciprocal = (2 * np.pi * np.linalg.inv(checkpoint.lattice).T).astype(np.float64)
    kmesh = KMesh(checkpoint.path, reciprocal, checkpoint.mesh, checkpoint.kpoints)
    kmesh.numbers()  # the mesh must be uniform
    kpoints = kmesh.exact()
    stencil = _stencil(checkpoint, kmesh, files, win)
    connection, notes = _position(checkpoint, stencil, position)
    images = _images(checkpoint, periodic, minimal_image)
    spin, all_states = None, None
    if with_spn:
        spn = files.need("spn", "no spin matrices found")
        pauli = read_spn(spn, checkpoint.n_kpoints, checkpoint.n_bands)
        spin = to_lattice(_rotate_spin(pauli, V), kpoints, images)
        if matrix_elements != "wannier-space":
            overlaps = _band_overlaps(files, checkpoint, kmesh, stencil)
            bloch = BlochData(V, energies, 0.5 * pauli, overlaps, stencil)
            require_same_run(files.need("mmn", "no overlaps found"), bloch, checkpoint.overlaps)
            all_states = all_states_of(
                files,
                kmesh,
                bloch,
                connection=connection,
                centres=checkpoint.centres if position == "invariant" else None,
                images=images,
                finite_difference=matrix_elements == "finite-difference",
            )
    used = {"chk", "eig", "win", "wout", "nnkp", *(["spn"] if with_spn else []), *(["mmn"] if all_states else [])}
    provenance: dict[str, Any] = {
        "source": "checkpoint",
        "files": {kind: path.name for kind, path in files.found.items() if kind in used},
        "written": checkpoint.header,
        "bands": checkpoint.n_bands,
        "minimal_image": minimal_image,
        "position": position,
        "frozen_energy_error": frozen,
        **notes,
    }
    on_lattice = to_lattice(connection, kpoints, images)
    require_decay(checkpoint.path, on_lattice, checkpoint.lattice, checkpoint.centres)
    return WannierData(
        checkpoint.lattice,
        to_lattice(H, kpoints, images),
        on_lattice,
        checkpoint.centres,
        checkpoint.mesh,
        spin,
        provenance,
        all_states,
        kpoints[0],
    )


def _band_overlaps(files: FileSet, checkpoint: WannierCheckpoint, kmesh: KMesh, stencil: Stencil) -> ComplexArray:
    mmn = files.need("mmn", "matrix_elements = 'all-states' needs the overlaps of the bands, but there is no .mmn file")
    return read_mmn(mmn, checkpoint.n_kpoints, checkpoint.n_bands).ordered(kmesh, stencil)


def _rotate_spin(pauli: ComplexArray, V: ComplexArray) -> ComplexArray:
    """s(k) = V†(σ/2)V, (nk, 3, wann, wann) in ħ."""
    gauge = V[:, None]
    return 0.5 * np.conj(gauge.swapaxes(-1, -2)) @ pauli @ gauge


def _images(checkpoint: WannierCheckpoint, periodic: tuple[bool, bool, bool], minimal_image: bool) -> ImageWeights:
    if any(m > 1 and not p for m, p in zip(checkpoint.mesh, periodic, strict=True)):
        raise InputFileError(
            checkpoint.path,
            f"k mesh {'x'.join(map(str, checkpoint.mesh))} has several points along a direction that dimension = "
            f"{sum(periodic)} leaves without periodicity; give a larger dimension",
        )
    if minimal_image:
        return minimal_images(checkpoint.lattice, checkpoint.mesh, checkpoint.centres, periodic=periodic)
    return wigner_seitz_vectors(checkpoint.lattice, checkpoint.mesh, checkpoint.n_wannier, periodic=periodic)


def _compare_win(checkpoint: WannierCheckpoint, win: WinFile) -> None:
    """The .win beside a checkpoint must be that of the same calculation."""
    other = "the checkpoint is of another run, or the .win file was edited afterwards"
    if win.lattice is not None:
        difference = float(np.max(np.abs(win.lattice - checkpoint.lattice)))
        if difference > LATTICE_TOLERANCE:
            raise InputFileError(
                win.path,
                f"its unit cell differs from that in {checkpoint.path.name} by up to {difference:.3g} Å; {other}",
            )
    if win.mesh is not None and np.any(win.mesh != checkpoint.mesh):
        raise InputFileError(
            win.path,
            f"mp_grid is {'x'.join(map(str, win.mesh))}, the k mesh in {checkpoint.path.name} is "
            f"{'x'.join(map(str, checkpoint.mesh))}; {other}",
        )
    if win.kpoints is not None and (
        win.kpoints.shape != checkpoint.kpoints.shape or np.max(np.abs(win.kpoints - checkpoint.kpoints)) > 1e-6
    ):
        raise InputFileError(win.path, f"its k points are not those in {checkpoint.path.name}; {other}")
    stated = win.integer("num_wann")
    if stated is not None and stated != checkpoint.n_wannier:
        raise InputFileError(
            win.path,
            f"num_wann = {stated}, {checkpoint.path.name} has {checkpoint.n_wannier} Wannier functions; {other}",
        )
    stated = win.integer("num_bands")
    if stated is not None and stated != checkpoint.n_bands:
        raise InputFileError(
            win.path, f"num_bands = {stated}, {checkpoint.path.name} has {checkpoint.n_bands} bands; {other}"
        )


def _compare_wout(checkpoint: WannierCheckpoint, wout: Path | None) -> None:
    if wout is None:
        return
    difference = float(np.max(np.abs(read_wout_centres(wout, checkpoint.n_wannier) - checkpoint.centres)))
    if difference > 1e-5:
        raise InputFileError(
            wout,
            f"its final centres differ from those in {checkpoint.path.name} by up to {difference:.3g} Å; they are "
            f"of different runs",
        )


def _check_windows(
    checkpoint: WannierCheckpoint, win: WinFile, eig: Path, energies: RealArray, H: ComplexArray
) -> float | None:
    """Largest |E − E_DFT| (eV) in the frozen window; ``None`` without one. The windows must fit the energies."""
    if not checkpoint.disentangled:
        bottom, top = -np.inf, np.inf
    else:
        low, high = win.number("dis_win_min"), win.number("dis_win_max")
        outer_low, outer_high = -np.inf if low is None else low, np.inf if high is None else high
        sure_in = (energies > outer_low + EDGE_TOLERANCE) & (energies < outer_high - EDGE_TOLERANCE)
        sure_out = (energies < outer_low - EDGE_TOLERANCE) | (energies > outer_high + EDGE_TOLERANCE)
        wrong = (sure_in & ~checkpoint.window) | (sure_out & checkpoint.window)
        if wrong.any():
            k, band = np.argwhere(wrong)[0]
            raise InputFileError(
                eig,
                f"band {band + 1} at k point {k + 1} has {energies[k, band]:.4f} eV, which the outer window "
                f"[{outer_low:g}, {outer_high:g}] eV of {win.path.name} and the bands marked in "
                f"{checkpoint.path.name} place "
                "differently; the files are of different runs",
            )
        froz_low, froz_high = win.number("dis_froz_min"), win.number("dis_froz_max")
        # In spheres and by projectability Wannier90 freezes states by other rules.
        if froz_high is None or "dis_spheres_num" in win.keywords or "dis_froz_proj" in win.keywords:
            return None
        bottom, top = outer_low if froz_low is None else froz_low, froz_high
    interpolated = np.linalg.eigvalsh(H)
    worst = 0.0
    for k in range(checkpoint.n_kpoints):
        frozen = energies[k][(energies[k] > bottom + EDGE_TOLERANCE) & (energies[k] < top - EDGE_TOLERANCE)]
        if len(frozen):
            worst = max(worst, float(np.abs(interpolated[k][:, None] - frozen).min(axis=0).max()))
    if worst > FROZEN_TOLERANCE:
        raise InputFileError(
            eig,
            f"energies in the frozen window [{bottom:g}, {top:g}] eV come back with an error of {worst:.3g} eV "
            f"(expected below {FROZEN_TOLERANCE:g}); it is of another run than {checkpoint.path.name} and "
            f"{win.path.name}",
        )
    return worst


def _stencil(checkpoint: WannierCheckpoint, kmesh: KMesh, files: FileSet, win: WinFile | None) -> Stencil:
    n_neighbours = checkpoint.overlaps.shape[1]
    nnkp = files.get("nnkp")
    if nnkp is not None:
        index, cells = read_nnkp(nnkp, checkpoint.n_kpoints)
        if index.shape[1] != n_neighbours:
            raise InputFileError(nnkp, f"lists {index.shape[1]} b vectors, {checkpoint.path.name} holds {n_neighbours}")
        return stencil_from_list(kmesh, nnkp, index, cells)
    tolerance = None if win is None else win.number("kmesh_tol")
    search = None if win is None else win.integer("search_shells")
    stencil = reconstruct_stencil(
        kmesh,
        shell_list=None if win is None else win.shells(),
        tolerance=SHELL_TOLERANCE if tolerance is None else tolerance,
        search_shells=SEARCH_SHELLS if search is None else search,
    )
    if len(stencil.weights) != n_neighbours:
        raise InputFileError(
            checkpoint.path,
            f"holds overlaps for {n_neighbours} b vectors; the lattice and mesh give {len(stencil.weights)}; "
            "put the .nnkp file of the calculation beside it (wannier90.x -pp writes it)",
        )
    return stencil


def _on_the_branch_cut(checkpoint: WannierCheckpoint, stencil: Stencil, apart: RealArray) -> bool:
    """Whether every centre that differs belongs to a function so wide that the logarithm of its overlaps has no sure
    branch; says so with the numbers. ``apart`` (n,): distance of the two centres in Å."""
    guess = stencil.vectors @ checkpoint.centres.T
    overlaps = np.diagonal(checkpoint.overlaps, axis1=-2, axis2=-1)
    phase = np.max(np.abs(np.angle(overlaps * np.exp(1j * guess))), axis=(0, 1))
    wide = np.flatnonzero(apart > CENTRE_TOLERANCE)
    if not np.all(phase[wide] > BRANCH):
        return False
    smallest = np.min(np.abs(overlaps), axis=(0, 1))
    for a in wide:
        logger.warning(
            "%s: Wannier function %d is wide: its overlaps with neighbouring k points are as small as %.2g, with "
            "phases up to %.3f, where the logarithm has no sure branch. Its centre from the overlaps is %.3g Å off the "
            "stated one, which is taken; its position, and what depends on it, is uncertain by as much. A denser mesh "
            "or narrower functions settle it",
            checkpoint.path,
            a + 1,
            smallest[a],
            phase[a],
            apart[a],
        )
    return True


def _position(checkpoint: WannierCheckpoint, stencil: Stencil, form: str) -> tuple[ComplexArray, dict[str, float]]:
    """Hermitian position matrix in k space and how well it stands up: overlap pairing, centres, part removed."""
    pairing = pairing_error(stencil, checkpoint.overlaps)
    advice = "put the .nnkp file of the calculation beside it"
    if pairing > PAIRING_TOLERANCE:
        raise InputFileError(
            checkpoint.path,
            f"its overlaps are not in the order of the b vectors (M(k,b)† and M(k+b,-b) differ by {pairing:.2g}); "
            f"{advice}",
        )
    connection = berry_connection(stencil, checkpoint.overlaps, checkpoint.centres)
    centres = np.diagonal(connection.mean(axis=0), axis1=-2, axis2=-1).real.T
    apart = np.max(np.abs(centres - checkpoint.centres), axis=1)
    difference = float(apart.max())
    if difference > CENTRE_TOLERANCE and not _on_the_branch_cut(checkpoint, stencil, apart):
        raise InputFileError(
            checkpoint.path,
            f"the overlaps give Wannier centres up to {difference:.3g} Å from those it states; the b vectors or "
            "their weights "
            f"are not those of the calculation; {advice}",
        )
    if difference > CENTRE_TOLERANCE:
        # One list of centres: the stated one, as in the other form and for minimal images.
        n = checkpoint.n_wannier
        connection[:, :, np.arange(n), np.arange(n)] += (checkpoint.centres - centres).T
    if form == "invariant":
        connection = invariant_connection(stencil, checkpoint.overlaps, checkpoint.centres)
    # A finite difference of overlaps is Hermitian only to second order in b; the Hermitian part is the estimate to use.
    adjoint = np.conj(connection.swapaxes(-1, -2))
    removed = float(np.max(np.abs(connection - adjoint)))
    uncertain = difference > CENTRE_TOLERANCE
    logger.log(
        logging.WARNING if uncertain else logging.INFO,
        "position matrix: antihermitian part of the finite difference removed, up to %.3g Å at one k point",
        removed,
    )
    return 0.5 * (connection + adjoint), {
        "overlap_pairing_error": pairing,
        "centre_difference": difference,
        "position_antihermitian": removed,
    }
