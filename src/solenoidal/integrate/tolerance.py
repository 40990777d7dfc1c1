"""The error a user asks for in place of a mesh, and how far a result is from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.errors import ConfigError
from solenoidal.results.result import Result


@dataclass(frozen=True)
class Accuracy:
    """The error the user asks for, of the published tensor at the chemical potentials and temperatures of interest.

    Give ``relative`` (to the largest component of all ``outputs`` at each μ and T) or ``absolute`` (in the unit of the
    result). ``quantity`` and ``outputs`` name what has to converge, ``response`` whose it is where several offer it;
    ``mu`` in eV, ``temperature`` in K. There is no default tolerance. Raises ``ConfigError`` unless exactly one
    positive tolerance is given.
    """

    mu: tuple[float, ...]
    temperature: tuple[float, ...]
    relative: float | None = None
    absolute: float | None = None
    quantity: str = "conductivity"
    outputs: tuple[str, ...] = ("semiclassical", "conventional")
    response: str | None = None

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
        values, errors = result.estimates(
            self.quantity, self.outputs, self.mu, self.temperature, response=self.response
        )
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
