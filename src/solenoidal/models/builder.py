"""A builder of lattice models in the vocabulary of PythTB: lattice vectors, orbitals, on-site terms and hoppings.

The builder is the only mutable object; ``build()`` freezes it into a ``TightBinding`` that no longer changes.
"""

from __future__ import annotations

import operator as op
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.errors import ModelError
from solenoidal.models.hamiltonian import LatticeOperator, Structure, TightBinding
from solenoidal.models.operator import Leg, Operator, spin_operator

Mode = Literal["set", "add", "reset"]
Vector = tuple[int, int, int]

PAULI = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=np.complex128)
"""Identity and the Pauli matrices σx, σy, σz, shape (4, 2, 2)."""
PAULI.setflags(write=False)

POSITION_TOLERANCE = 1e-8


class TightBindingBuilder:
    """Collects orbitals, on-site energies and hoppings and freezes them into a ``TightBinding``.

    H = Σ_R Σ_ij |0i⟩ t_ij(R) ⟨Rj| + conjugates, ``t_ij(R) = ⟨0i|H|Rj⟩`` in eV: row orbital in the home cell,
    column orbital in the cell R, as in PythTB.

    ``lattice``: d rows of d or 3 Cartesian components in Å for a model periodic in d = 1, 2 or 3 directions, or
    (3, 3) together with ``dimension`` when fewer directions are periodic. Missing rows are completed by vectors
    orthogonal to the periodic ones (the unit vectors left over, if those are orthogonal); nothing physical
    depends on them. ``orbitals``: fractional positions (orbitals, d) or (orbitals, 3). ``spin=True`` doubles
    every orbital, orbital-major with the spin fastest (a↑ a↓ b↑ b↓), and attaches the operator ``"spin"`` = σ/2
    in units of ħ.

    Raises ``ModelError`` for shapes that disagree. Use it for every model written by hand; Wannier models are
    read from their files.
    """

    def __init__(
        self, lattice: ArrayLike, orbitals: ArrayLike, *, spin: bool = False, dimension: int | None = None
    ) -> None:
        self._lattice, self._dimension = _complete_lattice(np.asarray(lattice, dtype=np.float64), dimension)
        self._orbitals = _complete_positions(np.asarray(orbitals, dtype=np.float64), self._dimension)
        self._spin = spin
        self._onsite: dict[int, ComplexArray] = {}
        self._hoppings: dict[tuple[int, int, Vector], ComplexArray] = {}
        self._operators: dict[str, Operator] = {}

    @property
    def n_orbitals(self) -> int:
        """Number of orbitals given, each counted once whether or not spin doubles it."""
        return len(self._orbitals)

    def set_onsite(self, value: Any, orbital: int | None = None, *, mode: Mode = "set") -> TightBindingBuilder:
        """Set the on-site term of one orbital, or of all when ``orbital`` is omitted and ``value`` lists one each.

        A term is a number, or for a model with spin also four Pauli coefficients (1, σx, σy, σz) or a 2×2
        matrix; it must be Hermitian. ``mode`` is "set" (an error if it is set already), "add" or "reset".
        """
        if orbital is None:
            if not isinstance(value, Sequence | np.ndarray) or len(value) != self.n_orbitals:
                raise ModelError(
                    f"set_onsite without an orbital index expects a list of {self.n_orbitals} terms, one for each "
                    "orbital; for one orbital write set_onsite(value, orbital)"
                )
            for index, term in enumerate(value):
                self.set_onsite(term, index, mode=mode)
            return self
        i = self._index(orbital)
        block = self._block(value, f"on-site term of orbital {i}")
        if not np.allclose(block, block.conj().T, rtol=0, atol=1e-12):
            raise ModelError(
                f"on-site term of orbital {i} is not Hermitian: {np.array2string(np.squeeze(block))}; write a real "
                "energy, real Pauli coefficients, or a matrix equal to its conjugate transpose"
            )
        self._store(self._onsite, i, block, mode, f"the on-site term of orbital {i}", "set_onsite")
        return self

    def set_hop(self, value: Any, i: int, j: int, R: Sequence[int] | int, *, mode: Mode = "set") -> TightBindingBuilder:
        """Set ⟨0i|H|Rj⟩; the conjugate hopping ⟨0j|H|−Ri⟩ is added by itself and must not be set again.

        ``value`` is a number, or for a model with spin also four Pauli coefficients or a 2×2 matrix (row spin
        of i, column spin of j). ``R`` lists one integer for each periodic direction. ``mode`` as in
        ``set_onsite``. Raises ``ModelError`` for a hopping that is set already, directly or as a conjugate.
        """
        i, j = self._index(i), self._index(j)
        vector = self._vector(R)
        if i == j and not any(vector):
            raise ModelError(f"hopping of orbital {i} to itself in the home cell is an on-site term; use set_onsite")
        what = f"hopping of orbital {i} in the home cell to orbital {j} in the cell {vector}"
        block = self._block(value, what)
        mirrored = (j, i, (-vector[0], -vector[1], -vector[2]))
        key = (i, j, vector)
        if mirrored in self._hoppings:
            # One orientation is kept, so that a hopping set again as its own conjugate is noticed.
            key, block = mirrored, block.conj().T.copy()
            what += f" (conjugate of {j} to {i} in {mirrored[2]})"
        self._store(self._hoppings, key, block, mode, "the " + what, "set_hop")
        return self

    def set_operator(
        self,
        name: str,
        matrix: ArrayLike,
        *,
        legs: Sequence[Leg] | None,
        time_reversal: int | None,
        unit: str = "1",
    ) -> TightBindingBuilder:
        """Attach a named site-local Hermitian operator, ``matrix`` (*(3,)*rank, n, n) with n the number of bands.

        ``legs`` and ``time_reversal`` say how it turns and ``unit`` labels it, as in ``Operator``: legs () for a
        scalar, both None where the law is not known. In a model with spin a matrix over orbitals alone acts equally on
        both spins. Raises ``ModelError`` if the name is taken, the law does not fit the matrix, the matrix is not
        Hermitian, or it mixes orbitals at different positions.
        """
        if name in self._operators or (name == "spin" and self._spin):
            extra = '; a model built with spin=True has "spin" = σ/2 already' if name == "spin" else ""
            raise ModelError(f"operator {name!r} is set already{extra}; choose another name")
        array = np.array(matrix, dtype=np.complex128)
        n, bands = self.n_orbitals, self.n_orbitals * (2 if self._spin else 1)
        if self._spin and array.ndim >= 2 and array.shape[-2:] == (n, n):
            both = [np.kron(leg, np.eye(2)) for leg in array.reshape(-1, n, n)]
            array = np.reshape(both, (*array.shape[:-2], bands, bands))
        if array.ndim < 2 or array.shape[-2:] != (bands, bands):
            raise ModelError(
                f"operator {name!r} has shape {array.shape}; expected ({bands}, {bands}) for a scalar, (3, {bands}, "
                f"{bands}) for a vector, and so on"
            )
        operator = Operator.constant(array, legs, time_reversal, unit, name)
        if not np.allclose(array, np.conj(np.swapaxes(array, -1, -2)), rtol=0, atol=1e-10):
            raise ModelError(f"operator {name!r} is not Hermitian; give matrices equal to their conjugate transpose")
        self._require_site_local(name, array)
        self._operators[name] = operator
        return self

    def build(
        self,
        *,
        species: Sequence[str] | None = None,
        moments: ArrayLike | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> TightBinding:
        """Freeze into a ``TightBinding``; the position matrix is diagonal, the orbital positions in the home cell.

        ``species`` (one label for each orbital) adds the crystal used by the symmetry search, orbitals at one
        position making one atom; ``moments`` (orbitals, 3) are the magnetic moments that narrow the search.
        """
        width = 2 if self._spin else 1
        centres = np.repeat(self._orbitals @ self._lattice, width, axis=0)
        position = np.einsum("ai,ab->iab", centres, np.eye(len(centres)))
        named = dict(self._operators)
        if self._spin:
            half = [np.kron(np.eye(self.n_orbitals), sigma / 2) for sigma in PAULI[1:]]
            named["spin"] = spin_operator(half)
        return TightBinding(
            self._lattice,
            self._dimension,
            self._hamiltonian(),
            LatticeOperator.constant(position),
            named,
            self._structure(species, moments),
            dict(provenance or {}),
        )

    def _hamiltonian(self) -> LatticeOperator:
        width = 2 if self._spin else 1
        bands = width * self.n_orbitals
        matrices: dict[Vector, ComplexArray] = {(0, 0, 0): np.zeros((bands, bands), dtype=np.complex128)}

        def add(i: int, j: int, R: Vector, block: ComplexArray) -> None:
            matrix = matrices.setdefault(R, np.zeros((bands, bands), dtype=np.complex128))
            matrix[width * i : width * (i + 1), width * j : width * (j + 1)] += block

        for i, block in self._onsite.items():
            add(i, i, (0, 0, 0), block)
        for (i, j, R), block in self._hoppings.items():
            add(i, j, R, block)
            add(j, i, (-R[0], -R[1], -R[2]), block.conj().T)
        ordered = sorted(matrices)
        return LatticeOperator(np.array(ordered, dtype=np.int64), np.array([matrices[R] for R in ordered]))

    def _structure(self, species: Sequence[str] | None, moments: ArrayLike | None) -> Structure | None:
        if species is None:
            if moments is not None:
                raise ModelError("moments are given without species; name the species of every orbital as well")
            return None
        n = self.n_orbitals
        spins = None if moments is None else np.asarray(moments, dtype=np.float64)
        if len(species) != n or (spins is not None and spins.shape != (n, 3)):
            raise ModelError(f"species or moments do not match the {n} orbitals; give each a label and a (3,) moment")
        same = [[self._coincide(i, j) for j in range(n)] for i in range(n)]
        atoms = [i for i in range(n) if not any(same[i][:i])]
        return Structure(
            self._lattice.copy(),
            self._orbitals[atoms],
            tuple(species[i] for i in atoms),
            None if spins is None else spins[atoms],
        )

    def _coincide(self, i: int, j: int) -> bool:
        return bool(np.all(np.abs(self._orbitals[i] - self._orbitals[j]) < POSITION_TOLERANCE))

    def _require_site_local(self, name: str, array: ComplexArray) -> None:
        width = 2 if self._spin else 1
        n = self.n_orbitals
        blocks = np.abs(array).reshape(-1, n, width, n, width).max(axis=(0, 2, 4))
        for i, j in np.argwhere(blocks > 1e-12).tolist():
            if not self._coincide(i, j):
                raise ModelError(
                    f"operator {name!r} mixes orbital {i} at {self._orbitals[i]} with orbital {j} at "
                    f"{self._orbitals[j]}: its expectation value is then not periodic in k and no integral over the "
                    "Brillouin zone by parts holds; use an operator local to one position, or give both orbitals the "
                    "same position if they belong to one atom"
                )

    def _index(self, orbital: int) -> int:
        try:
            i = op.index(orbital)
        except TypeError:
            i = -1
        if not 0 <= i < self.n_orbitals:
            raise ModelError(f"orbital index {orbital!r}; expected an integer from 0 to {self.n_orbitals - 1}")
        return i

    def _vector(self, R: Sequence[int] | int) -> Vector:
        array = np.atleast_1d(np.asarray(R))
        d = self._dimension
        if array.shape not in ((d,), (3,)) or not np.array_equal(array, np.round(array)):
            raise ModelError(f"lattice vector {R!r}; expected {d} integers, one for each periodic direction")
        full = np.zeros(3, dtype=np.int64)
        full[: len(array)] = array
        if np.any(full[d:]):
            raise ModelError(f"lattice vector {R!r} leaves the {d} periodic directions; set its other components to 0")
        return (int(full[0]), int(full[1]), int(full[2]))

    def _block(self, value: Any, what: str) -> ComplexArray:
        array = np.asarray(value, dtype=np.complex128)
        if not np.isfinite(array).all():
            raise ModelError(f"{what} has a value that is not finite: {value!r}")
        if array.shape == ():
            return np.array(array * np.eye(2 if self._spin else 1))
        if self._spin and array.shape == (4,):
            return np.array(np.einsum("p,pab->ab", array, PAULI))
        if self._spin and array.shape == (2, 2):
            return array.copy()
        expected = "a number (or build with spin=True)"
        if self._spin:
            expected = "a number, four Pauli coefficients or a 2×2 matrix"
        raise ModelError(f"{what} has shape {array.shape}; expected {expected}")

    @staticmethod
    def _store(table: dict[Any, ComplexArray], key: Any, block: ComplexArray, mode: Mode, what: str, call: str) -> None:
        if mode not in ("set", "add", "reset"):
            raise ModelError(f'mode is {mode!r}; expected "set", "add" or "reset"')
        if mode == "set" and key in table:
            raise ModelError(
                f"{what} is set already; conjugates are added by themselves, so give each once, or write "
                f'{call}(..., mode="add") to sum, mode="reset" to replace'
            )
        table[key] = table[key] + block if mode == "add" and key in table else block


def _complete_lattice(rows: RealArray, dimension: int | None) -> tuple[RealArray, int]:
    """Three independent rows from d rows, and the number of periodic directions."""
    if rows.ndim != 2 or rows.shape[0] > 3 or not rows.shape[0] <= rows.shape[1] <= 3 or not rows.size:
        raise ModelError(f"lattice has shape {rows.shape}; expected d rows of d or 3 components in Å, d = 1, 2 or 3")
    d = len(rows) if dimension is None else dimension
    if d not in (1, 2, 3) or d > len(rows):
        raise ModelError(
            f"dimension is {dimension!r} with {len(rows)} lattice vectors; expected an integer from 1 to {len(rows)}"
        )
    given = np.zeros((len(rows), 3))
    given[:, : rows.shape[1]] = rows
    if np.linalg.matrix_rank(given, tol=1e-10) < len(given):
        raise ModelError(
            f"lattice vectors {given.tolist()} are not independent; give vectors that span {len(rows)} dimensions"
        )
    if len(given) == 3:
        return given, d
    # Longer than any period, so that no accidental symmetry joins periodic and other directions.
    length = 2 * float(np.max(np.linalg.norm(given, axis=1)))
    if np.allclose(given[:, len(given) :], 0):
        missing = np.eye(3)[len(given) :]
    else:
        missing = np.linalg.svd(given)[2][len(given) :]
    return np.vstack([given, length * missing]), d


def _complete_positions(positions: RealArray, dimension: int) -> RealArray:
    if positions.ndim != 2 or not len(positions) or positions.shape[1] not in (dimension, 3):
        raise ModelError(
            f"orbital positions have shape {positions.shape}; expected (orbitals, {dimension}) fractional coordinates"
        )
    if not np.isfinite(positions).all():
        raise ModelError("orbital positions contain a value that is not finite")
    full = np.zeros((len(positions), 3))
    full[:, : positions.shape[1]] = positions
    return full
