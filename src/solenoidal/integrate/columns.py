"""Where the components of every term stand, side by side: the layout of densities while a run goes on.

Only components that symmetry lets survive and that a quantity asks for have a column. The others are zero in the
densities, so that nobody computes, sorts or sends them; which elements of a quantity are absent is known to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solenoidal.arrays import BoolArray, IntArray
from solenoidal.bloch.interpolation import Model
from solenoidal.models.operator import Leg
from solenoidal.responses.evaluation import BandQuantities
from solenoidal.responses.response import Quantity, Response, Term
from solenoidal.symmetry.search import SymmetryGroup
from solenoidal.symmetry.tensors import ALLOWED_TOLERANCE, projection_matrix, rearrange


@dataclass(frozen=True, eq=False)
class Slot:
    """Columns of one term: ``columns`` of the packed array hold its flattened components ``kept``."""

    response: str
    name: str
    legs: tuple[Leg, ...]
    time_reversal: int
    columns: slice
    kept: IntArray

    def unpack(self, packed: NDArray[Any]) -> NDArray[Any]:
        """The whole tensor (…, 3, 3, …) from the packed array (…, columns), other components zero."""
        rank = len(self.legs)
        out = np.zeros((*packed.shape[:-1], 3**rank), dtype=packed.dtype)
        out[..., self.kept] = packed[..., self.columns]
        return out.reshape(*packed.shape[:-1], *(3,) * rank)


@dataclass(frozen=True, eq=False)
class ColumnLayout:
    """Columns of all terms of all responses, in their order, and what computes them."""

    slots: tuple[Slot, ...]
    quantities: BandQuantities

    @staticmethod
    def build(model: Model, responses: Sequence[Response], group: SymmetryGroup) -> ColumnLayout:
        """The layout of ``responses`` of ``model``, a crystal with the symmetry ``group``."""
        slots: list[Slot] = []
        wanted: list[tuple[Term, IntArray]] = []
        projections: dict[tuple[tuple[Leg, ...], int], NDArray[np.float64]] = {}
        used = 0
        for response in responses:
            terms = response.terms(model)
            asked = _asked(terms, response.quantities(model))
            for name, term in terms.items():
                kind = (term.legs, term.time_reversal)
                if kind not in projections:
                    projections[kind] = projection_matrix(*kind, group)
                kept = _kept(projections[kind], asked[name])
                slots.append(Slot(response.name, name, *kind, slice(used, used + len(kept)), kept))
                wanted.append((term, kept))
                used += len(kept)
        return ColumnLayout(tuple(slots), BandQuantities.build(wanted))

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.quantities.width

    @property
    def needs_space(self) -> bool:
        """Whether a formula names a field of ``bloch.space``."""
        return self.quantities.needs_space

    def of(self, response: str) -> Iterator[Slot]:
        """Columns of one response's terms."""
        return (slot for slot in self.slots if slot.response == response)


def _asked(terms: Mapping[str, Term], quantities: Mapping[str, Quantity]) -> dict[str, BoolArray]:
    """Flattened components of each term from which the elements of the quantities follow; all where none is asked."""
    asked = {name: np.zeros(3 ** len(term.legs), dtype=np.bool_) for name, term in terms.items()}
    unused = set(terms)
    for quantity in quantities.values():
        elements = quantity.computed.ravel()
        for part in (part for parts in quantity.outputs.values() for part in parts):
            unused.discard(part.term)
            size, rank = len(asked[part.term]), len(terms[part.term].legs)
            image = rearrange(part.subscripts, np.eye(size).reshape(size, *(3,) * rank)).reshape(size, -1)
            asked[part.term] |= np.any(image[:, elements] != 0, axis=1)
    for name in unused:
        asked[name][:] = True
    return asked


def _kept(projection: NDArray[np.float64], asked: BoolArray) -> IntArray:
    """Components to compute: those that the average over symmetry mixes into the ones ``asked`` for."""
    mixed = np.any(np.abs(projection[asked]) > ALLOWED_TOLERANCE, axis=0)
    return np.flatnonzero(mixed & (np.diagonal(projection) > ALLOWED_TOLERANCE))
