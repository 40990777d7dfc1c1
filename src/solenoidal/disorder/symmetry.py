"""The evidence that impurities give to the search for symmetry: scattering rates at k and at the images of k.

The distribution shares a symmetry g of the host if the rates do, P_{gk,gk'} = P_kk'. The operations of the host and the
choice of those that remain are the business of ``solenoidal.symmetry``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from solenoidal.arrays import BoolArray, IntArray, RealArray
from solenoidal.bloch.eigen import eigh
from solenoidal.bloch.interpolation import Model, interpolator
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.scatterers import Scatterer
from solenoidal.symmetry.fingerprint import EnergyWindows, generic_points
from solenoidal.symmetry.group import SymmetryGroup
from solenoidal.symmetry.search import find_symmetry
from solenoidal.symmetry.selection import Selection, select
from solenoidal.symmetry.spin_space import SpinGroup

TOLERANCE = 1e-6
"""Relative violation allowed in a model given by its hoppings; the rates may be violated by ten times as much."""

RATES = "scattering rates"
SAMPLES, SEED = 6, 1


def scattering_violations(model: Model, scatterers: Sequence[Scatterer], k_rotations: IntArray) -> RealArray:
    """How much each operation changes the scattering rates, relative to the largest, (g,).

    F_ab(k, k') = Tr[w_a(H_k) K(w_b(H_k'))] between energy windows is compared with F_ab(gk, gk') at random points.
    """
    k = generic_points(model.dimension, SAMPLES, SEED)
    windows = EnergyWindows.broad(eigh(interpolator(model, space=False).at(k).hamiltonian)[0])
    kernel = CollisionKernel.build(model, scatterers)
    reference = _rates(model, windows, kernel, k)
    images = (_rates(model, windows, kernel, k @ M.T) for M in k_rotations)
    largest = max(float(np.max(np.abs(reference))), 1e-300)
    return np.array([np.max(np.abs(image - reference)) for image in images]) / largest


def _rates(model: Model, windows: EnergyWindows, kernel: CollisionKernel, k: RealArray) -> RealArray:
    """F_ab(k, k') for all pairs of points, (k, a, k', b)."""
    energies, u = eigh(interpolator(model, space=False).at(k).hamiltonian)
    phi = kernel.extend(k, u)
    density = np.einsum("kdn,kan,ken->kade", phi, windows.weights(energies), phi.conj(), optimize=True)
    return np.asarray(np.einsum("kade,qbed->kaqb", density, kernel.apply(density), optimize=True).real)


def judged_by_scattering(
    model: Model, scatterers: Sequence[Scatterer], group: SymmetryGroup | SpinGroup, *, tolerance: float = TOLERANCE
) -> Selection:
    """The verdict of the impurities on the operations of ``group``, which those accepted are a group of."""
    violations = {RATES: scattering_violations(model, scatterers, group.k_rotations)}
    return select(group, violations, {RATES: 10 * tolerance})


def respected_by_scattering(
    model: Model, scatterers: Sequence[Scatterer], group: SymmetryGroup | SpinGroup, *, tolerance: float = TOLERANCE
) -> BoolArray:
    """Which operations of ``group`` leave the scattering rates unchanged and form a group, (g,)."""
    return judged_by_scattering(model, scatterers, group, tolerance=tolerance).accepted


@dataclass(frozen=True, eq=False)
class SharedSymmetry:
    """Magnetic point group that host and impurities share.

    ``dropped`` names the operations of the host that the impurities break; ``report`` is a text for the user.
    """

    group: SymmetryGroup
    dropped: tuple[str, ...]
    report: str


def shared_symmetry(
    model: Model,
    scatterers: Sequence[Scatterer],
    *,
    operators: Sequence[str] = ("spin",),
    tolerance: float = TOLERANCE,
) -> SharedSymmetry:
    """The operations of ``model`` with ``operators`` under which the scattering rates are unchanged, and their report.

    Without scatterers (a constant lifetime) the whole group. ``tolerance``: relative violation accepted in the rates.
    """
    host = find_symmetry(model, operators=operators)
    if not scatterers:
        return SharedSymmetry(host.group, (), host.report)
    verdict = judged_by_scattering(model, scatterers, host.group, tolerance=tolerance)
    dropped = tuple(name for name, keep in zip(verdict.names, verdict.accepted, strict=True) if not keep)
    lines = [
        host.report,
        f"host and impurities: {int(np.sum(verdict.accepted))} of these {host.group.size} operations hold",
        *verdict.evidence_lines(verdict.accepted),
    ]
    return SharedSymmetry(host.group.subgroup(verdict.accepted), dropped, "\n".join(lines))


def shared_group(
    model: Model,
    scatterers: Sequence[Scatterer],
    *,
    operators: Sequence[str] = ("spin",),
    tolerance: float = TOLERANCE,
) -> SymmetryGroup:
    """The group of ``shared_symmetry``."""
    return shared_symmetry(model, scatterers, operators=operators, tolerance=tolerance).group


def symmetry_for_average(
    model: Model,
    scatterers: Sequence[Scatterer],
    symmetry: Literal["auto"] | SymmetryGroup | None,
    operators: Sequence[str],
    tolerance: float = TOLERANCE,
) -> SharedSymmetry:
    """What to average over: found for "auto", the group given, or the identity for None."""
    if isinstance(symmetry, SymmetryGroup):
        return SharedSymmetry(symmetry, (), f"{symmetry.size} operations given by the user")
    if symmetry is None:
        return SharedSymmetry(SymmetryGroup.identity(), (), "symmetry switched off: tensors as the mesh gives them")
    return shared_symmetry(model, scatterers, operators=operators, tolerance=tolerance)
