"""Spin operator from files or from a stated ordering, and the examination every spin operator goes through on reading.

A spin operator in the wrong order of spinors is Hermitian, has the right spectrum and the right commutators; only the
Hamiltonian exposes it. Where the energies show time reversal, s must be odd under it: Tr[s h^p](k) = −Tr[s h^p](−k) for
every power p, h the Hamiltonian scaled to [−1, 1]. These traces need no grouping of degenerate bands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from solenoidal.arrays import ComplexArray, IntArray, RealArray
from solenoidal.errors import ConfigError
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.operator import Operator

SPECTRUM_TOLERANCE = 0.05
REVERSAL_TOLERANCE = 0.03
SPREAD_TOLERANCE = 0.3
KRAMERS_TOLERANCE = 0.05  # eV, above the noise of a Wannier model and below any exchange splitting of interest
PARTNER_DISTANCE = 0.5  # Å
POWERS = 4
GENERIC = 12
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=np.complex128)


@dataclass(frozen=True)
class SpinReport:
    """What was found about a spin operator s (in ħ) at the sampled k points.

    ``hermiticity`` max |s − s†|; ``lowest`` and ``highest`` eigenvalue of any component; ``commutator`` largest norm of
    [s_x, s_y] − i s_z and its cyclic partners (zero only when the Wannier functions hold whole spinors) and
    ``reversed_commutator`` the same with −i; ``kramers_splitting`` (eV) largest splitting of a pair at the invariant
    momenta; ``energy_asymmetry`` (eV) max |E(k) − E(−k)|; ``time_reversal`` whether both are small; ``odd_residual``
    largest |Tr[s h^p](k) + Tr[s h^p](−k)| / (n/2); ``interpolated`` largest |eigenvalue| at points off the mesh, above
    one half by the error of the interpolation; ``spread`` share of Σ|s_ab(R)|² outside the largest R of each pair of
    orbitals, small because spin does not move an electron; ``problems`` in words.
    """

    hermiticity: float
    lowest: float
    highest: float
    interpolated: float
    commutator: float
    reversed_commutator: float
    kramers_splitting: float
    energy_asymmetry: float
    time_reversal: bool
    odd_residual: float
    spread: float
    problems: tuple[str, ...]

    def lines(self) -> tuple[str, ...]:
        """The report as short lines of text, one finding each."""
        symmetric = "found in the energies" if self.time_reversal else "not found in the energies"
        return (
            f"spin operator: max |s - s†| = {self.hermiticity:.2g} ħ",
            f"spectrum: [{self.lowest:.4f}, {self.highest:.4f}] ħ (expected within [-0.5, 0.5]); "
            f"|s| up to {self.interpolated:.4f} ħ between mesh points",
            f"commutators: max |[s_x, s_y] - i s_z| = {self.commutator:.3g} ħ² (with -i: "
            f"{self.reversed_commutator:.3g})",
            f"time reversal: {symmetric} (pairs split by {self.kramers_splitting:.2g} eV, "
            f"|E(k) - E(-k)| up to {self.energy_asymmetry:.2g} eV)",
            f"odd under reversal: |Tr s h^p (k) + Tr s h^p (-k)| up to {self.odd_residual:.2g}",
            f"locality: a share {self.spread:.2g} of s lies outside the main lattice vector of each pair of orbitals",
            *(f"PROBLEM: {problem}" for problem in self.problems),
        )


@dataclass(frozen=True)
class SamplePoints:
    """Time-reversal ``invariant`` momenta, ``generic`` points and their opposites, each (nk, 3) fractional."""

    invariant: RealArray
    generic: RealArray

    def all(self) -> RealArray:
        """Invariant, generic and opposite points, in this order."""
        return np.concatenate([self.invariant, self.generic, -self.generic])


def sample_points(mesh: IntArray | None) -> SamplePoints:
    """Points of the Γ-centred ``mesh`` (3,), where interpolated operators are exact; any points when there is none."""
    corners = np.stack(np.meshgrid([0, 0.5], [0, 0.5], [0, 0.5], indexing="ij"), axis=-1).reshape(-1, 3)
    if mesh is None:
        # A Kronecker sequence: no special directions, the same points in every run.
        return SamplePoints(
            corners, (np.arange(1, GENERIC + 1)[:, None] * np.array([0.8191725, 0.6710436, 0.5497005])) % 1.0
        )
    on_mesh = np.all(corners * mesh == np.rint(corners * mesh), axis=1)
    numbers = np.stack(np.meshgrid(*(np.arange(m) for m in mesh), indexing="ij"), axis=-1).reshape(-1, 3)
    others = numbers[np.any(2 * numbers % mesh != 0, axis=1)]
    spread = np.unique(np.linspace(0, max(len(others) - 1, 0), GENERIC).astype(np.int64))
    return SamplePoints(corners[on_mesh], (others[spread] if len(others) else others) / mesh)


def _hermitian(matrices: ComplexArray) -> ComplexArray:
    return 0.5 * (matrices + np.conj(matrices.swapaxes(-1, -2)))


def _norm(matrices: ComplexArray) -> float:
    return float(np.linalg.norm(matrices, 2, axis=(-2, -1)).max())


def _commutators(s: ComplexArray, sign: int) -> float:
    """Largest norm of [s_i, s_j] − sign·i s_k over cyclic (i, j, k)."""
    x, y, z = s[:, 0], s[:, 1], s[:, 2]
    return max(_norm(a @ b - b @ a - sign * 1j * c) for a, b, c in ((x, y, z), (y, z, x), (z, x, y)))


def _moments(H: ComplexArray, s: ComplexArray) -> RealArray:
    """Tr[s_i h^p] / (n/2) for p < POWERS, (POWERS, nk, 3), h scaled to the range [−1, 1] of the sampled energies."""
    n = H.shape[-1]
    energies = np.linalg.eigvalsh(H)
    middle, half = (energies.max() + energies.min()) / 2, max(float(np.ptp(energies)) / 2, 1e-12)
    h = (H - middle * np.eye(n)) / half
    power = np.broadcast_to(np.eye(n, dtype=np.complex128), h.shape)
    moments = []
    for _ in range(POWERS):
        moments.append(np.einsum("kiab,kba->ki", s, power).real / (n / 2))
        power = power @ h
    return np.array(moments)


def examine_spin(
    hamiltonian: LatticeOperator, spin: LatticeOperator | Operator, mesh: IntArray | None = None
) -> SpinReport:
    """Examine ``spin`` (one leg of three, in ħ) against the Hamiltonian of the same orbitals.

    ``mesh`` (3,) is the mesh a Wannier model was made on; its points are sampled, since between them the operators are
    interpolated. Nothing is raised: what is wrong is named in ``problems``. Use it on any model whose spin operator
    did not come from this package.
    """
    points = sample_points(mesh)
    k, first, n_generic = points.all(), len(points.invariant), len(points.generic)
    H, s = hamiltonian.at(k), spin.at(k)
    adjoint = np.conj(s.swapaxes(-1, -2))
    spectrum = np.linalg.eigvalsh(_hermitian(s))
    between = np.linalg.eigvalsh(_hermitian(spin.at(sample_points(None).generic)))
    energies = np.linalg.eigvalsh(H)
    here, opposite = slice(first, first + n_generic), slice(first + n_generic, None)
    invariant = energies[:first]
    even = invariant.shape[1] % 2 == 0
    splitting = float(np.abs(invariant[:, 1::2] - invariant[:, ::2]).max()) if even else float("inf")
    asymmetry = float(np.abs(energies[here] - energies[opposite]).max(initial=0.0))
    size = np.abs(spin.matrices) ** 2
    moments = _moments(H, s)
    sums = np.concatenate([2 * moments[:, :first], moments[:, here] + moments[:, opposite]], axis=1)
    found = SpinReport(
        hermiticity=float(np.abs(s - adjoint).max()),
        lowest=float(spectrum.min()),
        highest=float(spectrum.max()),
        interpolated=float(np.abs(between).max()),
        commutator=_commutators(s, 1),
        reversed_commutator=_commutators(s, -1),
        kramers_splitting=splitting,
        energy_asymmetry=asymmetry,
        time_reversal=max(splitting, asymmetry) < KRAMERS_TOLERANCE,
        odd_residual=float(np.abs(sums).max()),
        spread=float(1 - size.max(axis=0).sum() / max(size.sum(), 1e-300)),
        problems=(),
    )
    return replace(found, problems=tuple(_problems(found)))


def examine_model(model: TightBinding) -> SpinReport:
    """``examine_spin`` on a model's own operator, at the points of its first-principles mesh when it was read from one.

    Raises ``ModelError`` when the model has no spin operator.
    """
    mesh = model.first_principles_mesh
    return examine_spin(
        model.hamiltonian, model.require_operator("spin"), None if mesh is None else np.asarray(mesh, dtype=np.int64)
    )


def _problems(found: SpinReport) -> list[str]:
    problems = []
    if found.hermiticity > 1e-6:
        problems.append(f"the spin operator is not Hermitian (max |s - s†| = {found.hermiticity:.3g} ħ)")
    if found.highest > 0.5 + SPECTRUM_TOLERANCE or found.lowest < -0.5 - SPECTRUM_TOLERANCE:
        problems.append(
            f"the spectrum of s is [{found.lowest:.3f}, {found.highest:.3f}] ħ; expected within [-0.5, 0.5] "
            "(Pauli matrices given where s = σ/2 is expected, or a damaged file)"
        )
    elif max(found.highest, -found.lowest) < 0.05:
        problems.append(
            "the spin operator is almost zero; the calculation had no spinors or the file is of another run"
        )
    if found.reversed_commutator < 0.5 * found.commutator:
        problems.append(
            "the commutators have the opposite sign: the matrices are complex conjugated or two components swapped"
        )
    if found.spread > SPREAD_TOLERANCE:
        problems.append(
            f"s is spread over the lattice (share {found.spread:.2g}): the spin file has other Bloch states or k "
            "points than the checkpoint, it is of another run"
        )
    if found.time_reversal and found.odd_residual > REVERSAL_TOLERANCE:
        problems.append(
            f"the energies have time reversal but s is not odd under it (residual {found.odd_residual:.2g}, "
            "expected below "
            f"{REVERSAL_TOLERANCE}): wrong ordering of spinors, or a spin file of another run"
        )
    return problems


def ordering_labels(ordering: str | Sequence[str], n: int) -> tuple[str, ...]:
    """``n`` labels "up"/"down" from "interleaved" (up, down, up, down, …), "blocked" (all up, all down) or explicit
    labels.

    Raises ``ConfigError`` when ``n`` is odd or the labels are not as many of each.
    """
    if n % 2:
        raise ConfigError(f"there are {n} Wannier functions; a spinor ordering needs an even number")
    if ordering == "interleaved":
        return ("up", "down") * (n // 2)
    if ordering == "blocked":
        return ("up",) * (n // 2) + ("down",) * (n // 2)
    if isinstance(ordering, str):
        raise ConfigError(
            f"spin = {ordering!r}; expected 'auto', 'none', 'spn', 'interleaved', 'blocked' or a list of labels"
        )
    labels = tuple(ordering)
    if len(labels) != n or labels.count("up") != n // 2 or labels.count("down") != n // 2:
        raise ConfigError(
            f"spin has {len(labels)} labels, {labels.count('up')} 'up' and {labels.count('down')} 'down'; "
            f"expected {n // 2} of each for {n} Wannier functions"
        )
    return labels


def spin_of_labels(labels: Sequence[str]) -> LatticeOperator:
    """s = σ/2 local to each spinor: the first "up" orbital belongs with the first "down", and so on."""
    up = np.array([i for i, label in enumerate(labels) if label == "up"])
    down = np.array([i for i, label in enumerate(labels) if label == "down"])
    s = np.zeros((3, len(labels), len(labels)), dtype=np.complex128)
    for a, rows in enumerate((up, down)):
        for b, columns in enumerate((up, down)):
            s[:, rows, columns] = 0.5 * PAULI[:, a, b, None]
    return LatticeOperator.constant(s)


def _partner_distance(labels: Sequence[str], centres: RealArray, lattice: RealArray) -> float:
    """Largest distance (Å) between the two centres of a spinor, modulo lattice vectors."""
    up = np.array([label == "up" for label in labels])
    fractions = (centres[up] - centres[~up]) @ np.linalg.inv(lattice)
    return float(np.linalg.norm((fractions - np.rint(fractions)) @ lattice, axis=1).max())


def ordering_conflict(
    hamiltonian: LatticeOperator,
    lattice: RealArray,
    centres: RealArray,
    labels: Sequence[str],
    mesh: IntArray | None = None,
) -> str | None:
    """Why a stated ordering contradicts the data while another one fits, in words; ``None`` when it does not.

    Compared are the oddness of s under time reversal, where the energies have it, and the distance between the two
    centres of each spinor.
    """
    stated = examine_spin(hamiltonian, spin_of_labels(labels), mesh)
    distance = _partner_distance(labels, centres, lattice)
    for name in ("interleaved", "blocked"):
        other = ordering_labels(name, len(labels))
        if tuple(labels) == other:
            continue
        rival = examine_spin(hamiltonian, spin_of_labels(other), mesh)
        if stated.time_reversal and stated.odd_residual > max(REVERSAL_TOLERANCE / 10, 10 * rival.odd_residual):
            return (
                "the energies have time reversal; with the stated ordering s violates it by "
                f"{stated.odd_residual:.2g}, "
                f"with {name!r} by {rival.odd_residual:.2g}: the ordering is {name!r}"
            )
        rival_distance = _partner_distance(other, centres, lattice)
        if distance > PARTNER_DISTANCE and rival_distance < 0.1 * distance:
            return (
                f"the stated ordering pairs Wannier functions up to {distance:.2f} Å apart, {name!r} pairs them within "
                f"{rival_distance:.2f} Å: the ordering is {name!r}"
            )
    return None
