"""Operators of a model and the law by which they turn."""

from __future__ import annotations

from typing import Literal

Leg = Literal["polar", "axial"]
"""How a tensor index turns under a rotation: as a vector or as a pseudovector."""
