"""States on which responses are tried: a few points, their images, other gauges, a model without symmetry."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from solenoidal.arrays import BoolArray, ComplexArray, IntArray, RealArray
from solenoidal.bloch.interpolation import DERIVATIVE, POSITION, Model, OrbitalMatrices, interpolator
from solenoidal.bloch.space import CURL, derivative_of
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.models.operator import Law, Leg
from solenoidal.symmetry.fingerprint import generic_points, mesh_points
from solenoidal.symmetry.group import SymmetryGroup, multiplication_table
from solenoidal.symmetry.laws import representation

POINTS, CANDIDATES = 2, 8
"""Points that are tried, of as many random ones those whose groups of bands lie furthest apart."""

QUANTILES, WIDTH_FRACTION = (0.1, 0.3, 0.5, 0.7, 0.9), 0.15
"""Where in the distribution of energies the windows are centred, and their width over the range of the centres."""

DISTURBANCE = 0.3
"""Random Hermitian matrix added to the Hamiltonian, in units of the spread of the energies: what symmetry forbids is of
natural size then."""

EXACT = 1e-6
"""Violation of a law, over the size of the term, that is rounding."""

NOISE_FACTOR, NOISE_LIMIT = 100.0, 0.05
"""Violation allowed between two points of the model, in units of that by the quantum metric, and where that is too much
to tell: Wannier models on coarse meshes keep their symmetry within limits only."""


@dataclass(frozen=True, eq=False)
class Trial:
    """States at ``POINTS`` points, and what they become.

    ``flat`` are the same with the bands of each group made equal and two groups of the last point merged, ``turned``
    these in another gauge. ``other`` have a Hamiltonian without symmetry, ``alone`` is their first point by itself, and
    ``images`` (operation, point) are what the ``generators`` of the group make of them: every matrix turned by its own
    law, whatever the symmetry of the model. ``actual`` are the model's states at the images of its points, if it is
    symmetric enough to compare; ``centres`` and ``width`` (eV) of energy windows, and ``tolerance``, for these.
    """

    states: BlochStates
    flat: BlochStates
    turned: BlochStates
    alone: BlochStates
    other: BlochStates
    images: BlochStates
    actual: BlochStates | None
    generators: IntArray
    centres: RealArray
    width: float
    tolerance: float

    @staticmethod
    def build(model: Model, group: SymmetryGroup, degeneracy: Degeneracy, seed: int = 0) -> Trial:
        """The states of ``model`` with the symmetry ``group``."""
        rng = np.random.default_rng(seed)
        generators = generators_of(group)
        k = _points(model, group, degeneracy, seed)
        states = BlochStates.solve(interpolator(model), k, np.ones(len(k)), degeneracy)
        flat = _flattened(states)
        turned = replace(flat, vectors=flat.vectors @ _gauge(flat, rng), _cache={})
        other = _disturbed(states, rng)
        at_images = np.concatenate([k @ group.k_rotations[g].T for g in generators])
        images = BlochStates.diagonalise(
            _turned_matrices(other.orbital, model, group, generators), at_images, np.ones(len(at_images)), degeneracy
        )
        centres = np.quantile(states.energies, QUANTILES)
        width = WIDTH_FRACTION * float(centres[-1] - centres[0]) or 1.0
        actual = BlochStates.solve(interpolator(model), at_images, np.ones(len(at_images)), degeneracy)
        noise = NOISE_FACTOR * _violation(states, actual, group, generators, centres, width)
        alone = other.subset(np.arange(1), degeneracy.minimum_gap)
        kept = actual if noise < NOISE_LIMIT else None
        return Trial(states, flat, turned, alone, other, images, kept, generators, centres, width, EXACT + noise)

    def alone_with(self, operators: Collection[str]) -> BlochStates:
        """The first of the ``other`` points by itself, in a model without operators other than these."""
        orbital = self.alone.orbital
        kept = {DERIVATIVE, POSITION, CURL, *operators, *map(derivative_of, operators)}
        places = {name: place for name, place in orbital.places.items() if name in kept}
        constant = {name: columns for name, columns in orbital.constant.items() if name in kept}
        return replace(self.alone, orbital=replace(orbital, places=places, constant=constant), _cache={})


def group_sums(states: BlochStates, values: RealArray) -> RealArray:
    """``values`` (nk, n, …) summed over the group of each band, (nk, n, …)."""
    return np.asarray(np.einsum("knm,km...->kn...", states.same_group, values))


def window_sums(states: BlochStates, values: RealArray, centres: RealArray, width: float) -> RealArray:
    """Σ_n w_a(ε_n) X_n of ``values`` (nk, n, …) in Gaussian windows w_a, (nk, a, …)."""
    x = (states.occupation_energies[:, None, :] - centres[None, :, None]) / width
    return np.asarray(np.einsum("kan,kn...->ka...", np.exp(-0.5 * x**2), values))


def turning_matrices(legs: Sequence[Leg], time_reversal: int, group: SymmetryGroup, operations: IntArray) -> RealArray:
    """Matrices by which the ``operations`` of the group turn a tensor, (operations, 3^legs, 3^legs)."""
    return representation(legs, time_reversal, group.rotations[operations], group.time_reversal[operations])


def generators_of(group: SymmetryGroup) -> IntArray:
    """Numbers of a few operations whose products are the whole group; the identity if there is no other."""
    table = multiplication_table(group.rotations, group.time_reversal)
    members = np.zeros(group.size, dtype=np.bool_)
    members[int(np.flatnonzero(table[0] == 0)[0])] = True
    found: list[int] = []
    while not members.all():
        sizes = {g: _closure(table, members, g) for g in np.flatnonzero(~members).tolist()}
        best = max(sizes, key=lambda g: int(sizes[g].sum()))
        found.append(best)
        members = sizes[best]
    return np.array(found or np.flatnonzero(members).tolist(), dtype=np.int64)


def _closure(table: IntArray, members: np.ndarray, g: int) -> np.ndarray:
    """The subgroup generated by ``members`` and ``g``, as a mask."""
    trial = members.copy()
    trial[g] = True
    size = 0
    while size < trial.sum():
        size = int(trial.sum())
        trial[table[np.ix_(trial, trial)].ravel()] = True
    return trial


def _points(model: Model, group: SymmetryGroup, degeneracy: Degeneracy, seed: int) -> RealArray:
    """Fractional k (POINTS, 3): for a Wannier model on its mesh, where it has the symmetry of the crystal."""
    mesh = model.first_principles_mesh
    if mesh is None:
        k = generic_points(model.dimension, CANDIDATES, seed)
    else:
        k = mesh_points(mesh, group.k_rotations, CANDIDATES, seed)
    energies: RealArray = np.linalg.eigvalsh(interpolator(model).at(k).hamiltonian).astype(np.float64)
    labels = degeneracy.labels(energies)
    gaps = np.where(np.diff(labels, axis=1) > 0, np.diff(energies, axis=1), np.inf).min(axis=1, initial=np.inf)
    return np.asarray(k[np.sort(np.argsort(-gaps, kind="stable")[:POINTS])])


def _disturbed(states: BlochStates, rng: np.random.Generator) -> BlochStates:
    """States at the same points of a Hamiltonian to which one random matrix is added everywhere."""
    n = states.energies.shape[1]
    X = rng.normal(size=(2, n, n))
    V = (X[0] + 1j * X[1]) * DISTURBANCE * (float(states.energies.std()) or 1.0) / np.sqrt(n)
    orbital = replace(states.orbital, hamiltonian=states.orbital.hamiltonian + (V + V.conj().T) / 2)
    return BlochStates.diagonalise(orbital, states.k, states.weights, states.degeneracy)


def _turned_matrices(
    orbital: OrbitalMatrices, model: Model, group: SymmetryGroup, operations: IntArray
) -> OrbitalMatrices:
    """Matrices (operations · nk, …) that each operation makes of those at the nk points, every one by its law.

    The orbitals are those at the points, turned: H(gk) = H(k), v(gk) = ± R v(k), and complex conjugate matrices for
    antiunitary operations. Operators without a law stay as they are.
    """
    flags = group.time_reversal[operations]

    def image(matrices: ComplexArray, turning: RealArray) -> ComplexArray:
        every = [np.einsum("pq,knqm->knpm", D, X) for D, X in zip(turning, _conjugated(matrices, flags), strict=True)]
        return np.concatenate(every)

    def turning(law: Law) -> RealArray:
        return turning_matrices(law[0], law[1], group, operations)

    nk = len(orbital.hamiltonian)
    fields = {}
    for name, law in _laws(model, orbital).items():
        matrices = orbital.matrices(name)
        legs = matrices.shape[2]
        still = np.broadcast_to(np.eye(legs), (len(flags), legs, legs))
        D = still if "unknown" in law[0] or law[1] == 0 else turning(law)
        fields[name] = image(np.broadcast_to(matrices, (nk, *matrices.shape[1:])), D)
    hamiltonian = image(orbital.hamiltonian[:, :, None, :], turning(((), 1)))[:, :, 0, :]
    return OrbitalMatrices.pack(hamiltonian, fields.pop(DERIVATIVE), fields)


def _laws(model: Model, orbital: OrbitalMatrices) -> dict[str, Law]:
    """How everything turns that ``orbital`` holds: a derivative by k is a polar leg and changes the sign."""
    laws: dict[str, Law] = {DERIVATIVE: (("polar",), -1), POSITION: (("polar",), 1), CURL: (("axial",), -1)}
    for name, operator in model.operators.items():
        legs, sign = operator.law
        laws[name] = legs, sign
        laws[derivative_of(name)] = ("polar", *legs), -sign
    return {name: law for name, law in laws.items() if name in orbital.places or name in orbital.constant}


def _conjugated(matrices: ComplexArray, flags: BoolArray) -> list[ComplexArray]:
    """The ``matrices`` for each flag, complex conjugate where it is set."""
    return [matrices.conj() if flag else matrices for flag in flags]


def _violation(
    states: BlochStates,
    images: BlochStates,
    group: SymmetryGroup,
    operations: IntArray,
    centres: RealArray,
    width: float,
) -> float:
    """How far the quantum metric of the windows is from turning as it must, over its size."""
    sums = []
    for at in (states, images):
        A = at.velocity * at.inverse_gap[:, :, None, :]
        metric = np.einsum("knim,knjm->knij", A, A.conj()).real
        sums.append(window_sums(at, metric, centres, width).reshape(-1, len(states.k), len(centres), 9))
    expected = np.einsum("gab,pwb->gpwa", turning_matrices(("polar", "polar"), 1, group, operations), sums[0][0])
    return float(np.abs(sums[1] - expected).max()) / (float(np.abs(sums[0]).max()) or 1.0)


def _flattened(states: BlochStates) -> BlochStates:
    """The states with the energies of a group made equal, and the two nearest groups of the last point merged."""
    energies = states.occupation_energies.copy()
    last, labels = energies[-1], states.labels[-1]
    if labels[-1] > 0:
        edge = int(np.argmin(np.where(np.diff(labels) > 0, np.diff(last), np.inf)))
        pair = (labels == labels[edge]) | (labels == labels[edge + 1])
        last[pair] = last[pair].mean()
    U = states.vectors
    hamiltonian: ComplexArray = (U * energies[:, None, :]) @ U.conj().swapaxes(1, 2)
    orbital = replace(states.orbital, hamiltonian=hamiltonian)
    return BlochStates(states.k, states.weights, energies, U, orbital, states.degeneracy)


def _gauge(states: BlochStates, rng: np.random.Generator) -> ComplexArray:
    """Random unitary matrices (nk, n, n) that mix the states of each group among themselves."""
    shape = states.vectors.shape
    X = (rng.normal(size=shape) + 1j * rng.normal(size=shape)) * states.same_group
    left, _, right = np.linalg.svd(X)
    return np.asarray(left @ right)
