"""Band quantities of many terms in one pass: what a run asks of every k point."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from solenoidal.arrays import IntArray, RealArray
from solenoidal.bloch.space import CURL, derivative_of
from solenoidal.bloch.states import BlochStates
from solenoidal.evaluate import Engine, Plan, compile_plan, evaluate
from solenoidal.geometry.expressions import Band
from solenoidal.responses.response import Term

Wanted = tuple[Term, IntArray]
"""A term and the numbers of its components, in C order of its legs, that are wanted."""


@dataclass(frozen=True, eq=False)
class _Planned:
    """Columns given by a plan; with ``filled`` that many lowest bands are taken for one group."""

    columns: IntArray
    plan: Plan
    filled: int | None


@dataclass(frozen=True, eq=False)
class _Given:
    """Columns given by a function of the states that a term brings: components ``kept`` of its array."""

    columns: IntArray
    kept: IntArray
    function: Callable[[BlochStates], RealArray]


@dataclass(frozen=True, eq=False)
class BandQuantities:
    """Computes all wanted components of all terms side by side, sharing what they share; travels to other processes."""

    width: int
    planned: tuple[_Planned, ...]
    given: tuple[_Given, ...]

    @staticmethod
    def build(wanted: Iterable[Wanted]) -> BandQuantities:
        """Columns in the order of ``wanted``, of each term in the order of its components."""
        formulas: dict[int | None, list[tuple[int, Band]]] = {}
        given: list[_Given] = []
        width = 0
        for term, kept in wanted:
            columns = np.arange(width, width + len(kept))
            width += len(kept)
            if term.values is not None:
                given.append(_Given(columns, kept, term.values))
                continue
            shape = (3,) * len(term.legs)
            for column, number in zip(columns.tolist(), kept.tolist(), strict=True):
                indices = tuple(int(i) for i in np.unravel_index(number, shape)) if shape else ()
                formulas.setdefault(term.filled, []).append((column, term.component(*indices)))
        planned = tuple(
            _Planned(np.array([column for column, _ in members]), compile_plan([band for _, band in members]), filled)
            for filled, members in formulas.items()
        )
        return BandQuantities(width, planned, tuple(given))

    @property
    def needs_space(self) -> bool:
        """Whether a field of ``bloch.space`` enters; what a function of the states asks for is not known."""
        names = {name for part in self.planned for name, _ in part.plan.symbols}
        return bool(self.given) or any(name == CURL or name.startswith(derivative_of("")) for name in names)

    def __call__(self, states: BlochStates, engine: Engine | None = None) -> RealArray:
        """All columns at the k points of ``states``, (nk, n, width)."""
        nk, n = states.energies.shape
        if len(self.planned) == 1 and not self.given and self.planned[0].filled is None:
            return evaluate(self.planned[0].plan, states, engine)
        out = np.zeros((nk, n, self.width))
        for part in self.planned:
            if part.filled is None:
                out[..., part.columns] = evaluate(part.plan, states, engine)
            else:
                # Empty bands are one group as well, whose values belong to nobody.
                out[:, : part.filled, part.columns] = evaluate(part.plan, states.grouped(part.filled), engine)[
                    :, : part.filled
                ]
        for array in self.given:
            out[..., array.columns] = array.function(states).reshape(nk, n, -1)[..., array.kept]
        return out


@dataclass(frozen=True, eq=False)
class TermValues:
    """Computes every component of every term; ``quantities`` holds them side by side, in the order of ``terms``."""

    terms: Mapping[str, Term]
    quantities: BandQuantities

    @staticmethod
    def build(terms: Mapping[str, Term]) -> TermValues:
        """One plan for all ``terms``."""
        return TermValues(
            terms, BandQuantities.build((term, np.arange(3 ** len(term.legs))) for term in terms.values())
        )

    def __call__(self, states: BlochStates, engine: Engine | None = None) -> dict[str, RealArray]:
        """Name → (nk, n, *legs); only the sum over a degenerate group has a meaning."""
        values = self.quantities(states, engine)
        found, start = {}, 0
        for name, term in self.terms.items():
            stop = start + 3 ** len(term.legs)
            found[name] = values[..., start:stop].reshape(*values.shape[:2], *(3,) * len(term.legs))
            start = stop
        return found


def band_quantities(
    terms: Mapping[str, Term], states: BlochStates, engine: Engine | None = None
) -> dict[str, RealArray]:
    """Every component of every term, name → (nk, n, *legs); only the sum over a degenerate group has a meaning."""
    return TermValues.build(terms)(states, engine)
