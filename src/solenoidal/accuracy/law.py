"""One law of the theory, as a number found on a model and a number allowed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solenoidal.arrays import ComplexArray, RealArray


@dataclass(frozen=True)
class Law:
    """By how much an equation is violated, in ``unit``: inside the space of the orbitals (``without``), and with what
    that space leaves out (``with_terms``).

    ``without`` is None where the two are the same: in models with diagonal positions and local operators, and for
    equations that F and K do not enter. ``touching`` says that the difference is that of bands which touch, where the
    equation does not apply. ``note`` tells the scale or the reason.
    """

    name: str
    without: float | None
    with_terms: float
    allowed: float
    unit: str
    note: str = ""
    touching: bool = False

    @property
    def holds(self) -> bool:
        """Whether the violation is allowed."""
        return bool(self.with_terms <= self.allowed)

    @property
    def verdict(self) -> str:
        """ "passed", "FAILED", "bands touch" where the equation does not apply, or "not tested"."""
        if np.isnan(self.with_terms):
            return "not tested"
        if self.holds:
            return "passed"
        return "bands touch" if self.touching else "FAILED"


def largest(values: RealArray | ComplexArray) -> float:
    """Largest magnitude, zero of nothing."""
    return float(np.abs(values).max(initial=0.0))
