"""The figures of the four definitions rest on these numbers."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from matplotlib.figure import Figure

PATH = Path(__file__).resolve().parents[2] / "examples" / "definitions" / "definitions.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    specification = importlib.util.spec_from_file_location("definitions_example", PATH)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_sea_route_has_no_double_pole_at_a_near_crossing(example: ModuleType) -> None:
    line = example.spike(21, half_width=0.005)
    assert 0 < float(line.gap.min()) < 5e-3
    surface, sea = abs(line.semiclassical_surface).max(), abs(line.semiclassical_sea).max()
    assert float(surface) > 1e4
    assert 0 < float(sea) < 1e-2 * float(surface)


def test_the_sea_route_converges_first(example: ModuleType) -> None:
    meshes = example.convergence((8, 10, 12))
    assert float(meshes.semiclassical_sea.min()) > 40
    assert float(np.ptp(meshes.semiclassical_sea.values)) < 12
    assert float(np.ptp(meshes.semiclassical_surface.values)) > 500


def test_routes_differ_at_a_touching_and_nowhere_else(example: ModuleType) -> None:
    data = example.exchange([0.0, 0.5], (-3.5,), mesh=200).isel(mu=0) * 4
    np.testing.assert_allclose(data.semiclassical_surface, [-1, 0], atol=2e-3)
    np.testing.assert_allclose(data.semiclassical_sea, 0, atol=1e-9)
    np.testing.assert_allclose(data.route_difference[0], -1, atol=2e-3)


def test_finite_q_shares_the_symmetric_part_only(example: ModuleType) -> None:
    data = example.symmetric_and_antisymmetric([-2.2, -1.9, -1.3], mesh=120)
    symmetric, other = data.sel(part="symmetric"), data.sel(part="antisymmetric")
    assert float(abs(symmetric.semiclassical).min()) > 0.03
    np.testing.assert_allclose(symmetric.finite_q, symmetric.semiclassical, atol=1e-3)
    assert float(abs(symmetric.conventional - symmetric.semiclassical).max()) > 0.01
    assert float(abs(other.semiclassical).max()) > 0.05
    assert float(abs(other.finite_q - other.semiclassical).max()) > 0.01


def test_filled_sets_of_three_bands_keep_a_curvature_sum(example: ModuleType) -> None:
    data = example.filled_sets((2, 3), mesh=120)
    assert float(data.semiclassical.sel(bands=3)) == pytest.approx(0.029118, abs=1e-5)
    assert float(data.semiclassical.sel(bands=2)) < 1e-5
    assert float(data.finite_q.max()) < 1e-12
    assert float(data.conventional.max()) < 1e-12


def test_exchange_cancels_the_two_terms(example: ModuleType) -> None:
    data = example.exchange([0.5], (-3.5, -2.0)).isel(m=0) / (2 * np.pi)
    np.testing.assert_allclose(data.berry_spin, [0.009722, 0.020446], atol=1e-6)
    np.testing.assert_allclose(data.dipole, [-0.009722, -0.020446], atol=3e-6)
    np.testing.assert_allclose(data.semiclassical, 0, atol=3e-6)
    np.testing.assert_allclose(data.finite_q, [-0.013793, -0.021217], atol=3e-6)


def test_kane_mele_scan_reaches_its_reference_numbers(example: ModuleType) -> None:
    data = example.kane_mele_scan([0.001, 0.05, 0.1])
    assert float(data.gap.min()) > 0.1
    np.testing.assert_allclose(data.conventional, [1.00001, 1.0218, 1.0981], atol=6e-5)
    np.testing.assert_allclose(data.projector, [1.0, 0.9941, 0.9752], atol=6e-5)
    np.testing.assert_allclose(data.finite_q, [1.0, 0.9744, 0.8876], atol=6e-5)
    np.testing.assert_allclose(data.berry_spin, [0.7547, 1.033, 1.1263], atol=2e-4)
    np.testing.assert_allclose(data.semiclassical, data.berry_spin, atol=1e-12)
    first, second = 1 - example.kane_mele_scan([0.01, 0.02], mesh=60).projector.values
    assert second / first == pytest.approx(4, rel=0.03)


def test_every_figure_is_drawn(example: ModuleType, tmp_path: Path) -> None:
    masses = example.exchange([0.0, 0.2, 0.4], (-3.5, -2.0), mesh=20)
    mu = np.linspace(-2.5, -1.5, 3)
    figures = {
        "routes": example.routes_figure(example.spike(5), example.convergence((4, 6)), masses),
        "symmetric": example.symmetric_figure(example.symmetric_and_antisymmetric(mu, mesh=12)),
        "filled": example.filled_figure(example.filling(mu, mesh=12), example.filled_sets((2, 3), mesh=12)),
        "exchange": example.exchange_figure(masses),
        "kane_mele": example.kane_mele_figure(example.kane_mele_scan([0.01, 0.05], mesh=12)),
    }
    for name, figure in figures.items():
        assert isinstance(figure, Figure)
        figure.savefig(tmp_path / f"{name}.png", dpi=40)
        assert (tmp_path / f"{name}.png").stat().st_size > 2000
        shown = PATH.with_name(f"{name}.png")
        assert shown.stat().st_size < 150_000
