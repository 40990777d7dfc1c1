"""The command line: a thin shell around the library. Only this room prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.cli.app import main as main
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.cli.app": ["main"],
        },
    )
