"""One run of the driver with the numerical settings of an input file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path

from solenoidal.bloch.interpolation import Model
from solenoidal.errors import ConfigError
from solenoidal.integrate.solve import Progress, solve
from solenoidal.responses.response import Response
from solenoidal.results.result import Result
from solenoidal.sampling.kinds import Sampling
from solenoidal.workflow.input_file import RunInput


def solve_on_mesh(
    run: RunInput,
    model: Model,
    responses: Sequence[Response],
    energies: Sampling,
    *,
    executor: Executor | None = None,
    progress: Callable[[Progress], None] | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
) -> Result:
    """``solve`` on the mesh of [run]; raises ``ConfigError`` when it gives none."""
    if run.mesh is None:
        raise ConfigError("[run] mesh is missing; write for example mesh = [48, 48, 48]")
    return solve(
        model,
        responses,
        mesh=run.mesh,
        energies=energies,
        replicas=run.replicas,
        symmetry="auto" if run.symmetry else None,
        executor=executor,
        threads=run.threads,
        block_size=run.block_size,
        degeneracy_tol=run.degeneracy_tol,
        seed=run.seed,
        checkpoint=checkpoint,
        resume=resume,
        progress=progress,
    )
