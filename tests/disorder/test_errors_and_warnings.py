"""Every error and warning of transport through disorder, by name, on a case that deserves it."""

from __future__ import annotations

import numpy as np
import pytest

from solenoidal.disorder.boltzmann import RelaxationTime, solve_boltzmann
from solenoidal.disorder.conductivity import extrinsic_conductivity, tau_from_resistivity
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.problems import (
    ConvergenceError,
    FallbackWarning,
    HiddenPocketWarning,
    NoSteadyStateError,
    PolarisedBlockWarning,
    QuadratureWarning,
    QuasiDegenerateWarning,
    ScattererError,
    SlowModeWarning,
    UnscatteredStatesError,
)
from solenoidal.disorder.scatterers import Scatterer, bond_impurity, impurity, mixture, site_impurities
from solenoidal.disorder.shells.shells import EnergyShells, NoFermiSurfaceError
from solenoidal.errors import ConfigError, ModelError
from solenoidal.models.builder import TightBindingBuilder
from solenoidal.models.continuum import ContinuumModel
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import kagome_antiferromagnet
from solenoidal.responses.extrinsic import ExtrinsicSpinConductivity


def two_bands(offset: float) -> TightBinding:
    """Two uncoupled square-lattice bands of one orbital each, the second raised by ``offset``."""
    builder = TightBindingBuilder(np.eye(2), [[0.0, 0.0], [0.5, 0.5]], spin=False)
    builder.set_onsite(offset, 1)
    for R in ((1, 0), (0, 1)):
        builder.set_hop(-1.0, 0, 0, R).set_hop(-1.0, 1, 1, R)
    return builder.build(species=["A", "B"])


def helical_channels(flip: float) -> tuple[TightBinding, Scatterer]:
    """One right and one left mover with different spinors, H = sin kx σz + (1 − cos kx) σx/2, at the energy 0.6.

    The impurity 1 − (sin θ − flip) σx, sin θ = ⟨R|L⟩, connects R and L only through ``flip``.
    """
    builder = TightBindingBuilder(np.eye(2), [[0.0, 0.0]], spin=True)
    builder.set_onsite([0, 0.5, 0, 0], 0).set_hop([0, -0.25, 0, -0.5j], 0, 0, (1, 0))
    model = builder.build(species=["X"])
    # ε² = 1 − c² + (1 − c)²/4 with c = cos kx.
    roots = np.roots([-0.75, -0.5, 1.25 - 0.6**2])
    cos = float(roots[np.abs(roots) < 1][0])
    sigma_x = np.array([[0, 1], [1, 0]])
    return model, Scatterer(np.eye(2) - (0.5 * (1 - cos) / 0.6 - flip) * sigma_x, concentration=0.001)


def test_no_fermi_surface_is_named_by_the_shell_and_exactly_zero_in_a_scan(kagome: TightBinding) -> None:
    shells = EnergyShells(kagome, mesh=(16, 16))
    with pytest.raises(NoFermiSurfaceError, match=r"no band has the energy 12.*inside a band"):
        shells.at(12.0)
    species = site_impurities(kagome, concentration=0.01, strength=1.0)
    data = extrinsic_conductivity(shells, species, mu=[12.0, 1.0], temperature=[0.0])
    assert data.fermi_surface.values.ravel().tolist() == [False, True]
    for name in ("conserved", "conventional", "charge_conductivity", "spin_hall_angle", "conserved_nernst"):
        assert not data[name].isel(mu=0).values.any()
        assert np.isfinite(data[name].values).all()
    assert np.isposinf(np.diag(data.resistivity.values[0, 0])[:2]).all()
    assert np.abs(data.conserved.isel(mu=1)).max() > 0


def test_a_chemical_potential_exactly_at_the_band_edge_is_an_empty_shell() -> None:
    shells = EnergyShells(two_bands(20.0), mesh=(16, 16), operators=())
    with pytest.raises(NoFermiSurfaceError):
        shells.at(-4.0)
    with pytest.raises(NoFermiSurfaceError):
        shells.at(4.0)


def test_states_no_impurity_touches() -> None:
    model = two_bands(0.5)
    shell = EnergyShells(model, mesh=(24, 24), operators=()).at(-1.0)
    species = [impurity(model, strength=1.0, orbitals=[0], concentration=0.1)]
    with pytest.raises(UnscatteredStatesError, match=r"% of the states at -1 eV are not scattered"):
        solve_boltzmann(shell, CollisionKernel.build(model, species))
    both = [*species, impurity(model, strength=1.0, orbitals=[1], concentration=0.1)]
    assert np.isfinite(solve_boltzmann(shell, CollisionKernel.build(model, both)).values).all()


def test_a_driven_conserved_quantity_has_no_steady_state() -> None:
    model, species = helical_channels(flip=0.0)
    shell = EnergyShells(model, mesh=(48, 16)).at(0.6)
    with pytest.raises(NoSteadyStateError, match="drives a conserved quantity"):
        solve_boltzmann(shell, CollisionKernel.build(model, [species]))


def test_slow_spin_flips_make_a_slow_mode_and_still_converge() -> None:
    model, species = helical_channels(flip=1e-4)
    shells = EnergyShells(model, mesh=(48, 16))
    with pytest.warns(SlowModeWarning, match="times slower than states scatter"):
        data = extrinsic_conductivity(shells, [species], mu=0.6)
    assert 1e-10 < data.slowest.item() < 1e-6


def test_iteration_that_cannot_converge_says_so(monkeypatch: pytest.MonkeyPatch, rashba_magnet: TightBinding) -> None:
    monkeypatch.setattr("solenoidal.disorder.iterative.MAXIMUM_ITERATIONS", 1)
    shell = EnergyShells(rashba_magnet, mesh=(16, 16)).at(-2.2)
    species = [impurity(rashba_magnet, strength=1.0, moment=(0, 0, 0.3), concentration=0.1)]
    with pytest.raises(ConvergenceError, match="stopped at a relative residual"):
        solve_boltzmann(shell, CollisionKernel.build(rashba_magnet, species), solver="iterative")


def test_quasi_degenerate_bands_are_reported_with_their_share() -> None:
    model = kagome_antiferromagnet(J=0.02)
    shells = EnergyShells(model, mesh=(24, 24))
    with pytest.warns(QuasiDegenerateWarning, match="100.0% of the shell"):
        data = extrinsic_conductivity(shells, site_impurities(model, concentration=0.05, strength=1.0), mu=0.3)
    assert data.quasi_degenerate.item() == pytest.approx(1.0)


def test_well_separated_bands_are_silent(kagome: TightBinding) -> None:
    shells = EnergyShells(kagome, mesh=(24, 24))
    data = extrinsic_conductivity(shells, site_impurities(kagome, concentration=0.05, strength=1.0), mu=1.0)
    assert data.quasi_degenerate.item() == 0.0


@pytest.mark.filterwarnings("ignore::solenoidal.disorder.problems.QuasiDegenerateWarning")
def test_pockets_smaller_than_a_mesh_cell_fall_back_to_the_linear_rule(kagome: TightBinding) -> None:
    shells = EnergyShells(kagome, mesh=(24, 24))
    species = site_impurities(kagome, concentration=0.05, strength=1.0)
    with pytest.warns(FallbackWarning, match="refine the mesh"):
        data = extrinsic_conductivity(shells, species, mu=1.69)
    assert data.fallback.item() > 1e-3


def test_pockets_that_are_left_out_are_reported(kagome: TightBinding) -> None:
    shells = EnergyShells(kagome, mesh=(32, 32))
    species = site_impurities(kagome, concentration=0.001, strength=1.0)
    with pytest.warns(HiddenPocketWarning, match=r"at 1 energies \(1.75 eV\)"):
        data = extrinsic_conductivity(shells, species, mu=1.75)
    assert not data.fermi_surface.item()
    assert data.attrs["hidden_pockets"] >= 2


def test_a_coarse_mesh_that_drives_the_particle_number_is_reported(rashba_magnet: TightBinding) -> None:
    shells = EnergyShells(rashba_magnet, mesh=(6, 6), rule="linear")
    species = [impurity(rashba_magnet, strength=1.0, concentration=0.01)]
    with pytest.warns(QuadratureWarning, match="mesh is too coarse"):
        data = extrinsic_conductivity(shells, species, mu=-2.2)
    assert 1e-3 < data.overlap.item() < 0.2
    assert data.drive_imbalance.item() > 1e-4


def test_polarised_impurities_in_a_degenerate_band_are_reported(spin_degenerate: TightBinding) -> None:
    shells = EnergyShells(spin_degenerate, mesh=(24, 24))
    species = [impurity(spin_degenerate, strength=1.0, moment=(0.4, 0, 0), concentration=0.01)]
    with pytest.warns(PolarisedBlockWarning, match="mean_field=True"):
        extrinsic_conductivity(shells, species, mu=-1.3)
    scalar = [impurity(spin_degenerate, strength=1.0, concentration=0.01)]
    extrinsic_conductivity(shells, scalar, mu=-1.3)
    extrinsic_conductivity(shells, species, mu=-1.3, mean_field=True)


@pytest.mark.parametrize(
    ("matrix", "kwargs", "message"),
    [
        ([[0, 1], [0, 0]], {"concentration": 0.1}, "not Hermitian.*not a transition matrix"),
        ([[0, 0], [0, 0]], {"concentration": 0.1}, "matrix is zero"),
        ([[1, 0]], {"concentration": 0.1}, "square matrix"),
        (np.eye(2), {}, "exactly one, positive"),
        (np.eye(2), {"concentration": 0.1, "density": 0.1}, "exactly one, positive"),
        (np.eye(2), {"concentration": -0.1}, "exactly one, positive"),
        (np.eye(3), {"concentration": 0.1, "form_factors": ((0, 0, 0), (1, 0, 0))}, "divides the size"),
        (np.eye(2), {"concentration": 0.1, "form_factors": ((0, 0, 0), (0, 0, 0))}, "distinct"),
    ],
)
def test_impossible_scatterers_are_refused(matrix: list[list[float]], kwargs: dict[str, float], message: str) -> None:
    with pytest.raises(ScattererError, match=message):
        Scatterer(np.array(matrix, dtype=complex), **kwargs)


def test_scatterers_that_do_not_fit_the_model(kagome: TightBinding, rashba_gas: ContinuumModel) -> None:
    build = CollisionKernel.build
    with pytest.raises(ScattererError, match=r"model has 6 orbitals; expected size 6"):
        build(kagome, [Scatterer(np.eye(2), concentration=0.1)])
    with pytest.raises(ScattererError, match="needs concentration"):
        build(kagome, [Scatterer(np.eye(6), density=0.1)])
    with pytest.raises(ScattererError, match="has no cells"):
        build(rashba_gas, [Scatterer(np.eye(2), concentration=0.1)])
    with pytest.raises(ScattererError, match="not periodic"):
        build(kagome, [Scatterer(np.eye(6), concentration=0.1, form_factors=((0, 0, 1),))])
    with pytest.raises(ScattererError, match="powers of k are negative"):
        build(rashba_gas, [Scatterer(np.eye(2), density=0.1, form_factors=((-1, 0, 0),))])
    with pytest.raises(ScattererError, match="orbitals 0 to 5"):
        impurity(kagome, strength=1, orbitals=[6], concentration=0.1)
    with pytest.raises(ScattererError, match="sites 0 to 2"):
        site_impurities(kagome, strength=1, on=[3], concentration=0.1)
    with pytest.raises(ScattererError, match="sites 0 to 2"):
        bond_impurity(kagome, 0, 7, (0, 0, 0), 1.0, concentration=0.1)
    with pytest.raises(ScattererError, match="expected \\(2, 2\\)"):
        bond_impurity(kagome, 0, 1, (0, 0, 0), np.eye(3), concentration=0.1)
    with pytest.raises(ScattererError, match="between 0 and 1"):
        mixture([], [], 1.5)
    with pytest.raises(ModelError, match="no operator 'spin'"):
        impurity(two_bands(1.0), moment=(0, 0, 1), concentration=0.1)


def test_arguments_that_cannot_be_used(kagome: TightBinding, spin_degenerate: TightBinding) -> None:
    shells = EnergyShells(kagome, mesh=(16, 16))
    species = site_impurities(kagome, concentration=0.05, strength=1.0)
    with pytest.raises(ConfigError, match="needs scatterers"):
        extrinsic_conductivity(shells, (), mu=1.0)
    with pytest.raises(ConfigError, match="write 0 or more"):
        extrinsic_conductivity(shells, species, mu=1.0, temperature=-1.0)
    with pytest.raises(ConfigError, match="mu is"):
        extrinsic_conductivity(shells, species, mu=np.nan)
    with pytest.raises(ConfigError, match="operators="):
        extrinsic_conductivity(shells, species, mu=1.0, response=ExtrinsicSpinConductivity(operator="orbital"))
    with pytest.raises(ConfigError, match="write 'born'"):
        extrinsic_conductivity(shells, species, mu=1.0, method="exact")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="positive number"):
        RelaxationTime(0.0)
    with pytest.raises(ConfigError, match="positive number"):
        tau_from_resistivity(shells, -1.0, mu=1.0)
    with pytest.raises(ConfigError, match="periodic directions"):
        tau_from_resistivity(shells, 1.0, mu=1.0, axis="z")
    with pytest.raises(ConfigError, match="no Fermi surface"):
        tau_from_resistivity(shells, 1.0, mu=20.0)
    degenerate = EnergyShells(spin_degenerate, mesh=(16, 16)).at(-1.3)
    kernel = CollisionKernel.build(spin_degenerate, [impurity(spin_degenerate, strength=1, concentration=0.1)])
    with pytest.raises(ConfigError, match="no meaning for degenerate bands"):
        solve_boltzmann(degenerate, kernel, method="mrta")
    with pytest.raises(ConfigError, match="solver='dense'"):
        solve_boltzmann(degenerate, kernel, mean_field=True, solver="iterative")
