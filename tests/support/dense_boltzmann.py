"""The Boltzmann equation with an explicit scattering matrix between all points of a shell: no reduction of any kind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from solenoidal.arrays import RealArray
from solenoidal.disorder.scatterers import Scatterer
from solenoidal.disorder.shells.shells import EnergyShell
from solenoidal.models.continuum import ContinuumModel


def scattering_matrix(model, shell: EnergyShell, scatterers: Sequence[Scatterer]) -> RealArray:  # type: ignore[no-untyped-def]
    """P_kk' = 2π Σ n |⟨k|W|k'⟩|² between single bands, built pair by pair."""
    (block,) = shell.blocks
    u = block.vectors[:, :, 0]
    P = np.zeros((len(shell), len(shell)))
    for s in scatterers:
        columns = []
        for p in s.form_factors:
            if isinstance(model, ContinuumModel):
                phi = np.prod(shell.k ** np.array(p), axis=1).astype(complex)
            else:
                phi = np.exp(1j * shell.k @ (np.array(p) @ model.lattice))
            columns.append(phi[:, None] * u)
        full = np.concatenate(columns, axis=1)
        amplitude = full.conj() @ s.matrix @ full.T
        volume = 1.0 if isinstance(model, ContinuumModel) else model.cell_measure
        amount = s.density if isinstance(model, ContinuumModel) else s.concentration
        P += 2 * np.pi * amount * volume * np.abs(amplitude) ** 2
    return P


def dense_mean_free_path(P: RealArray, weights: RealArray, velocity: RealArray) -> RealArray:
    """λ from the pseudo-inverse of √w C/√w, the state reached in time from equilibrium."""
    root = np.sqrt(weights)
    rates = P @ weights
    C = np.diag(rates) - root[:, None] * P * root[None]
    return np.linalg.pinv(C, rcond=1e-11, hermitian=True) @ (root[:, None] * velocity) / root[:, None]


def transport_rates(P: RealArray, weights: RealArray, velocity: RealArray) -> RealArray:
    """Σ_k' w' P (1 − v̂·v̂'), term by term."""
    unit = velocity / np.linalg.norm(velocity, axis=1)[:, None]
    return ((1 - unit @ unit.T) * P) @ weights


def shell_moment(weights: RealArray, flow: RealArray, mean_free_path: RealArray) -> RealArray:
    """Σ w θ^{i…} λ^l, (i, l, …)."""
    return np.einsum("k,ki...,kl->il...", weights, flow, mean_free_path)


def numbers(tensor: xr.DataArray) -> RealArray:
    """Tensor (x, y flow; x, y field; spin) of a two-dimensional model in units with e = ħ = 1, at the only μ and T."""
    return tensor.values[0, 0][:2, :2] / (2 * np.pi)


def rows(tensor: xr.DataArray) -> RealArray:
    """The same as rows of spin x, y, z and columns xx, xy, yx, yy."""
    return numbers(tensor).reshape(4, 3).T
