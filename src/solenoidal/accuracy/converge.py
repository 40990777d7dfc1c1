"""Accuracy on request: the user states an error, the mesh follows.

Sets of R randomly shifted meshes are evaluated until the spread of the set says that the published tensor is known well
enough. Which mesh comes next, uniform or refined cell by cell, follows from the sets before it (``allocation``).
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

from solenoidal.accuracy.allocation import Plan, Refinement, worst_points
from solenoidal.accuracy.cells import CellRule, CellTally, Target
from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.errors import ConfigError
from solenoidal.integrate.checkpoint import Stage, claimed
from solenoidal.integrate.solve import Progress, solve
from solenoidal.responses.response import Response, operators_of
from solenoidal.results.result import Result
from solenoidal.sampling.energy_grid import EnergyGrid
from solenoidal.sampling.points import FixedPoints
from solenoidal.symmetry.search import SymmetryGroup, find_symmetry

logger = logging.getLogger(__name__)

REPLICAS = 8
"""Shifted meshes in a set: enough for a standard error, few enough to make each mesh fine."""

TALLIED = 4
"""Points (μ, T) whose cells are followed: all of a short list, the worst of a long one."""


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
        return float(self.judge(result)[0].max())

    def judge(self, result: Result) -> tuple[RealArray, RealArray]:
        """Estimated error over tolerance, the worst over outputs and components, and the tolerance in the unit of the
        result, both (mu, temperature)."""
        values, errors = result.estimates(self.quantity, self.outputs, self.mu, self.temperature)
        inner = (0, *range(3, values.ndim))
        # An output that needs an insulator is NaN in a metal and judged nowhere there.
        values, errors = (np.where(np.isnan(x), 0.0, x) for x in (np.abs(values), errors))
        largest = values.max(axis=inner)
        allowed = np.full_like(largest, self.absolute) if self.relative is None else self.relative * largest
        error = widening_factor(result.replicas) * errors.max(axis=inner)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(error > 0, error / allowed, 0.0)), allowed


def widening_factor(replicas: int) -> float:
    """Estimated error over the standard error of the mean of ``replicas`` meshes: half of Student's t at 99 %."""
    from scipy.special import stdtrit  # here, since it takes a tenth of the program's start

    return float(stdtrit(replicas - 1, 0.995) / 2)


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
        search = find_symmetry(model, operators=operators_of(responses) if symmetry == "auto" else ())
        kramers = search.kramers_pairs if kramers is None else kramers
        symmetry = search.group if symmetry == "auto" else symmetry
    group = SymmetryGroup.identity() if symmetry is None else symmetry
    request = {"accuracy": accuracy, "maximum points": maximum_points, "first seed": seed}
    stage = None if checkpoint is None else Stage(Path(checkpoint), request)
    with claimed(None if stage is None else stage.path):
        refinement = Refinement(model.dimension, replicas, group, list(_earlier(stage, resume)))
        history = refinement.history
        while True:
            plan = refinement.ask()
            tally = None
            if not plan.symmetric:
                tally = _tally(model, responses, accuracy, energies, group, plan, history)
            result = solve(
                model,
                responses,
                mesh=plan.mesh,
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
                tally=tally,
            )
            resume = False
            ratios, allowed = accuracy.judge(result)
            followed = [] if tally is None else [_index(accuracy, point) for point in tally.rule.target.points]
            points = int(result.attrs["k_points_evaluated"])
            refinement.tell(plan, float(ratios.max()), points, tally, np.array([allowed[i] for i in followed]))
            history[-1]["worst"] = worst_points(ratios, TALLIED)
            _log(history[-1], replicas)
            if ratios.max() <= 1 and len(history) > 1:
                return _with_convergence(result, Convergence.CONVERGED, refinement)
            if refinement.cost(refinement.ask()) > maximum_points:
                logger.warning("accuracy not reached: %s", Convergence.POINT_LIMIT.value)
                return _with_convergence(result, Convergence.POINT_LIMIT, refinement)


def _tally(
    model: Model,
    responses: Sequence[Response],
    accuracy: Accuracy,
    energies: EnergyGrid | FixedPoints,
    group: SymmetryGroup,
    plan: Plan,
    history: Sequence[dict[str, Any]],
) -> CellTally:
    """Follows the cells of ``plan`` at the points (μ, T) that were worst in the last set, at first at evenly spread
    ones."""
    shape = (len(accuracy.mu), len(accuracy.temperature))
    if history:
        followed = [(int(i), int(j)) for i, j in history[-1]["worst"]]
    else:
        spread = np.unique(np.linspace(0, shape[0] * shape[1] - 1, TALLIED).round().astype(int))
        followed = [(int(n) // shape[1], int(n) % shape[1]) for n in spread]
    points = [(accuracy.mu[i], accuracy.temperature[j]) for i, j in followed]
    target = Target.build(model, responses, group, energies, accuracy.quantity, accuracy.outputs, points)
    return CellTally(CellRule(plan.subdivisions.shape, plan.stars(group), target))


def _index(accuracy: Accuracy, point: tuple[float, float]) -> tuple[int, int]:
    return accuracy.mu.index(point[0]), accuracy.temperature.index(point[1])


def _log(row: dict[str, Any], replicas: int) -> None:
    logger.info(
        "%d %s meshes, %d points in all, %d divisions: error %.3g of the tolerance",
        replicas,
        {"uniform": "shifted", "refined": "shifted and refined", "symmetric": "symmetric"}[row["kind"]],
        row["points"],
        row["divisions"],
        row["error_over_tolerance"],
    )


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


def _with_convergence(result: Result, state: Convergence, refinement: Refinement) -> Result:
    convergence = {"state": state.name, "meaning": state.value, "history": refinement.report()}
    return replace(result, attrs={**result.attrs, "convergence": convergence})
