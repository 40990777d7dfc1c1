"""Spin groups: operations that turn spins by another rotation than space, which only spin-orbit coupling forbids.

They are found from the traces Tr[w_a v_i w_b s_j] between energy windows at k and gk. Without spin-orbit coupling they
are more than the magnetic group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solenoidal.arrays import BoolArray, ComplexArray, IntArray, RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.errors import SymmetryError
from solenoidal.symmetry.fingerprint import VELOCITY, EnergyWindows, Fingerprint, generic_points
from solenoidal.symmetry.group import SymmetryGroup
from solenoidal.symmetry.selection import lattice_candidates, select

TOLERANCE = 1e-6
"""Relative violation allowed in energies, and a tenth of that in traces, of a model given by its hoppings."""


@dataclass(frozen=True, eq=False)
class SpinGroup:
    """Operations on space and, independently, on spin.

    ``rotations`` (g, 3, 3) Cartesian; ``k_rotations`` (g, 3, 3) on fractional k; ``spin`` (g, 3, 3) action on the spin,
    its sign under time reversal included; ``time_reversal`` (g,); ``span`` (3, 3) projector onto the spin directions
    that states have at all.
    """

    rotations: RealArray
    k_rotations: IntArray
    spin: RealArray
    time_reversal: BoolArray
    span: RealArray

    @property
    def size(self) -> int:
        """Number of operations."""
        return len(self.time_reversal)

    def subgroup(self, index: BoolArray) -> SpinGroup:
        """The operations chosen by a mask."""
        return SpinGroup(
            self.rotations[index], self.k_rotations[index], self.spin[index], self.time_reversal[index], self.span
        )

    @staticmethod
    def magnetic(group: SymmetryGroup) -> SpinGroup:
        """A magnetic point group: spin turns with space as an axial vector, reversed by time reversal."""
        sign = np.sign(np.linalg.det(group.rotations)) * np.where(group.time_reversal, -1.0, 1.0)
        spin = sign[:, None, None] * group.rotations
        return SpinGroup(group.rotations, group.k_rotations, spin, group.time_reversal, np.eye(3))

    def projector(self, plane: RealArray) -> RealArray:
        """Projector (27, 27) onto invariant δJ tensors with currents and fields in ``plane`` (projector, 3, 3).

        v^i and λ^l change sign together, so of time reversal only s^a feels the sign. Raises ``SymmetryError`` when the
        mean over the operations is no projector, that is when they are not a group.
        """
        R = plane @ self.rotations @ plane
        S = self.span @ self.spin @ self.span
        P = np.einsum("gij,gkl,gab->ikajlb", R, R, S, optimize=True).reshape(27, 27) / self.size
        if np.max(np.abs(P @ P - P)) > 1e-6:
            raise SymmetryError("the operations are not a group; loosen or tighten the tolerance of the search")
        return np.asarray(P)


def spin_group(model: Model, *, samples: int = 6, seed: int = 0, tolerance: float = TOLERANCE) -> SpinGroup:
    """The spin point group of ``model``: operations of its lattice, each with the spin rotation S it needs.

    Where energies at k and gk agree, S is fitted to Tr[w_a v_i w_b s_j](gk) = (R ⊗ S) Tr[w_a v w_b s](k), complex
    conjugated and with −R for antiunitary operations. Without spin-orbit coupling this is more than the magnetic group.
    Raises ``SymmetryError`` for a model without the operator "spin".
    """
    if "spin" not in model.operators:
        raise SymmetryError("the model has no operator 'spin', so no spin group can be found")
    k = generic_points(model.dimension, samples, seed)
    fingerprint = Fingerprint.build(model, k, ("spin",), velocity=True, windows=EnergyWindows.broad)
    candidates = lattice_candidates(model)
    energies, values = _traces(fingerprint, k)
    scale = max(float(np.max(np.abs(values))), 1e-300)
    D = _spin_directions(values, tolerance)
    violations = {name: np.zeros(candidates.size) for name in ("energies", "velocity·spin")}
    spins = np.zeros((candidates.size, 3, 3))
    for g in range(candidates.size):
        antiunitary = bool(candidates.time_reversal[g])
        image_energies, image = _traces(fingerprint, k @ candidates.k_rotations[g].T)
        R = -candidates.rotations[g] if antiunitary else candidates.rotations[g]
        expected = np.einsum("ij,kajbs->kaibs", R, values.conj() if antiunitary else values)
        left, right = expected.reshape(-1, 3) @ D, image.reshape(-1, 3) @ D
        u, _, vh = np.linalg.svd((right.conj().T @ left).real)
        spins[g] = D @ u @ vh @ D.T
        violations["energies"][g] = np.max(np.abs(image_energies - energies)) / fingerprint.windows.width
        violations["velocity·spin"][g] = np.max(np.abs(expected @ spins[g].T - image)) / scale
    limits = {"energies": tolerance, "velocity·spin": 10 * tolerance}
    chosen = select(candidates, violations, limits).accepted
    found = SpinGroup(candidates.rotations, candidates.k_rotations, spins, candidates.time_reversal, D @ D.T)
    return found.subgroup(chosen)


def _traces(fingerprint: Fingerprint, k: RealArray) -> tuple[RealArray, ComplexArray]:
    """Energies (k, n) and Tr[w_a v_i w_b s_j] (k, a, i, b, j)."""
    energies, traces, _ = fingerprint.traces(k)
    return energies, traces[VELOCITY, "spin"]


def _spin_directions(values: ComplexArray, tolerance: float) -> RealArray:
    """Orthonormal directions (3, d) of the spin that the traces show at all."""
    flat = np.moveaxis(values, -1, 0).reshape(3, -1)
    directions, size, _ = np.linalg.svd(np.concatenate([flat.real, flat.imag], axis=1), full_matrices=True)
    return np.asarray(directions[:, size > tolerance * max(float(size[0]), 1e-300)])
