"""Pictures that need the model: bands coloured by band geometry, and maps of the zone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from solenoidal.arrays import RealArray
from solenoidal.errors import ConfigError
from solenoidal.integrate.sample import sample
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.report.figures import coloured_bands, plane_maps
from solenoidal.report.kspace import AXIS, KPath, KPlane, plane_through_centre, recommended_path
from solenoidal.report.page import Picture
from solenoidal.responses.maps import BandGeometry

QUANTITIES = ("spin", "berry_curvature", "berry_spin", "dipole", "torque_dipole", "conventional")
DEFAULT_QUANTITIES = ("berry_spin", "dipole")
PATH_POINTS = 360
PLANE_POINTS = 81


def require_lattice(model: object, what: str) -> TightBinding:
    """The model as a lattice model; raises ``ConfigError`` for a continuum model, which has no Brillouin zone."""
    if not isinstance(model, TightBinding):
        raise ConfigError(f"{what} needs a lattice model; a continuum model has no Brillouin zone to draw")
    return model


def band_quantity(data: xr.Dataset, quantity: str, component: str, unit: str = "ħ") -> tuple[str, RealArray]:
    """Label with unit and values (k, band) of ``quantity`` for the tensor element ``component`` (current, field, spin).

    Of a scalar operator the last letter plays no part; ``unit`` is the operator's. Curvatures are taken as the element
    (field, current) that enters the conductivity. Raises ``ConfigError`` for an unknown quantity, and for an operator
    of more than three components.
    """
    legs = data["spin"].ndim - 2
    if legs > 1:
        raise ConfigError("bands are coloured by a scalar or vector operator; the elements of a tensor have no picture")
    current, field = AXIS[component[0]], AXIS[component[1]]
    leg = (AXIS[component[2]],) if legs else ()
    i, e = component[0], component[1]
    power, index = (f"^{{{component[2]}}}", f"_{{{component[2]}}}") if legs else ("", "")
    own = "" if unit == "1" else f"{unit} "
    sign = _levi_civita(field, current)
    normal = 3 - field - current
    letter = "xyz"[normal] if 0 <= normal <= 2 else ""
    if quantity == "spin":
        return rf"$s{power}$  [{unit}]", np.asarray(data["spin"])[..., *leg]
    if quantity == "dipole":
        return rf"$d^{{\,{i},s{index}}}$  [{own}Å]", np.asarray(data["dipole"])[..., current, *leg]
    if quantity == "torque_dipole":
        values = np.asarray(data["torque_dipole"])[..., current, *leg]
        return rf"$d^{{\,{i},\tau{index}}}$  [{'eV Å' if unit == 'ħ' else f'{own}eV Å/ħ'}]", values
    if quantity == "conventional":
        values = np.asarray(data["conventional"])[..., field, current, *leg]
        return rf"$\Omega^{{{e},J^{{{i}s{index}}}}}$  [{own}Å$^2$]", values
    if quantity not in ("berry_curvature", "berry_spin"):
        raise ConfigError(f"there is no band quantity {quantity!r}; valid are {', '.join(QUANTITIES)}")
    if not letter or sign == 0:
        raise ConfigError(f"the curvature vanishes when current and field are both along {i}; choose another component")
    if quantity == "berry_curvature":
        return rf"$\Omega^{{{e}{i}}}$  [Å$^2$]", sign * np.asarray(data["berry_curvature"])[..., normal]
    values = sign * np.asarray(data["berry_spin"])[..., normal, *leg]
    return rf"$\Omega^{{{e}{i}}} s{power}$  [{own}Å$^2$]", values


def _levi_civita(field: int, current: int) -> int:
    return {1: 1, 2: -1, 0: 0}[(current - field) % 3]


def band_picture(
    model: TightBinding,
    component: str,
    reference: float,
    window: tuple[float, float],
    *,
    quantities: Sequence[str] = DEFAULT_QUANTITIES,
    operator: str = "spin",
    points: int = PATH_POINTS,
    degeneracy_tol: float = 1e-4,
) -> tuple[Picture, xr.Dataset]:
    """Bands along the recommended path, coloured; ``window`` (eV) relative to ``reference``; and the data drawn."""
    path: KPath = recommended_path(model, points)
    data = sample(model, BandGeometry(operator), path.k, degeneracy_tol=degeneracy_tol)
    unit = model.require_operator(operator).unit
    panels = [band_quantity(data, name, component, unit) for name in quantities]
    energies = np.asarray(data["energy"])
    low, high = max(window[0], float(energies.min()) - reference), min(window[1], float(energies.max()) - reference)
    figure = coloured_bands(
        path.distance, energies, panels, ticks=path.ticks, reference=reference, window=(low - 0.2, high + 0.2)
    )
    words = " and ".join(name.replace("_", " ") for name in quantities)
    caption = f"Bands coloured by {words}, component {component}, averaged over degenerate bands."
    return Picture(f"bands_{component}", caption, figure), data.assign_coords(distance=("k", path.distance))


def plane_picture(
    model: TightBinding,
    component: str,
    reference: float,
    *,
    axes: str = "xy",
    quantities: Sequence[str] = ("berry_spin", "conventional"),
    operator: str = "spin",
    points: int = PLANE_POINTS,
    degeneracy_tol: float = 1e-4,
) -> tuple[Picture, xr.Dataset]:
    """Sums over the states below ``reference`` on a plane through Γ with the Fermi lines; and the data drawn."""
    plane: KPlane = plane_through_centre(model, axes, points)
    data = sample(model, BandGeometry(operator), plane.k, degeneracy_tol=degeneracy_tol)
    energies = np.asarray(data["energy"])
    occupied = energies < reference
    panels = []
    for name in quantities:
        label, values = band_quantity(data, name, component, model.require_operator(operator).unit)
        panels.append((r"$\sum_{\mathrm{occ}}$ " + label, np.sum(values * occupied, axis=1).reshape(points, points)))
    figure = plane_maps(
        plane.first,
        plane.second,
        panels,
        axes_labels=plane.labels,
        energies=energies.reshape(points, points, -1),
        level=reference,
    )
    words = " and ".join(name.replace("_", " ") for name in quantities)
    caption = f"Sum over occupied states of {words}, component {component}, in the {axes} plane through Γ; "
    caption += "lines: where a band crosses the Fermi energy."
    return Picture(f"map_{component}_{axes}", caption, figure), data
