"""Bogolons of a chiral d-wave superconductor: charge dipoles, orbital magnetization and quantised heat.

A quantum spin Hall metal (BHZ on the square lattice, t = 1 eV) with chiral pairing in each orbital and a part that
differs between the orbitals. Run it with an output folder; ``--mesh`` sets the divisions of the zone:

    python chiral_superconductor.py figures --mesh 120
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import solenoidal as sol
from solenoidal.models.gap import gap
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import bhz_chiral_d
from solenoidal.report.superconductor_figures import (
    bogolon_maps,
    dipole_arrows,
    magnetization_parts,
    phase_diagram,
    quantised_hall,
)
from solenoidal.responses.magnetization import bogolon_magnetization
from solenoidal.responses.superconductor import superconductor_responses
from solenoidal.results.bogolons import magnetization_table
from solenoidal.units import BOLTZMANN

CRITICAL_TEMPERATURE = 2600.0
"""K; with t = 1 eV and Δ = 0.4 eV this is the scale of 1.764 k_BT_c."""

DELTA = {"delta": 0.4, "delta_xy": 0.3, "orbital_s": 0.1, "orbital_d": 0.2, "orbital_xy": -0.35}

log = logging.getLogger("chiral_superconductor")


def superconductor(scale: float = 1.0, mu: float = 1.6) -> TightBinding:
    """The model with all pair amplitudes multiplied by ``scale``."""
    return bhz_chiral_d(mu=mu, **{name: scale * value for name, value in DELTA.items()})


def run(model: TightBinding, mesh: int, temperature: float) -> sol.Result:
    """Magnetization and Hall responses at one temperature, exact sums on a mesh × mesh grid."""
    return sol.solve(
        model,
        superconductor_responses(model),
        sol.Numerics(
            mesh=(mesh, mesh, 1), energies=sol.FixedPoints((0.0,), (temperature,)), symmetry=None, audit=False
        ),
    )


def over_temperature(mesh: int, points: int) -> tuple[xr.Dataset, np.ndarray]:
    """Magnetization table and κ_xy/T for Δ(T) = Δ(0) tanh 1.74 √(T_c/T − 1)."""
    temperatures = np.linspace(0.04, 1.2, points) * CRITICAL_TEMPERATURE
    shape = gap(temperatures, critical_temperature=CRITICAL_TEMPERATURE, zero_temperature_gap=1.0)
    tables, heat = [], []
    for temperature, scale in zip(temperatures, shape, strict=True):
        result = run(superconductor(float(scale)), mesh, float(temperature))
        tables.append(magnetization_table(result, temperature))
        heat.append(float(result.quantity("thermal_hall", 0.0, temperature)["thermal_hall"][0, 0, 0, 1]))
    return xr.concat(tables, "temperature", combine_attrs="drop"), np.array(heat)


def over_scale(mesh: int, points: int, temperature: float) -> xr.Dataset:
    """Magnetization table against the size of all pair amplitudes."""
    tables = []
    for scale in np.linspace(0.0, 1.5, points):
        table = magnetization_table(run(superconductor(float(scale)), mesh, temperature), temperature)
        tables.append(table.isel(temperature=0).expand_dims(scale=[scale]))
    return xr.concat(tables, "scale", combine_attrs="drop")


def over_chemical_potential(mesh: int, points: int, temperature: float) -> xr.Dataset:
    """Magnetization table against μ; for Bogolons each μ is another model."""
    tables = []
    for mu in np.linspace(0.6, 2.6, points):
        table = magnetization_table(run(superconductor(mu=float(mu)), mesh, temperature), temperature)
        tables.append(table.isel(temperature=0).expand_dims(mu=[mu]))
    return xr.concat(tables, "mu", combine_attrs="drop")


def over_plane(mesh: int, points: int, temperature: float) -> Figure:
    """κ_xy/T and the symmetrised magnetization over μ and Δ; every point is another model."""
    mus, scales = np.linspace(-0.6, 3.6, points), np.linspace(0.05, 1.5, points)
    heat, moment = np.zeros((points, points)), np.zeros((points, points))
    for i, scale in enumerate(scales):
        for j, mu in enumerate(mus):
            result = run(superconductor(float(scale), float(mu)), mesh, temperature)
            heat[i, j] = float(result.quantity("thermal_hall", 0.0, temperature)["thermal_hall"][0, 0, 0, 1])
            table = magnetization_table(result, temperature)
            moment[i, j] = 1e6 * float(table["symmetrised"].isel(temperature=0).sel(moment="z"))
    panels = [(r"$\kappa_{xy}/T$  [$\pi^2k_\mathrm{B}^2/3h$]", heat), (r"$M_\mathrm{sym}$  [μA]", moment)]
    return phase_diagram(mus, DELTA["delta"] * scales, panels, steps=1.0)


def zone_maps(side: int) -> dict[str, Figure]:
    """Arrows of d_n(k), and ρ_n, Ω_n and m_n, for the highest band below the gap."""
    model = superconductor()
    ticks = np.linspace(-0.5, 0.5, side)
    k = np.zeros((side * side, 3))
    k[:, 0], k[:, 1] = (grid.ravel() for grid in np.meshgrid(ticks, ticks, indexing="ij"))
    geometry = sol.sample(model, sol.BandGeometry("charge"), k)
    moments = sol.sample(model, bogolon_magnetization(), k)
    band = model.n_orbitals // 2 - 1

    def plane(values: xr.DataArray) -> np.ndarray:
        return np.asarray(values.isel(band=band)).reshape(side, side, *values.shape[2:])

    kx, ky = (2 * np.pi * k[:, axis].reshape(side, side) for axis in (0, 1))
    charge, curvature = plane(geometry["spin"]), plane(geometry["berry_curvature"])[..., 2]
    moment = plane(moments["circulation"])[..., 2] + plane(moments["moving_dipole"])[..., 2]
    panels = [
        (r"$\rho_n$  [$e$]", charge),
        (r"$\Omega_n$  [Å$^2$]", curvature),
        (r"$m_n$  [$e$ eV Å$^2/\hbar$]", moment),
    ]
    return {
        "dipole": dipole_arrows(kx, ky, plane(geometry["dipole"])[..., :2], panels[0]),
        "maps": bogolon_maps(kx, ky, panels),
    }


def moments(table: xr.Dataset) -> dict[str, np.ndarray]:
    """z components by name."""
    return {str(name): np.asarray(values.sel(moment="z")) for name, values in table.data_vars.items()}


def figures(mesh: int, points: int, side: int) -> dict[str, Figure]:
    """Every figure of the example by name."""
    table, heat = over_temperature(mesh, points)
    reduced = np.asarray(table["temperature"]) / CRITICAL_TEMPERATURE
    cold = 0.1 / BOLTZMANN
    ratio = moments(over_scale(mesh, points, cold))
    against_mu = over_chemical_potential(mesh, points, cold)
    return {
        **zone_maps(side),
        "magnetization_temperature": magnetization_parts(
            reduced, moments(table), variable_label="$T/T_c$", unit="A", mark=(1.0, "$T_c$")
        ),
        "magnetization_gap": magnetization_parts(
            np.linspace(0.0, 1.5, points), ratio, variable_label=r"$\Delta/\Delta_0$", unit="A"
        ),
        "magnetization_mu": magnetization_parts(
            np.asarray(against_mu["mu"]), moments(against_mu), variable_label=r"$\mu$  [eV]", unit="A"
        ),
        "phase_diagram": over_plane(max(mesh // 3, 12), max(points // 2, 3), 0.02 / BOLTZMANN),
        "thermal_hall": quantised_hall(reduced, [("$\\Delta(T)$", heat)], quantum=2.0, temperature_label="$T/T_c$"),
    }


def main() -> None:
    """Write the figures as PNG files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="folder for the figures")
    parser.add_argument("--mesh", type=int, default=120, help="divisions of the zone along each side")
    parser.add_argument("--points", type=int, default=30, help="points along each curve")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options.output.mkdir(parents=True, exist_ok=True)
    for name, figure in figures(options.mesh, options.points, side=121).items():
        path = options.output / f"{name}.png"
        figure.savefig(path, dpi=200)
        log.info("%s", path)


if __name__ == "__main__":
    main()
