"""The source of charge vanishes with the residual of the gap equation, and only there."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

PATH = Path(__file__).resolve().parents[2] / "examples" / "self_consistency" / "self_consistency.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    specification = importlib.util.spec_from_file_location("self_consistency_example", PATH)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def history(example: ModuleType) -> xr.Dataset:
    found = example.iterate(cells=12, mesh=8, iterations=40)
    assert isinstance(found, xr.Dataset)
    return found


def test_source_falls_with_the_residual_of_the_gap_equation(history: xr.Dataset) -> None:
    source = abs(history.source).max("cell").values
    residual = abs(history.residual).max("cell").values
    assert source[0] > 1e-2
    assert source[-1] < source[0] / 100
    assert residual[-1] < residual[0] / 100
    ratio = source / residual
    bound = 4 / history.attrs["attraction"] * abs(history.gap).max("cell").values
    assert np.all(ratio <= bound * (1 + 1e-9))
    assert ratio.min() > 0.1


def test_source_is_the_phase_part_of_the_residual_at_every_iteration(history: xr.Dataset) -> None:
    expected = 4 / history.attrs["attraction"] * (history.gap.values.conj() * history.residual.values).imag
    assert np.abs(expected).max() > 1e-2
    np.testing.assert_allclose(history.source.values, expected, atol=1e-13)


def test_bond_currents_carry_away_what_the_source_makes(history: xr.Dataset) -> None:
    bond = history.bond_current.values
    before = np.concatenate([np.zeros((len(bond), 1)), bond[:, :-1]], axis=1)
    assert np.abs(bond[0]).max() > 1e-2
    np.testing.assert_allclose(bond - before, history.source.values, atol=1e-13)
    np.testing.assert_allclose(bond[:, -1], 0, atol=1e-13)


def test_gap_converges_to_a_finite_mean_field(history: xr.Dataset) -> None:
    last = abs(history.gap.isel(iteration=-1))
    assert float(last.min()) > 0.5
    assert float(abs(abs(history.gap.isel(iteration=0)) - last).max()) > 0.05


def test_figure_shows_both_panels_and_the_stored_one_is_small(
    example: ModuleType, history: xr.Dataset, tmp_path: Path
) -> None:
    drawing = example.figure(history)
    assert isinstance(drawing, Figure)
    assert [bool(axes.get_xlabel() and axes.get_ylabel()) for axes in drawing.axes] == [True, True]
    assert drawing.axes[0].get_yscale() == "log"
    drawing.savefig(tmp_path / "figure.png", dpi=40)
    assert (tmp_path / "figure.png").stat().st_size > 2000
    assert PATH.with_suffix(".png").stat().st_size < 150_000
