"""Energy shells: quadrature of ∫d^dk/(2π)^d δ(ε_n(k) − ε) over the surfaces of constant energy.

A shell holds states, not physics of disorder: it is built once for an energy and used for any scatterers.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from threadpoolctl import threadpool_limits

from solenoidal.arrays import BoolArray, IntArray, RealArray
from solenoidal.bloch.interpolation import Model, hamiltonian_function, interpolator
from solenoidal.disorder.shells import planar, spatial
from solenoidal.disorder.shells.bands import BandFields
from solenoidal.disorder.shells.meshes import CrossedSimplices, SimplexMesh, crossed_simplices
from solenoidal.disorder.shells.pockets import hidden_pockets
from solenoidal.disorder.shells.points import Candidates
from solenoidal.disorder.shells.states import StateBlock, StateSource
from solenoidal.errors import ConfigError, SolenoidalError
from solenoidal.models.continuum import ContinuumModel

Rule = Literal["curved", "linear"]

STEEPNESS = 0.5
"""Smallest |v·n̂|/|v| for which a point of the curved rule is believed."""

WEIGHT_RATIO = 2.0
"""Largest ratio between the weights of the curved and of the linear rule."""

DEGENERACY_FRACTION = 1e-7
"""Bands closer than this fraction of the bandwidth at every mesh point form one group."""


class NoFermiSurfaceError(SolenoidalError):
    """No band crosses the energy asked for; ``hidden_pockets`` counts those the mesh is too coarse to follow."""

    def __init__(self, message: str, hidden_pockets: int = 0) -> None:
        super().__init__(message)
        self.hidden_pockets = hidden_pockets


@dataclass(frozen=True, eq=False)
class EnergyShell:
    """Quadrature points of one energy shell.

    ``energy`` (eV); ``k`` (m, 3) Cartesian in 1/Å; ``fractional`` (m, 3); ``weights`` (m,) in 1/(eV Å^d), so that Σ w X
    = ∫d^dk/(2π)^d Σ_n δ(ε_n − ε) X_n with one point for each group of degenerate bands; ``group`` (m,); ``fallback``
    (m,) marks points of the linear rule used in place of the curved one; ``element`` (m,) chord or triangle; ``blocks``
    the states, one block for each size of group; ``dimension`` d;
    ``reciprocal`` (d, 3) the lattice that k repeats on, None for a continuum model; ``hidden_pockets`` parts of the
    shell known to be missing because they lie inside a mesh cell.
    """

    energy: float
    dimension: int
    k: RealArray
    fractional: RealArray
    weights: RealArray
    group: IntArray
    fallback: BoolArray
    element: IntArray
    blocks: tuple[StateBlock, ...]
    reciprocal: RealArray | None = None
    hidden_pockets: int = 0

    def __len__(self) -> int:
        return len(self.weights)

    @cached_property
    def group_size(self) -> IntArray:
        """Members of the band group at each point, (m,)."""
        sizes = np.zeros(len(self), dtype=np.int64)
        for block in self.blocks:
            sizes[block.index] = block.size
        return sizes

    @property
    def density_of_states(self) -> float:
        """∫d^dk/(2π)^d Σ_n δ(ε_n − ε) in 1/(eV Å^d), every member of a group counted."""
        return float(self.weights @ self.group_size)

    @property
    def fallback_fraction(self) -> float:
        """Share of the density of states on points of the linear rule that the curved rule had to give up."""
        counted = self.weights * self.group_size
        return float(counted[self.fallback].sum() / counted.sum())

    @property
    def velocity(self) -> RealArray:
        """Mean velocity of the group at each point, (m, 3) in eV Å."""
        result = np.zeros((len(self), 3))
        for block in self.blocks:
            result[block.index] = np.einsum("mnin->mi", block.velocity).real / block.size
        return result

    @property
    def gap(self) -> RealArray:
        """Distance to the nearest band outside the group, (m,) in eV."""
        result = np.zeros(len(self))
        for block in self.blocks:
            result[block.index] = block.gap
        return result


class EnergyShells:
    """Shells of one model, sharing the band energies on a mesh; every shell is kept once built.

    ``mesh`` divisions of the cell (or of the momentum box); ``rule`` "curved": chords with ``order`` Gauss–Legendre
    points in two dimensions and quadratic triangles in three, all points on the exact shell; "linear": one point on
    each straight piece, cheap and of low order. ``operators`` to be evaluated; ``degeneracy_tol`` (eV) groups bands
    closer than this at every mesh point, by default 1e-7 of the bandwidth; ``kramers`` pairs bands by construction.
    ``threads``: by default one for each core. ``keep``: shells held in memory.

    Raises ``ConfigError`` for a dimension other than 2 and 3, a mesh that does not fit it or an unknown rule.
    """

    def __init__(
        self,
        model: Model,
        *,
        mesh: Sequence[int],
        rule: Rule = "curved",
        order: int = 3,
        operators: Sequence[str] = ("spin",),
        degeneracy_tol: float | None = None,
        kramers: bool = False,
        threads: int | None = None,
        keep: int = 512,
    ) -> None:
        d = model.dimension
        _check(d, mesh, rule, order, keep)
        self.model = model
        self.rule: Rule = rule
        self.order = order
        self.threads = threads or os.cpu_count() or 1
        self.keep = keep
        self.operators = tuple(operators)
        self.divisions = tuple(int(n) for n in mesh[:d])
        periodic = not isinstance(model, ContinuumModel)
        axes = np.asarray(2 * np.pi * np.linalg.pinv(model.lattice[:d]).T, dtype=np.float64)
        self.mesh = SimplexMesh.build(self.divisions, axes, periodic=periodic)
        self._inverse = np.linalg.pinv(axes) @ np.eye(d, 3)
        with self._pool() as pool:
            single = BandFields(hamiltonian_function(model), np.arange(model.n_orbitals + 1), self._inverse, 1.0, pool)
            bands = self._vertex_energies(single, periodic)
        self.bandwidth = float(np.ptp(bands)) or 1.0
        self.degeneracy_tol = DEGENERACY_FRACTION * self.bandwidth if degeneracy_tol is None else degeneracy_tol
        self.starts = _group_starts(bands, self.degeneracy_tol, kramers)
        sizes = np.diff(self.starts)
        self.vertex_energies = np.add.reduceat(bands, self.starts[:-1], axis=1) / sizes
        self._simplices = self.mesh.simplices()
        self._boundary = None if periodic else _boundary(self.mesh.shape)
        self._source = interpolator(model, space=False)
        self._shells: dict[float, EnergyShell] = {}

    def at(self, energy: float) -> EnergyShell:
        """The shell of ``energy`` (eV); raises ``NoFermiSurfaceError`` where no band has it and ``ConfigError`` where
        the shell of a continuum model reaches the edge of its momentum box."""
        key = float(energy)
        if key not in self._shells:
            shell = self._build(key)
            while len(self._shells) >= self.keep:
                self._shells.pop(next(iter(self._shells)))
            self._shells[key] = shell
        return self._shells[key]

    def _pool(self) -> Executor | nullcontext[None]:
        return nullcontext(None) if self.threads == 1 else ThreadPoolExecutor(self.threads)

    def _vertex_energies(self, bands: BandFields, periodic: bool) -> RealArray:
        """Band energies at all vertices (vertices, n); opposite sides of a periodic cell are computed once."""
        if not periodic:
            return bands.energies(self.mesh.fractional(self.mesh.shape))
        inside = bands.energies(self.mesh.fractional(self.divisions)).reshape(*self.divisions, -1)
        padded = np.pad(inside, [(0, 1)] * len(self.divisions) + [(0, 0)], mode="wrap")
        return np.ascontiguousarray(padded.reshape(-1, inside.shape[-1]))

    def _build(self, energy: float) -> EnergyShell:
        values = self.vertex_energies - energy
        if self._boundary is not None and isinstance(self.model, ContinuumModel):
            edge = values[self._boundary]
            low, high = self.model.valid_range
            if np.any((edge.min(axis=0) < 0) & (edge.max(axis=0) > 0)) or not low <= energy <= high:
                raise ConfigError(
                    f"the shell of {energy:g} eV reaches the edge of the momentum box, which holds all states only "
                    f"between {low:.4g} and {high:.4g} eV; enlarge the cutoff of the model"
                )
        crossed = crossed_simplices(self.mesh, self._simplices, values)
        with threadpool_limits(1), self._pool() as pool:
            bands = BandFields(hamiltonian_function(self.model), self.starts, self._inverse, self.bandwidth, pool)
            states = StateSource(self._source, self.starts, self.operators, pool)
            shell = _evaluate(self._candidates(crossed, values, bands, states, energy), bands, states, energy, self)
            periodic = self._boundary is None
            hidden = hidden_pockets(self.mesh, bands, values, periodic=periodic, energy=energy)
        if not len(shell):
            raise NoFermiSurfaceError(
                f"no band has the energy {energy:g} eV on this mesh (bands span {self.vertex_energies.min():.6g} to "
                f"{self.vertex_energies.max():.6g} eV): choose a chemical potential inside a band, or refine the mesh "
                f"for pockets smaller than its cells ({hidden} found)",
                hidden,
            )
        return replace(shell, hidden_pockets=hidden)

    def _candidates(
        self, crossed: CrossedSimplices, values: RealArray, bands: BandFields, states: StateSource, energy: float
    ) -> Candidates:
        if len(self.divisions) == 2:
            if self.rule == "linear":
                return planar.linear_rule(self.mesh, crossed, values)
            return planar.chord_rule(
                self.mesh, crossed, values, bands=bands, states=states, energy=energy, order=self.order
            )
        if self.rule == "linear":
            return spatial.linear_rule(self.mesh, crossed, values)
        return spatial.quadratic_rule(self.mesh, crossed, values, bands=bands, states=states, energy=energy)


def _evaluate(
    proposed: Candidates, bands: BandFields, states: StateSource, energy: float, shells: EnergyShells
) -> EnergyShell:
    """States at the proposed points; elements on which the curved rule cannot be trusted become straight."""
    factor = (2 * np.pi) ** -len(shells.divisions)
    m = len(proposed.group)
    good = _whole_elements(proposed.found, proposed.element)
    curved = np.flatnonzero(good)
    blocks = states.blocks(bands.fractional(proposed.point[curved]), proposed.group[curved])
    velocity = np.zeros((m, 3))
    for block in blocks:
        velocity[curved[block.index]] = np.einsum("mnin->mi", block.velocity).real / block.size
    across = np.abs(np.einsum("mi,mi->m", velocity, proposed.normal))
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(good, proposed.measure / across, 0.0)
        ratio = weight / proposed.straight_weight
    trusted = across > STEEPNESS * np.linalg.norm(velocity, axis=1)
    trusted &= (ratio < WEIGHT_RATIO) & (ratio > 1 / WEIGHT_RATIO)
    kept = _whole_elements(good & trusted, proposed.element)
    straight = np.flatnonzero(~kept)
    curved_kept = np.flatnonzero(kept)
    if len(straight) or len(curved_kept) < len(curved):
        point = np.where(kept[:, None], proposed.point, proposed.base)
        blocks = states.blocks(bands.fractional(point), proposed.group)
    else:
        point = proposed.point
    weights = np.where(kept, weight, proposed.straight_weight) * factor
    fallback = ~kept if shells.rule == "curved" else np.zeros(m, dtype=np.bool_)
    fractional = bands.fractional(point)
    d = len(shells.divisions)
    reciprocal = None if isinstance(shells.model, ContinuumModel) else shells.mesh.axes
    return EnergyShell(
        energy, d, point, fractional, weights, proposed.group, fallback, proposed.element, blocks, reciprocal
    )


def _whole_elements(good: BoolArray, element: IntArray) -> BoolArray:
    """Points whose element has no bad point."""
    bad = np.zeros(int(element.max(initial=-1)) + 1, dtype=np.bool_)
    bad[element[~good]] = True
    return ~bad[element]


def _group_starts(bands: RealArray, tolerance: float, kramers: bool) -> IntArray:
    split = np.max(np.diff(bands, axis=1), axis=0) >= tolerance
    if kramers:
        split[0::2] = False
    return np.concatenate([[0], np.flatnonzero(split) + 1, [bands.shape[1]]]).astype(np.int64)


def _boundary(shape: tuple[int, ...]) -> IntArray:
    inside = np.zeros(shape, dtype=np.bool_)
    inside[tuple(slice(1, -1) for _ in shape)] = True
    return np.flatnonzero(~inside.ravel())


def _check(dimension: int, mesh: Sequence[int], rule: str, order: int, keep: int) -> None:
    if dimension not in (2, 3):
        raise ConfigError(f"the model has dimension {dimension}; energy shells exist for 2 and 3")
    whole = all(isinstance(n, int | np.integer) and n >= 1 for n in mesh)
    if (
        len(mesh) not in (dimension, 3)
        or not whole
        or any(n != 1 for n in mesh[dimension:])
        or min(mesh[:dimension]) < 2
    ):
        raise ConfigError(
            f"mesh is {tuple(mesh)} for a model of dimension {dimension}; write {dimension} divisions of 2 or more, "
            "and 1 along directions that are not periodic"
        )
    if rule not in ("curved", "linear"):
        raise ConfigError(f"rule is {rule!r}; write 'curved' or 'linear'")
    if not 1 <= order <= 8 or keep < 1:
        raise ConfigError(f"order is {order} and keep is {keep}; write an order from 1 to 8 and at least one shell")
