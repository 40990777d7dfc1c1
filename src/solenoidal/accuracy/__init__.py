"""Refinement of meshes until the published numbers are as accurate as asked, and how well the theory's laws hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.accuracy.converge import Convergence as Convergence
    from solenoidal.accuracy.converge import converge as converge
    from solenoidal.accuracy.law import Law as Law
    from solenoidal.accuracy.laws import check_laws as check_laws
    from solenoidal.integrate.tolerance import Accuracy as Accuracy
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.accuracy.converge": ["Convergence", "converge"],
            "solenoidal.accuracy.law": ["Law"],
            "solenoidal.accuracy.laws": ["check_laws"],
            "solenoidal.integrate.tolerance": ["Accuracy"],
        },
    )
