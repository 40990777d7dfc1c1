"""Public names of a package that load the module they live in when they are first used.

A package writes its names twice: as imports for type checkers and readers, and for ``face``, so that importing the
package costs nothing and loads no library that is not needed:

    if TYPE_CHECKING:
        from solenoidal.integrate.solve import solve as solve
    else:
        __all__, __getattr__, __dir__ = face(__name__, {"solenoidal.integrate.solve": ["solve"]})
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any


class _Package(ModuleType):
    """A package whose public names stay what they are when a submodule of the same name is loaded.

    Otherwise ``from solenoidal.integrate import solve`` would be the function or the module that defines it, depending
    on what was imported before.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, ModuleType) and name in self.__dict__.get("__all__", ()):
            return
        super().__setattr__(name, value)


def face(
    package: str, homes: Mapping[str, Sequence[str]]
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """``__all__``, ``__getattr__`` and ``__dir__`` of ``package``, from the names in each module of ``homes``.

    The module-level functions are those of PEP 562.
    """
    module = sys.modules[package]
    module.__class__ = _Package
    home = {name: place for place, names in homes.items() for name in names}

    def load(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=module)
        value = getattr(import_module(home[name]), name)
        setattr(module, name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(module), *home})

    return sorted(name for name in home if not name.startswith("__")), load, names
