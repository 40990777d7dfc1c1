"""Matrix-free solution of the Born–Boltzmann equation for collision operators of large rank.

Conjugate gradients on the symmetric operator √w C √w^{-1}: every iterate lies in its range, so the result has no
conserved part, whatever the number of conserved quantities, and none needs to be known.
"""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.disorder.born import BornSolution, drive_overlap, orthonormal_modes, relative_residual, remove
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.problems import ConvergenceError
from solenoidal.disorder.pseudo_points import PseudoPoints
from solenoidal.errors import ConfigError

TOLERANCE = 1e-13
MAXIMUM_ITERATIONS = 1000


def collide(points: PseudoPoints, kernel: CollisionKernel, x: RealArray) -> RealArray:
    """C x = Γ x − in-scattering for x (J, columns)."""
    incoming = points.expectation(kernel.apply(points.density_matrix(points.weights[:, None] * x)))
    return points.local(x) - incoming


def born_iterative(points: PseudoPoints, kernel: CollisionKernel) -> BornSolution:
    """λ by conjugate gradients; the three field directions run together.

    Raises ``ConvergenceError`` when the residual stays above tolerance, as where the field drives a conserved
    quantity, and ``ConfigError`` with a mean field, for which the operator is not symmetric.
    """
    if points.precesses:
        raise ConfigError("the iterative solver needs a symmetric operator; use solver='dense' with mean_field=True")
    unit = orthonormal_modes(points, points.unit[:, None])
    overlap = drive_overlap(points, unit)
    root = np.sqrt(points.weights)[:, None]
    target = root * remove(points, unit, points.source)
    norm = np.linalg.norm(target)
    x = np.zeros_like(target)
    residual = target.copy()
    direction = residual.copy()
    square = np.sum(residual**2, axis=0)
    for _ in range(MAXIMUM_ITERATIONS):
        if np.sqrt(square.sum()) <= TOLERANCE * norm:
            break
        image = root * collide(points, kernel, direction / root)
        curvature = np.sum(direction * image, axis=0)
        live = (square > (1e-2 * TOLERANCE * norm) ** 2) & (curvature > 0)
        step = np.where(live, square / np.where(live, curvature, 1.0), 0.0)
        if not np.any(live):
            break
        x += step * direction
        residual -= step * image
        updated = np.sum(residual**2, axis=0)
        direction = residual + np.where(live, updated / np.where(square > 0, square, 1.0), 0.0) * direction
        square = updated
    values = remove(points, unit, x / root)
    found = relative_residual(points, unit, collide(points, kernel, values))
    if found > 1e-9:
        raise ConvergenceError(
            f"the Boltzmann equation at {points.shell.energy:g} eV stopped at a relative residual of {found:.2g}; some "
            "current hardly decays: use solver='dense' to see its modes"
        )
    return BornSolution(values, np.zeros(0), 1, overlap, float("nan"), found)
