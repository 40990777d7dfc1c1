"""Profiles of a tensor operator are those of each of its elements, taken as scalar operators."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from solenoidal.errors import ResultError
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.operator import Operator
from solenoidal.realspace import Ribbon, gradient_profiles, local_densities, ribbon_profiles, zeeman_profile
from solenoidal.realspace.flux import flux_response
from solenoidal.report.profile_figures import profile_panels
from support.shells import shells


def model() -> TightBinding:
    """The shells with the element xz of the quadrupole as an operator by itself."""
    base = shells(0.3)
    Q = base.operators["quadrupole"]
    return replace(base, operators={"quadrupole": Q, "xz": Operator(Q.R, Q.matrices[:, 0, 2], (), 1, "Å²")})


def wave(x: np.ndarray) -> np.ndarray:
    return 0.2 * np.cos(2 * np.pi * x / 8)


def test_ribbon_gradient_and_local_profiles_have_an_axis_for_each_leg() -> None:
    ribbon = Ribbon(model(), 8, (zeeman_profile(wave),), periodic=True)
    for profiles, options in (
        (ribbon_profiles, {"mesh": (4,), "temperature": 1500.0}),
        (gradient_profiles, {"mesh": (4, 4, 1), "temperature": 1500.0, "nodes": 6}),
    ):
        whole, one = (profiles(ribbon, name, **options) for name in ("quadrupole", "xz"))
        assert whole["density"].dims == ("cell", "spin_1", "spin_2")
        assert whole["conventional_current"].dims == ("cell", "current", "spin_1", "spin_2")
        assert np.abs(one["density"]).max() > 1e-4
        assert np.abs(one["conventional_current"]).max() > 1e-4
        for name in ("density", "conventional_current", "source"):
            np.testing.assert_allclose(whole[name].sel(spin_1="x", spin_2="z"), one[name], rtol=0, atol=1e-12)
            np.testing.assert_allclose(whole[name].sel(spin_1="z", spin_2="x"), one[name], rtol=0, atol=1e-12)


def test_local_densities_and_flux_keep_the_elements_apart() -> None:
    x = np.arange(8.0)
    options = {"coordinates": [x], "mu": -0.4, "temperature": 1500.0, "potential": wave(x), "mesh": (6, 6, 1)}
    whole, one = (local_densities(model(), name, periodic=True, nodes=8, **options) for name in ("quadrupole", "xz"))
    assert whole["torque_current"].dims == ("x", "current", "spin_1", "spin_2")
    assert np.abs(one["torque_current"]).max() > 1e-8
    np.testing.assert_allclose(
        whole["torque_current"].sel(spin_1="x", spin_2="z"), one["torque_current"], rtol=0, atol=1e-11
    )
    slopes = [flux_response(model(), n, flux=3, mesh=(2, 6), mu=-0.4, temperature=1500.0) for n in ("quadrupole", "xz")]
    assert slopes[0]["density_slope"].dims == ("spin_1", "spin_2")
    assert slopes[0]["density_slope"].attrs["units"] == "(|e|/h) (Å²)"
    np.testing.assert_allclose(
        slopes[0]["density_slope"].sel(spin_1="x", spin_2="z"), slopes[1]["density_slope"], rtol=0, atol=1e-10
    )


def test_a_figure_of_a_tensor_names_one_letter_for_each_leg() -> None:
    exact = ribbon_profiles(Ribbon(model(), 8), "quadrupole", mesh=(4,), temperature=1500.0)
    figure = profile_panels(exact, [("", "xx")], variables=("density",))
    label = figure.axes[0].get_ylabel()
    assert "s_{xx}" in label
    assert "Å²" in label
    with pytest.raises(ResultError, match="write 2 letters, one for each of spin_1, spin_2"):
        profile_panels(exact, [("", "z")], variables=("density",))
