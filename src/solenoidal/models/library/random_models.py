"""Random models: nothing in them vanishes by symmetry except what is asked for."""

from __future__ import annotations

import itertools

import numpy as np

from solenoidal.arrays import ComplexArray, IntArray, RealArray
from solenoidal.errors import ModelError
from solenoidal.models.builder import PAULI
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.operator import Operator, spin_operator

NONLOCAL_POSITION, NONLOCAL_SPIN = 0.05, 0.1
"""Size of the matrix elements between orbitals and cells, in Å and ħ."""


def random_model(
    bands: int, dimension: int, seed: int, *, degenerate: bool = False, nonlocal_matrices: bool = False
) -> TightBinding:
    """A random lattice model with short-range hoppings, an oblique lattice and orbitals at random positions.

    Orbitals come two to a site (one is left over for an odd number). The operator ``"spin"`` (3, n, n) is
    random, Hermitian and local to the sites, so it is not conserved. With ``degenerate=True`` (even ``bands`` ≥
    4) the product of inversion and time reversal, Θ = (sites exchanged r → −r) ⊗ iσy K with Θ² = −1, is a
    symmetry and every band is exactly twofold degenerate at every k, while neither factor alone is a symmetry
    and the operator acts inside the pairs.

    With ``nonlocal_matrices=True`` the position matrix and the operator join orbitals and neighbouring cells as in a
    model read from Wannier90: positions do not commute, nor does the operator with them (see ``bloch.space``). The
    hoppings are those of the local model, and one band is allowed.

    Equal arguments give equal models. Raises ``ModelError`` for sizes that cannot be built. Use it to test
    identities.
    """
    least = 1 if nonlocal_matrices else 2
    if dimension not in (1, 2, 3) or bands < least:
        raise ModelError(
            f"random model with {bands} bands in {dimension} dimensions; expected bands ≥ {least} and dimension 1, 2 "
            "or 3"
        )
    if degenerate and (bands < 4 or bands % 2):
        raise ModelError(f"a degenerate random model with {bands} bands; expected an even number from 4 on")
    rng = np.random.default_rng([seed, bands, dimension, int(degenerate)])
    lattice = np.eye(3) + 0.25 * rng.uniform(-1, 1, (3, 3))
    sites = np.arange(bands) // 2
    R = np.zeros((3**dimension, 3), dtype=np.int64)
    R[:, :dimension] = list(itertools.product((-1, 0, 1), repeat=dimension))
    matrices = _hoppings(rng, R, bands)
    fractional = rng.uniform(0.05, 0.45, (int(sites[-1]) + 1, 3))
    theta = None
    if degenerate:
        fractional, exchange = _inversion_pairs(fractional)
        theta = np.kron(exchange, 1j * PAULI[2])
        # Θ H_R Θ⁻¹ = U H_R* U†, to sit at −R: H_R → ½ (H_R + U H_{−R}* U†), and H_{−R}* = H_R^T.
        matrices = (matrices + theta @ matrices.swapaxes(-1, -2) @ theta.conj().T) / 2
    position = np.einsum("ai,ab->iab", (fractional @ lattice)[sites], np.eye(bands))
    spin = rng.normal(size=(3, bands, bands)) + 1j * rng.normal(size=(3, bands, bands))
    spin = (spin + spin.conj().swapaxes(-1, -2)) / 2 * (sites[:, None] == sites[None, :])
    centred, local = LatticeOperator.constant(position), spin_operator(spin)
    provenance = {"model": "random", "seed": seed, "degenerate": degenerate}
    if nonlocal_matrices:
        provenance["nonlocal_matrices"] = True
        centred, local = _nonlocal(rng, R, position, theta), _joined(rng, R, spin)
    return TightBinding(
        lattice,
        dimension,
        LatticeOperator(R, matrices),
        centred,
        {"spin": local},
        provenance=provenance,
    )


def _nonlocal(rng: np.random.Generator, R: IntArray, centres: RealArray, theta: ComplexArray | None) -> LatticeOperator:
    """Centres and random matrix elements between orbitals; odd under Θ, as a position is, if there is one."""
    matrices = NONLOCAL_POSITION * _hermitian(rng, R, 3, centres.shape[-1])
    if theta is not None:
        matrices = (matrices - theta @ matrices.swapaxes(-1, -2) @ theta.conj().T) / 2
    matrices[len(R) // 2] += centres
    return LatticeOperator(R, matrices)


def _joined(rng: np.random.Generator, R: IntArray, local: ComplexArray) -> Operator:
    """The local matrices of a spin and random ones between orbitals and cells."""
    matrices = NONLOCAL_SPIN * _hermitian(rng, R, 3, local.shape[-1])
    matrices[len(R) // 2] += local
    return Operator(R, matrices, ("axial",), -1, "ħ", "spin")


def _hermitian(rng: np.random.Generator, R: IntArray, legs: int, size: int) -> ComplexArray:
    """Random Hermitian matrices (R, legs, n, n) of order one; the reversed list of R is that of −R."""
    shape = (len(R), legs, size, size)
    raw = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return np.asarray((raw + raw[::-1].conj().swapaxes(-1, -2)) / 2)


def _hoppings(rng: np.random.Generator, R: RealArray, bands: int) -> ComplexArray:
    """Hermitian set of hoppings decaying with |R|, and on-site energies spread to keep bands apart."""
    n = len(R)
    raw = rng.normal(size=(n, bands, bands)) + 1j * rng.normal(size=(n, bands, bands))
    raw *= (0.35 * np.exp(-0.8 * np.abs(R).sum(axis=1)))[:, None, None]
    # The product over {−1, 0, 1} is ordered so that the reversed list is the list of −R.
    hermitian = (raw + raw[::-1].conj().swapaxes(-1, -2)) / 2
    hermitian[n // 2] += np.diag(np.repeat(np.linspace(-1.5, 1.5, (bands + 1) // 2), 2)[:bands])
    return np.asarray(hermitian)


def _inversion_pairs(fractional: RealArray) -> tuple[RealArray, RealArray]:
    """Sites in pairs at ±r (a last unpaired one at the origin) and the permutation that exchanges them."""
    sites = len(fractional)
    paired = fractional.copy()
    exchange = np.eye(sites)
    for a in range(0, sites - 1, 2):
        paired[a + 1] = -paired[a]
        exchange[a : a + 2, a : a + 2] = [[0, 1], [1, 0]]
    if sites % 2:
        paired[-1] = 0.0
    return paired, exchange
