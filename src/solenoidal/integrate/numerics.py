"""Numerical settings of a run in one value, checked where it is made: what the model does not hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

import numpy as np

from solenoidal.errors import ConfigError
from solenoidal.integrate.meshes import RefinedMesh, SymmetricMeshes
from solenoidal.integrate.tolerance import Accuracy
from solenoidal.sampling.kinds import SAMPLINGS, Sampling
from solenoidal.sampling.tetrahedra import TetrahedronPoints
from solenoidal.symmetry.group import SymmetryGroup

MeshChoice = tuple[int, int, int] | RefinedMesh | SymmetricMeshes
SymmetryChoice = Literal["auto"] | SymmetryGroup | None

REPLICAS = 8
"""Shifted meshes in a set of a run with a stated accuracy: enough for a standard error, few enough to make each mesh
fine."""

MAXIMUM_POINTS = 20_000_000
DEGENERACY_TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True)
class Numerics:
    """How a run is done: k points, what is kept of the energies, error bars, symmetry.

    Main arguments, which have no default: ``energies``, an ``EnergyGrid`` on which densities are kept (its
    ``reference``, usually the Fermi energy, lies on a bin edge, where zero temperature is exact), or ``FixedPoints``
    for sums to rounding at given μ and T, or ``TetrahedronPoints`` for T = 0 by linear interpolation between mesh
    points; and either ``mesh``, the divisions of the zone, a ``RefinedMesh`` or ``SymmetricMeshes``, for ``solve``, or
    ``accuracy`` for ``converge``.

    Other arguments: ``replicas`` = 1, the default on a mesh, uses the unshifted mesh reduced by symmetry and gives no
    error bar; with R ≥ 2, R meshes are moved by independent random shifts and every output carries the standard error
    of their mean. With an accuracy it is the number of meshes in a set, at least 3 and by default 8. ``symmetry``
    "auto" finds the group and verifies it on the Hamiltonian and the operators in use, None takes the full zone, a
    ``SymmetryGroup`` is used as it is. ``degeneracy_tol`` (eV) groups bands; where inversion × time reversal is a
    symmetry they are paired by construction, unless ``kramers`` says otherwise. ``seed`` draws the shifts. ``audit``
    estimates what near-degenerate pairs contribute. ``threads`` of the default executor, one per core if None;
    ``block_size`` in k points, chosen by the number of points if None. ``maximum_points`` ends a run whose accuracy is
    out of reach.

    Raises ``ConfigError`` naming the argument, what was found and what to write.
    """

    energies: Sampling
    mesh: MeshChoice | None = None
    accuracy: Accuracy | None = None
    replicas: int | None = None
    symmetry: SymmetryChoice = "auto"
    degeneracy_tol: float = DEGENERACY_TOLERANCE
    kramers: bool | None = None
    seed: int = 0
    audit: bool = True
    threads: int | None = None
    block_size: int | None = None
    maximum_points: int = MAXIMUM_POINTS

    def __post_init__(self) -> None:
        if not isinstance(self.energies, tuple(SAMPLINGS.values())):
            raise ConfigError(
                f"energies is {shown(self.energies)}; write an EnergyGrid, FixedPoints or TetrahedronPoints, for "
                "example EnergyGrid(-4.0, 4.0, 0.01, reference=0.0)"
            )
        if (self.mesh is None) == (self.accuracy is None):
            found = "neither is given" if self.mesh is None else "both are given"
            raise ConfigError(
                f"the k points follow from mesh or from accuracy, and {found}; write mesh=(48, 48, 48) for solve, or "
                "accuracy=Accuracy(mu=..., temperature=..., relative=0.01) for converge"
            )
        if self.accuracy is not None and not isinstance(self.accuracy, Accuracy):
            raise ConfigError(
                f"accuracy is {shown(self.accuracy)}; write Accuracy(mu=..., temperature=..., relative=0.01)"
            )
        if self.mesh is not None:
            object.__setattr__(self, "mesh", _mesh(self.mesh))
        self._check_simplices()
        self._check_replicas()
        self._check_bands()
        _whole("seed", self.seed, 0, "write an integer that is not negative")
        if self.threads is not None:
            _whole("threads", self.threads, 1, "write a positive number of threads, or None for one per core")
        if self.block_size is not None:
            _whole("block_size", self.block_size, 1, "write a positive number of k points, or None")
        _whole("maximum_points", self.maximum_points, 1, "write a positive number of k points")
        if not isinstance(self.audit, bool):
            raise ConfigError(f"audit is {shown(self.audit)}; write True or False")

    def _check_simplices(self) -> None:
        """Refuse what has no simplices between its points, and cells that would be judged without them."""
        if isinstance(self.energies, TetrahedronPoints) and not isinstance(self.mesh, tuple | SymmetricMeshes):
            what = "a run with a stated accuracy" if self.mesh is None else "a refined mesh"
            raise ConfigError(
                f"{what} cannot be integrated with TetrahedronPoints, which need a uniform mesh; write for example "
                "mesh=(48, 48, 48), or use an EnergyGrid or FixedPoints"
            )

    def _check_replicas(self) -> None:
        if self.replicas is None:
            object.__setattr__(self, "replicas", 1 if self.accuracy is None else REPLICAS)
        if self.accuracy is not None:
            _whole(
                "replicas",
                self.replicas,
                3,
                "an error estimate needs at least 3 shifted meshes; write for example replicas=8",
            )
        elif isinstance(self.mesh, RefinedMesh | SymmetricMeshes):
            _whole(
                "replicas",
                self.replicas,
                2,
                "a refined mesh and symmetric meshes come in sets; write replicas=2 or more",
            )
        else:
            _whole("replicas", self.replicas, 1, "write 1 (no error bar) or at least 2 (error bars)")

    def _check_bands(self) -> None:
        """Symmetry and the grouping of bands, as far as they need no model."""
        if not (self.symmetry is None or isinstance(self.symmetry, SymmetryGroup) or _is_text(self.symmetry, "auto")):
            raise ConfigError(
                f'symmetry is {shown(self.symmetry)}; write "auto" to find the symmetry, None for the full zone, or a '
                "SymmetryGroup"
            )
        tolerance: Any = self.degeneracy_tol
        kramers: Any = self.kramers
        if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 0 < tolerance < np.inf:
            raise ConfigError(
                f"degeneracy_tol is {shown(tolerance)}; write a positive energy in eV, for example "
                f"degeneracy_tol={DEGENERACY_TOLERANCE:g}"
            )
        if kramers is not None and not isinstance(kramers, bool):
            raise ConfigError(
                f"kramers is {shown(kramers)}; write None to pair bands where symmetry does, True or False"
            )

    @property
    def meshes(self) -> int:
        """Number of meshes of which the result is the mean."""
        return 1 if self.replicas is None else self.replicas

    def require_mesh(self) -> MeshChoice:
        """The mesh; raises ``ConfigError`` where an accuracy is given in its place."""
        if self.mesh is None:
            raise ConfigError("numerics state an accuracy, which converge reaches; write mesh=(48, 48, 48) for solve")
        return self.mesh

    def require_accuracy(self) -> Accuracy:
        """The accuracy; raises ``ConfigError`` where a mesh is given in its place."""
        if self.accuracy is None:
            raise ConfigError(
                "numerics give a mesh, on which solve integrates; write accuracy=Accuracy(mu=..., temperature=..., "
                "relative=0.01) for converge"
            )
        return self.accuracy


def _mesh(mesh: Any) -> MeshChoice:
    """``mesh`` with its divisions as three integers."""
    if isinstance(mesh, RefinedMesh | SymmetricMeshes):
        return mesh
    whole = isinstance(mesh, Sequence | np.ndarray) and not isinstance(mesh, str) and len(mesh) == 3
    if not whole or not all(_is_whole(n) and n >= 1 for n in mesh):
        raise ConfigError(
            f"mesh is {shown(mesh)}; write three positive integers, for example mesh=(48, 48, 48), with 1 along "
            "directions that are not periodic"
        )
    return int(mesh[0]), int(mesh[1]), int(mesh[2])


def _whole(name: str, value: Any, least: int, remedy: str) -> None:
    if not _is_whole(value) or value < least:
        raise ConfigError(f"{name} is {shown(value)}; {remedy}")


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_text(value: Any, text: str) -> bool:
    return isinstance(value, str) and value == text


def shown(value: Any) -> str:
    """``value`` in an error message: short, and an array by its shape."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
