"""Runs of one temperature each, merged: the same numbers as one run that holds every temperature."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.errors import ResultError
from solenoidal.models.library import random_model
from solenoidal.results.series import merge_temperatures

MUS, TEMPERATURES = (-0.7, 0.1, 0.6), (900.0, 300.0, 1500.0, 600.0)


def run(temperatures: tuple[float, ...], mus: tuple[float, ...] = MUS, replicas: int = 2) -> sol.Result:
    return sol.solve(
        random_model(3, 2, 5),
        [sol.SpinConductivity(), sol.DensityOfStates()],
        sol.Numerics(mesh=(4, 4, 1), energies=sol.FixedPoints(mus, temperatures), replicas=replicas, audit=False),
    )


def test_merged_runs_answer_for_every_mu_and_temperature_like_one_run() -> None:
    merged = merge_temperatures([run((temperature,)) for temperature in TEMPERATURES], note="merged")
    whole = run(TEMPERATURES)
    for name in ("conductivity", "nernst", "carriers"):
        found, expected = (result.quantity(name, MUS, TEMPERATURES) for result in (merged, whole))
        for output in expected.data_vars:
            values = expected[output].values
            scale = np.abs(values).max()
            assert min(np.ptp(values, axis=axis).max() for axis in (0, 1)) > 1e-3 * scale
            np.testing.assert_allclose(found[output], values, rtol=0, atol=1e-12 * scale, err_msg=str(output))
    assert merged.attrs["note"] == "merged"
    assert merged.replicas == 2


def test_merged_runs_span_the_bands_of_all_models() -> None:
    runs = [run((temperature,)) for temperature in (300.0, 600.0)]
    change = np.array([[-0.5, 0.1, 0.0], [-0.2, 0.3, 0.0]])
    other = replace(runs[1], band_edges=runs[1].band_edges + change)
    expected = runs[0].band_edges + np.array([[-0.5, 0.0, 0.0], [0.0, 0.3, 0.0]])
    np.testing.assert_allclose(merge_temperatures([runs[0], other]).band_edges, expected, rtol=0, atol=1e-12)


def test_runs_that_do_not_fit_together_are_refused() -> None:
    one = run((300.0,))
    with pytest.raises(ResultError, match="at least one"):
        merge_temperatures([])
    for other in (run((300.0,)), run((600.0,), (0.2,)), run((600.0, 700.0))):
        with pytest.raises(ResultError, match="one temperature of its own"):
            merge_temperatures([one, other])
    with pytest.raises(ResultError, match="solve them alike"):
        merge_temperatures([one, run((600.0,), replicas=3)])
