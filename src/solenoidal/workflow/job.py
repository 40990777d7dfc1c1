"""An input file of ``solenoidal run`` as the library's objects, and the run they ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from solenoidal.accuracy.converge import converge
from solenoidal.bloch.interpolation import Model
from solenoidal.errors import ConfigError
from solenoidal.integrate.numerics import Numerics
from solenoidal.integrate.solve import Progress, solve
from solenoidal.integrate.tolerance import Accuracy
from solenoidal.responses.response import Response
from solenoidal.results.result import Result
from solenoidal.sampling.energy_grid import WINDOW_MARGIN, EnergyGrid
from solenoidal.sampling.tetrahedra import TetrahedronPoints
from solenoidal.units import BOLTZMANN
from solenoidal.workflow.build import build_grid, build_model, build_numerics, build_responses, build_sampling
from solenoidal.workflow.input_file import InputFile
from solenoidal.workflow.series import compute_series, follows_temperature


@dataclass(frozen=True)
class Job:
    """An input file turned into the library's objects; ``grid`` is the window shown, ``sampling`` what a run keeps."""

    settings: InputFile
    model: Model
    responses: Sequence[Response]
    grid: EnergyGrid
    sampling: EnergyGrid | TetrahedronPoints

    @property
    def mu(self) -> tuple[float, ...]:
        """Chemical potentials of [output], absolute (eV)."""
        return tuple(self.grid.reference + offset for offset in self.settings.output.mu or (0.0,))

    @property
    def numerics(self) -> Numerics:
        """The settings of [run]; raises ``ConfigError`` for an accuracy that cannot be asked of the responses."""
        run = self.settings.run
        if run.mesh is None:
            return build_numerics(run, self.grid, _accuracy(self))
        return build_numerics(run, self.sampling)

    @property
    def judged(self) -> str | None:
        """Name of the response whose error is estimated: the first spin conductivity of the file, None without one."""
        entries = zip(self.settings.response, self.responses, strict=True)
        return next((response.name for entry, response in entries if entry.kind == "spin_conductivity"), None)


def prepare(settings: InputFile) -> Job:
    """Check what can be checked without computing, then read the model.

    Raises ``ConfigError`` when a chemical potential or temperature does not fit the energy window.
    """
    grid = build_grid(settings)
    sampling = build_sampling(settings, grid)
    _check_window(settings, grid)
    model = build_model(settings.model, settings.pairing)
    return Job(settings, model, build_responses(settings, model), grid, sampling)


def _check_window(settings: InputFile, grid: EnergyGrid) -> None:
    hottest = max(settings.output.temperatures)
    margin = WINDOW_MARGIN * BOLTZMANN * hottest + grid.step
    for offset in settings.output.mu or (0.0,):
        mu = grid.reference + offset
        if not grid.minimum + margin < mu < grid.maximum:
            raise ConfigError(
                f"[energies] window: mu = {mu:g} eV at {hottest:g} K needs states from {margin:.3g} eV below it, but "
                f"the window is [{grid.minimum:g}, {grid.maximum:g}] eV; widen it, or change mu or temperatures"
            )


def compute(
    job: Job,
    checkpoint: Path | None = None,
    *,
    resume: bool = False,
    executor: Executor | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Run the driver; finished blocks are kept in ``checkpoint``."""
    if follows_temperature(job.settings):
        if resume:
            raise ConfigError("[pairing] gap: a run whose gap follows temperature keeps no blocks; start it anew")
        return compute_series(job.settings, job.responses, executor=executor, progress=progress)
    numerics = job.numerics
    return (solve if numerics.accuracy is None else converge)(
        job.model,
        job.responses,
        numerics,
        executor=executor,
        checkpoint=checkpoint,
        resume=resume,
        progress=progress,
    )


def _accuracy(job: Job) -> Accuracy:
    """The tolerance of [run] for the first spin conductivity, at the μ and temperatures of [output]."""
    if job.judged is None:
        raise ConfigError("[run] accuracy: is asked of the spin conductivity; add that response, or write mesh = […]")
    temperatures = tuple(job.settings.output.temperatures)
    return Accuracy(job.mu, temperatures, relative=job.settings.run.accuracy, response=job.judged)
