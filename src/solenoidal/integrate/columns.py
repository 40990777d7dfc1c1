"""Where the components of every term stand, side by side: the layout of densities while a run goes on.

Only components that symmetry lets survive have a column. The others are zero in the result, so that nobody computes,
sorts or sends them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solenoidal.arrays import IntArray, RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.responses.response import Response, Term
from solenoidal.symmetry.search import SymmetryGroup
from solenoidal.symmetry.tensors import allowed_components


@dataclass(frozen=True, eq=False)
class Slot:
    """Columns of one term: ``columns`` of the packed array hold its flattened components ``kept``."""

    response: str
    name: str
    term: Term
    columns: slice
    kept: IntArray

    def unpack(self, packed: NDArray[Any]) -> NDArray[Any]:
        """The whole tensor (…, 3, 3, …) from the packed array (…, columns), forbidden components zero."""
        rank = len(self.term.legs)
        out = np.zeros((*packed.shape[:-1], 3**rank), dtype=packed.dtype)
        out[..., self.kept] = packed[..., self.columns]
        return out.reshape(*packed.shape[:-1], *(3,) * rank)


@dataclass(frozen=True, eq=False)
class ColumnLayout:
    """Columns of all terms of all responses, in their order.

    ``allowed`` maps a response and its term to the components that survive, as ``BlochStates`` passes them on to the
    responses.
    """

    slots: tuple[Slot, ...]
    allowed: Mapping[tuple[str, str], NDArray[np.bool_]]

    @staticmethod
    def build(model: Model, responses: Sequence[Response], group: SymmetryGroup) -> ColumnLayout:
        """The layout of ``responses`` of ``model``, a crystal with the symmetry ``group``."""
        slots: list[Slot] = []
        kinds: dict[Term, NDArray[np.bool_]] = {}
        allowed: dict[tuple[str, str], NDArray[np.bool_]] = {}
        used = 0
        for response in responses:
            for name, term in response.terms(model).items():
                if term not in kinds:
                    kinds[term] = allowed_components(term.legs, term.time_reversal, group)
                allowed[response.name, name] = kinds[term]
                kept = np.flatnonzero(kinds[term])
                slots.append(Slot(response.name, name, term, slice(used, used + len(kept)), kept))
                used += len(kept)
        return ColumnLayout(tuple(slots), allowed)

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.slots[-1].columns.stop if self.slots else 0

    def of(self, response: str) -> Iterator[Slot]:
        """Columns of one response's terms."""
        return (slot for slot in self.slots if slot.response == response)

    def pack(self, values: Mapping[str, Mapping[str, RealArray]], out: RealArray) -> RealArray:
        """``values`` response → term → (nk, n, *legs), legs in any shape, side by side in ``out`` (nk, n, width)."""
        for slot in self.slots:
            value = values[slot.response][slot.name]
            flat = value.reshape(*value.shape[:2], -1)
            out[..., slot.columns] = flat if len(slot.kept) == flat.shape[2] else flat[..., slot.kept]
        return out
