"""The contract of a response: which band quantities it needs, how they transform, and how kernels combine them.

A new response is one frozen dataclass in one file of this folder. It must define

* ``name``: unique label inside a run;
* ``terms``: name → ``Term`` with the tensor legs and the sign under time reversal of each band quantity;
* ``evaluate(states)``: name → array (nk, n, *legs) of the band quantities X_n(k);
* ``quantities(dimension)``: name → ``Quantity``, the published tensors as sums of kernels × band quantities.

The integrator accumulates ρ_X(ε) for every term and knows nothing else; kernels act after the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from solenoidal.arrays import RealArray
from solenoidal.bloch.states import BlochStates
from solenoidal.models.operator import Leg as Leg
from solenoidal.responses.kernels import PartKernel


@dataclass(frozen=True)
class Term:
    """A band quantity: kinds of its tensor legs, each of three components, and its sign under time reversal."""

    legs: tuple[Leg, ...]
    time_reversal: int


@dataclass(frozen=True)
class Part:
    """One contribution factor · ∫dε κ(ε) ρ_X(ε) to a published tensor.

    ``subscripts`` rearranges the term's legs in einsum notation; a first operand of three letters before a comma
    stands for the Levi-Civita symbol, as in ``"lij,ja->ila"``.
    """

    term: str
    kernel: PartKernel
    factor: float = 1.0
    subscripts: str | None = None


@dataclass(frozen=True)
class Quantity:
    """A published tensor: its labelled outputs, axis names and unit (see ``solenoidal.units.unit``).

    ``filled_bands`` names outputs that have a meaning only in an insulator with that many filled bands; outside its gap
    the result leaves them undefined.
    """

    outputs: Mapping[str, tuple[Part, ...]]
    dims: tuple[str, ...]
    unit_kind: str
    per_cell: bool = False
    filled_bands: Mapping[str, int] = field(default_factory=dict)


def operator_legs(leg: Leg | None) -> tuple[Leg, ...]:
    """Legs an operator adds to a tensor: one for a vector operator such as spin, none for a scalar one."""
    return () if leg is None else (leg,)


class Response(Protocol):
    """What the driver asks of a response."""

    @property
    def name(self) -> str:
        """Unique label inside a run."""
        ...

    @property
    def terms(self) -> Mapping[str, Term]:
        """Band quantities and how they transform."""
        ...

    def evaluate(self, states: BlochStates) -> Mapping[str, RealArray]:
        """Band quantities on one block, each (nk, n, *legs)."""
        ...

    def quantities(self, dimension: int) -> Mapping[str, Quantity]:
        """Published tensors for a system of ``dimension`` periodic directions."""
        ...
