"""Listings element by element: what they show, what they count and what they leave to other tables."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import solenoidal as sol
from solenoidal.models.library import haldane, random_model
from solenoidal.results.tables import elements, listings


def run(responses: list[sol.Response], energies: sol.FixedPoints | sol.EnergyGrid, replicas: int = 2) -> sol.Result:
    model = haldane(t2=0.1, mass=0.2)
    return sol.solve(model, responses, sol.Numerics(mesh=(4, 4, 1), energies=energies, replicas=replicas, audit=False))


def test_elements_that_vanish_are_counted_and_the_others_carry_value_and_error() -> None:
    """A Hall conductivity in two dimensions has the elements xy and yx of nine."""
    points = sol.FixedPoints((0.0, 0.3), (300.0,))
    result = run([sol.AnomalousHallConductivity()], points)
    hall = next(iter(listings(result, points.mu, points.temperature)))
    data = result.anomalous_hall(points.mu, points.temperature)
    assert (hall.title, hall.unit, hall.dims, hall.vanishing) == ("anomalous hall", "e²/h", ("current", "field"), 7)
    assert [row[:2] for row in hall.rows] == [("anomalous_hall", "xy"), ("anomalous_hall", "yx")]
    for (_, _, values, errors), (i, j) in zip(hall.rows, ((0, 1), (1, 0)), strict=True):
        np.testing.assert_array_equal(values, data["anomalous_hall"].values[..., i, j])
        np.testing.assert_array_equal(errors, data["anomalous_hall_error"].values[..., i, j])
        assert np.abs(values).max() > 0.1


def test_a_scalar_is_one_row_even_where_it_is_zero_and_a_single_mesh_has_no_error() -> None:
    points = sol.FixedPoints((-50.0,), (300.0,))
    result = run([sol.DensityOfStates()], points, replicas=1)
    carriers = {listing.title: listing for listing in listings(result, points.mu, points.temperature)}["carriers"]
    ((output, component, values, error),) = carriers.rows
    assert (output, component, carriers.dims, carriers.vanishing, error) == ("carriers", "", (), 0, None)
    assert values.tolist() == [[0.0]]


def test_a_quantity_of_several_responses_is_titled_by_each_and_conductivities_are_left_to_their_own_tables() -> None:
    points = sol.FixedPoints((0.0,), (300.0,))
    both = [sol.DensityOfStates(), sol.DensityOfStates(name="second_count"), sol.AnomalousHallConductivity()]
    titles = [listing.title for listing in listings(run(both, points), points.mu, points.temperature)]
    assert "carriers (density of states)" in titles
    assert "carriers (second count)" in titles
    assert "anomalous hall" in titles
    model = random_model(2, 2, 4)
    spin = sol.solve(model, [sol.SpinConductivity()], sol.Numerics(mesh=(2, 2, 1), energies=points, audit=False))
    assert list(listings(spin, points.mu, points.temperature)) == []


def test_what_the_energy_window_forbids_is_listed_with_its_reason_and_the_rest_with_numbers() -> None:
    result = run([sol.orbital_magnetization(), sol.DensityOfStates()], sol.EnergyGrid(-4.0, 1.0, 0.01, 0.0))
    found = {listing.title: listing for listing in listings(result, [0.0], [300.0])}
    refused = found["symmetrised magnetization"]
    assert refused.rows == ()
    assert refused.vanishing == 0
    assert "window" in refused.problem
    assert found["carriers"].problem == ""
    assert found["carriers"].rows[0][2][0, 0] == pytest.approx(1.0, abs=0.2)


def test_elements_that_were_not_computed_are_not_listed() -> None:
    axes = {"current": list("xyz"), "field": list("xyz")}
    data = xr.Dataset(
        {"one": (tuple(axes), np.zeros((3, 3)), {"components": "xy zz"}), "all": (tuple(axes), np.zeros((3, 3)))}, axes
    )
    assert list(elements(data, "one")) == [("xy", (0, 1)), ("zz", (2, 2))]
    assert len(list(elements(data, "all"))) == 9
