"""Symmetry reports against published tables, scans, maps of the shell and figures."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import PathCollection

from solenoidal.disorder.boltzmann import RelaxationTime, solve_boltzmann
from solenoidal.disorder.conductivity import extrinsic_conductivity
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.scans import scan_disorder, scan_models
from solenoidal.disorder.scatterers import Scatterer, impurity, mixture, site_impurities
from solenoidal.disorder.shell_map import shell_map
from solenoidal.disorder.shells.shells import EnergyShells
from solenoidal.disorder.symmetry_report import symmetry_report
from solenoidal.errors import ConfigError, ResultError, SymmetryError
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import altermagnet_d_wave, kagome_antiferromagnet
from solenoidal.report.extrinsic_figures import against_mu_figure, fermi_surface_figure, relaxation_spectrum_figure
from solenoidal.symmetry.spin_space import spin_group
from support.dense_boltzmann import numbers

IN_PLANE = {"xx,y", "xy,x", "yx,x", "yy,y"}


def names(mask: xr.DataArray) -> set[str]:
    letters = "xyz"
    return {f"{letters[i]}{letters[j]},{letters[a]}" for i, j, a in np.argwhere(mask.values)}


@pytest.mark.parametrize(
    ("parameters", "magnetic", "spin", "components"),
    [
        ({"chirality": -1}, 4, 1, IN_PLANE),
        ({"chirality": 1}, 1, 1, IN_PLANE),
        ({"chirality": 1, "canting": 0.3}, 2, 2, IN_PLANE | {"xx,z", "yy,z"}),
        ({"chirality": 1, "spin_orbit": 0.1, "rashba": 0.1}, 1, 1, IN_PLANE),
        ({"chirality": -1, "spin_orbit": 0.1, "rashba": 0.1}, 4, 4, IN_PLANE),
    ],
)
def test_components_of_kagome_magnets(
    parameters: dict[str, float], magnetic: int, spin: int, components: set[str]
) -> None:
    model = kagome_antiferromagnet(J=1.7, **parameters)  # type: ignore[arg-type]
    species = site_impurities(model, concentration=0.02, strength=1.0)
    data = extrinsic_conductivity(EnergyShells(model, mesh=(24, 24)), species, mu=1.0)
    report = symmetry_report(data, model, species)
    assert report.constants == {"magnetic_group": magnetic, "spin_group": spin}
    assert names(report.allowed.spin_group) == components
    assert not report.dropped
    assert max(report.forbidden.values()) < 1e-9
    assert f"({spin})" in report.text
    for name in components:
        assert name in report.text
    projected = report.spin.projector(np.diag([1.0, 1, 0])) @ data.conserved.values[0, 0].ravel()
    assert np.abs(projected).max() > 1
    np.testing.assert_allclose(projected, data.conserved.values[0, 0].ravel(), atol=2e-3 * np.abs(projected).max())


def test_impurities_that_break_a_symmetry_free_its_components(kagome: TightBinding) -> None:
    shells = EnergyShells(kagome, mesh=(24, 24))
    species = [impurity(kagome, strength=1.0, moment=(0.3, 0.1, 0.2), concentration=0.02)]
    data = extrinsic_conductivity(shells, species, mu=1.0)
    report = symmetry_report(data, kagome, species)
    assert "2[0,1,0]" in report.dropped
    assert "broken by the impurities" in report.text
    freed = names(report.allowed.spin_group) - IN_PLANE
    assert "xy,y" in freed
    assert abs(data.conserved.sel(current="x", field="y", spin="y").item()) > 0.1
    assert max(report.forbidden.values()) < 1e-9


def test_a_loose_tolerance_does_not_invent_spin_rotations(kagome: TightBinding) -> None:
    species = site_impurities(kagome, concentration=0.02, strength=1.0)
    data = extrinsic_conductivity(EnergyShells(kagome, mesh=(16, 16)), species, mu=1.0)
    report = symmetry_report(data, kagome, species, tolerance=0.05)
    assert report.constants == {"magnetic_group": 4, "spin_group": 4}


@pytest.mark.filterwarnings("ignore::solenoidal.disorder.problems.QuasiDegenerateWarning")
def test_a_collinear_altermagnet_carries_spin_along_its_moment_only() -> None:
    model = altermagnet_d_wave(t2=0.3, delta=0.5, J=0.8)
    group = spin_group(model)
    np.testing.assert_allclose(group.span, np.diag([0, 0, 1]), atol=1e-9)
    species = site_impurities(model, concentration=0.001, strength=1.0)
    data = extrinsic_conductivity(EnergyShells(model, mesh=(48, 48)), species, mu=-1.5)
    report = symmetry_report(data, model, species)
    assert report.constants["spin_group"] == 1
    assert names(report.allowed.spin_group) == {"xx,z", "yy,z"}
    tensor = numbers(data.conserved)
    assert abs(tensor[0, 0, 2]) > 0.1
    assert tensor[0, 0, 2] == pytest.approx(-tensor[1, 1, 2], rel=1e-9)


def test_a_report_needs_one_chemical_potential(kagome: TightBinding) -> None:
    species = site_impurities(kagome, concentration=0.02, strength=1.0)
    data = extrinsic_conductivity(EnergyShells(kagome, mesh=(16, 16)), species, mu=[0.9, 1.0])
    with pytest.raises(SymmetryError, match="isel"):
        symmetry_report(data, kagome, species)


@pytest.mark.filterwarnings("ignore::solenoidal.disorder.problems.QuasiDegenerateWarning")
def test_mixtures_deviate_from_matthiessens_rule_on_shared_shells(kagome: TightBinding) -> None:
    shells = EnergyShells(kagome, mesh=(24, 24))
    built: list[float] = []
    original = shells._build

    def counted(energy: float):  # type: ignore[no-untyped-def]
        built.append(energy)
        return original(energy)

    shells._build = counted  # type: ignore[method-assign]
    sites = site_impurities(kagome, concentration=0.02, strength=1.0)
    cell = (impurity(kagome, strength=1.0, concentration=0.02),)
    x = (0.0, 0.5, 1.0)
    data = scan_disorder(shells, {v: mixture(sites, cell, v) for v in x}, mu=-2.2, dim="x")
    assert built == [-2.2]
    assert data["x"].values.tolist() == list(x)
    rho = data.resistivity.sel(current="x", field="x").squeeze().values
    assert abs(rho[1] - (rho[0] + rho[2]) / 2) > 1e-3 * rho[1]
    alone = extrinsic_conductivity(shells, cell, mu=-2.2)
    np.testing.assert_allclose(data.conserved.sel(x=1.0), alone.conserved, rtol=1e-12)


def test_canting_the_moments_is_a_scan_over_models() -> None:
    def build(angle: float) -> tuple[TightBinding, tuple[Scatterer, ...]]:
        model = kagome_antiferromagnet(J=1.7, chirality=1, canting=angle)
        return model, site_impurities(model, concentration=0.02, strength=1.0)

    data = scan_models(build, [-0.3, 0.0, 0.3], mesh=(24, 24), mu=1.0, dim="canting")
    out = data.conserved.sel(current="x", field="x", spin="z").squeeze().values
    assert out[2] > 1
    assert out[1] == pytest.approx(0.0, abs=1e-9)
    assert out[0] == pytest.approx(-out[2], rel=1e-9)
    with pytest.raises(ConfigError, match="at least one"):
        scan_models(build, [], mesh=(24, 24), mu=1.0)
    with pytest.raises(ConfigError, match="at least one"):
        scan_disorder(EnergyShells(build(0.0)[0], mesh=(8, 8)), {}, mu=1.0)


@pytest.fixture(scope="module")
def solved(kagome: TightBinding) -> tuple[xr.Dataset, xr.Dataset]:
    shells = EnergyShells(kagome, mesh=(24, 24))
    species = site_impurities(kagome, concentration=0.02, strength=1.0)
    solution = solve_boltzmann(shells.at(1.0), CollisionKernel.build(kagome, species))
    return shell_map(solution), extrinsic_conductivity(shells, species, mu=[0.8, 0.9, 1.0])


def test_the_integrand_on_the_shell_sums_to_the_tensor(solved: tuple[xr.Dataset, xr.Dataset]) -> None:
    shell, data = solved
    total = np.einsum("k,kila->ila", shell.weight, shell.integrand)
    expected = -data.conserved.sel(mu=1.0).values[0] / (2 * np.pi)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(total, expected, atol=1e-12)
    np.testing.assert_allclose(shell.weight @ shell.mean_free_path, 0, atol=1e-9)
    assert np.all(shell.rate > 0)
    # Inside the hexagonal zone, whose corners lie 4π/3 from its centre.
    assert np.linalg.norm(shell.k, axis=1).max() < 4 * np.pi / 3 + 1e-9
    assert shell.spectrum[0] == pytest.approx(0, abs=1e-12)


def test_the_fermi_line_is_drawn_with_its_values(solved: tuple[xr.Dataset, xr.Dataset]) -> None:
    shell, _ = solved
    figure = fermi_surface_figure(shell, component="yyy")
    drawn = [c for axes in figure.axes for c in axes.collections if isinstance(c, PathCollection)]
    assert len(drawn) == 4
    np.testing.assert_allclose(np.sort(drawn[2].get_array()), np.sort(shell.rate))
    np.testing.assert_allclose(np.sort(drawn[0].get_array()), np.sort(shell.spin.sel(component="y")))
    assert drawn[0].norm.vmin == -drawn[0].norm.vmax  # type: ignore[operator]
    figure.draw_without_rendering()


def test_curves_against_the_chemical_potential_keep_their_numbers(solved: tuple[xr.Dataset, xr.Dataset]) -> None:
    _, data = solved
    axes = against_mu_figure(data, component="yyy").axes[0]
    expected = data.conserved.sel(current="y", field="y", spin="y").squeeze()
    np.testing.assert_allclose(axes.lines[0].get_ydata(), expected)
    assert "2π" in axes.get_ylabel()
    angles = against_mu_figure(data, component="yyy", angle=True, reference=1.0).axes[0]
    np.testing.assert_allclose(angles.lines[0].get_xdata(), data.mu - 1.0)
    assert "theta" in angles.get_ylabel()


def test_relaxation_spectrum_and_requests_that_cannot_be_drawn(solved: tuple[xr.Dataset, xr.Dataset]) -> None:
    shell, data = solved
    axes = relaxation_spectrum_figure(shell).axes[0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), shell.spectrum)
    with pytest.raises(ResultError, match="no relaxation spectrum"):
        relaxation_spectrum_figure(shell.isel(mode=slice(0, 0)))
    with pytest.raises(ResultError, match="choose from"):
        fermi_surface_figure(shell, component="yyy", quantities=("colour",))
    with pytest.raises(ResultError, match="for example 'xyz'"):
        fermi_surface_figure(shell, component="yy")
    with pytest.raises(ResultError, match="no temperature 77"):
        against_mu_figure(data, component="yyy", temperature=77.0)


def test_a_relaxation_time_has_a_map_without_spectrum(kagome: TightBinding) -> None:
    shell = EnergyShells(kagome, mesh=(16, 16)).at(1.0)
    found = shell_map(solve_boltzmann(shell, None, method=RelaxationTime(10.0)))
    ratio = np.linalg.norm(found.mean_free_path, axis=1) / np.linalg.norm(found.velocity, axis=1)
    np.testing.assert_allclose(ratio, RelaxationTime(10.0).inverse_rate, rtol=1e-12)
    assert found.sizes["mode"] == 0
