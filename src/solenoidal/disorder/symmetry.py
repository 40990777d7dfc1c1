"""Symmetry of host and impurities together, and the components it allows, with and without spin-orbit coupling.

The distribution shares a symmetry g of the host if the scattering rates do, P_{gk,gk'} = P_kk'. Where spin-orbit
coupling is absent, spins may turn by another rotation than space does; these spin groups are found from the traces
Tr[w_a v_i w_b s_j] between energy windows at k and gk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solenoidal.arrays import BoolArray, ComplexArray, RealArray
from solenoidal.bloch.interpolation import Model, interpolator
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.scatterers import Scatterer
from solenoidal.errors import SymmetryError
from solenoidal.symmetry.crystal import lattice_operations
from solenoidal.symmetry.search import SymmetryGroup

TOLERANCE = 1e-6
"""Relative violation allowed in traces and rates of a model given by its hoppings."""

ALLOWED = 1e-9
WINDOWS = (0.2, 0.5, 0.8)
"""Quantiles of the band energies at which windows are centred."""


@dataclass(frozen=True, eq=False)
class SpinGroup:
    """Operations on space and, independently, on spin.

    ``rotations`` (g, 3, 3) Cartesian; ``k_rotations`` (g, 3, 3) on fractional k; ``spin`` (g, 3, 3) action on the spin,
    its sign under time reversal included; ``time_reversal`` (g,); ``span`` (3, 3) projector onto the spin directions
    that states have at all.
    """

    rotations: RealArray
    k_rotations: NDArray[np.int64]
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
    """
    windows = _Windows.build(model, samples, seed)
    candidates = _lattice_group(model)
    energies, values = windows.traces(windows.k)
    scale = max(float(np.max(np.abs(values))), 1e-300)
    flat = np.moveaxis(values, -1, 0).reshape(3, -1)
    directions, size, _ = np.linalg.svd(np.concatenate([flat.real, flat.imag], axis=1), full_matrices=True)
    D = directions[:, size > tolerance * max(float(size[0]), 1e-300)]
    kept, spins = [], []
    for g in range(candidates.size):
        antiunitary = bool(candidates.time_reversal[g])
        image_energies, image = windows.traces(windows.k @ candidates.k_rotations[g].T)
        if np.max(np.abs(image_energies - energies)) > tolerance * windows.width:
            continue
        R = -candidates.rotations[g] if antiunitary else candidates.rotations[g]
        expected = np.einsum("ij,kabjs->kabis", R, values.conj() if antiunitary else values)
        left, right = expected.reshape(-1, 3) @ D, image.reshape(-1, 3) @ D
        u, _, vh = np.linalg.svd((right.conj().T @ left).real)
        S = D @ u @ vh @ D.T
        if np.max(np.abs(expected @ S.T - image)) < 10 * tolerance * scale:
            kept.append(g)
            spins.append(S)
    chosen = np.array(kept)
    return SpinGroup(
        candidates.rotations[chosen],
        candidates.k_rotations[chosen],
        np.array(spins),
        candidates.time_reversal[chosen],
        D @ D.T,
    )


def respected_by_scattering(
    model: Model, scatterers: Sequence[Scatterer], group: SpinGroup, *, tolerance: float = TOLERANCE
) -> BoolArray:
    """Which operations leave the scattering rates unchanged, (g,).

    F_ab(k, k') = Tr[w_a(H_k) K(w_b(H_k'))] between energy windows is compared with F_ab(gk, gk') at random points.
    """
    windows = _Windows.build(model, 6, 1)
    kernel = CollisionKernel.build(model, scatterers)
    reference = windows.rates(kernel, windows.k)
    limit = 10 * tolerance * float(np.max(np.abs(reference)))
    images = (windows.rates(kernel, windows.k @ M.T) for M in group.k_rotations)
    return np.array([np.max(np.abs(image - reference)) < limit for image in images])


def _lattice_group(model: Model) -> SymmetryGroup:
    lattice = np.ascontiguousarray(2 * np.pi * np.linalg.inv(model.reciprocal).T)
    R = lattice_operations(lattice, model.dimension)
    flags = np.repeat([False, True], len(R))
    return SymmetryGroup.from_rotations(np.concatenate([R, R]), flags, lattice=lattice, dimension=model.dimension)


@dataclass(frozen=True, eq=False)
class _Windows:
    """Smooth energy windows w_a(H) = exp[−(H − c_a)²/2σ²] at random k (samples, 3): independent of any basis."""

    model: Model
    k: RealArray
    centres: RealArray
    width: float

    @staticmethod
    def build(model: Model, samples: int, seed: int) -> _Windows:
        k = np.zeros((samples, 3))
        k[:, : model.dimension] = np.random.default_rng(seed).uniform(-0.45, 0.45, (samples, model.dimension))
        energies = np.linalg.eigvalsh(interpolator(model).at(k).hamiltonian)
        width = 0.25 * (float(np.ptp(energies)) or 1.0)
        return _Windows(model, k, np.quantile(energies, WINDOWS), width)

    def _solve(self, k: RealArray) -> tuple[RealArray, ComplexArray, RealArray]:
        energies, u = np.linalg.eigh(interpolator(self.model).at(k).hamiltonian)
        x = (energies[:, None, :] - self.centres[None, :, None]) / self.width
        return energies, u, np.exp(-0.5 * x**2)

    def traces(self, k: RealArray) -> tuple[RealArray, ComplexArray]:
        """Energies (k, n) and Tr[w_a v_i w_b s_j] (k, a, b, i, j)."""
        energies, u, w = self._solve(k)
        matrices = interpolator(self.model).at(k)
        if "spin" not in matrices.operators:
            raise SymmetryError("the model has no operator 'spin', so no spin group can be found")
        s = np.broadcast_to(matrices.operators["spin"], matrices.velocity.shape)
        v = np.einsum("kxn,kxiy,kym->kinm", u.conj(), matrices.velocity, u, optimize=True)
        t = np.einsum("kxn,kxiy,kym->kinm", u.conj(), s, u, optimize=True)
        return energies, np.einsum("kan,kinm,kbm,kjmn->kabij", w, v, w, t, optimize=True)

    def rates(self, kernel: CollisionKernel, k: RealArray) -> RealArray:
        """F_ab(k, k') for all pairs of points, (k, a, k', b)."""
        _, u, w = self._solve(k)
        phi = kernel.extend(k, u)
        density = np.einsum("kdn,kan,ken->kade", phi, w, phi.conj(), optimize=True)
        return np.asarray(np.einsum("kade,qbed->kaqb", density, kernel.apply(density), optimize=True).real)
