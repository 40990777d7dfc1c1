"""A continuum model answers for chemical potentials whose Fermi surface its momentum box holds, and no others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.disorder.shells.shells import EnergyShells
from solenoidal.errors import ConfigError, ResultError
from solenoidal.models.continuum import ContinuumModel, PolynomialHamiltonian
from solenoidal.models.library import massive_dirac_continuum, rashba_continuum
from solenoidal.models.library.topological import weyl
from solenoidal.units import BOLTZMANN

CUTOFF = 2.0


def gas(cutoff: float = CUTOFF) -> ContinuumModel:
    return rashba_continuum(m=1.0, alpha=0.5, cutoff=cutoff)


def density(model: ContinuumModel, mu: float, temperature: float = 0.0) -> float:
    result = sol.solve(
        model,
        [sol.DensityOfStates()],
        sol.Numerics(mesh=(200, 200, 1), energies=sol.FixedPoints((mu,), (temperature,)), symmetry=None, audit=False),
    )
    per_cell = float(result.carriers(mu, temperature)["carriers"].squeeze())
    return per_cell / model.cell_measure


def test_a_band_with_a_bottom_limits_mu_from_above_and_a_sea_from_below() -> None:
    low, high = gas().valid_range
    assert low == -np.inf
    assert high == pytest.approx(CUTOFF**2 / 2 - 0.5 * CUTOFF, rel=1e-12)
    edge = np.hypot(1.5 * CUTOFF, 0.3)
    dirac = massive_dirac_continuum(velocity=1.5, mass=0.3, cutoff=CUTOFF)
    assert dirac.valid_range == pytest.approx((-edge, edge), rel=1e-12)
    assert weyl(cutoff=CUTOFF).valid_range == pytest.approx((-CUTOFF, CUTOFF), rel=1e-12)


def test_hole_bands_limit_mu_from_below_only() -> None:
    holes = ContinuumModel(PolynomialHamiltonian({(2, 0, 0): -np.eye(1), (0, 2, 0): -np.eye(1)}), 2, CUTOFF)
    assert holes.valid_range == pytest.approx((-(CUTOFF**2), np.inf), rel=1e-12)


def test_carriers_inside_the_range_do_not_depend_on_the_cutoff_and_would_above_it() -> None:
    inside, above = 0.9, 1.6
    assert gas().valid_range[1] == pytest.approx(1.0)
    exact = (inside + 0.5**2) / np.pi  # m(μ + mα²)/π with both bands occupied, m = 1
    assert density(gas(), inside) == pytest.approx(exact, rel=4e-3)
    assert density(gas(4.0), above) == pytest.approx((above + 0.25) / np.pi, rel=4e-3)
    with pytest.raises(ResultError, match=r"momentum box .* between -inf and 1 eV .* enlarge the cutoff"):
        density(gas(), above)


def test_the_thermal_margin_counts() -> None:
    mu = 0.9
    assert density(gas(), mu, 20.0) == pytest.approx((mu + 0.25) / np.pi, rel=4e-3)
    with pytest.raises(ResultError, match=r"k_BT = 0\.172"):
        density(gas(), mu, 100.0)
    assert 20 * BOLTZMANN * 20 < 1.0 - mu < 20 * BOLTZMANN * 100


def test_the_range_travels_with_the_file(tmp_path: Path) -> None:
    result = sol.solve(
        gas(),
        [sol.DensityOfStates()],
        sol.Numerics(mesh=(20, 20, 1), energies=sol.EnergyGrid(-1.0, 3.0, 0.01, 0.5), symmetry=None, audit=False),
    )
    loaded = sol.Result.load(result.save(tmp_path / "gas.nc"))
    assert float(loaded.carriers(0.5, 0.0)["carriers"].squeeze()) > 0
    with pytest.raises(ResultError, match="enlarge the cutoff"):
        loaded.carriers(1.5, 0.0)


@pytest.mark.parametrize("energy", [1.2, 9.0])
def test_energy_shells_outside_the_box_are_refused_even_where_nothing_crosses_its_edge(energy: float) -> None:
    shells = EnergyShells(gas(), mesh=(16, 16, 1), threads=1)
    assert len(shells.at(0.9))
    with pytest.raises(ConfigError, match=r"edge of the momentum box, .* between -inf and 1 eV"):
        shells.at(energy)
