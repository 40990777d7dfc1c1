"""Products of spin, Hamiltonian and position over all bands of a first-principles run, on its k mesh.

A Wannier space P holds PrP and PsP, and not their products: P s r P also passes through the bands outside P. Their
overlaps (``.mmn``) are known to the run that made the Wannier functions, and a finite difference gives the rest.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.errors import InputFileError
from solenoidal.io.files import FileSet
from solenoidal.io.kmesh import KMesh, Stencil
from solenoidal.io.wigner_seitz import ImageWeights, to_lattice
from solenoidal.models.all_states import AllStates

OVERLAP_TOLERANCE = 1e-5  # overlaps are printed with twelve decimals
COMMUTATION_TOLERANCE = 0.5  # a few per cent are left out by the highest bands; files of different runs give one

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BlochData:
    """What the files say of all bands on the k mesh.

    ``gauge`` (nk, bands, wann) V = U_opt U; ``energies`` (nk, bands) in eV; ``spin`` (nk, 3, bands, bands) in ħ;
    ``overlaps`` (nk, nb, bands, bands) ⟨u_mk|u_n,k+b⟩ in the order of the ``stencil``.
    """

    gauge: ComplexArray
    energies: RealArray
    spin: ComplexArray
    overlaps: ComplexArray
    stencil: Stencil


@dataclass(frozen=True)
class ProductsOnMesh:
    """In the Wannier gauge: ``spin_hamiltonian`` P s H P (nk, 3, n, n) in eV ħ; ``spin_position`` P s r P
    (nk, 3, 3, n, n) in Å ħ and ``spin_hamiltonian_position`` P s H r P in eV Å ħ, position before spin."""

    spin_hamiltonian: ComplexArray
    spin_position: ComplexArray
    spin_hamiltonian_position: ComplexArray


def products_on_mesh(
    data: BlochData, connection: ComplexArray, centres: RealArray | None, *, finite_difference: bool = False
) -> ProductsOnMesh:
    """P s r P, P s H r P and P s H P from the bands of the run, Qiao et al., PRB 98, 214402 (2018).

    P X r_i P = i Σ_b w_b b_i [V†_k X_k M_{k,b} V_{k+b} − V†_k X_k V_k] for X = s and X = sE, of which the part that
    stays in P is replaced by that of the model, with Q = 1 − P among the bands of the run:

        P X r_i P = V†XV Ā_i + i Σ_b w_b b_i V†_k X_k Q_k M_{k,b} V_{k+b} e^{ib·r_b}

    What leaves P, P X r_i P − P X P Ā_i, is then free of the part of the finite difference that was removed from the
    position matrix Ā = ``connection`` (nk, 3, n, n), its antihermitian part. ``finite_difference`` keeps the sum as it
    stands. ``centres`` r (n, 3) in Å are those whose phases Ā carries, ``None`` for Ā in the form of Wannier90.
    """
    V = data.gauge
    adjoint = np.conj(V.swapaxes(-1, -2))
    spin = adjoint[:, None] @ data.spin  # V† s, (nk, 3, n, bands)
    spin_energy = spin * data.energies[:, None, None, :]  # s H: the energies belong to the right index of s
    shape = (len(V), 3, 3, V.shape[-1], V.shape[-1])
    position, energy_position = np.zeros(shape, dtype=np.complex128), np.zeros(shape, dtype=np.complex128)
    for b, weight in enumerate(data.stencil.weights):
        moved = data.overlaps[:, b] @ V[data.stencil.index[:, b]]
        step = data.stencil.vectors[:, b]
        if not finite_difference:
            moved -= V @ (adjoint @ moved)
        if centres is not None:
            moved *= np.exp(1j * (step @ centres.T))[:, None, :]
        # The second term, V†XV, falls out of the sum, since every b has its −b.
        factor = (1j * weight * step)[:, :, None, None, None]
        position += factor * (spin @ moved[:, None])[:, None]
        energy_position += factor * (spin_energy @ moved[:, None])[:, None]
    spin_inside, spin_hamiltonian = (spin @ V[:, None])[:, None], spin_energy @ V[:, None]
    if not finite_difference:
        position += spin_inside @ connection[:, :, None]
        energy_position += spin_hamiltonian[:, None] @ connection[:, :, None]
    elif centres is not None:
        # The phases have moved every function to the origin.
        position += spin_inside * centres.T[:, None, None, :]
        energy_position += spin_hamiltonian[:, None] * centres.T[:, None, None, :]
    return ProductsOnMesh(spin_hamiltonian, position, energy_position)


def commutation_error(data: BlochData) -> float:
    """‖V†_k (s_k M_{k,b} − M_{k,b} s_{k+b}) V_{k+b}‖ / ‖V†_k s_k M_{k,b} V_{k+b}‖ over all k and b.

    The spin does not act on position, so that it vanishes for a complete set of bands; of two files of different runs
    it is of order one.
    """
    V, difference, size = data.gauge, 0.0, 0.0
    adjoint = np.conj(V.swapaxes(-1, -2))
    for b in range(len(data.stencil.weights)):
        at, M = data.stencil.index[:, b], data.overlaps[:, b]
        before = (adjoint[:, None] @ data.spin) @ (M @ V[at])[:, None]
        after = (adjoint @ M)[:, None] @ (data.spin[at] @ V[at][:, None])
        difference += float(np.sum(np.abs(before - after) ** 2))
        size += float(np.sum(np.abs(before) ** 2))
    return float(np.sqrt(difference / max(size, 1e-300)))


def all_states_of(
    files: FileSet,
    kmesh: KMesh,
    data: BlochData,
    *,
    connection: ComplexArray,
    centres: RealArray | None,
    images: ImageWeights,
    finite_difference: bool,
) -> AllStates:
    """The products in R space, on the lattice vectors of the model's own matrices; arguments as in the functions above.

    Raises ``InputFileError`` when the spin does not commute with the overlaps.
    """
    bands, mmn = data.gauge.shape[1], files.need("mmn", "no overlaps found")
    error = commutation_error(data)
    logger.info("all states: [exp(-ib.r), s] between the %d bands of %s is %.2g of s", bands, mmn.name, error)
    if error > COMMUTATION_TOLERANCE:
        raise InputFileError(
            files.need("spn", "no spin matrices found"),
            f"the spin does not commute with the overlaps of {mmn.name} (relative error {error:.2g}, expected below "
            f"{COMMUTATION_TOLERANCE:g}); the files are of different runs; matrix_elements = 'wannier-space' reads "
            "them without the overlaps",
        )
    products, kpoints = products_on_mesh(data, connection, centres, finite_difference=finite_difference), kmesh.exact()
    return AllStates(
        to_lattice(products.spin_position, kpoints, images),
        to_lattice(products.spin_hamiltonian_position, kpoints, images),
        to_lattice(products.spin_hamiltonian, kpoints, images),
        bands,
        error,
        {kind: files.need(kind, "not found").name for kind in ("chk", "eig", "spn", "mmn")},
        finite_difference,
    )


def require_same_run(mmn: Path, data: BlochData, wannier: ComplexArray) -> None:
    """Raise ``InputFileError`` unless V†_k M_{k,b} V_{k+b} are the overlaps ``wannier`` (nk, nb, n, n) of the run."""
    worst = 0.0
    for b in range(wannier.shape[1]):
        rotated = np.conj(data.gauge.swapaxes(-1, -2)) @ data.overlaps[:, b] @ data.gauge[data.stencil.index[:, b]]
        worst = max(worst, float(np.max(np.abs(rotated - wannier[:, b]))))
    if worst > OVERLAP_TOLERANCE:
        raise InputFileError(
            mmn,
            f"rotated to the Wannier functions its overlaps differ from those of the checkpoint by up to {worst:.2g} "
            f"(expected below {OVERLAP_TOLERANCE:g}); take both files from the same run",
        )
