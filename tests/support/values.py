"""Band quantities of a response at given states, whose operators alone say how many legs there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.bloch.states import BlochStates
from solenoidal.evaluate import Engine
from solenoidal.models.operator import Operator
from solenoidal.responses.evaluation import band_quantities
from solenoidal.responses.response import Response


@dataclass
class Legs:
    """As much of a model as the formulas need: the number of legs of each operator."""

    states: BlochStates
    dimension: int = 3
    nambu: None = None

    def require_operator(self, name: str) -> Operator:
        self.states.require(name)
        rank = round(np.log(self.states.orbital.packed(name).legs) / np.log(3))
        return Operator.constant(np.zeros(((3,) * rank) + (2, 2)), ("axial",) * rank, -1, name=name)


def values(
    response: Response, states: BlochStates, engine: Engine | None = None, *, model: Model | None = None
) -> dict[str, RealArray]:
    """Every term, name → (nk, n, *legs); what the space of the orbitals adds only if the ``model`` is given."""
    stand_in: Any = Legs(states) if model is None else model
    return band_quantities(response.terms(stand_in), states, engine)
