"""Averages over symmetry: what a mesh's diagonal leaves is removed, reported, and not larger than the stated error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from solenoidal.disorder.conductivity import extrinsic_conductivity
from solenoidal.disorder.scatterers import Scatterer, impurity, site_impurities
from solenoidal.disorder.shells.shells import EnergyShells
from solenoidal.disorder.symmetry import shared_group, shared_symmetry
from solenoidal.disorder.symmetry_report import symmetry_report
from solenoidal.models.builder import TightBindingBuilder
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import kagome_antiferromagnet
from solenoidal.symmetry.search import SymmetryGroup
from solenoidal.workflow.disorder_input import read_disorder_input

pytestmark = pytest.mark.filterwarnings("ignore:the field seems to drive")

TENSORS = ("conserved", "conventional", "charge_conductivity")
MU = -2.5


def cubic_magnet() -> TightBinding:
    """Simple cubic ferromagnet along z with a spin-orbit coupling of cubic symmetry: group of C4z, no mirror."""
    builder = TightBindingBuilder(np.eye(3), [[0.0, 0.0, 0.0]], spin=True).set_onsite([0, 0, 0, 0.8], 0)
    for axis in range(3):
        coupling = np.zeros(4, dtype=complex)
        coupling[0], coupling[1 + axis] = -1.0, -0.2j
        builder.set_hop(coupling, 0, 0, tuple(np.eye(3, dtype=int)[axis]))
    return builder.build(species=["X"])


@pytest.fixture(scope="module")
def coarse() -> EnergyShells:
    return EnergyShells(cubic_magnet(), mesh=(10, 10, 10), rule="linear", threads=1)


@pytest.fixture(scope="module")
def fine() -> EnergyShells:
    return EnergyShells(cubic_magnet(), mesh=(12, 12, 12), threads=1)


def species(model: TightBinding) -> list[Scatterer]:
    return [impurity(model, strength=0.5, moment=(0, 0, 0.2), concentration=0.05)]


def test_the_average_removes_forbidden_components_and_reports_their_size(coarse: EnergyShells) -> None:
    model = cubic_magnet()
    raw = extrinsic_conductivity(coarse, species(model), mu=MU)
    assert "conserved_error" not in raw
    mean = extrinsic_conductivity(coarse, species(model), mu=MU, symmetry="auto")
    assert mean.attrs["symmetry_operations"] == 8
    before, after = (symmetry_report(data, model, species(model)) for data in (raw, mean))
    assert min(before.forbidden.values()) > 5e-4
    assert max(after.forbidden.values()) < 1e-12
    for name in TENSORS:
        removed = float(abs(raw[name] - mean[name]).max())
        assert removed > 1e-4 * float(abs(raw[name]).max())
        assert float(mean[f"{name}_error"].squeeze()) == pytest.approx(removed, rel=1e-9)
        assert mean[f"{name}_error"].attrs["units"] == raw[name].attrs["units"]
    assert "quadrature error, relative: conserved" in after.text
    flow = mean.conserved.squeeze().sel(current="x", field="x", spin="z")
    ratio = 2 * flow / mean.charge_conductivity.squeeze()[0, 0]
    angle = mean.spin_hall_angle.squeeze().sel(current="x", field="x", spin="z")
    assert abs(float(angle)) == pytest.approx(abs(float(ratio)), rel=0.02)


def test_the_stated_error_of_two_meshes_covers_the_true_one(coarse: EnergyShells, fine: EnergyShells) -> None:
    model = cubic_magnet()
    better = EnergyShells(model, mesh=(20, 20, 20), threads=1)
    reference = extrinsic_conductivity(better, species(model), mu=MU, symmetry="auto")
    data = extrinsic_conductivity(fine, species(model), mu=MU, symmetry="auto", compare=coarse)
    assert data.attrs["compared_mesh"] == "10 10 10"
    for name in TENSORS:
        true = float(abs(data[name] - reference[name]).max())
        assert 0 < true < float(data[f"{name}_error"].squeeze()) < 0.2 * float(abs(data[name]).max())


def test_impurities_that_break_a_symmetry_are_not_averaged_over_it(coarse: EnergyShells) -> None:
    model = cubic_magnet()
    tilted = [impurity(model, strength=0.5, moment=(0.4, 0, 0), concentration=0.05)]
    assert shared_group(model, tilted).size < shared_group(model, species(model)).size == shared_group(model, []).size
    raw = extrinsic_conductivity(coarse, tilted, mu=MU)
    mean = extrinsic_conductivity(coarse, tilted, mu=MU, symmetry="auto")
    x = float(raw.conserved.squeeze().sel(current="x", field="x", spin="x"))
    assert abs(x) > 0.05
    assert float(mean.conserved.squeeze().sel(current="x", field="x", spin="x")) == pytest.approx(x, rel=0.05)


def test_a_given_group_stands_for_the_one_found(coarse: EnergyShells) -> None:
    model = cubic_magnet()
    group = shared_group(model, species(model))
    one, other = (extrinsic_conductivity(coarse, species(model), mu=MU, symmetry=g) for g in ("auto", group))
    xr.testing.assert_identical(one, other)
    alone = extrinsic_conductivity(coarse, species(model), mu=MU, symmetry=SymmetryGroup.identity())
    xr.testing.assert_identical(alone, extrinsic_conductivity(coarse, species(model), mu=MU))


def test_an_input_file_names_the_coarser_mesh_and_switches_averages_off(tmp_path: Path) -> None:
    text = (
        "[model]\nlibrary = 'kagome_antiferromagnet'\nparameters = { J = 1.7 }\n[shells]\nmesh = [16, 16]\n"
        "compare = [10, 10]\nthreads = 1\n[[scatterer]]\nkind = 'site'\nstrength = 0.1\nconcentration = 0.05\n"
        "[transport]\nmu = [1.0]\n"
    )
    (tmp_path / "magnet.toml").write_text(text, encoding="utf-8")
    asked = read_disorder_input(tmp_path / "magnet.toml")
    assert asked.symmetry
    assert asked.tolerance == 1e-6
    assert asked.compare is not None
    assert asked.compare.divisions == (10, 10)
    data = extrinsic_conductivity(asked.shells, asked.scatterers, mu=asked.mu, compare=asked.compare)
    assert 0 < float(data.conserved_error.squeeze()) < 1e-3 * float(abs(data.conserved).max())
    raw = text.replace("compare = [10, 10]\n", "") + "symmetry = false\ntolerance = 0.02\n"
    (tmp_path / "raw.toml").write_text(raw, encoding="utf-8")
    asked = read_disorder_input(tmp_path / "raw.toml")
    assert (asked.symmetry, asked.tolerance, asked.compare) == (False, 0.02, None)


def test_the_report_of_the_search_names_what_the_impurities_break() -> None:
    model = kagome_antiferromagnet(J=1.7)
    found = shared_symmetry(model, site_impurities(model, concentration=0.02, strength=1.0))
    assert not found.dropped
    assert f"host and impurities: {found.group.size} of these {found.group.size} operations hold" in found.report
    tilted = [impurity(model, strength=1.0, moment=(0.3, 0.1, 0.2), concentration=0.02)]
    broken = shared_symmetry(model, tilted)
    assert len(broken.dropped) == found.group.size - broken.group.size > 0
    assert "mildest violation by another" in broken.report
    assert "scattering rates" in broken.report


def test_what_the_rates_leave_is_a_group_at_every_tolerance() -> None:
    model = kagome_antiferromagnet(J=1.7)
    nearly = [
        *site_impurities(model, concentration=0.02, strength=1.0, on=[0]),
        *site_impurities(model, concentration=0.02, strength=1.002, on=[1]),
        *site_impurities(model, concentration=0.02, strength=1.007, on=[2]),
    ]
    sizes = [shared_group(model, nearly, tolerance=10.0**-n).size for n in range(2, 7)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]
