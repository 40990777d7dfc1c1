"""Quantities on the points of a shell, as a dataset for maps of the Fermi line or surface."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from solenoidal.disorder.boltzmann import MeanFreePath
from solenoidal.disorder.shells.shells import EnergyShell
from solenoidal.responses.extrinsic import ExtrinsicSpinConductivity


def shell_map(solution: MeanFreePath, *, response: ExtrinsicSpinConductivity | None = None) -> xr.Dataset:
    """Spin, velocity, mean free path, rate and integrand of Eq. (19) at every point of a solved shell.

    Dims (point, axis, …): ``k`` (1/Å, in the first Brillouin zone), ``velocity`` (eV Å), ``spin`` (ħ, mean over a
    degenerate group), ``weight`` (1/(eV Å^d)), ``mean_free_path`` (Å, mean over the group), ``rate`` (eV, the largest
    of the group), ``integrand`` (point, current, field, component): θ^i λ^l summed over the group, whose sum with the
    weights is the conserved tensor; ``fallback``, ``group``, ``element``, and ``spectrum`` (mode,) of the relaxation
    matrix.
    """
    chosen = ExtrinsicSpinConductivity() if response is None else response
    points, shell = solution.points, solution.points.shell
    count = len(shell)
    size = shell.group_size
    spin = np.zeros((count, *shell.blocks[0].operators[chosen.operator].shape[2:3]))
    for block in shell.blocks:
        spin[block.index] = np.einsum("mgag->ma", block.operators[chosen.operator]).real / block.size
    path = np.zeros((count, 3))
    np.add.at(path, points.point, points.unit[:, None] * solution.values)
    rate = np.zeros(count)
    np.maximum.at(rate, points.point, points.rates)
    flow = points.project(chosen.conserved_flow)
    integrand = np.zeros((count, 3, *flow.shape[1:]))
    np.add.at(integrand, points.point, np.einsum("ji...,jl->jli...", flow, solution.values))
    integrand = np.swapaxes(integrand, 1, 2)
    axes = ["x", "y", "z"]
    data: dict[str, Any] = {
        "k": (("point", "axis"), _first_zone(shell), {"units": "1/Å"}),
        "velocity": (("point", "axis"), shell.velocity, {"units": "eV Å"}),
        "spin": (("point", "component"), spin, {"units": "ħ"}),
        "weight": (("point",), shell.weights, {"units": "1/(eV Å^d)"}),
        "mean_free_path": (("point", "axis"), path / size[:, None], {"units": "Å"}),
        "rate": (("point",), rate, {"units": "eV"}),
        "integrand": (("point", "current", "field", "component"), integrand, {"units": "ħ eV Å²"}),
        "fallback": (("point",), shell.fallback),
        "group": (("point",), shell.group),
        "element": (("point",), shell.element),
        "spectrum": (("mode",), np.sort(solution.spectrum)),
    }
    coords = {"axis": axes, "current": axes, "field": axes}
    if spin.shape[1] == 3:
        coords["component"] = axes
    attrs = {"energy": shell.energy, "dimension": shell.dimension}
    return xr.Dataset(data, coords=coords, attrs=attrs)


def _first_zone(shell: EnergyShell) -> NDArray[np.float64]:
    """k (m, 3) moved by reciprocal lattice vectors as close to k = 0 as possible."""
    if shell.reciprocal is None:
        return shell.k
    d = len(shell.reciprocal)
    start = (shell.fractional[:, :d] - np.rint(shell.fractional[:, :d])) @ shell.reciprocal
    steps = np.stack(np.meshgrid(*[np.arange(-2, 3)] * d, indexing="ij"), axis=-1).reshape(-1, d) @ shell.reciprocal
    images = start[:, None] + steps[None]
    # Points on the zone boundary belong to either side: the first within rounding is taken.
    length = np.linalg.norm(images, axis=2)
    nearest = np.argmax(length < length.min(axis=1, keepdims=True) + 1e-9, axis=1)
    return np.asarray(images[np.arange(len(images)), nearest])
