"""A response that needs much memory at one k point, and workers that have little."""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from solenoidal.bloch.interpolation import Model
from solenoidal.bloch.states import BlochStates
from solenoidal.responses.response import Quantity, Term
from solenoidal.responses.transport import SpinConductivity
from support.values import values as values_of

HELD_SECONDS = 1.0
"""Long enough for a nanny, which looks ten times a second, to see the memory in use."""


@dataclass(frozen=True)
class Greedy:
    """The spin conductivity, with ``megabytes`` allocated, and ``touched`` or only reserved, near ``k``."""

    k: tuple[float, float, float]
    megabytes: int
    touched: bool
    name: str = "spin_conductivity"

    @property
    def operators(self) -> tuple[str, ...]:
        """That of the spin conductivity."""
        return SpinConductivity().operators

    def terms(self, model: Model) -> Mapping[str, Term]:
        """Those of the spin conductivity."""
        terms = dict(SpinConductivity().terms(model))
        spin = terms["berry_spin"]
        return {**terms, "berry_spin": Term(spin.legs, spin.time_reversal, values=self.berry_spin)}

    def berry_spin(self, states: BlochStates) -> NDArray[np.float64]:
        """Ω s; the memory is given back afterwards."""
        if np.any(np.all(np.isclose(states.k, self.k), axis=1)):
            memory = np.empty(self.megabytes * 2**17)
            if self.touched:
                memory[:] = 1.0
                time.sleep(HELD_SECONDS)
        return values_of(SpinConductivity(), states)["berry_spin"]

    def quantities(self, model: Model) -> Mapping[str, Quantity]:
        """Those of the spin conductivity."""
        return SpinConductivity().quantities(model)


def limit_address_space(megabytes: int) -> None:
    """Let this process reserve ``megabytes`` more than it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
