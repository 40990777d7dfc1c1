"""Bogoliubov-de Gennes models: a normal lattice model and a pair potential joined in a Nambu basis.

The result is an ordinary ``TightBinding`` model whose operator ``"charge"`` is τz, so every response of the package
acts on it. Its energies are measured from the chemical potential: evaluate it at mu = 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.errors import ModelError
from solenoidal.models.facts import NAMBU_WEIGHT, Nambu
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding, orbital_centres
from solenoidal.models.operator import Matrices, Operator, spin_operator
from solenoidal.models.pairing import Parity, pairing, parity_violation

Basis = Literal["sz", "symmetrised", "general", "spinless"]

TOLERANCE = 1e-9
"""Violation of an exact law, relative to the largest matrix element, that is put down to rounding."""


def bdg(
    normal: TightBinding,
    pair_potential: LatticeOperator | Mapping[Any, ArrayLike],
    *,
    mu: float,
    basis: Basis = "sz",
    normal_down: TightBinding | Literal["equal", "time-reversed"] | None = None,
    parity: Parity | Literal["mixed"] | None = None,
) -> TightBinding:
    """Bogoliubov-de Gennes model H(k) = [[h(k) − μ, Δ(k)], [Δ(k)†, −(h'(−k) − μ)ᵀ]] of a superconductor.

    Main arguments: ``normal`` the normal state h (N orbitals; of spin ↑ if the basis separates the spins),
    ``pair_potential`` Δ_R[a, b] on the lattice (``solenoidal.models.pairing`` builds it, or a dictionary {R: matrix}),
    ``mu`` the chemical potential in eV, which is inside H from then on.

    ``basis``, electrons first, orbitals fastest inside a block; w is the weight of sums over all bands:

    * "sz": (c↑; c†↓), h' = h↓, dimension 2N, w = 1: S_z is conserved, singlet or S_z = 0 triplet pairing;
    * "symmetrised": (c↑; c†↓) ⊕ (c↓; c†↑), dimension 4N, w = ½: the same physics without a preferred spin;
    * "general": (c; c†) with spin among the N orbitals (spin-orbit coupling, any triplet), dimension 2N, w = ½;
    * "spinless": the same for spinless fermions.

    Other arguments: ``normal_down`` the spin-↓ normal state for the first two bases: a model, "equal" (t↓ = t↑) or
    "time-reversed" (t↓ = t↑*); it may be left out when the two agree. A normal model with operator "spin" is split into
    its two spins, if S_z is conserved. ``parity`` must be "mixed" for pairing that is neither singlet, Δ(k) = Δ(−k)ᵀ,
    nor triplet, Δ(k) = −Δ(−k)ᵀ; otherwise it is found, and checked if given.

    Operators: ``"charge"`` = τz in units of the carrier charge e, and every operator O of the normal model as
    diag(O, −O'ᵀ) with its law, such as the spin of a spinful model; in the first two bases also ``"spin_z"`` in ħ, the
    axial vector (0, 0, S_z) with S_z = ±½: where S_z is conserved the other components have no expectation value, and
    only operations that keep the z axis are symmetries of it.
    A hole orbital lies where its electron does, with the complex conjugate position matrix.
    ``model.nambu`` names the basis, ``model.nambu_weight`` is w. Raises ``ModelError`` for a normal state that is a
    superconductor already, and for a basis, spin structure or pairing that contradict one another.

    Source: P. G. de Gennes, Superconductivity of Metals and Alloys (Benjamin, 1966), chapter 5.
    """
    if basis not in NAMBU_WEIGHT:
        raise ModelError(f'basis is {basis!r}; expected "sz", "symmetrised", "general" or "spinless"')
    require_normal_state(normal)
    separate = basis in ("sz", "symmetrised")
    if normal.spin_degeneracy != 1 and not separate:
        raise ModelError(
            f'the bands of the normal state stand for both spins, which basis = "{basis}" does not add; write '
            'basis = "sz" or "symmetrised"'
        )
    up, down = _spins(normal, normal_down) if separate else _all_orbitals(normal, normal_down, basis)
    delta = pair_potential if isinstance(pair_potential, LatticeOperator) else pairing(up, pair_potential)
    found = _check_pairing(delta, up, basis, parity)
    model = _block(up, down, delta, mu)
    spin_z = np.full(model.n_orbitals, 0.5)
    if basis == "symmetrised":
        swapped = LatticeOperator(-delta.R, -delta.matrices.swapaxes(-1, -2))
        model = _direct_sum(model, _block(down, up, swapped, mu))
        spin_z = np.concatenate([spin_z, -spin_z])
    operators = dict(model.operators)
    if separate:
        operators["spin_z"] = _vector_along_z(spin_z)
    model = replace(
        model,
        operators=operators,
        structure=normal.structure,
        provenance=_provenance(normal),
        nambu=Nambu(basis, float(mu), found),
        first_principles_mesh=normal.first_principles_mesh,
    )
    if not separate or basis == "symmetrised":
        _require_particle_hole(model)
    return model


def _provenance(normal: TightBinding) -> dict[str, str]:
    about = {"model": f"Bogoliubov-de Gennes: {normal.provenance.get('model', 'normal state')}"}
    if normal.all_states is not None:
        about["left out"] = "products over all states: those of electrons are not those of quasiparticles"
    return about


def require_normal_state(model: TightBinding) -> None:
    """Raise ``ModelError`` for a model that has a pair potential already."""
    if model.nambu is not None:
        raise ModelError("the model is a superconductor already; pair potentials belong to a normal state")


def shift_chemical_potential(model: TightBinding, change: float) -> TightBinding:
    """The Nambu model at a chemical potential higher by ``change`` (eV) and the same pair potential: H − change τz.

    Raises ``ModelError`` for a model that ``bdg`` has not made.
    """
    nambu = model.require_nambu()
    charge = model.require_operator("charge")
    R = _closed(model.hamiltonian, charge)
    hamiltonian = LatticeOperator(R, _on(model.hamiltonian, R) - change * _on(charge, R))
    return replace(
        model,
        hamiltonian=hamiltonian,
        nambu=replace(nambu, chemical_potential=nambu.chemical_potential + change),
    )


def particle_hole_violation(model: TightBinding) -> float:
    """Largest element of C H_R* C + H_R in eV: zero when C H(−k)* C = −H(k), C exchanging electrons and holes.

    Defined for the bases that hold every excitation twice; raises ``ModelError`` for the others.
    """
    basis = None if model.nambu is None else model.nambu.basis
    if basis not in ("symmetrised", "general", "spinless"):
        raise ModelError(f"particle-hole symmetry joins two blocks of spin in basis {basis!r}; use the symmetrised one")
    order = _partner(model.n_orbitals, str(basis))
    matrices = model.hamiltonian.matrices
    return float(np.max(np.abs(matrices.conj()[:, order][:, :, order] + matrices)))


def split_spin(model: TightBinding) -> tuple[TightBinding, TightBinding]:
    """The spin-↑ and spin-↓ halves of a model with operator ``"spin"`` that conserves S_z, orbitals in their order.

    Raises ``ModelError`` if S_z is not diagonal with eigenvalues ±½ or is not conserved; then use basis "general".
    """
    spin_z = model.require_operator("spin")
    home = np.flatnonzero(~spin_z.R.any(axis=1))
    matrix = spin_z.matrices[home[0], 2] if len(home) else np.zeros((model.n_orbitals,) * 2)
    if spin_z.R.any() or not np.allclose(np.abs(matrix), 0.5 * np.eye(len(matrix)), atol=1e-6):
        raise ModelError('S_z is not diagonal with eigenvalues ±½ in the orbitals of the model; use basis="general"')
    is_up = np.diagonal(matrix).real > 0
    mixing = float(np.max(np.abs(model.hamiltonian.matrices[:, is_up][:, :, ~is_up]), initial=0.0))
    if mixing > TOLERANCE * float(np.max(np.abs(model.hamiltonian.matrices))):
        raise ModelError(
            f"spin-orbit coupling of up to {mixing:.3g} eV mixes the spins, so S_z is not conserved; "
            'use basis="general"'
        )
    return _restrict(model, np.flatnonzero(is_up)), _restrict(model, np.flatnonzero(~is_up))


def _spins(
    normal: TightBinding, normal_down: TightBinding | Literal["equal", "time-reversed"] | None
) -> tuple[TightBinding, TightBinding]:
    """Normal states of the two spins."""
    if "spin" in normal.operators:
        if normal_down is not None:
            raise ModelError("the normal model holds both spins already (operator 'spin'); leave normal_down out")
        return split_spin(normal)
    if isinstance(normal_down, TightBinding):
        _check_same_orbitals(normal, normal_down)
        return normal, normal_down
    if normal_down == "equal":
        return normal, normal
    reversed_model = _conjugate(normal)
    if normal_down == "time-reversed":
        return normal, reversed_model
    if normal_down is not None:
        raise ModelError(f'normal_down is {normal_down!r}; expected a model, "equal", "time-reversed" or None')
    difference = np.max(np.abs(normal.hamiltonian.matrices.imag))
    if difference > TOLERANCE * np.max(np.abs(normal.hamiltonian.matrices)):
        raise ModelError(
            "the hoppings of the normal model are complex, so its spin-down partner must be named: write "
            'normal_down="time-reversed" (conjugate hoppings, time-reversal symmetric), "equal" (the same), or a model'
        )
    return normal, reversed_model


def _all_orbitals(normal: TightBinding, normal_down: object, basis: str) -> tuple[TightBinding, TightBinding]:
    if normal_down is not None:
        raise ModelError(f'normal_down has no place in basis "{basis}": the normal model holds all orbitals')
    if basis == "spinless" and "spin" in normal.operators:
        raise ModelError('the normal model has a spin; use basis "general" or "sz"')
    return normal, normal


def _check_same_orbitals(up: TightBinding, down: TightBinding) -> None:
    if up.n_orbitals != down.n_orbitals or up.dimension != down.dimension or not np.allclose(up.lattice, down.lattice):
        raise ModelError("the two spins have different lattices or numbers of orbitals; make them equal")
    shift = float(np.max(np.abs(orbital_centres(up) - orbital_centres(down))))
    if shift > 1e-6:
        raise ModelError(
            f"orbitals of the two spins lie up to {shift:.3g} Å apart; a hole must lie where its electron does, "
            "because a relative shift would enter every dipole moment"
        )


def _check_pairing(
    delta: LatticeOperator, normal: TightBinding, basis: str, parity: Parity | Literal["mixed"] | None
) -> str:
    """Parity of the pair potential: "singlet", "triplet" or "mixed"."""
    if delta.leg_shape != () or delta.size != normal.n_orbitals:
        raise ModelError(f"pairing joins {delta.size} orbitals; the normal state of a spin has {normal.n_orbitals}")
    if np.any(delta.R[:, normal.dimension :]):
        raise ModelError(f"pairing reaches along a direction that is not periodic (dimension = {normal.dimension})")
    scale = float(np.max(np.abs(delta.matrices)))
    violations = {name: parity_violation(delta, name) for name in ("singlet", "triplet")}
    holds = [name for name, (error, _) in violations.items() if error <= TOLERANCE * max(scale, TOLERANCE)]
    if basis in ("general", "spinless"):
        if "triplet" not in holds:
            error, where = violations["triplet"]
            raise ModelError(
                f"in basis {basis!r} Fermi statistics demand Δ_R[a, b] = −Δ_−R[b, a]; violated by {error:.3g} eV at "
                f"R = {where}; use PairingBuilder(parity='triplet') for spinless fermions, spin_pairing(...) with spin"
            )
        if parity is not None:
            raise ModelError(f"parity is fixed by Fermi statistics in basis {basis!r}; leave it out")
        return "antisymmetric"
    found = holds[0] if holds else "mixed"
    if parity not in (None, "singlet", "triplet", "mixed"):
        raise ModelError(f'parity is {parity!r}; expected "singlet", "triplet", "mixed" or None')
    if parity in ("singlet", "triplet") and parity not in holds:
        error, where = violations[parity]
        sign = "" if parity == "singlet" else "−"
        raise ModelError(
            f"pairing is not {parity}: Δ_R[a, b] = {sign}Δ_−R[b, a] is violated by {error:.3g} eV at R = {where}"
        )
    if found == "mixed" and parity != "mixed":
        (single, at), (triple, there) = violations["singlet"], violations["triplet"]
        raise ModelError(
            f"pairing is neither singlet (violated by {single:.3g} eV at R = {at}) nor triplet (by {triple:.3g} eV at "
            f'R = {there}); if a bond is missing its partner at −R add it, or write parity="mixed" if this is meant'
        )
    return found


def _block(up: TightBinding, down: TightBinding, delta: LatticeOperator, mu: float) -> TightBinding:
    """T_R = [[t↑_R − μδ_R, Δ_R], [(Δ_−R)†, −(t↓_R)* + μδ_R]] with positions diag(r↑, r↓*) and charge τz."""
    N = up.n_orbitals
    R = _closed(up.hamiltonian, down.hamiltonian, delta)
    electron, hole = _on(up.hamiltonian, R), -_on(down.hamiltonian, R).conj()
    home = np.flatnonzero(~R.any(axis=1))[0]
    electron[home] -= mu * np.eye(N)
    hole[home] += mu * np.eye(N)
    pair = _on(delta, R)
    adjoint = _on(LatticeOperator(-delta.R, delta.matrices.conj().swapaxes(-1, -2)), R)
    hamiltonian = LatticeOperator(R, np.block([[electron, pair], [adjoint, hole]]))
    position = _electrons_and_holes(up.position, down.position, 1.0)
    operators = {
        name: _electrons_and_holes(operator, _same_law(operator, down.operators[name]), -1.0)
        for name, operator in up.operators.items()
        if name in down.operators
    }
    charge = Operator.constant(np.diag(np.repeat([1.0, -1.0], N)), (), 1, "e", "charge")
    carried = operators.get("charge")
    if carried is not None and not (
        len(carried.R) == 1 and np.allclose(carried.matrices[0], charge.matrices[0], atol=1e-9)
    ):
        raise ModelError(
            "operator 'charge' of the normal model is not the identity; rename it, the Nambu model's charge is τz"
        )
    operators["charge"] = charge
    return TightBinding(up.lattice, up.dimension, hamiltonian, position, operators)


def _vector_along_z(component: RealArray) -> Operator:
    """The axial vector (0, 0, S_z) with the diagonal ``component`` S_z (n,) in ħ."""
    zero = np.zeros((len(component),) * 2)
    return spin_operator(np.array([zero, zero, np.diag(component)]), name="spin_z")


def _same_law(up: Operator, down: Operator) -> Operator:
    """``down``, if it turns as ``up`` does."""
    if up.law != down.law:
        raise ModelError(
            f"operator {up.name!r} has legs {up.legs} and time_reversal {up.time_reversal} in the model of spin up, "
            f"{down.legs} and {down.time_reversal} in that of spin down; state the same law in both"
        )
    return down


def _electrons_and_holes(up: Matrices, down: Matrices, sign: float) -> Matrices:
    """diag(X↑_R, ± X↓_R*): with + for the position, with − for a one-body operator, −X(−k)ᵀ."""
    R = _closed(up, down)
    electron, hole = _on(up, R), sign * _on(down, R).conj()
    zero = np.zeros_like(electron)
    return up.with_matrices(R, np.block([[electron, zero], [zero, hole]]))


def _direct_sum(first: TightBinding, second: TightBinding) -> TightBinding:
    """Two models side by side, without matrix elements between them."""

    def joined(a: Matrices, b: Matrices) -> Matrices:
        R = _closed(a, b)
        left, right = _on(a, R), _on(b, R)
        zero = np.zeros_like(left)
        return a.with_matrices(R, np.block([[left, zero], [zero, right]]))

    operators = {name: joined(operator, second.operators[name]) for name, operator in first.operators.items()}
    return TightBinding(
        first.lattice,
        first.dimension,
        joined(first.hamiltonian, second.hamiltonian),
        joined(first.position, second.position),
        operators,
    )


def _partner(size: int, basis: str) -> NDArray[np.int64]:
    """Orbital that C exchanges each orbital with: τx, and in the symmetrised basis c↑ ↔ c†↑, c†↓ ↔ c↓."""
    if basis == "symmetrised":
        return np.arange(size)[::-1].reshape(4, -1)[:, ::-1].ravel()
    return np.roll(np.arange(size), size // 2)


def _require_particle_hole(model: TightBinding) -> None:
    scale = float(np.max(np.abs(model.hamiltonian.matrices)))
    error = particle_hole_violation(model)
    if error > TOLERANCE * scale:
        raise ModelError(f"the Nambu Hamiltonian violates particle-hole symmetry by {error:.3g} eV")


def _conjugate(model: TightBinding) -> TightBinding:
    """K X K for every matrix of a model without spin: the time-reversed partner, t → t*."""
    operators = {name: _conj(operator) for name, operator in model.operators.items()}
    return replace(model, hamiltonian=_conj(model.hamiltonian), position=_conj(model.position), operators=operators)


def _conj(operator: Matrices) -> Matrices:
    return operator.with_matrices(operator.R, operator.matrices.conj())


def _restrict(model: TightBinding, chosen: NDArray[np.int64]) -> TightBinding:
    """The model on some of its orbitals, operators included except the spin."""

    def part(operator: Matrices) -> Matrices:
        return operator.with_matrices(operator.R, operator.matrices[..., chosen, :][..., chosen])

    operators = {name: part(operator) for name, operator in model.operators.items() if name != "spin"}
    return replace(
        model, all_states=None, hamiltonian=part(model.hamiltonian), position=part(model.position), operators=operators
    )


def _closed(*operators: LatticeOperator | Operator) -> NDArray[np.int64]:
    """Union of the lattice vectors of all operators, of their negatives and of the home cell."""
    R = np.concatenate([np.zeros((1, 3), dtype=np.int64), *(operator.R for operator in operators)])
    return np.unique(np.concatenate([R, -R]), axis=0)


def _on(operator: LatticeOperator | Operator, R: NDArray[np.int64]) -> ComplexArray:
    """Matrices of ``operator`` on the lattice vectors ``R``, zero where it has none."""
    index = {tuple(vector): i for i, vector in enumerate(R.tolist())}
    out = np.zeros((len(R), *operator.matrices.shape[1:]), dtype=np.complex128)
    out[[index[tuple(vector)] for vector in operator.R.tolist()]] = operator.matrices
    return out
