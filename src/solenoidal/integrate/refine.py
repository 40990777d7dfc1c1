"""Accuracy on request: the user states an error, the mesh follows.

Sets of R randomly shifted meshes are evaluated, each finer than the last, until the spread of the set says that the
published tensor is known well enough. Which mesh comes next follows from how the error has fallen so far.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy import stats

from solenoidal.bloch.interpolation import Model
from solenoidal.bloch.symmetry import SymmetryGroup, find_symmetry
from solenoidal.errors import ConfigError
from solenoidal.integrate.checkpoint import Stage, claimed
from solenoidal.integrate.solve import Progress, solve
from solenoidal.responses.response import Response
from solenoidal.results.points import FixedPoints
from solenoidal.results.result import Result
from solenoidal.results.spectral import EnergyGrid

logger = logging.getLogger(__name__)

REPLICAS = 8
"""Shifted meshes in a set: enough for a standard error, few enough to make each mesh fine."""

FIRST_POINTS = 4000
"""Points of the first set, all meshes together."""

GROWTH = (1.25, 2.5)
"""Smallest and largest factor between the divisions of one set and the next."""

DECAY = (1.5, 4.0)
"""Range in which the measured power of the error against the divisions is believed."""


class Convergence(StrEnum):
    """How a run with a stated accuracy ended."""

    CONVERGED = "the estimated error is below the tolerance"
    POINT_LIMIT = "the largest number of k points was reached before the tolerance"


@dataclass(frozen=True)
class Accuracy:
    """The error the user asks for, of the published tensor at the chemical potentials and temperatures of interest.

    Give ``relative`` (to the largest component of all ``outputs`` at each μ and T) or ``absolute`` (in the unit of the
    result). ``quantity`` and ``outputs`` name what has to converge; ``mu`` in eV, ``temperature`` in K. There is no
    default tolerance. Raises ``ConfigError`` unless exactly one positive tolerance is given.
    """

    mu: tuple[float, ...]
    temperature: tuple[float, ...]
    relative: float | None = None
    absolute: float | None = None
    quantity: str = "conductivity"
    outputs: tuple[str, ...] = ("semiclassical", "conventional")

    def __post_init__(self) -> None:
        given = [x for x in (self.relative, self.absolute) if x is not None]
        if len(given) != 1 or not given[0] > 0:
            raise ConfigError(
                f"accuracy needs one positive tolerance, found relative = {self.relative}, absolute = {self.absolute}; "
                "write for example relative=0.01"
            )

    def shortfall(self, result: Result) -> float:
        """Estimated error over tolerance, the worst over outputs, μ, T and components: converged below one.

        The estimate is the standard error of the mean over shifted meshes, widened by Student's t at 99 %, since the
        spikes of near-degeneracies give the spread a heavy tail: twice the estimate then covers the true error in 95 %
        of cases (tested).
        """
        data = result.quantity(self.quantity, self.mu, self.temperature)
        widening = widening_factor(result.replicas)
        values = np.stack([np.abs(data[output].values) for output in self.outputs])
        errors = widening * np.stack([data[f"{output}_error"].values for output in self.outputs])
        axes = (0, *range(3, values.ndim))
        largest, error = values.max(axis=axes), errors.max(axis=axes)
        allowed = np.full_like(largest, self.absolute) if self.relative is None else self.relative * largest
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.where(error > 0, error / allowed, 0.0).max())


def widening_factor(replicas: int) -> float:
    """Estimated error over the standard error of the mean of ``replicas`` meshes: half of Student's t at 99 %."""
    return float(stats.t.ppf(0.995, replicas - 1) / 2)


def converge(
    model: Model,
    responses: Sequence[Response],
    accuracy: Accuracy,
    *,
    energies: EnergyGrid | FixedPoints,
    replicas: int = REPLICAS,
    maximum_points: int = 20_000_000,
    symmetry: Literal["auto"] | SymmetryGroup | None = "auto",
    executor: Executor | None = None,
    threads: int | None = None,
    degeneracy_tol: float = 1e-4,
    kramers: bool | None = None,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Integrate ``responses`` until ``accuracy`` is reached; the result carries how it converged.

    ``attrs["convergence"]`` holds the ``state`` (a name of ``Convergence``), the estimated error over the tolerance and
    the history of divisions, points and errors, for a convergence plot. A run stopped by ``maximum_points`` returns
    what it has, with the state saying so and a logged warning. ``checkpoint`` keeps the finished blocks of
    the current set and the errors of the sets before it; with ``resume`` the run goes on inside that set. Other
    arguments as in ``solve``. Use it whenever a number is wanted rather than a mesh. Raises ``ConfigError`` for fewer
    than three replicas.
    """
    if replicas < 3:
        raise ConfigError(f"replicas is {replicas}; an error estimate needs at least 3 shifted meshes")
    if isinstance(symmetry, str) or kramers is None:
        search = find_symmetry(model)
        kramers = search.kramers_pairs if kramers is None else kramers
        symmetry = search.group if symmetry == "auto" else symmetry
    d = model.dimension
    request = {"accuracy": accuracy, "maximum points": maximum_points, "first seed": seed}
    stage = None if checkpoint is None else Stage(Path(checkpoint), request)
    with claimed(None if stage is None else stage.path):
        history = list(_earlier(stage, resume))
        divisions = _next(history) if history else max(2, round((FIRST_POINTS / replicas) ** (1 / d)))
        while True:
            result = solve(
                model,
                responses,
                mesh=(divisions, divisions if d > 1 else 1, divisions if d > 2 else 1),
                energies=energies,
                replicas=replicas,
                symmetry=symmetry,
                executor=executor,
                threads=threads,
                degeneracy_tol=degeneracy_tol,
                kramers=kramers,
                seed=seed + len(history),
                audit=True,
                checkpoint=None if stage is None else replace(stage, history=tuple(history)),
                resume=resume,
                progress=_in_stage(progress, len(history) + 1),
            )
            resume = False
            shortfall = accuracy.shortfall(result)
            history.append(
                {"divisions": divisions, "points": replicas * divisions**d, "error_over_tolerance": shortfall}
            )
            logger.info("%d shifted meshes of %d^%d: error %.3g of the tolerance", replicas, divisions, d, shortfall)
            following = _next(history)
            if shortfall <= 1:
                return _with_convergence(result, Convergence.CONVERGED, history)
            if replicas * following**d > maximum_points:
                logger.warning("accuracy not reached: %s", Convergence.POINT_LIMIT.value)
                return _with_convergence(result, Convergence.POINT_LIMIT, history)
            divisions = following


def _earlier(stage: Stage | None, resume: bool) -> tuple[dict[str, Any], ...]:
    """The sets that an interrupted run has left behind."""
    if stage is None:
        return ()
    if resume:
        return stage.stored()
    if stage.path.exists():
        raise ConfigError(f"{stage.path} exists: resume from it (resume=True, --resume) or remove it to start anew")
    return ()


def _in_stage(progress: Callable[[Progress], None] | None, stage: int) -> Callable[[Progress], None] | None:
    return None if progress is None else lambda state: progress(replace(state, stage=stage))


def _next(history: Sequence[dict[str, Any]]) -> int:
    """Divisions at which the error should meet the tolerance, from the measured fall of the error."""
    last = history[-1]
    power = 2.5
    if len(history) > 1:
        first = history[0]
        fall = np.log(first["error_over_tolerance"] / max(last["error_over_tolerance"], 1e-12))
        power = float(np.clip(fall / np.log(last["divisions"] / first["divisions"]), *DECAY))
    factor = float(np.clip((1.1 * last["error_over_tolerance"]) ** (1 / power), *GROWTH))
    return int(np.ceil(factor * last["divisions"]))


def _with_convergence(result: Result, state: Convergence, history: list[dict[str, Any]]) -> Result:
    convergence = {"state": state.name, "meaning": state.value, "history": history}
    return replace(result, attrs={**result.attrs, "convergence": convergence})
