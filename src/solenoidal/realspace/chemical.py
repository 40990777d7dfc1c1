"""How the magnetization of a superconductor changes with its chemical potential, in both meanings of the phrase."""

from __future__ import annotations

import numpy as np
import xarray as xr

from solenoidal.errors import ConfigError
from solenoidal.integrate.numerics import Numerics
from solenoidal.integrate.solve import solve
from solenoidal.models.bdg import shift_chemical_potential
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.responses.magnetization import bogolon_magnetization
from solenoidal.results.result import Result
from solenoidal.sampling.points import FixedPoints
from solenoidal.units import unit

OUTPUTS = ("magnetization", "M0")
STENCIL = {-2: 1 / 12, -1: -2 / 3, 1: 2 / 3, 2: -1 / 12}
"""Weights of a central difference of fourth order."""


def magnetization_slopes(
    model: TightBinding,
    *,
    temperature: float,
    mesh: tuple[int, int, int],
    step: float = 5e-3,
    charge: float = -1.0,
    degeneracy_tol: float = 1e-4,
) -> xr.Dataset:
    """e ∂M/∂μ of a Nambu ``model`` at ``temperature`` (K), dims (slope, moment), in the unit of a conductivity.

    ``slope`` "hamiltonian": μ inside H moves, H → H − δμ τz at fixed Δ, what an electrostatic profile does; central
    differences over ``step`` (eV), error of order step⁴. ``slope`` "occupation": f and g are taken at a moved level of
    the unchanged bogolons, what a Zeeman profile does; the quantity ``streda`` of a run, exact. For Bloch electrons
    both are the same Eq. (17), for Δ ≠ 0 they are different responses. Outputs ``magnetization``, ``M0`` and, for
    "hamiltonian", ``symmetrised`` (M_inf does not depend on the occupation).

    Raises ``ModelError`` for a model that ``bdg`` has not made and ``ConfigError`` unless temperature and step are
    positive.
    """
    if not (temperature > 0 and step > 0):
        raise ConfigError(f"temperature is {temperature:g} K and step {step:g} eV; write positive numbers")
    model.require_nambu()
    response = bogolon_magnetization(charge=charge)

    def run(shifted: TightBinding) -> Result:
        return solve(
            shifted,
            [response],
            Numerics(
                mesh=mesh,
                energies=FixedPoints((0.0,), (temperature,)),
                symmetry=None,
                degeneracy_tol=degeneracy_tol,
                audit=False,
            ),
        )

    def moments(result: Result, name: str) -> xr.Dataset:
        return result.quantity(name, 0.0, temperature).isel(mu=0, temperature=0, drop=True)

    fixed = moments(run(model), "streda")
    total: xr.Dataset | None = None
    for multiple, weight in STENCIL.items():
        result = run(shift_chemical_potential(model, multiple * step))
        values = moments(result, "magnetization")[list(OUTPUTS)]
        values["symmetrised"] = moments(result, "symmetrised_magnetization")["symmetrised"]
        part = values * (weight / step)
        total = part if total is None else total + part
    d = model.dimension
    factor = charge * unit("conductivity", d).factor / unit("orbital_magnetization", d).factor
    moved = (total if total is not None else fixed) * factor
    found = xr.concat([moved, fixed[list(OUTPUTS)]], dim="slope", join="outer", data_vars="all", fill_value=np.nan)
    found = found.assign_coords(slope=["hamiltonian", "occupation"])
    for name, slope in found.data_vars.items():
        slope.attrs = {"units": unit("conductivity", d).label, "long_name": f"e d/dmu of {name}"}
    found.attrs = {"temperature_K": temperature, "step_eV": step}
    return found
