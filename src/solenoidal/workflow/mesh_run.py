"""One run of the driver with the numerical settings of an input file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path

from solenoidal.bloch.interpolation import Model
from solenoidal.errors import ConfigError
from solenoidal.integrate.numerics import Numerics
from solenoidal.integrate.solve import Progress, solve
from solenoidal.integrate.tolerance import Accuracy
from solenoidal.responses.response import Response
from solenoidal.results.result import Result
from solenoidal.sampling.kinds import Sampling
from solenoidal.workflow.input_file import RunInput


def numerics(run: RunInput, energies: Sampling, accuracy: Accuracy | None = None) -> Numerics:
    """Section [run] as the library's settings; ``accuracy`` where the section states one.

    Raises ``ConfigError`` when it gives neither a mesh nor an accuracy.
    """
    if run.mesh is None and accuracy is None:
        raise ConfigError("[run] mesh is missing; write for example mesh = [48, 48, 48]")
    return Numerics(
        energies=energies,
        mesh=run.mesh,
        accuracy=accuracy,
        replicas=None if accuracy is not None and run.replicas == 1 else run.replicas,
        symmetry="auto" if run.symmetry else None,
        degeneracy_tol=run.degeneracy_tol,
        seed=run.seed,
        threads=run.threads,
        block_size=run.block_size,
    )


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
    """``solve`` with the settings of [run]; raises ``ConfigError`` when it gives no mesh."""
    return solve(
        model,
        responses,
        numerics(run, energies),
        executor=executor,
        checkpoint=checkpoint,
        resume=resume,
        progress=progress,
    )
