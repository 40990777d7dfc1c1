"""Orbital magnetization of a superconductor read from a result, with everything that qualifies it side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from solenoidal.results.result import Result
from solenoidal.units import BOLTZMANN, unit

if TYPE_CHECKING:
    import xarray as xr

FILLED_SHARE = 0.1
"""Share of the magnetization that completely filled bands may claim before a warning is due."""


def magnetization_table(
    result: Result, temperature: ArrayLike, *, charge: float = -1.0, response: str = "bogolon_magnetization"
) -> xr.Dataset:
    """Every reading of a superconductor's orbital magnetization at ``temperature`` (K), (temperature, moment), in A.

    ``symmetrised`` is the value to quote: it does not depend on the Nambu basis and vanishes with time-reversal
    symmetry. Beside it ``magnetization`` (Eq. (20) in the basis of the model) with its parts ``local_circulation``,
    ``moving_dipole`` and ``berry``, ``M0`` (the conventional current alone: what a Zeeman edge carries),
    ``infinite_temperature`` and ``filled_bands`` = −k_BT ln 2 S, which is what Eq. (20) assigns to completely filled
    bands although they carry no current. ``attrs["warning"]`` says whether the latter is more than a tenth of the
    value to quote at some temperature, and is empty otherwise. ``charge`` is that of the response.
    """
    import xarray as xr  # here, since it takes a third of the program's start

    quantities = [
        result.quantity(name, 0.0, temperature, response=response)
        for name in ("magnetization", "symmetrised_magnetization", "filled_curvature")
    ]
    table = xr.merge([q.drop_attrs(deep=False) for q in quantities[:2]]).isel(mu=0, drop=True)
    per_current = unit("orbital_magnetization", result.dimension).factor / unit("conductivity", result.dimension).factor
    curvature = quantities[2]["filled_curvature"].isel(mu=0, drop=True) * per_current / charge
    table["filled_bands"] = -np.log(2) * BOLTZMANN * table["temperature"] * curvature
    table["filled_bands"].attrs = {"units": table["magnetization"].attrs["units"], "long_name": "filled bands"}
    table.attrs["warning"] = _warning(table)
    return table


def _warning(table: xr.Dataset) -> str:
    filled = abs(table["filled_bands"]).max("moment")
    quoted = abs(table["symmetrised"]).max("moment")
    noticed = (filled > FILLED_SHARE * quoted) & (filled > 1e-12 * float(abs(table["berry"]).max()))
    if not bool(noticed.any()):
        return ""
    lowest = float(table["temperature"].where(noticed).min())
    return (
        f"from {lowest:g} K on, more than {FILLED_SHARE:.0%} of the magnetization of Eq. (20) comes from completely "
        "filled bands, which carry no current; use M0 there, or lower temperatures"
    )
