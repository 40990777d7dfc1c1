"""Pair potentials of superconductors on the lattice: by hand, by the angle of a bond, or from a function of k.

Every function returns a ``LatticeOperator`` with Δ_R[a, b], the amplitude of c†_{0a} c†_{Rb}; it is not Hermitian. In
a basis that separates the spins the first operator creates ↑ and the second ↓; in a basis of all orbitals (spinless
or with spin) exchanging the two changes the sign, and Δ_R[a, b] enters the Hamiltonian with a factor ½ as in Δ(k).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.errors import ModelError
from solenoidal.models.builder import PAULI
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding, orbital_centres

Parity = Literal["singlet", "triplet"]
AngularForm = Callable[[RealArray], NDArray[Any]]

PARITY_SIGN: dict[str, float] = {"singlet": 1.0, "triplet": -1.0}
"""Δ_{−R}[b, a] = ± Δ_R[a, b]."""

POSITION_TOLERANCE = 1e-6

# Odd forms carry −i, so that a real amplitude δ gives 2δ sin(k·R) as it gives 2δ cos(k·R) for even ones.
ANGULAR_FORMS: dict[str, AngularForm] = {
    "s": lambda phi: np.ones_like(phi),
    "px": lambda phi: -1j * np.cos(phi),
    "py": lambda phi: -1j * np.sin(phi),
    "p+ip": lambda phi: -1j * np.exp(1j * phi),
    "p-ip": lambda phi: -1j * np.exp(-1j * phi),
    "dx2-y2": lambda phi: np.cos(2 * phi),
    "dxy": lambda phi: np.sin(2 * phi),
    "d+id": lambda phi: np.exp(2j * phi),
    "d-id": lambda phi: np.exp(-2j * phi),
    "f": lambda phi: -1j * np.cos(3 * phi),
}
"""Dependence of Δ on the angle φ of the bond (from orbital a to orbital b) with the x axis, by name."""


def pairing(model: TightBinding, terms: Mapping[Any, ArrayLike]) -> LatticeOperator:
    """Pair potential from a dictionary {R: Δ_R}, Δ_R (n, n) in eV, R one integer for each periodic direction or three.

    Both R and −R must be given; ``PairingBuilder`` adds the partner by itself. Raises ``ModelError`` for a vector or
    matrix of wrong shape.
    """
    n = model.n_orbitals
    vectors, matrices = [], []
    for R, matrix in terms.items():
        array = np.asarray(matrix, dtype=np.complex128)
        if array.shape != (n, n):
            raise ModelError(
                f"pairing at R = {R} has shape {array.shape}; expected ({n}, {n}), one row for each orbital"
            )
        vectors.append(_vector(R, model.dimension))
        matrices.append(array)
    if not vectors:
        raise ModelError("the pairing dictionary is empty; give at least {(0, 0): matrix}")
    return LatticeOperator(np.array(vectors), np.array(matrices))


class PairingBuilder:
    """Collects pair amplitudes bond by bond and adds the partner that the spin parity demands.

    ``parity`` "singlet" completes Δ_{−R}[j, i] = Δ_R[i, j], "triplet" (also spinless fermions and S_z = 0 triplets)
    Δ_{−R}[j, i] = −Δ_R[i, j]. Use it for pairing that no angular form describes; ``build()`` freezes it.
    """

    def __init__(self, model: TightBinding, *, parity: Parity) -> None:
        if parity not in PARITY_SIGN:
            raise ModelError(f'parity is {parity!r}; expected "singlet" or "triplet"')
        self._n, self._dimension, self._sign = model.n_orbitals, model.dimension, PARITY_SIGN[parity]
        self._parity = parity
        self._terms: dict[tuple[int, int, tuple[int, int, int]], complex] = {}

    def set(self, value: complex, i: int, j: int, R: Sequence[int] | int) -> PairingBuilder:
        """Set Δ_R[i, j] in eV; its partner must not be set again.

        Raises ``ModelError`` for a bond that is set already, an orbital the model lacks, or an on-site triplet.
        """
        vector = _vector(R, self._dimension)
        for orbital in (i, j):
            if not 0 <= orbital < self._n:
                raise ModelError(f"orbital index {orbital!r}; expected an integer from 0 to {self._n - 1}")
        partner = (j, i, (-vector[0], -vector[1], -vector[2]))
        if (i, j, vector) in self._terms or partner in self._terms:
            raise ModelError(
                f"the pairing of orbital {i} with orbital {j} in the cell {vector} is set already, directly or as a "
                "partner; give each bond once"
            )
        if partner == (i, j, vector) and self._sign < 0:
            raise ModelError(f"orbital {i} cannot pair with itself on site in a triplet; use another bond or a singlet")
        self._terms[(i, j, vector)] = complex(value)
        self._terms[partner] = self._sign * complex(value)
        return self

    def build(self) -> LatticeOperator:
        """The pair potential; raises ``ModelError`` when nothing was set."""
        if not self._terms:
            raise ModelError("no pairing was set; call set(value, i, j, R) for at least one bond")
        matrices: dict[tuple[int, int, int], ComplexArray] = {}
        for (i, j, R), value in self._terms.items():
            matrices.setdefault(R, np.zeros((self._n, self._n), dtype=np.complex128))[i, j] = value
        return LatticeOperator(np.array(list(matrices), dtype=np.int64), np.array(list(matrices.values())))


def onsite_pairing(model: TightBinding, delta: ArrayLike) -> LatticeOperator:
    """Pairing inside the home cell: ``delta`` a number or one for each orbital (eV) for s waves, or a matrix (n, n)."""
    n = model.n_orbitals
    array = np.asarray(delta, dtype=np.complex128)
    if array.shape in ((), (n,)):
        return LatticeOperator.constant(np.diag(np.broadcast_to(array, n)))
    if array.shape == (n, n):
        return LatticeOperator.constant(array)
    raise ModelError(f"delta has shape {array.shape}; expected a number, {n} numbers or a ({n}, {n}) matrix")


def bond_pairing(
    model: TightBinding,
    delta: complex,
    form: str | AngularForm,
    *,
    shell: int = 1,
    orbitals: ArrayLike | None = None,
) -> LatticeOperator:
    """Pairing on all bonds of one length, Δ_R[a, b] = δ W_ab form(φ), φ the angle of the bond with the x axis.

    ``form`` a name of ``ANGULAR_FORMS`` ("s" gives extended s waves, "d+id" the chiral d wave of any lattice with
    threefold, fourfold or sixfold axes, "p+ip" the chiral p wave) or a function of φ; ``shell`` 1 for the shortest
    bonds of the lattice, 2 for the next; ``orbitals`` the matrix W (n, n), needed when several orbitals share a
    position and all ones otherwise. Raises ``ModelError`` for an unknown form or shell.
    """
    n = model.n_orbitals
    angular = _form(form)
    centres = orbital_centres(model)
    weight = _orbital_weight(orbitals, centres)
    R, bonds = _bonds(model, centres)
    length = np.linalg.norm(bonds, axis=-1)
    lengths = np.unique(np.round(length[length > POSITION_TOLERANCE], 6))
    # Shells closer than a millionth of the lattice constant are one shell.
    lengths = lengths[np.diff(lengths, prepend=-1.0) > 1e-5]
    complete = float(np.min(length[np.max(np.abs(R[:, : model.dimension]), axis=1) == R.max()]))
    if not 1 <= shell <= len(lengths) or lengths[shell - 1] >= complete:
        raise ModelError(f"shell is {shell}; expected a small positive integer, 1 for the shortest bonds")
    on_shell = np.abs(length - lengths[shell - 1]) < 2e-5
    values = angular(np.arctan2(bonds[..., 1], bonds[..., 0]))
    matrices = np.where(on_shell, delta * weight * values, 0)
    used = on_shell.any(axis=(1, 2))
    return LatticeOperator(R[used], matrices[used].reshape(-1, n, n))


def pairing_from_function(
    model: TightBinding,
    function: Callable[[RealArray], ArrayLike],
    *,
    divisions: tuple[int, int, int],
    tolerance: float = 1e-9,
) -> LatticeOperator:
    """Pair potential on the lattice from a periodic function Δ(k) = Σ_R e^{ik·R} Δ_R, by Fourier transform on a mesh.

    ``function`` maps fractional k (nk, 3) to (nk, n, n) in eV; its phases follow the models' convention, without
    orbital positions. Hoppings below ``tolerance`` times the largest are left out. Raises ``ModelError`` when the
    function does not decay within the mesh (a node of a projector, or too few ``divisions``).
    """
    n, shape = model.n_orbitals, tuple(divisions)
    j = np.stack(np.meshgrid(*[np.arange(m) for m in shape], indexing="ij"), axis=-1).reshape(-1, 3)
    values = np.asarray(function(j / np.array(shape)), dtype=np.complex128)
    if values.shape != (len(j), n, n):
        raise ModelError(f"the pairing function returned shape {values.shape}; expected ({len(j)}, {n}, {n})")
    matrices = np.fft.fftn(values.reshape(*shape, n, n), axes=(0, 1, 2)).reshape(-1, n, n) / len(j)
    R = np.where(2 * j > np.array(shape), j - np.array(shape), j)
    size = np.abs(matrices).max(axis=(1, 2))
    far = np.any((np.abs(R) > 0.4 * np.array(shape)) & (np.array(shape) > 1), axis=1)
    if size[far].max(initial=0.0) > 1e3 * tolerance * size.max():
        raise ModelError(
            f"the pairing function has not decayed at the edge of a {shape} mesh (relative size "
            f"{size[far].max() / size.max():.1e}); give more divisions, or a function smooth in k"
        )
    # The edge of an even mesh belongs to R and −R at once and cannot keep the parity.
    keep = (size > tolerance * size.max()) & ~np.any((2 * np.abs(R) == np.array(shape)), axis=1)
    return LatticeOperator(R[keep], matrices[keep])


def spin_pairing(
    orbital: LatticeOperator,
    spin: Literal["singlet"] | ArrayLike,
    *,
    order: Literal["orbital-major", "spin-major"] = "orbital-major",
) -> LatticeOperator:
    """Pairing of a model with spin from one of its orbitals: ψ iσy for "singlet", (d·σ) iσy for a vector d (3,).

    ``order`` is that of the model: "orbital-major" a↑ a↓ b↑ b↓ (the builder's) or "spin-major" a↑ b↑ a↓ b↓, as many
    Wannier models have it. Raises ``ModelError`` for another spin structure or order.
    """
    if isinstance(spin, str):
        if spin != "singlet":
            raise ModelError(f'spin is {spin!r}; expected "singlet" or the three components of a d vector')
        matrix = 1j * PAULI[2]
    else:
        d = np.asarray(spin, dtype=np.complex128)
        if d.shape != (3,):
            raise ModelError(f"d vector has shape {d.shape}; expected three components")
        matrix = np.einsum("i,iab->ab", d, PAULI[1:]) @ (1j * PAULI[2])
    if order == "orbital-major":
        return LatticeOperator(orbital.R, np.array([np.kron(block, matrix) for block in orbital.matrices]))
    if order == "spin-major":
        return LatticeOperator(orbital.R, np.array([np.kron(matrix, block) for block in orbital.matrices]))
    raise ModelError(f'order is {order!r}; expected "orbital-major" or "spin-major"')


def add_pairings(first: LatticeOperator, *others: LatticeOperator) -> LatticeOperator:
    """Sum of pair potentials, for example s + i d."""
    total: dict[tuple[int, ...], ComplexArray] = {}
    for operator in (first, *others):
        if operator.size != first.size:
            raise ModelError(f"pairings of {first.size} and {operator.size} orbitals cannot be added")
        for R, matrix in zip(operator.R.tolist(), operator.matrices, strict=True):
            total[tuple(R)] = total.get(tuple(R), np.zeros_like(matrix)) + matrix
    return LatticeOperator(np.array(list(total), dtype=np.int64), np.array(list(total.values())))


def parity_violation(operator: LatticeOperator, parity: Parity) -> tuple[float, tuple[int, ...]]:
    """Largest |Δ_R[a, b] ∓ Δ_{−R}[b, a]| and the R where it occurs; zero for pairing of that parity."""
    index = {tuple(R): matrix for R, matrix in zip(operator.R.tolist(), operator.matrices, strict=True)}
    worst, where = 0.0, (0, 0, 0)
    for R, matrix in index.items():
        partner = index.get(tuple(-x for x in R))
        transposed = np.zeros_like(matrix) if partner is None else partner.T
        error = float(np.max(np.abs(matrix - PARITY_SIGN[parity] * transposed)))
        if error > worst:
            worst, where = error, (int(R[0]), int(R[1]), int(R[2]))
    return worst, where


def _vector(R: Sequence[int] | int, dimension: int) -> tuple[int, int, int]:
    array = np.atleast_1d(np.asarray(R))
    if array.shape not in ((dimension,), (3,)) or not np.array_equal(array, np.round(array)):
        raise ModelError(f"lattice vector {R!r}; expected {dimension} integers, one for each periodic direction")
    full = np.zeros(3, dtype=np.int64)
    full[: len(array)] = array
    return (int(full[0]), int(full[1]), int(full[2]))


def _form(form: str | AngularForm) -> AngularForm:
    if not isinstance(form, str):
        return form
    if form not in ANGULAR_FORMS:
        raise ModelError(
            f"angular form {form!r}; expected one of {', '.join(ANGULAR_FORMS)}, or a function of the angle"
        )
    return ANGULAR_FORMS[form]


def _orbital_weight(orbitals: ArrayLike | None, centres: RealArray) -> ComplexArray:
    n = len(centres)
    distance = np.linalg.norm(centres[:, None] - centres[None], axis=-1) + np.eye(n)
    if orbitals is None:
        if np.any(distance < POSITION_TOLERANCE):
            raise ModelError(
                "several orbitals share a position, so it must be said which of them pair: pass orbitals= a matrix "
                f"({n}, {n}), for example np.eye({n}) for equal orbitals only"
            )
        return np.ones((n, n), dtype=np.complex128)
    weight = np.asarray(orbitals, dtype=np.complex128)
    if weight.shape != (n, n):
        raise ModelError(f"orbitals has shape {weight.shape}; expected ({n}, {n})")
    return weight


def _bonds(model: TightBinding, centres: RealArray) -> tuple[NDArray[np.int64], RealArray]:
    """Lattice vectors up to four cells away and the bonds R + r_b − r_a, (nR, n, n, 3) in Å."""
    d, reach = model.dimension, 4
    R = np.zeros(((2 * reach + 1) ** d, 3), dtype=np.int64)
    R[:, :d] = list(itertools.product(range(-reach, reach + 1), repeat=d))
    bonds = (R @ model.lattice)[:, None, None] + (centres[None, :] - centres[:, None])[None]
    return R, np.asarray(bonds)
