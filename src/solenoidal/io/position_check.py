"""Whether position matrices r(R) are such as Wannier functions can have: size, Hermiticity, decay with R."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from solenoidal.arrays import IntArray, RealArray
from solenoidal.errors import InputFileError
from solenoidal.io.lattice_files import LatticeFile
from solenoidal.models.operator import LatticeOperator, adjoints

LARGEST_ELEMENT = 20.0
"""Largest element of the position matrix between two Wannier functions, in Å, or twice the longest cell edge."""

FARTHEST_CELL = 20.0
"""Distance of a Wannier centre from the origin in units of the longest cell edge."""

ASYMMETRY, LARGE_ASYMMETRY = 2.0, 0.5
"""|r(R) − r(−R)†| in Å that is refused, and that is said: finite differences leave 0.03 to 0.2 Å on coarse meshes."""

SLOW, NO_DECAY = 0.2, 2.0
"""Elements in Å between the farthest functions that are said, and refused, if they also exceed those of near ones
by a half, and twice. Models of a few hoppings have 0.1 Å everywhere."""

NEAR, FAR = 0.5, 0.8
"""Near and far pairs of functions, in units of the largest distance."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Element:
    """One element ⟨0 row|r_axis|R column⟩ and its magnitude in Å."""

    R: tuple[int, ...]
    axis: int
    row: int
    column: int
    size: float

    def __str__(self) -> str:
        vector = " ".join(map(str, self.R))
        return f"<0 {self.row + 1}|{'xyz'[self.axis]}|{vector} {self.column + 1}> of {self.size:.6g} Å"


def _element(operator: LatticeOperator, where: RealArray) -> Element:
    """The element at which ``where`` (nR, 3, n, n) is largest."""
    r, axis, a, b = (int(i) for i in np.unravel_index(np.argmax(where), where.shape))
    return Element(tuple(operator.R[r].tolist()), axis, a, b, float(np.abs(operator.matrices[r, axis, a, b])))


def require_plausible(data: LatticeFile, lattice: RealArray, home: int) -> None:
    """Refuse position matrices with an element that no Wannier function of this crystal can have.

    ``home`` is the number of the vector 0 0 0. Raises ``InputFileError`` that names the element.
    """
    if data.position is None:
        return
    longest = float(np.linalg.norm(lattice, axis=1).max())
    size = np.abs(data.position)  # (R, 3, n, n)
    limits = np.full(size.shape, max(LARGEST_ELEMENT, 2 * longest))
    diagonal = np.arange(data.n_wannier)
    limits[home, :, diagonal, diagonal] = FARTHEST_CELL * longest
    if np.all(size <= limits):
        return
    found = _element(LatticeOperator(data.R, data.position), size / limits)
    centre = not any(found.R) and found.row == found.column
    limit = FARTHEST_CELL * longest if centre else max(LARGEST_ELEMENT, 2 * longest)
    raise InputFileError(
        data.path,
        f"the position matrix has {'a centre' if centre else 'an element'} {found}, beyond {limit:.4g} Å, which no "
        f"function of a cell with edges up to {longest:.4g} Å has; the file is damaged",
    )


def require_hermitian(path: Path, position: LatticeOperator) -> None:
    """Refuse r(R) ≠ r(−R)† beyond what the finite difference of overlaps leaves; warn where it leaves much.

    Raises ``InputFileError`` that names the element and R.
    """
    difference = np.abs(position.matrices - adjoints(position.R, position.matrices))
    worst = float(difference.max())
    if worst <= LARGE_ASYMMETRY:
        return
    text = f"the position matrix is not Hermitian: |r(R) - r(-R)†| = {worst:.3g} Å at {_element(position, difference)}"
    if worst > ASYMMETRY:
        raise InputFileError(
            path, f"{text}; expected below {ASYMMETRY:g} Å, what finite differences leave; the file is damaged"
        )
    logger.warning("%s: %s; its Hermitian part is taken. A denser k mesh makes it smaller", path, text)


def require_decay(path: Path, position: LatticeOperator, lattice: RealArray, centres: RealArray) -> None:
    """Refuse, or warn of, elements between far functions that are larger than those between near ones.

    ``centres`` (n, 3) in Å. Raises ``InputFileError`` that names the element and its distance.
    """
    distance = _distances(position.R, lattice, centres)
    farthest = float(distance[np.abs(position.matrices).max(axis=1) > 0].max(initial=0.0))
    size = np.abs(position.matrices)
    home = ~position.R.any(axis=1)
    diagonal = np.arange(position.size)
    size[np.flatnonzero(home)[:, None, None], np.arange(3)[None, :, None], diagonal, diagonal] = 0.0
    within = np.broadcast_to(distance[:, None], size.shape)
    near = float(size[within <= NEAR * farthest].max(initial=0.0))
    outside = np.where(within > FAR * farthest, size, 0.0)
    far = float(outside.max(initial=0.0))
    if far <= max(SLOW, 1.5 * near):
        return
    found = _element(position, outside)
    at = float(np.linalg.norm(np.array(found.R) @ lattice + centres[found.column] - centres[found.row]))
    text = (
        f"the position matrix does not decay: it has {found} at {at:.4g} Å, and up to {near:.3g} Å within half as far"
    )
    if far > max(NO_DECAY, 2 * near):
        raise InputFileError(path, f"{text}; the file is damaged")
    logger.warning("%s: %s; the k mesh is too coarse for these Wannier functions", path, text)


def _distances(R: IntArray, lattice: RealArray, centres: RealArray) -> RealArray:
    """|R + r_b − r_a| (nR, n, n) in Å."""
    pairs = centres[None, :, :] - centres[:, None, :]
    return np.asarray(np.linalg.norm((R @ lattice)[:, None, None, :] + pairs, axis=-1), dtype=np.float64)
