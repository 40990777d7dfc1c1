"""``--dry-run``: how long a run will take and how much memory it needs, from timing a few blocks of it."""

from __future__ import annotations

import os
import resource
import sys
from dataclasses import dataclass, replace

import numpy as np

from solenoidal.errors import ConfigError
from solenoidal.integrate.meshes import UniformMesh, random_shifts
from solenoidal.integrate.occupations import EIGENVALUE_COST, simplex_cost
from solenoidal.integrate.solve import Progress, solve
from solenoidal.integrate.worker import AUDIT_GAPS
from solenoidal.responses.response import operators_of
from solenoidal.sampling.tetrahedra import TetrahedronPoints
from solenoidal.symmetry.search import SymmetryGroup, find_symmetry
from solenoidal.workflow.job import Job

WARM_UP = 2
"""Blocks left out of the timing while caches fill and compiled code loads."""


@dataclass(frozen=True)
class Estimate:
    """``points`` to be evaluated of ``represented``; wall time in ``seconds``; peak ``memory`` in bytes."""

    points: int
    represented: int
    operations: int
    threads: int
    microseconds_per_point: float
    seconds: float
    memory: float


def estimate(job: Job) -> Estimate:
    """Time the response on a small mesh with the threads of the real run, and count the points of the real mesh."""
    run = job.settings.run
    if run.mesh is None:
        raise ConfigError(
            "[run] accuracy: the mesh is found during the run, so there is nothing to estimate; write mesh"
        )
    operators = operators_of(job.responses)
    group = find_symmetry(job.model, operators=operators).group if run.symmetry else SymmetryGroup.identity()
    shifts = random_shifts(run.replicas, run.seed, job.model.dimension) if run.replicas > 1 else np.zeros((1, 3))
    points = 0
    for shift in shifts:
        points += len(UniformMesh(run.mesh, (float(shift[0]), float(shift[1]), float(shift[2]))).irreducible(group))
    threads = run.threads or os.cpu_count() or 1
    block = run.block_size or 512
    represented = int(np.prod(run.mesh)) * run.replicas
    per_point = _time_per_point(job, threads, block)
    if isinstance(job.sampling, TetrahedronPoints):
        per_point *= 1 + EIGENVALUE_COST + simplex_cost(job.sampling, represented) / points
    return Estimate(
        points=points,
        represented=represented,
        operations=group.size,
        threads=threads,
        microseconds_per_point=1e6 * per_point,
        seconds=per_point * points,
        memory=_peak_memory() + _density_bytes(job) + _weight_bytes(job, points),
    )


def _time_per_point(job: Job, threads: int, block: int) -> float:
    """Seconds of wall time for each point on a mesh of a few blocks for each thread, without the first blocks.

    By the tetrahedron rule, seconds of the second pass.
    """
    size = min(128, block)
    wanted = size * (WARM_UP + 6) * threads
    side = max(2, round(wanted ** (1 / job.model.dimension)))
    mesh = tuple(side if axis < job.model.dimension else 1 for axis in range(3))
    seen: list[Progress] = []
    solve(
        job.model,
        job.responses,
        replace(
            job.numerics,
            mesh=(mesh[0], mesh[1], mesh[2]),
            replicas=1,
            symmetry=None,
            threads=threads,
            block_size=size,
        ),
        progress=lambda state: seen.append(state) if state.doing == "integrating" else None,
    )
    first, last = seen[min(WARM_UP * threads, len(seen) - 2)], seen[-2]
    if last.done <= first.done:
        return float(seen[-1].elapsed / np.prod(mesh))
    return (last.elapsed - first.elapsed) / ((last.done - first.done) * size)


def _density_bytes(job: Job) -> float:
    """Spectral densities of all replicas and of the audit, held twice while the result is built."""
    columns = sum(3 ** len(term.legs) for response in job.responses for term in response.terms(job.model).values())
    return float(2 * (job.settings.run.replicas + len(AUDIT_GAPS)) * (job.grid.bins + 1) * 2 * columns * 8)


def _weight_bytes(job: Job, points: int) -> float:
    """Of the tetrahedron rule: energies of every replica, and the weights of one, which blocks under way hold twice."""
    if not isinstance(job.sampling, TetrahedronPoints):
        return 0.0
    states = 8.0 * points * job.model.n_orbitals
    return states + 2 * states * job.sampling.rows / job.settings.run.replicas


def _peak_memory() -> float:
    """Largest resident size of this process so far (bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else 1024 * peak)
