"""Solve the gap equation of a superconducting strip and watch the source of charge disappear with its residual.

A pair potential imposed from outside turns electrons into holes: the charge of the quasiparticles has the source
τ = i[H, τz], and J^0 is not conserved. If Δ(x) = −V ⟨c↓c↑⟩ is the strip's own mean field, the condensate returns what
it takes at every site. For any trial Δ(x)

    τ(x) = (4/V) Im[Δ(x)* δΔ(x)],   δΔ(x) = −V ⟨c↓c↑⟩(x) − Δ(x),

so τ vanishes exactly where the gap equation holds, and |τ| ≤ (4/V) |Δ| |δΔ|. The hoppings are those of
``spin_dependent_square``, which has no symmetry that could make τ vanish. Energies in eV, lengths in Å, ħ = 1.

    python self_consistency.py OUTPUT
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from solenoidal.arrays import ComplexArray
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.library import spin_dependent_square
from solenoidal.models.operator import Operator
from solenoidal.realspace import Coupling, Ribbon, ribbon_profiles
from solenoidal.units import BOLTZMANN

ATTRACTION = 3.0
THERMAL_ENERGY = 0.1
BLUE, RED, GREY = "#0072B2", "#D55E00", "#555555"

log = logging.getLogger("self_consistency")


def normal_state() -> TightBinding:
    """The normal state in the Nambu basis, with the operator "isospin" = (τx, −τy, τz).

    Re Δ couples to its first component, Im Δ to its second, and the third is the charge.
    """
    model = spin_dependent_square(mu=-0.9)
    unpaired = model.hamiltonian.matrices * np.eye(2)
    isospin = np.array([[[0, 1], [1, 0]], [[0, 1j], [-1j, 0]], [[1, 0], [0, -1]]], dtype=np.complex128)
    return TightBinding(
        model.lattice,
        model.dimension,
        LatticeOperator(model.hamiltonian.R, unpaired),
        model.position,
        {"isospin": Operator.constant(isospin, None, None)},
    )


def wrong_gap(cells: int) -> ComplexArray:
    """A first guess with a wrong modulus and a wrong phase that differs from site to site."""
    x = (np.arange(cells) + 0.5) / cells
    return np.asarray((0.6 + 0.2 * np.cos(2 * np.pi * x)) * np.exp(0.8j * np.cos(np.pi * x)))


def iterate(
    cells: int = 24,
    mesh: int = 24,
    iterations: int = 80,
    mixing: float = 1.5,
    momentum: float = 0.7,
    *,
    attraction: float = ATTRACTION,
    thermal_energy: float = THERMAL_ENERGY,
) -> xr.Dataset:
    """Iterate Δ ← Δ + mixing · δΔ + momentum · (last step) on ``cells`` sites between hard walls.

    ``mesh`` is the number of points along k_y. The momentum is what relaxes the phase across the whole strip, which
    costs almost no energy, in tens of steps.

    Dims (iteration, cell): ``gap`` Δ, ``residual`` δΔ, ``source`` τ and ``bond_current`` of the charge, J^0 through the
    cut behind each site.
    """
    model = normal_state()
    gap = wrong_gap(cells)
    step = np.zeros_like(gap)
    rows: dict[str, list[NDArray[np.generic]]] = {"gap": [], "residual": [], "source": [], "bond_current": []}
    for _ in range(iterations):
        pairing = (Coupling(gap.real, "isospin", leg=0), Coupling(gap.imag, "isospin", leg=1))
        strip = Ribbon(model, cells, pairing)
        found = ribbon_profiles(strip, "isospin", mesh=(mesh,), temperature=thermal_energy / BOLTZMANN)
        density = found.density.values
        # ⟨τx⟩ and −⟨τy⟩ are twice the real and imaginary parts of ⟨c↓c↑⟩; a cell has unit area.
        residual = -0.5 * attraction * (density[:, 0] + 1j * density[:, 1]) - gap
        rows["gap"].append(gap)
        rows["residual"].append(residual)
        rows["source"].append(found.source.values[:, 2])
        rows["bond_current"].append(found.bond_current.values[:, 2])
        step = mixing * residual + momentum * step
        gap = gap + step
    return xr.Dataset(
        {name: (("iteration", "cell"), np.array(values)) for name, values in rows.items()},
        coords={"iteration": np.arange(iterations), "cell": np.arange(cells)},
        attrs={"attraction": attraction, "thermal_energy": thermal_energy, "mixing": mixing, "momentum": momentum},
    )


def figure(history: xr.Dataset) -> Figure:
    """max|τ| and max|δΔ| against the iteration, and τ(x) of the first and the last one."""
    drawing = Figure(figsize=(8.4, 3.4), layout="constrained")
    FigureCanvasAgg(drawing)
    left, right = drawing.subplots(1, 2)
    left.semilogy(history.iteration, abs(history.residual).max("cell"), color=GREY, label=r"max $|\delta\Delta|$ [eV]")
    left.semilogy(history.iteration, abs(history.source).max("cell"), color=BLUE, label=r"max $|\tau|$ [eV/Å$^2$]")
    left.set_xlabel("iteration")
    left.set_ylabel("largest value in the strip")
    for index, colour, label in ((0, RED, "first"), (-1, BLUE, "last")):
        source = history.source.isel(iteration=index)
        number = int(source.iteration)
        right.plot(history.cell, source, "o-", ms=3, lw=1, color=colour, label=f"{label} iteration ({number})")
    right.axhline(0, color=GREY, lw=0.6)
    right.set_xlabel("x  [Å]")
    right.set_ylabel(r"source of charge $\tau$  [eV/Å$^2$]")
    for panel in (left, right):
        panel.legend(frameon=False, fontsize=8)
    return drawing


def main() -> None:
    """Write the figure as a PNG file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("output", type=Path, help="folder for the figure")
    parser.add_argument("--cells", type=int, default=24, help="sites across the strip")
    parser.add_argument("--mesh", type=int, default=24, help="points along k_y")
    parser.add_argument("--iterations", type=int, default=81, help="number of iterations")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    history = iterate(options.cells, options.mesh, options.iterations)
    for step in range(0, options.iterations, 10):
        now = history.isel(iteration=step)
        source, residual = float(abs(now.source).max()), float(abs(now.residual).max())
        log.info("%3d  max|tau| %.2e  max|dDelta| %.2e  ratio %.3f", step, source, residual, source / residual)
    gap = abs(history.gap.isel(iteration=-1))
    log.info("|Delta| between %.3f and %.3f", float(gap.min()), float(gap.max()))
    log.info("largest J0 %.1e", float(abs(history.bond_current.isel(iteration=-1)).max()))
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "self_consistency.png"
    figure(history).savefig(path, dpi=130)
    log.info("%s", path)


if __name__ == "__main__":
    main()
