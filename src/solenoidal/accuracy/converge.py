"""Accuracy on request: the user states an error, the mesh follows.

Sets of R randomly shifted meshes are evaluated until the spread of the set says that the published tensor is known well
enough. Which mesh comes next, uniform or refined cell by cell, follows from the sets before it (``allocation``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from solenoidal.accuracy.allocation import Plan, Refinement, worst_points
from solenoidal.accuracy.cells import CellRule, CellTally, Target, offering
from solenoidal.bloch.interpolation import Model
from solenoidal.errors import ConfigError
from solenoidal.integrate.arguments import check_arguments
from solenoidal.integrate.checkpoint import Stage, Storage, claimed
from solenoidal.integrate.numerics import Numerics
from solenoidal.integrate.solve import Progress, integrate
from solenoidal.integrate.tolerance import Accuracy
from solenoidal.responses.check import declarations
from solenoidal.responses.response import Response, operators_of
from solenoidal.results.result import Result
from solenoidal.sampling.kinds import Sampling
from solenoidal.symmetry.group import SymmetryGroup
from solenoidal.symmetry.search import find_symmetry

logger = logging.getLogger(__name__)

TALLIED = 4
"""Points (μ, T) whose cells are followed: all of a short list, the worst of a long one."""


class Convergence(StrEnum):
    """How a run with a stated accuracy ended."""

    CONVERGED = "the estimated error is below the tolerance"
    POINT_LIMIT = "the largest number of k points was reached before the tolerance"


def converge(
    model: Model,
    responses: Sequence[Response],
    numerics: Numerics,
    *,
    executor: Executor | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Integrate ``responses`` until the accuracy of ``numerics`` is reached; the result carries how it converged.

        accuracy = Accuracy(mu=(17.92,), temperature=(0.0, 300.0), relative=0.01)
        converge(model, [SpinConductivity()], Numerics(accuracy=accuracy, energies=grid))

    ``attrs["convergence"]`` holds the ``state`` (a name of ``Convergence``), the estimated error over the tolerance and
    the history of divisions, points and errors, for a convergence plot. A run stopped by ``maximum_points`` returns
    what it has, with the state saying so and a logged warning. ``checkpoint`` keeps the finished blocks of
    the current set and the errors of the sets before it; with ``resume`` the run goes on inside that set. Other
    arguments and errors as in ``solve``. Use it whenever a number is wanted rather than a mesh.
    """
    check_arguments(model, responses, numerics, executor=executor, checkpoint=checkpoint, progress=progress)
    for response in responses:
        declarations(response, model)
    accuracy, energies = numerics.require_accuracy(), numerics.energies
    offering(responses, accuracy.quantity, accuracy.response, model)
    numerics = _with_symmetry(numerics, model, operators_of(responses))
    group = SymmetryGroup.identity() if not isinstance(numerics.symmetry, SymmetryGroup) else numerics.symmetry
    request = {"accuracy": accuracy, "maximum points": numerics.maximum_points, "first seed": numerics.seed}
    stage = None if checkpoint is None else Stage(Path(checkpoint), request)
    with claimed(None if stage is None else stage.path):
        refinement = Refinement(model.dimension, numerics.meshes, group, list(_earlier(stage, resume)))
        history = refinement.history
        while True:
            plan = refinement.ask()
            tally = None
            if not plan.symmetric:
                tally = _tally(model, responses, accuracy, energies, group, plan, history)
            result = integrate(
                model,
                responses,
                replace(numerics, accuracy=None, mesh=plan.mesh, seed=numerics.seed + len(history), audit=True),
                executor=executor,
                storage=Storage(_now(stage, history), resume, claimed=True),
                progress=_in_stage(progress, len(history) + 1),
                tally=tally,
            )
            resume = False
            ratios, allowed = accuracy.judge(result)
            followed = [] if tally is None else [_index(accuracy, point) for point in tally.rule.target.points]
            points = int(result.attrs["k_points_evaluated"])
            refinement.tell(plan, float(ratios.max()), points, tally, np.array([allowed[i] for i in followed]))
            history[-1]["worst"] = worst_points(ratios, TALLIED)
            _log(history[-1], numerics.meshes)
            if ratios.max() <= 1 and len(history) > 1:
                return _with_convergence(result, Convergence.CONVERGED, refinement)
            if refinement.cost(refinement.ask()) > numerics.maximum_points:
                logger.warning("accuracy not reached: %s", Convergence.POINT_LIMIT.value)
                return _with_convergence(result, Convergence.POINT_LIMIT, refinement)


def _with_symmetry(numerics: Numerics, model: Model, operators: tuple[str, ...]) -> Numerics:
    """``numerics`` with the group and the pairing of bands found once for all sets."""
    if numerics.symmetry != "auto" and numerics.kramers is not None:
        return numerics
    search = find_symmetry(model, operators=operators if numerics.symmetry == "auto" else ())
    return replace(
        numerics,
        kramers=search.kramers_pairs if numerics.kramers is None else numerics.kramers,
        symmetry=search.group if numerics.symmetry == "auto" else numerics.symmetry,
    )


def _tally(
    model: Model,
    responses: Sequence[Response],
    accuracy: Accuracy,
    energies: Sampling,
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
    target = Target.build(
        model, responses, group, energies, accuracy.quantity, accuracy.outputs, points, response=accuracy.response
    )
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


def _now(stage: Stage | None, history: Sequence[dict[str, Any]]) -> Stage | None:
    return None if stage is None else replace(stage, history=tuple(history))


def _in_stage(progress: Callable[[Progress], None] | None, stage: int) -> Callable[[Progress], None] | None:
    return None if progress is None else lambda state: progress(replace(state, stage=stage))


def _with_convergence(result: Result, state: Convergence, refinement: Refinement) -> Result:
    convergence = {"state": state.name, "meaning": state.value, "history": refinement.report()}
    return replace(result, attrs={**result.attrs, "convergence": convergence})
