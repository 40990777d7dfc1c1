"""Symmetry of models: search, verification, representations, symmetrised models, tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solenoidal.faces import face

if TYPE_CHECKING:
    from solenoidal.symmetry.group import SymmetryGroup as SymmetryGroup
    from solenoidal.symmetry.search import find_symmetry as find_symmetry
    from solenoidal.symmetry.spin_space import SpinGroup as SpinGroup
    from solenoidal.symmetry.spin_space import spin_group as spin_group
    from solenoidal.symmetry.symmetrise import symmetrise as symmetrise
    from solenoidal.symmetry.tensors import allowed_components as allowed_components
    from solenoidal.symmetry.tensors import invariant_part as invariant_part
    from solenoidal.symmetry.tensors import projection_matrix as projection_matrix
else:
    __all__, __getattr__, __dir__ = face(
        __name__,
        {
            "solenoidal.symmetry.group": ["SymmetryGroup"],
            "solenoidal.symmetry.search": ["find_symmetry"],
            "solenoidal.symmetry.spin_space": ["SpinGroup", "spin_group"],
            "solenoidal.symmetry.symmetrise": ["symmetrise"],
            "solenoidal.symmetry.tensors": ["allowed_components", "invariant_part", "projection_matrix"],
        },
    )
