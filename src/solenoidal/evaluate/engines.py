"""The one door to the engines: every band quantity of the package is computed behind it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Literal, get_args

from solenoidal import lanes
from solenoidal.arrays import RealArray
from solenoidal.bloch.states import BlochStates
from solenoidal.errors import ConfigError
from solenoidal.evaluate.plan import Plan, compile_plan
from solenoidal.geometry.expressions import Band

Engine = Literal["lanes", "reference"]
"""``lanes``: compiled, several k points in a register; ``reference``: NumPy, slower, on any machine."""


def default_engine() -> Engine:
    """``lanes`` where loops can be compiled, otherwise ``reference``."""
    return "lanes" if lanes.available else "reference"


def evaluate(plan: Plan, states: BlochStates, engine: Engine | None = None) -> RealArray:
    """Outputs of ``plan`` at the k points of ``states``, (nk, n, outputs); bands that nobody wants are zero.

    Engines agree to rounding. Raises ``ConfigError`` for an engine that does not exist or cannot run here, and
    ``ModelError`` for an operator that the model lacks.
    """
    name = engine or default_engine()
    if name not in get_args(Engine):
        raise ConfigError(f"engine is {name!r}; write one of {', '.join(get_args(Engine))}, or None to choose")
    if name == "lanes" and not lanes.available:
        raise ConfigError("engine 'lanes' needs compiled loops, which are switched off here; write 'reference' or None")
    # Imported when used: compiled loops take half a second to load.
    values: RealArray = import_module(f"solenoidal.evaluate.{name}").evaluate(plan, states)
    return values


def band_values(formulas: Sequence[Band], states: BlochStates, engine: Engine | None = None) -> RealArray:
    """The band quantities ``formulas`` at the k points of ``states``, (nk, n, formulas).

    Only their sums over degenerate groups have a meaning. Use it to look at a few of them; a response declares its
    own, and they are computed with those of the others. Raises as ``evaluate``.
    """
    return evaluate(compile_plan(formulas), states, engine)
