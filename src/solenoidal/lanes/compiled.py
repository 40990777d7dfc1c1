"""The decorators of compiled loops over lanes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from solenoidal.compiled import compiled as compiled_loop
from solenoidal.lanes.registers import FAST, WIDTH


class _Compiled:
    """``@compiled`` compiles a loop over lanes; ``@compiled.fast`` lets the compiler reorder its sums."""

    def __call__(self, function: Callable[..., Any]) -> Any:
        return compiled_loop(_named(function))

    def fast(self, function: Callable[..., Any]) -> Any:
        """The same with ``FAST`` arithmetic."""
        return compiled_loop(_named(function), fastmath=FAST)

    def inlined(self, function: Callable[..., Any]) -> Any:
        """For a function with one caller: its code is part of the caller's, and is not compiled by itself."""
        return compiled_loop(_named(function), inline=True)


def _named(function: Callable[..., Any]) -> Callable[..., Any]:
    """Machine code is kept under the name of its function, so that the name must tell the number of lanes."""
    function.__qualname__ = f"{function.__qualname__}_{WIDTH}"
    return function


compiled = _Compiled()
