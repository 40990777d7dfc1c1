"""Exact solution of the Born–Boltzmann equation through its low rank.

With r_k the coordinates of ρ_k in the eigenbasis of K (eigenvalues κ), q = |κ|^½, S = Σ w r rᵀ/Γ and b = q Σ w r v/Γ,

    D z = b,  D = diag(sgn κ) − q S q,   λ = [v + r·(q z)]/Γ.

D has the null vectors of the collision operator: sgn(κ) q Σ w r for the number of particles, and one for every other
conserved quantity. The drive and λ are made orthogonal to them with the weights w: what results is the pseudo-inverse
of √w C/√w, the state reached in time from equilibrium.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.problems import NoSteadyStateError
from solenoidal.disorder.pseudo_points import PseudoPoints

NULL_TOLERANCE = 1e-10
"""Relaxation eigenvalues below this are conserved quantities."""

DRIVEN = 0.2
"""Overlap of the drive with a conserved mode above which there is no steady state."""


@dataclass(frozen=True, eq=False)
class BornSolution:
    """λ ``values`` (J, 3), the relaxation ``spectrum``, and what was removed; see ``ShellDiagnostics``."""

    values: RealArray
    spectrum: RealArray
    null_modes: int
    overlap: float
    slowest: float
    residual: float


def born(points: PseudoPoints, kernel: CollisionKernel) -> BornSolution:
    """Solve for λ; raises ``NoSteadyStateError`` where the drive has a conserved part."""
    kappa, Q = kernel.reduced()
    r = points.coordinates(kernel) @ Q
    sign, q = np.sign(kappa), np.sqrt(np.abs(kappa))
    rq = r * q
    w = points.weights[:, None]
    relaxed = points.relax(rq)
    D = np.diag(sign) - (w * rq).T @ relaxed
    spectrum, inverse, null = _pseudo_inverse(D, symmetric=not points.precesses)
    modes = orthonormal_modes(points, relaxed @ null)
    overlap = drive_overlap(points, modes)
    first = points.relax(remove(points, modes, points.source))
    values = remove(points, modes, first + relaxed @ (inverse @ ((w * rq).T @ first)))
    collision = points.local(values) - rq @ (sign[:, None] * ((w * rq).T @ values))
    residual = relative_residual(points, modes, collision)
    kept = np.abs(spectrum)[np.abs(spectrum) >= NULL_TOLERANCE]
    slowest = float(kept.min()) if len(kept) else np.nan
    return BornSolution(values, spectrum, modes.shape[1], overlap, slowest, residual)


def _pseudo_inverse(D: RealArray, *, symmetric: bool) -> tuple[RealArray, RealArray, RealArray]:
    """Spectrum, pseudo-inverse and null vectors of D."""
    if symmetric:
        values, vectors = np.linalg.eigh(0.5 * (D + D.T))
        keep = np.abs(values) >= NULL_TOLERANCE
        return values, (vectors[:, keep] / values[keep]) @ vectors[:, keep].T, vectors[:, ~keep]
    left, singular, right = np.linalg.svd(D)
    keep = singular >= NULL_TOLERANCE
    return singular, (right[keep].T / singular[keep]) @ left[:, keep].T, right[~keep].T


def orthonormal_modes(points: PseudoPoints, modes: RealArray) -> RealArray:
    """Conserved modes (J, n) orthonormal with the weights, Σ w λ_i λ_j = δ_ij."""
    root = np.sqrt(points.weights)[:, None]
    basis, _ = np.linalg.qr(root * modes)
    return np.asarray(basis / root)


def remove(points: PseudoPoints, modes: RealArray, values: RealArray) -> RealArray:
    """``values`` (J, columns) without their conserved parts."""
    return np.asarray(values - modes @ (modes.T @ (points.weights[:, None] * values)))


def drive_overlap(points: PseudoPoints, modes: RealArray) -> float:
    """Norm of the conserved part of v over that of v, for the worst direction; ``NoSteadyStateError`` when large."""
    w = points.weights[:, None]
    norm = np.sqrt(np.max(np.sum(w * points.source**2, axis=0)))
    conserved = np.linalg.norm(modes.T @ (w * points.source), axis=0)
    overlap = float(conserved.max() / max(norm, 1e-300))
    if overlap > DRIVEN:
        raise NoSteadyStateError(
            f"at {points.shell.energy:g} eV the field drives a conserved quantity (overlap {overlap:.3f}): these "
            "scatterers leave some current undamped; add scatterers that connect the separate parts of the shell"
        )
    return overlap


def relative_residual(points: PseudoPoints, modes: RealArray, collision: RealArray) -> float:
    """|Cλ − v|/|v| with the weights, conserved parts removed."""
    w = points.weights[:, None]
    error = remove(points, modes, collision - points.source)
    return float(np.sqrt(np.sum(w * error**2) / np.sum(w * points.source**2)))
