"""From formulas to numbers: a plan shared by all that is asked for, and the engines that run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.evaluate.engines import Engine as Engine
    from solenoidal.evaluate.engines import band_values as band_values
    from solenoidal.evaluate.engines import default_engine as default_engine
    from solenoidal.evaluate.engines import evaluate as evaluate
    from solenoidal.evaluate.plan import Plan as Plan
    from solenoidal.evaluate.plan import compile_plan as compile_plan
    from solenoidal.evaluate.reference import matrix_elements as matrix_elements
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.evaluate.engines": ["Engine", "band_values", "default_engine", "evaluate"],
            "solenoidal.evaluate.plan": ["Plan", "compile_plan"],
            "solenoidal.evaluate.reference": ["matrix_elements"],
        },
    )
