"""Exact densities and currents across a ribbon or torus, cell by cell, from its one-particle density matrix."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.bloch.interpolation import LatticeInterpolator
from solenoidal.errors import ConfigError
from solenoidal.realspace.ribbon import Ribbon, RowMatrices
from solenoidal.responses.kernels import FERMI

UNITS = "internal (ħ = 1, eV, Å)"


def ribbon_profiles(
    ribbon: Ribbon,
    operator: str = "spin",
    *,
    mesh: Sequence[int],
    temperature: float,
    mu: float = 0.0,
    shift: float = 0.5,
    twists: int = 1,
    smooth: bool = False,
) -> xr.Dataset:
    """Density, conventional current and source of ``operator`` in each cell of the row, by exact diagonalisation.

    With ρ = f(H) and P_x the projector on cell x: ``density`` Re Tr P_x s ρ, ``conventional_current`` Re Tr P_x J ρ
    with J = ½{v, s}, ``source`` Re Tr P_x τ ρ with τ = i[H, s], all per Å^dimension, and ``bond_current``, what
    crosses the cut between cells x and x + 1 per unit of the cut, for which (bond(x) − bond(x − 1))/spacing = source
    exactly (absent for operators that reach across cells).

    Main arguments: ``mesh`` the number of k points along each of the other periodic directions (empty for a chain),
    ``temperature`` in K (0 allowed), ``mu`` in eV (0 for a superconductor). Other arguments: ``shift`` of the k mesh
    in steps; ``twists`` boundary phases averaged around a torus; ``smooth`` gives the smooth density at the origin of
    each cell on a torus, every orbital's profile being moved from where the orbital sits: needed to compare
    with Eqs. (4)-(6) where orbitals sit at different places, and the plain sum over the cell otherwise.

    Returns a Dataset with dims (cell[, current], spin), coordinate ``x`` in Å along the normal of the layers.
    Raises ``ConfigError`` for a mesh of the wrong length.
    """
    others = [i for i in range(ribbon.model.dimension) if i != ribbon.axis]
    if len(mesh) != len(others) or any(n < 1 for n in mesh) or twists < 1:
        raise ConfigError(f"mesh is {tuple(mesh)}; write {len(others)} divisions, one for each other direction")
    if smooth and not ribbon.periodic:
        raise ConfigError("smooth profiles need a torus; build the ribbon with periodic=True")
    source = LatticeInterpolator.build(ribbon.model)
    totals: dict[str, RealArray] = {}
    points = list(itertools.product(*(range(n) for n in mesh), range(twists)))
    for *index, turn in points:
        k = np.zeros(3)
        k[others] = [(i + shift) / n for i, n in zip(index, mesh, strict=True)]
        matrices = ribbon.matrices(source, k, operator, turn / twists)
        for name, values in _densities(ribbon, matrices, mu, temperature).items():
            totals[name] = totals.get(name, 0.0) + values / len(points)
    measure = ribbon.model.cell_measure
    data: dict[str, Any] = {}
    operator_legs = ribbon.model.require_operator(operator).dims
    for name, array in totals.items():
        values = array * (ribbon.spacing / measure if name == "bond_current" else 1 / measure)
        if name != "bond_current":
            values = _smooth(ribbon, values) if smooth else values.sum(axis=-1)
        flow = ("current",) if name == "conventional_current" else ()
        moved = np.moveaxis(values, (-1, 0), (0, -1))
        shape = (*moved.shape[:-1], *(3,) * len(operator_legs))
        data[name] = (("cell", *flow, *operator_legs), moved.reshape(shape), {"units": UNITS})
    coords: dict[str, Any] = {"x": ("cell", np.arange(ribbon.cells) * ribbon.spacing, {"units": "Å"})}
    coords["current"] = ["x", "y", "z"]
    coords.update({leg: ["x", "y", "z"] for leg in operator_legs})
    return xr.Dataset(data, coords=coords, attrs={"operator_unit": ribbon.model.require_operator(operator).unit})


def ribbon_bands(ribbon: Ribbon, operator: str = "spin", *, k: RealArray) -> xr.Dataset:
    """Energies (k, state) of the row at fractional ``k`` (nk, 3) and where each state sits.

    ``position`` is the mean cell and ``width`` its standard deviation: edge states have a small width near an end.
    """
    source = LatticeInterpolator.build(ribbon.model)
    n = ribbon.model.n_orbitals
    cell = np.arange(ribbon.cells)
    rows: dict[str, list[RealArray]] = {"energy": [], "position": [], "width": []}
    for point in np.atleast_2d(k):
        energies, states = np.linalg.eigh(ribbon.matrices(source, point, operator).hamiltonian)
        weight = (np.abs(states) ** 2).reshape(ribbon.cells, n, -1).sum(axis=1)
        mean = cell @ weight
        rows["energy"].append(energies)
        rows["position"].append(mean)
        rows["width"].append(np.sqrt(np.maximum(cell**2 @ weight - mean**2, 0)))
    units = {"energy": "eV", "position": "cells", "width": "cells"}
    return xr.Dataset({name: (("k", "state"), np.array(x), {"units": units[name]}) for name, x in rows.items()})


def _densities(ribbon: Ribbon, matrices: RowMatrices, mu: float, temperature: float) -> dict[str, RealArray]:
    """Site-resolved (legs, [3,] cells, n) and, for the bonds, (legs, cells)."""
    H = matrices.hamiltonian
    energies, states = np.linalg.eigh(H)
    occupation = FERMI(energies, mu, temperature)
    rho = (states * occupation) @ states.conj().T
    h_rho = (states * (occupation * energies)) @ states.conj().T
    v_rho = matrices.velocity @ rho
    density, current, torque, bond = [], [], [], []
    local = _is_local(ribbon, matrices.operator)
    for s in matrices.operator:
        s_rho = s @ rho
        density.append(np.diagonal(s_rho).real)
        # Σ_b X_ab Y_ba is the diagonal of a product without the product.
        current.append(
            [0.5 * _diagonal(v, s_rho) + 0.5 * _diagonal(s, w) for v, w in zip(matrices.velocity, v_rho, strict=True)]
        )
        torque.append(_diagonal(1j * H, s_rho) - _diagonal(1j * s, h_rho))
        if local:
            bond.append(_cuts(ribbon, H * s_rho.T))
    shape = (ribbon.cells, ribbon.model.n_orbitals)
    found = {
        "density": np.reshape(density, (-1, *shape)),
        "conventional_current": np.reshape(current, (-1, 3, *shape)),
        "source": np.reshape(torque, (-1, *shape)),
    }
    if local:
        found["bond_current"] = np.array(bond)
    return found


def _diagonal(left: ComplexArray, right: ComplexArray) -> RealArray:
    return np.asarray(np.einsum("ab,ba->a", left, right).real)


def _is_local(ribbon: Ribbon, operator: ComplexArray) -> bool:
    n, legs = ribbon.model.n_orbitals, len(operator)
    blocks = np.abs(operator).reshape(legs, ribbon.cells, n, ribbon.cells, n).max(axis=(0, 2, 4))
    return bool(np.max(blocks - np.diag(np.diagonal(blocks))) < 1e-12)


def _cuts(ribbon: Ribbon, pairs: ComplexArray) -> RealArray:
    """Flow through each cut x + ½ from Z_xx' = Σ H_ab (sρ)_ba: from x to x' flows Im Z_x'x − Im Z_xx'."""
    n, cells = ribbon.model.n_orbitals, ribbon.cells
    Z = pairs.reshape(cells, n, cells, n).sum(axis=(1, 3)).imag
    flow = Z.T - Z
    out = np.zeros(cells)
    home = np.arange(cells)
    for d in range(1, ribbon.reach + 1):
        for back in range(d):
            start, stop = home - back, home - back + d
            if ribbon.periodic:
                out += flow[start % cells, stop % cells]
            else:
                inside = (start >= 0) & (stop < cells)
                out[inside] += flow[start[inside], stop[inside]]
    return out


def _smooth(ribbon: Ribbon, values: RealArray) -> RealArray:
    """Σ_a of each orbital's profile moved to the cell's origin by Fourier series; last axes (cells, n) → (cells,)."""
    q = np.fft.fftfreq(ribbon.cells)
    turn = np.exp(-2j * np.pi * np.outer(q, ribbon.offsets))
    if ribbon.cells % 2 == 0:
        turn[ribbon.cells // 2] = turn[ribbon.cells // 2].real
    spectrum = np.fft.fft(values, axis=-2) * turn
    return np.asarray(np.fft.ifft(spectrum.sum(axis=-1), axis=-1).real)
