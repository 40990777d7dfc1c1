"""The driver: meshes, blocks of k points, workers, executors, checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.integrate.executors import SerialExecutor as SerialExecutor
    from solenoidal.integrate.meshes import KBlock as KBlock
    from solenoidal.integrate.meshes import KPoints as KPoints
    from solenoidal.integrate.meshes import RefinedMesh as RefinedMesh
    from solenoidal.integrate.meshes import SymmetricMeshes as SymmetricMeshes
    from solenoidal.integrate.meshes import UniformMesh as UniformMesh
    from solenoidal.integrate.numerics import Numerics as Numerics
    from solenoidal.integrate.sample import sample as sample
    from solenoidal.integrate.solve import Progress as Progress
    from solenoidal.integrate.solve import solve as solve
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.integrate.executors": ["SerialExecutor"],
            "solenoidal.integrate.meshes": ["KBlock", "KPoints", "RefinedMesh", "SymmetricMeshes", "UniformMesh"],
            "solenoidal.integrate.numerics": ["Numerics"],
            "solenoidal.integrate.sample": ["sample"],
            "solenoidal.integrate.solve": ["Progress", "solve"],
        },
    )
