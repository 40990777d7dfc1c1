"""The one driver: walks k blocks, accumulates the spectral density of every term, returns a ``Result``.

It knows the response contract and nothing of any concrete response.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from solenoidal.bloch.interpolation import Interpolator, Model, interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.bloch.symmetry import SymmetryGroup, find_symmetry
from solenoidal.errors import ConfigError
from solenoidal.integrate.executors import default_executor, ordered_map
from solenoidal.integrate.meshes import KBlock, UniformMesh, blocks, random_shifts
from solenoidal.integrate.symmetry import symmetrise
from solenoidal.responses.response import Response
from solenoidal.results.points import FixedPoints
from solenoidal.results.result import Result, Spectrum
from solenoidal.results.spectral import EnergyGrid, SparseDensity, SpectralDensity

RealArray = NDArray[np.float64]

AUDIT_GAPS = (0.001, 0.005, 0.020, 0.050)
"""Gaps (eV) below which pairs of bands are left out, one after the other, by the degeneracy audit."""

AUDIT_POINTS = 500
AUDIT_STRIDE = 32
"""The audit samples about ``AUDIT_POINTS`` k points of a small run and one in ``AUDIT_STRIDE`` of a large one."""

CACHE_BYTES = 12_000_000
"""Working set of one chunk: small enough for the processor's cache, large enough to hide Python's overhead."""


@dataclass(frozen=True)
class Progress:
    """State of a run: blocks ``done`` of ``total``, seconds ``elapsed`` and estimated ``remaining``."""

    done: int
    total: int
    elapsed: float
    remaining: float


@dataclass(frozen=True)
class Task:
    """One block of one replica."""

    replica: int
    block: KBlock


@dataclass(frozen=True)
class BlockSum:
    """What a block contributes: all terms side by side, the same without close pairs, and the audit's weight."""

    density: SparseDensity
    audit: tuple[SparseDensity, ...]
    audit_weight: float
    highest: float


@dataclass(frozen=True)
class BlockWorker:
    """Computes one block; holds only data, so that it can be sent to another process."""

    source: Interpolator
    responses: tuple[Response, ...]
    degeneracy: Degeneracy
    grid: EnergyGrid | FixedPoints
    chunk: int
    audit_stride: int

    def __call__(self, task: Task) -> BlockSum:
        """Diagonalise the block chunk by chunk and sort every term into the energy grid."""
        block = task.block
        orbital = self.source.at(block.k)
        energies, values, highest = [], [], -np.inf
        close: list[list[tuple[RealArray, RealArray, RealArray]]] = [[] for _ in AUDIT_GAPS]
        chosen = np.zeros(len(block.k), dtype=bool)
        if task.replica == 0 and self.audit_stride > 0:
            chosen[block.index % self.audit_stride :: self.audit_stride] = True
        for start in range(0, len(block.k), self.chunk):
            stop = min(start + self.chunk, len(block.k))
            states = BlochStates.diagonalise(
                orbital.part(start, stop),
                block.k[start:stop],
                block.weights[start:stop],
                self.degeneracy,
                self.grid.top,
            )
            columns = self.evaluate(states)
            energies.append(states.occupation_energies)
            values.append(columns)
            highest = max(highest, float(states.energies.max()))
            self._audit(states, columns, np.flatnonzero(chosen[start:stop]), close)
        density = self.grid.collect(np.concatenate(energies), block.weights, np.concatenate(values))
        audit = tuple(self._bin_audit(parts, values[0].shape[-1]) for parts in close)
        return BlockSum(density, audit, float(block.weights[chosen].sum()), highest)

    def evaluate(self, states: BlochStates) -> RealArray:
        """Every term of every response, legs flattened, (nk, n, columns)."""
        nk, n = states.energies.shape
        columns = []
        for response in self.responses:
            values = response.evaluate(states)
            columns += [values[name].reshape(nk, n, -1) for name in response.terms]
        return np.concatenate(columns, axis=2)

    def _audit(
        self,
        states: BlochStates,
        columns: RealArray,
        sample: NDArray[np.int64],
        close: list[list[tuple[RealArray, RealArray, RealArray]]],
    ) -> None:
        """Append what pairs of bands closer than each gap contribute at the sampled points that have such pairs."""
        if not len(sample):
            return
        gaps = np.diff(states.energies[sample], axis=1)
        gaps[np.diff(states.labels[sample], axis=1) == 0] = np.inf
        smallest = gaps.min(axis=1, initial=np.inf)
        for gap, parts in zip(AUDIT_GAPS, close, strict=True):
            index = sample[smallest < gap]
            if len(index):
                without = self.evaluate(states.subset(index, gap))
                parts.append((states.occupation_energies[index], states.weights[index], columns[index] - without))

    def _bin_audit(self, parts: list[tuple[RealArray, RealArray, RealArray]], columns: int) -> SparseDensity:
        if not parts:
            return SparseDensity(np.zeros(0, dtype=np.int64), np.zeros((0, self.grid.moments, columns)))
        energies, weights, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return self.grid.collect(energies, weights, values)


def solve(
    model: Model,
    responses: Sequence[Response],
    *,
    mesh: tuple[int, int, int],
    energies: EnergyGrid | FixedPoints,
    replicas: int = 1,
    symmetry: Literal["auto"] | SymmetryGroup | None = "auto",
    executor: Executor | None = None,
    threads: int | None = None,
    block_size: int | None = None,
    degeneracy_tol: float = 1e-4,
    kramers: bool | None = None,
    seed: int = 0,
    audit: bool = True,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Integrate ``responses`` of ``model`` over the Brillouin zone and return their spectral densities.

    Main arguments: ``mesh`` divisions of the zone; ``energies`` the grid on which densities are kept (its
    ``reference``, usually the Fermi energy, lies on a bin edge, where zero temperature is exact), or ``FixedPoints``
    for sums to rounding at given μ and T.

    Other arguments: ``replicas`` = 1 uses the unshifted mesh reduced by symmetry and gives no error bar; with R ≥ 2,
    R meshes are moved by independent random shifts and every output carries the standard error of their mean.
    ``symmetry`` "auto" finds the group and verifies it on the Hamiltonian, None uses the full zone. ``executor`` is
    any object with the interface of ``concurrent.futures``; by default threads, one per core. ``degeneracy_tol`` (eV)
    groups bands; where inversion × time reversal is a symmetry they are paired by construction, unless ``kramers``
    says otherwise. ``audit`` estimates what near-degenerate pairs contribute. ``progress`` is called after each block.

    Any chemical potential inside the window and any temperature can be asked of the result afterwards. Raises
    ``ConfigError`` for a mesh or option that cannot be used and ``ModelError`` for a model without a needed operator.
    """
    started = time.perf_counter()
    _check(model, responses, mesh, replicas)
    group, search_text, pairs = _group(model, symmetry, kramers)
    degeneracy = Degeneracy(degeneracy_tol, pairs)
    size = block_size or 512
    tasks, evaluated = _tasks(model, mesh, group, replicas, seed, size)
    chunk = max(8, min(size, CACHE_BYTES // (40 * 16 * model.n_orbitals**2)))
    stride = min(AUDIT_STRIDE, max(1, evaluated // AUDIT_POINTS)) if audit else 0
    worker = BlockWorker(interpolator(model), tuple(responses), degeneracy, energies, chunk, stride)
    columns = sum(3 ** len(t.legs) for r in responses for t in r.terms.values())
    totals = [SpectralDensity(energies, columns) for _ in range(replicas)]
    audits = [SpectralDensity(energies, columns) for _ in AUDIT_GAPS]
    audit_weight, highest = 0.0, -np.inf
    with default_executor(threads) if executor is None else nullcontext(executor) as pool:
        ahead = 2 * (getattr(pool, "_max_workers", None) or 8)
        for done, (task, part) in enumerate(ordered_map(pool, worker, tasks, ahead), start=1):
            totals[task.replica].add(part.density)
            for total, piece in zip(audits, part.audit, strict=True):
                total.add(piece)
            audit_weight += part.audit_weight
            highest = max(highest, part.highest)
            if progress is not None:
                elapsed = time.perf_counter() - started
                progress(Progress(done, len(tasks), elapsed, elapsed / done * (len(tasks) - done)))
    attrs = _provenance(model, responses, mesh, replicas, seed, degeneracy, group, search_text, evaluated)
    attrs["wall_time_seconds"] = time.perf_counter() - started
    densities = np.stack([t.moments for t in totals])
    shares = np.stack([t.moments for t in audits]) / (audit_weight or 1.0)
    spectra = dict(_spectra(responses, densities, shares, group, model.dimension))
    return Result(
        energies, model.dimension, model.cell_measure, highest, AUDIT_GAPS if audit_weight else (), spectra, attrs
    )


def _check(model: Model, responses: Sequence[Response], mesh: tuple[int, int, int], replicas: int) -> None:
    if not responses:
        raise ConfigError("no response was asked for; give at least one, for example SpinConductivity()")
    names = [r.name for r in responses]
    if len(set(names)) != len(names):
        raise ConfigError(f"responses carry the same name twice: {names}; pass name=... to tell them apart")
    if len(mesh) != 3 or any(n != 1 for n in mesh[model.dimension :]):
        raise ConfigError(
            f"mesh is {tuple(mesh)} for a model of dimension {model.dimension}; write three divisions, 1 along "
            "directions that are not periodic"
        )
    if replicas < 1:
        raise ConfigError(f"replicas is {replicas}; write 1 (no error bar) or at least 2 (error bars)")


def _group(
    model: Model, symmetry: Literal["auto"] | SymmetryGroup | None, kramers: bool | None
) -> tuple[SymmetryGroup, str, bool]:
    """Operations used for reduction, a text about them, and whether bands are Kramers pairs by symmetry."""
    if isinstance(symmetry, SymmetryGroup):
        pairs = symmetry.has_inversion_times_time_reversal if kramers is None else kramers
        return symmetry, f"{symmetry.size} operations given by the user", pairs
    if symmetry is None and kramers is not None:
        return SymmetryGroup.identity(), "symmetry switched off: full zone", kramers
    search = find_symmetry(model)
    pairs = search.kramers_pairs if kramers is None else kramers
    if symmetry is None:
        return SymmetryGroup.identity(), "symmetry switched off: full zone", pairs
    return search.group, search.report, pairs


def _tasks(
    model: Model, mesh: tuple[int, int, int], group: SymmetryGroup, replicas: int, seed: int, size: int
) -> tuple[list[Task], int]:
    """Blocks of every replica and the number of points to be evaluated."""
    if replicas == 1:
        shifts: RealArray = np.zeros((1, 3))
    else:
        shifts = random_shifts(replicas, seed, model.dimension)
    tasks, evaluated = [], 0
    for replica, shift in enumerate(shifts):
        points = UniformMesh(mesh, (float(shift[0]), float(shift[1]), float(shift[2]))).irreducible(group)
        evaluated += len(points)
        tasks += [Task(replica, block) for block in blocks(points, size)]
    return tasks, evaluated


def _spectra(
    responses: Sequence[Response], densities: RealArray, shares: RealArray, group: SymmetryGroup, dimension: int
) -> Iterator[tuple[str, Spectrum]]:
    """Cut the columns back into terms and project each onto the tensors the group allows."""
    used = 0
    for response in responses:
        terms: dict[str, RealArray] = {}
        audit: dict[str, RealArray] = {}
        for name, term in response.terms.items():
            width = 3 ** len(term.legs)
            for store, source in ((terms, densities), (audit, shares)):
                array = source[..., used : used + width].reshape(*source.shape[:-1], *(3,) * len(term.legs))
                store[name] = symmetrise(array, term.legs, term.time_reversal, group)
            used += width
        yield response.name, Spectrum(terms, audit, dict(response.quantities(dimension)))


def _provenance(
    model: Model,
    responses: Sequence[Response],
    mesh: tuple[int, int, int],
    replicas: int,
    seed: int,
    degeneracy: Degeneracy,
    group: SymmetryGroup,
    search_text: str,
    evaluated: int,
) -> dict[str, Any]:
    """Everything needed to repeat the run, as text and numbers."""
    model_facts: Mapping[str, Any] = model.provenance
    return {
        "solenoidal_version": version("solenoidal"),
        "numpy_version": np.__version__,
        "python_version": platform.python_version(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": {str(k): str(v) for k, v in model_facts.items()},
        "bands": model.n_orbitals,
        "responses": [repr(r) for r in responses],
        "mesh": list(mesh),
        "replicas": replicas,
        "seed": seed,
        "symmetry_operations": group.size,
        "symmetry_report": search_text,
        "kramers_pairs_by_construction": degeneracy.kramers,
        "degeneracy_tolerance_eV": degeneracy.tolerance,
        "k_points_evaluated": evaluated,
        "k_points_represented": int(np.prod(mesh)) * replicas * (group.size if replicas > 1 else 1),
    }
