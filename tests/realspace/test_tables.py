"""Chebyshev tables and derivatives of profiles."""

from __future__ import annotations

import numpy as np
import pytest

from solenoidal.errors import ConfigError
from solenoidal.realspace.tables import ChebyshevTable, chebyshev_nodes, derivative


def test_table_reproduces_a_smooth_function_of_two_variables_and_knows_when_it_does_not() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 2, 50), rng.uniform(3, 4, 50)
    errors, tails = [], []
    for count in (6, 12, 30):
        first, second = chebyshev_nodes(-1, 2, count), chebyshev_nodes(3, 4, count)
        values = 1 / (1 + np.exp((first[:, None] - 0.3) * second[None, :]))
        table = ChebyshevTable(first, second, {"f": values})
        errors.append(np.abs(table.at(x, y)["f"] - 1 / (1 + np.exp((x - 0.3) * y))).max())
        tails.append(table.truncation())
    assert errors[0] > 1e-3 > 1e-6 > errors[2]
    assert tails[0] > 1e-3 > 1e-6 > tails[2]


def test_table_of_a_constant_profile_has_one_node_and_nodes_are_read_exactly() -> None:
    nodes = chebyshev_nodes(0.5, 0.5, 20)
    np.testing.assert_array_equal(nodes, [0.5])
    first = chebyshev_nodes(0, 1, 8)
    values = np.arange(8.0)[:, None]
    found = ChebyshevTable(first, nodes, {"f": values}).at(first, np.full(8, 0.5))["f"]
    np.testing.assert_allclose(found, np.arange(8.0), atol=1e-13)


@pytest.mark.parametrize("periodic", [True, False])
def test_derivatives_of_profiles(periodic: bool) -> None:
    x = np.arange(60) * 0.2
    values = np.sin(2 * np.pi * x / 12)[None, :, None] * np.ones((2, 1, 3))
    expected = 2 * np.pi / 12 * np.cos(2 * np.pi * x / 12)[None, :, None] * np.ones((2, 1, 3))
    np.testing.assert_allclose(derivative(values, x, 1, periodic), expected, atol=1e-12 if periodic else 1e-5)


def test_grids_that_are_not_uniform_are_refused() -> None:
    with pytest.raises(ConfigError, match="uniform ascending grid"):
        derivative(np.zeros(10), np.arange(10.0) ** 2, 0, False)
    with pytest.raises(ConfigError, match="at least 8 points"):
        derivative(np.zeros(4), np.arange(4.0), 0, True)
