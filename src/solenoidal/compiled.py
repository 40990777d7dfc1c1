"""Compiled loops: numba's decorator with what every loop of this package asks of it.

Machine code is kept on disk between runs where a folder for it can be written. Elsewhere it is made anew in every
process, and one line of the log says so. With ``NUMBA_DISABLE_JIT=1`` the loops run as Python.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

import numba

available = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]
"""Whether loops are compiled at all, so that lanes exist."""

logger = logging.getLogger(__name__)


def compiled(
    function: Callable[..., Any] | None = None, *, fastmath: bool | set[str] = False, inline: bool = False
) -> Any:
    """``function`` compiled when it is first called, which does not hold Python's lock; a decorator with or without
    arguments.

    ``fastmath`` names the liberties the compiler may take with floating-point numbers, as in LLVM.
    """
    if function is None:
        return lambda actual: compiled(actual, fastmath=fastmath, inline=inline)
    loop = numba.njit(nogil=True, fastmath=fastmath, inline="always" if inline else "never")(function)
    if available:
        try:
            loop.enable_caching()
        except RuntimeError:
            # Numba can write to none of NUMBA_CACHE_DIR, __pycache__ and the user's folder of caches.
            _say_once()
    return loop


@cache
def _say_once() -> None:
    logger.warning(
        "no folder for compiled code can be written, so each process compiles it again, which takes some 20 s; set "
        "NUMBA_CACHE_DIR to a folder that can be written"
    )
