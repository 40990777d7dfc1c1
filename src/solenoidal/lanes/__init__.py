"""Several k points side by side in one register of the processor: the only room that knows the compiler's types.

``available`` says whether there is a compiler to make them (there is none with ``NUMBA_DISABLE_JIT=1``); the rooms
above ask it and have a way in NumPy otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    available: bool


def __getattr__(name: str) -> bool:
    if name != "available":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from solenoidal.compiled import ENABLED

    return ENABLED
