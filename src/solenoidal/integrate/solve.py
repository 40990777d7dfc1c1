"""The one driver: walks k blocks, accumulates the spectral density of every term, returns a ``Result``.

It knows the response contract and nothing of any concrete response.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import Model, interpolator
from solenoidal.bloch.states import Degeneracy
from solenoidal.errors import SymmetryError
from solenoidal.integrate.arguments import check_arguments
from solenoidal.integrate.checkpoint import NOWHERE, Checkpoint, RunningSums, Stage, Storage, claimed, fingerprint
from solenoidal.integrate.columns import ColumnLayout
from solenoidal.integrate.executors import default_executor
from solenoidal.integrate.meshes import Mesh, RefinedMesh, SymmetricMeshes, UniformMesh, blocks, random_shifts
from solenoidal.integrate.numerics import Numerics
from solenoidal.integrate.occupations import Occupations
from solenoidal.integrate.passes import Pass, name_of_pass, remaining, walk
from solenoidal.integrate.provenance import run_facts
from solenoidal.integrate.tally import Tally
from solenoidal.integrate.worker import AUDIT_GAPS, BlockSum, BlockWorker, Task, outermost
from solenoidal.responses.check import check_responses, declarations
from solenoidal.responses.response import Response, operators_of, published
from solenoidal.results.result import Result, Spectrum
from solenoidal.sampling.energy_grid import add_rows
from solenoidal.sampling.kinds import Sampling
from solenoidal.sampling.tetrahedra import TetrahedronPoints
from solenoidal.symmetry.group import SymmetryGroup
from solenoidal.symmetry.search import find_symmetry
from solenoidal.symmetry.tensors import invariant_part

AUDIT_POINTS = 500
AUDIT_STRIDE = 128
"""The audit samples about ``AUDIT_POINTS`` k points of a small run and one in ``AUDIT_STRIDE`` of a large one."""

BLOCKS, BLOCK_POINTS = 32, (256, 2048)
"""Blocks wanted in a run, for threads and progress, and the range of their sizes: large blocks share more of the
Fourier sums, small ones lose less when a run is stopped."""

CACHE_BYTES = 24_000_000
"""Working set of one chunk: small enough for the processor's cache, large enough to hide Python's overhead."""


@dataclass(frozen=True)
class Progress:
    """State of a run: blocks ``done`` of ``total``, seconds ``elapsed`` and estimated ``remaining``.

    ``partial`` returns the result of the shifted meshes that are complete so far, None below three of them: enough for
    an error estimate while the run goes on, without provenance. In a run with a stated accuracy blocks and times are
    those of set number ``stage``. ``doing`` names what goes on: runs by the tetrahedron rule have a pass over
    "eigenvalues" before "integrating", and count the blocks of both. ``unit`` names what is counted.
    """

    done: int
    total: int
    elapsed: float
    remaining: float
    partial: Callable[[], Result | None] = lambda: None
    stage: int = 1
    doing: str = "integrating"
    unit: str = "blocks"


def solve(
    model: Model,
    responses: Sequence[Response],
    numerics: Numerics,
    *,
    executor: Executor | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Integrate ``responses`` of ``model`` over the Brillouin zone and return their spectral densities.

        solve(model, [SpinConductivity()], Numerics(mesh=(32, 32, 32), energies=grid, replicas=4))

    Main arguments: ``numerics`` says on which k points, with which energies kept, how many shifted meshes for an error
    bar, and with which symmetry.

    Other arguments: ``executor`` is any object with the interface of ``concurrent.futures``; by default threads, one
    per core. ``checkpoint`` names a file that keeps finished blocks, written every 15 seconds; with ``resume`` the run
    goes on from it and ends with the same numbers. ``progress`` is called after each block.

    Any chemical potential inside the window and any temperature can be asked of the result afterwards. Raises
    ``ConfigError`` for an argument that cannot be used, or a checkpoint that exists or is in use, ``InputFileError``
    for a checkpoint that is damaged or belongs to another input, ``ResponseError`` for a response that does not keep
    its contract (see ``check_response``), and ``ModelError`` for a model without a needed operator or a quantity that
    is not finite, naming the k point.
    """
    check_arguments(model, responses, numerics, executor=executor, checkpoint=checkpoint, progress=progress)
    numerics.require_mesh()
    storage = Storage(None if checkpoint is None else Stage(Path(checkpoint)), resume)
    return integrate(model, responses, numerics, executor=executor, storage=storage, progress=progress)


def integrate(
    model: Model,
    responses: Sequence[Response],
    numerics: Numerics,
    *,
    executor: Executor | None = None,
    storage: Storage = NOWHERE,
    progress: Callable[[Progress], None] | None = None,
    tally: Tally | None = None,
) -> Result:
    """What ``solve`` does with arguments that have been checked; ``tally`` is filled with the parts that cells of the
    zone contribute."""
    started = time.perf_counter()
    energies, replicas = numerics.energies, numerics.meshes
    for response in responses:
        declarations(response, model)
    group, search_text, pairs = _group(model, operators_of(responses), numerics)
    degeneracy = Degeneracy(numerics.degeneracy_tol, pairs)
    check_responses(responses, model, group, degeneracy)
    meshes = _members(numerics, model.dimension)
    # Interpolation between points needs neighbours of one wedge.
    scatter = None if isinstance(energies, TetrahedronPoints) else numerics.seed
    tasks, evaluated, size = _tasks(meshes, group, scatter, numerics.block_size)
    chunk = max(8, min(size, CACHE_BYTES // (40 * 16 * model.n_orbitals**2)) // 8 * 8)
    stride = min(AUDIT_STRIDE, max(1, evaluated // AUDIT_POINTS)) if numerics.audit else 0
    rule = None if tally is None else tally.rule
    layout = ColumnLayout.build(model, responses, group)
    source = interpolator(model, space=layout.needs_space)
    worker = BlockWorker(source, tuple(responses), layout, degeneracy, energies, chunk, stride, rule)
    rows = (energies.rows, energies.moments, layout.width)
    edges = np.array([[np.inf], [-np.inf]]) * np.ones(model.n_orbitals)
    sums = RunningSums(np.zeros((replicas, *rows)), np.zeros((len(AUDIT_GAPS), *rows)), edges)
    if tally is not None:
        sums.cells = tally.empty(replicas)
    passes = [Pass("integrating", worker, lambda _, done, __: tasks[done:], _add, np.ones(len(tasks)))]
    if isinstance(energies, TetrahedronPoints):
        occupations = Occupations(model, degeneracy, energies, group, meshes, tasks)
        passes, sums.levels = occupations.passes(passes[0]), occupations.empty()
    store = _checkpoint(storage.stage, worker, numerics, group, size)

    def partial() -> Result | None:
        done = max(0, sums.done - (len(passes) - 1) * len(tasks))
        complete = tasks[done].replica if done < len(tasks) else replicas
        if complete < 3:
            return None
        spectra = dict(_spectra(responses, layout, sums.totals[:complete], sums.audits, group, model))
        return _result(model, energies, sums, (), spectra, {"replicas": complete})

    with nullcontext() if store is None or storage.claimed else claimed(store.path):
        if store is not None:
            earlier = store.begin(resume=storage.resume, replace=storage.claimed)
            sums = sums if earlier is None else RunningSums.restored(earlier)
        with default_executor(numerics.threads) if executor is None else nullcontext(executor) as pool:
            _accumulate(pool, passes, sums, store, progress, partial)
    if tally is not None:
        tally.sums = sums.cells
    attrs = _provenance(model, responses, meshes, numerics.seed, degeneracy, group, search_text, evaluated)
    attrs["wall_time_seconds"] = time.perf_counter() - started
    shares = sums.audits / (sums.audit_weight or 1.0)
    spectra = dict(_spectra(responses, layout, sums.totals, shares, group, model))
    gaps = AUDIT_GAPS if sums.audit_weight else ()
    return _result(model, energies, sums, gaps, spectra, attrs)


def _result(
    model: Model,
    energies: Sampling,
    sums: RunningSums,
    gaps: tuple[float, ...],
    spectra: Mapping[str, Spectrum],
    attrs: Mapping[str, Any],
) -> Result:
    """The numbers of a run with the facts of its model."""
    place = (model.dimension, model.cell_measure, sums.band_edges)
    return Result(energies, *place, gaps, spectra, attrs, model.valid_range, model.nambu_weight)


def _accumulate(
    pool: Executor,
    passes: Sequence[Pass],
    sums: RunningSums,
    store: Checkpoint | None,
    progress: Callable[[Progress], None] | None,
    partial: Callable[[], Result | None],
) -> None:
    """Add the blocks that are not in ``sums`` yet, in order, offering the sums to the checkpoint as they grow."""
    started, before = time.perf_counter(), sums.done
    total = sum(one.blocks for one in passes)
    try:
        for one, task, part in walk(pool, passes, sums):
            one.add(sums, task, part)
            sums.done += 1
            if store is not None:
                store.offer(sums)
            if progress is not None:
                elapsed = time.perf_counter() - started
                left = remaining(passes, before, sums.done, elapsed)
                doing = name_of_pass(passes, sums.done)
                progress(Progress(sums.done, total, elapsed, left, partial, doing=doing))
    finally:
        if store is not None and sums.done > before:
            store.offer(sums, final=True)


def _add(sums: RunningSums, task: Task, part: BlockSum) -> None:
    add_rows(sums.totals[task.replica], part.density)
    for total, piece in zip(sums.audits, part.audit, strict=True):
        add_rows(total, piece)
    sums.audit_weight += part.audit_weight
    if part.cells is not None:
        sums.cells[task.replica, part.cells.rows] += part.cells.sums
    sums.band_edges = outermost(np.stack([sums.band_edges, part.band_edges]))


def _checkpoint(
    stage: Stage | None, worker: BlockWorker, numerics: Numerics, group: SymmetryGroup, size: int
) -> Checkpoint | None:
    if stage is None:
        return None
    settings: dict[str, Any] = {
        "mesh": numerics.mesh,
        "replicas": numerics.meshes,
        "seed": numerics.seed,
        "block size": size,
        "energies": worker.grid,
    }
    settings |= {"responses": worker.responses, "degeneracy": worker.degeneracy, "symmetry operations": group.size}
    settings |= stage.request
    facts = {**settings, "model": worker.source, "group": (group.k_rotations, group.time_reversal)}
    if worker.tally is not None:
        facts["cells"] = worker.tally
    description = {name: repr(value) for name, value in settings.items()}
    return Checkpoint(stage.path, fingerprint(facts), description, history=stage.history)


def _group(model: Model, operators: tuple[str, ...], numerics: Numerics) -> tuple[SymmetryGroup, str, bool]:
    """Operations used for reduction, a text about them, and whether bands are Kramers pairs by symmetry."""
    symmetry, kramers = numerics.symmetry, numerics.kramers
    if isinstance(symmetry, SymmetryGroup):
        _require_laws(model, operators, symmetry)
        pairs = symmetry.has_inversion_times_time_reversal if kramers is None else kramers
        return symmetry, f"{symmetry.size} operations given by the user", pairs
    if symmetry is None and kramers is not None:
        return SymmetryGroup.identity(), "symmetry switched off: full zone", kramers
    search = find_symmetry(model, operators=operators if symmetry == "auto" else ())
    pairs = search.kramers_pairs if kramers is None else kramers
    if symmetry is None:
        return SymmetryGroup.identity(), "symmetry switched off: full zone", pairs
    return search.group, search.report, pairs


def _require_laws(model: Model, operators: tuple[str, ...], group: SymmetryGroup) -> None:
    """Refuse operations on operators of which no one knows how they turn."""
    for name in operators:
        if group.size > 1 and not model.require_operator(name).stated:
            raise SymmetryError(
                f"symmetry: operator {name!r} does not state how it turns, so the {group.size} operations given cannot "
                "be used; give it legs and time_reversal, or write symmetry=None"
            )


def _members(numerics: Numerics, dimension: int) -> Sequence[Mesh]:
    """The mesh of each replica."""
    mesh, replicas = numerics.require_mesh(), numerics.meshes
    if isinstance(mesh, SymmetricMeshes):
        return mesh.members(replicas)
    full = mesh if isinstance(mesh, RefinedMesh) else UniformMesh(mesh)
    if replicas == 1:
        return [full]
    return [full.moved(shift) for shift in random_shifts(replicas, numerics.seed, dimension)]


def _tasks(
    meshes: Sequence[Mesh], group: SymmetryGroup, seed: int | None, size: int | None
) -> tuple[list[Task], int, int]:
    """Blocks of every replica, the number of points to be evaluated, and the size of a block."""
    replicas = [mesh.irreducible(group, seed) for mesh in meshes]
    evaluated = sum(len(points) for points in replicas)
    if size is None:
        size = int(np.clip(evaluated // BLOCKS, *BLOCK_POINTS))
    tasks = [Task(replica, block) for replica, points in enumerate(replicas) for block in blocks(points, size)]
    return tasks, evaluated, size


def _spectra(
    responses: Sequence[Response],
    layout: ColumnLayout,
    densities: RealArray,
    shares: RealArray,
    group: SymmetryGroup,
    model: Model,
) -> Iterator[tuple[str, Spectrum]]:
    """Cut the columns back into terms and project each onto the tensors the group allows."""
    for response in responses:
        terms: dict[str, RealArray] = {}
        audit: dict[str, RealArray] = {}
        for slot in layout.of(response.name):
            for store, source in ((terms, densities), (audit, shares)):
                store[slot.name] = invariant_part(slot.unpack(source), slot.legs, slot.time_reversal, group)
        yield response.name, Spectrum(terms, audit, published(response, model))


def _provenance(
    model: Model,
    responses: Sequence[Response],
    meshes: Sequence[Mesh],
    seed: int,
    degeneracy: Degeneracy,
    group: SymmetryGroup,
    search_text: str,
    evaluated: int,
) -> dict[str, Any]:
    """Everything needed to repeat the run, as text and numbers."""
    total = sum(mesh.size for mesh in meshes)
    return {
        **run_facts(model),
        "responses": [repr(r) for r in responses],
        "mesh": list(meshes[0].divisions),
        "replicas": len(meshes),
        "seed": seed,
        "symmetry_operations": group.size,
        "symmetry_report": search_text,
        "kramers_pairs_by_construction": degeneracy.kramers,
        "degeneracy_tolerance_eV": degeneracy.tolerance,
        "k_points_evaluated": evaluated,
        "k_points_represented": total if evaluated < total else evaluated * (group.size if len(meshes) > 1 else 1),
    }
