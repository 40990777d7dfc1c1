"""Several k points side by side in one register of the processor: the only room that knows the compiler's types.

``available`` says whether there is a compiler to make them (there is none with ``NUMBA_DISABLE_JIT=1``); the rooms
above ask it and have a way in NumPy otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.compiled import available as available
    from solenoidal.lanes.eigen import diagonalise as diagonalise
    from solenoidal.lanes.rods import RodSums as RodSums
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.compiled": ["available"],
            "solenoidal.lanes.eigen": ["diagonalise"],
            "solenoidal.lanes.rods": ["RodSums"],
        },
    )
