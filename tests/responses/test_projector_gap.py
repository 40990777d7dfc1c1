"""The projector form of Eq. (16) has a meaning in a gap only, and says where that is."""

from __future__ import annotations

import numpy as np

import solenoidal as sol
from solenoidal.models.library import kane_mele


def test_projector_is_quantised_in_the_gap_and_undefined_outside() -> None:
    model = kane_mele(t=1.0, lambda_so=0.06, lambda_r=0.0, lambda_v=0.1)
    response = sol.SpinConductivity(charge=1.0, occupied_bands=2)
    grid = sol.EnergyGrid(-4, 4, 0.01, 0.0)
    result = sol.solve(model, [response], sol.Numerics(mesh=(60, 60, 1), energies=grid))
    low, high = result.gap(2)
    assert high - low > 0.1
    values = result.conductivity([-1.0, (low + high) / 2, 1.0], 0)["projector"]
    inside = values.sel(current="x", field="y", spin="z").values[:, 0]
    assert abs(abs(inside[1]) - 1) < 1e-3
    assert np.isnan(inside[[0, 2]]).all()
    assert "2 filled bands" in values.attrs["defined_for"]


def test_a_metal_has_no_gap_for_the_projector() -> None:
    model = kane_mele(t=1.0, lambda_so=0.06, lambda_r=0.0, lambda_v=0.1)
    response = sol.SpinConductivity(occupied_bands=1)
    result = sol.solve(model, [response], sol.Numerics(mesh=(24, 24, 1), energies=sol.EnergyGrid(-4, 4, 0.01, 0.0)))
    low, high = result.gap(1)
    assert low > high
    assert np.isnan(result.conductivity([-0.5, 0.5], 0)["projector"].values).all()
