"""Spectral densities and thermal kernels against plain sums over states, errors a user meets, files on disk."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import h5py
import numpy as np
import pytest

import solenoidal as sol
from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.bloch.states import BlochStates
from solenoidal.errors import ConfigError, InputFileError, ResultError
from solenoidal.models.library import haldane, random_model
from solenoidal.responses.kernels import FERMI
from solenoidal.responses.response import Part, Quantity, Response, Term
from solenoidal.sampling.energy_grid import EnergyGrid
from solenoidal.sampling.points import FixedPoints
from solenoidal.units import BOLTZMANN
from support.direct import DirectSums, assemble, cold, mesh
from support.registry import states_at
from support.values import values as values_of

BANDS = 3
DIVISIONS = (10, 10, 1)
MU = -1.9
TEMPERATURE = 700.0
RESPONSES: tuple[Response, ...] = (
    sol.SpinConductivity(charge=-1.0),
    sol.AnomalousHallConductivity(),
    sol.DensityOfStates(),
    sol.SpinMoment(),
)


@dataclass(frozen=True)
class KernelProbe:
    """Publishes ∫ κ Σ_n ε_n² and a vector for every kernel, to see the kernels themselves."""

    name: str = "probe"

    operators: ClassVar[tuple[str, ...]] = ()

    def terms(self, model: Model) -> Mapping[str, Term]:
        return {"square": Term((), 1, values=self.square), "slope": Term(("polar",), -1, values=self.slope)}

    def square(self, states: BlochStates) -> RealArray:
        return states.energies**2

    def slope(self, states: BlochStates) -> RealArray:
        return np.einsum("knin->kni", states.velocity).real * (1 + states.energies[..., None])

    def quantities(self, model: Model) -> Mapping[str, Quantity]:
        kernels = (
            "fermi",
            "minus_fermi_derivative",
            "grand_potential",
            "entropy",
            "minus_entropy_derivative",
        )
        scalars = {kernel: (Part("square", kernel, 2.0),) for kernel in kernels}
        vectors = {kernel: (Part("slope", kernel), Part("slope", kernel, -0.5)) for kernel in kernels}
        return {
            "scalar": Quantity(scalars, (), "states_per_cell", per_cell=True),
            "vector": Quantity(vectors, ("current",), "states_per_cell", per_cell=True),
        }


def solved(grid: EnergyGrid | FixedPoints, responses: tuple[Response, ...] = RESPONSES, **options: int) -> sol.Result:
    return sol.solve(
        random_model(BANDS, 2, 4),
        responses,
        sol.Numerics(mesh=DIVISIONS, energies=grid, audit=False, symmetry=None, kramers=False, **options),
    )


def states() -> BlochStates:
    return states_at(random_model(BANDS, 2, 4), mesh(*DIVISIONS[:2]), 1e-4)


def expected(response: Response, name: str, mu: float, temperature: float) -> dict[str, RealArray]:
    """Plain sums in the unit the result is shown in."""
    model = random_model(BANDS, 2, 4)
    factor = response.quantities(model)[name].unit.of(2).factor
    sums = DirectSums.of(model, response, states()).at(name, mu, BOLTZMANN * temperature)
    return {output: factor * value for output, value in sums.items()}


COMPARED = [
    (RESPONSES[0], "conductivity"),
    (RESPONSES[0], "nernst"),
    (RESPONSES[1], "anomalous_hall"),
    (RESPONSES[1], "anomalous_nernst"),
    (RESPONSES[2], "density_of_states"),
    (RESPONSES[2], "carriers"),
    (RESPONSES[3], "spin_moment"),
    (KernelProbe(), "scalar"),
    (KernelProbe(), "vector"),
]


def deviation(result: sol.Result, response: Response, name: str) -> tuple[float, float]:
    """Largest difference from the plain sums over all outputs and the largest value."""
    data = result.quantity(name, [MU], [TEMPERATURE])
    exact = expected(response, name, MU, TEMPERATURE)
    assert set(exact) == {str(v) for v in data.data_vars}
    worst = max(float(np.abs(data[key].values[0, 0] - value).max()) for key, value in exact.items())
    return worst, max(float(np.abs(value).max()) for value in exact.values())


@pytest.mark.parametrize(("response", "name"), COMPARED, ids=[name for _, name in COMPARED])
def test_every_kernel_gives_the_plain_sum_over_states(response: Response, name: str) -> None:
    result = solved(EnergyGrid(-4.0, 4.0, 0.002, MU), (response,))
    worst, scale = deviation(result, response, name)
    assert scale > 1e-12
    assert worst < 3e-4 * scale


def test_the_error_of_the_energy_grid_falls_with_the_square_of_the_step() -> None:
    """Root mean square over all outputs; a mesh dense enough that the position of single states does not matter."""
    model, divisions = random_model(BANDS, 2, 4), (48, 48, 1)
    response, probe = sol.SpinConductivity(), KernelProbe()
    at = states_at(model, mesh(48, 48), 1e-4)
    exact = {r.name: DirectSums.of(model, r, at) for r in (response, probe)}
    squares: dict[str, list[float]] = {"conductivity": [], "nernst": [], "scalar": []}
    for h in (0.08, 0.04, 0.02):
        grid = EnergyGrid(-4.0, 4.0, h, MU)
        found = sol.solve(
            model,
            [response, probe],
            sol.Numerics(mesh=divisions, energies=grid, audit=False, symmetry=None, kramers=False),
        )
        for name, values in squares.items():
            owner = probe if name == "scalar" else response
            factor = owner.quantities(model)[name].unit.of(2).factor
            truth = exact[owner.name].at(name, MU, BOLTZMANN * TEMPERATURE)
            data = found.quantity(name, [MU], [TEMPERATURE])
            values.append(float(np.sum([np.sum((data[k].values[0, 0] - factor * truth[k]) ** 2) for k in truth])))
    for name, values in squares.items():
        ratios = np.sqrt(np.divide(values[:-1], values[1:]))
        np.testing.assert_allclose(ratios, 4.0, rtol=0.3, err_msg=name)


def test_the_error_stays_below_the_bound_of_a_linear_interpolant() -> None:
    """h² max|κ″|/8 per unit of ρ, with max|f″| = 1/(6√3 (k_BT)²)."""
    h, kT = 0.03, BOLTZMANN * TEMPERATURE
    found = solved(EnergyGrid(-4.0, 4.0, h, MU), (sol.DensityOfStates(),)).carriers([MU], [TEMPERATURE])["carriers"]
    error = abs(float(found[0, 0]) - float(expected(sol.DensityOfStates(), "carriers", MU, TEMPERATURE)["carriers"]))
    assert 0 < error < BANDS * h**2 / (8 * 6 * np.sqrt(3) * kT**2)


@pytest.mark.parametrize(("response", "name"), COMPARED, ids=[name for _, name in COMPARED])
def test_fixed_points_give_the_plain_sum_to_rounding(response: Response, name: str, tmp_path: Path) -> None:
    points = FixedPoints(mu=(MU, -1.6), temperature=(TEMPERATURE, 300.0))
    found = solved(points, (response,))
    again = sol.Result.load(found.save(tmp_path / "points.nc"))
    at = [(mu, temperature) for mu in points.mu for temperature in points.temperature]
    exact = [expected(response, name, mu, temperature) for mu, temperature in at]
    scale = max(float(np.abs(value).max()) for outputs in exact for value in outputs.values())
    assert scale > 1e-12
    for (mu, temperature), outputs in zip(at, exact, strict=True):
        for result in (found, again):
            data = result.quantity(name, [mu], [temperature])
            for key, value in outputs.items():
                np.testing.assert_allclose(data[key].values[0, 0], value, rtol=0, atol=1e-10 * scale, err_msg=key)
    with pytest.raises(ResultError):
        found.quantity(name, [MU + 0.01], [TEMPERATURE])


@pytest.mark.parametrize("offset", [-30, -3, 0, 25, 110])
def test_zero_temperature_is_exact_at_every_bin_edge(offset: int) -> None:
    grid = EnergyGrid(-4.0, 4.0, 0.01, MU)
    mu = MU + 0.01 * offset
    result = solved(grid, (*RESPONSES, KernelProbe()))
    for response, name, outputs in (
        (RESPONSES[0], "conductivity", ("berry_spin", "conventional")),
        (RESPONSES[1], "anomalous_hall", ("anomalous_hall",)),
        (RESPONSES[2], "carriers", ("carriers",)),
        (RESPONSES[3], "spin_moment", ("spin_moment",)),
        (KernelProbe(), "scalar", ("fermi", "grand_potential")),
        (KernelProbe(), "vector", ("fermi", "grand_potential")),
    ):
        data = result.quantity(name, [mu], [0.0])
        exact = cold_sums(response, name, outputs, mu)
        for output in outputs:
            scale = np.abs(exact[output]).max()
            np.testing.assert_allclose(
                data[output].values[0, 0], exact[output], rtol=0, atol=1e-12 * max(1.0, scale), err_msg=output
            )
    assert 0 < float(result.carriers([mu], [0.0])["carriers"][0, 0]) < BANDS


def cold_sums(response: Response, name: str, outputs: tuple[str, ...], mu: float) -> dict[str, RealArray]:
    model, at = random_model(BANDS, 2, 4), states()
    wanted = response.quantities(model)[name]
    factor = wanted.unit.of(2).factor / (1.0 if wanted.per_cell else model.cell_measure)
    values = values_of(response, at)

    def kernel(kind: str) -> RealArray:
        return at.weights[:, None] * cold(kind, at.occupation_energies, mu)

    return {output: factor * assemble(wanted.outputs[output], values, kernel) for output in outputs}


def test_zero_temperature_is_the_limit_of_low_temperatures() -> None:
    """In a gap nothing is left to smear; inside a band the surface kernel is the density over two bins."""
    result = solved(EnergyGrid(-4.0, 4.0, 0.002, 0.5), (sol.SpinConductivity(), sol.DensityOfStates()))
    gap = result.conductivity([0.5], [0.0, 60.0])
    for output in ("berry_spin", "conventional", "finite_q", "semiclassical"):
        cold, cool = gap[output].values[0]
        assert np.abs(cold).max() > 1e-3
        np.testing.assert_allclose(cool, cold, atol=1e-9)
    energies = states().energies
    h = 0.002
    found = float(result.density_of_states([0.5 - 1000 * h], [0.0])["density_of_states"][0, 0])
    count = np.sum(np.abs(energies - (0.5 - 1000 * h)) < h) / (len(energies) * 2 * h)
    assert found == pytest.approx(count, rel=1e-9)


def test_states_below_the_window_enter_every_kernel_exactly() -> None:
    probe = KernelProbe()
    wide, narrow = (solved(EnergyGrid(low, 4.0, 0.01, MU), (probe,)) for low in (-4.0, -2.2))
    assert np.min(states().energies) < -2.2
    for temperature in (0.0, 150.0):
        for kernel in ("fermi", "grand_potential"):
            a, b = (float(r.quantity("scalar", [MU], [temperature])[kernel][0, 0]) for r in (wide, narrow))
            assert abs(a) > 0.1
            assert b == pytest.approx(a, rel=1e-8)


def test_kernels_linear_in_energy_are_integrated_without_error() -> None:
    """Two moments of each bin: a straight line comes out exact on any grid."""
    rng = np.random.default_rng(0)
    grid = EnergyGrid(-1.0, 1.0, 0.3, 0.05)
    energies, values = rng.uniform(-0.9, 0.9, (50, 2)), rng.normal(size=(50, 2, 3))
    weights = rng.uniform(0, 1, 50)
    part = grid.collect(energies, weights, values)
    edges = grid.edges
    line = 0.7 * edges - 0.2
    found = np.einsum("r,rc->c", line[part.rows - 1], part.moments[:, 0])
    found += np.einsum("r,rc->c", np.diff(line)[part.rows - 1], part.moments[:, 1])
    exact = np.einsum("k,kn,knc->c", weights, 0.7 * energies - 0.2, values)
    np.testing.assert_allclose(found, exact, atol=1e-12)


def test_grid_has_an_edge_at_the_reference_and_covers_what_was_asked() -> None:
    for minimum, maximum, step, reference in ((-1.0, 2.0, 0.3, 0.17), (4.0, 9.0, 0.01, 17.0), (-3.0, -1.0, 0.25, -2.0)):
        grid = EnergyGrid(minimum, maximum, step, reference)
        edges = grid.edges
        assert edges[0] <= minimum + 1e-9
        assert edges[0] > minimum - step
        assert edges[-1] >= maximum - 1e-9
        assert edges[-1] < maximum + step
        assert len(edges) == grid.bins + 1
        if minimum < reference < maximum:
            assert reference in edges


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0.0, 1.0, 0.0, 0.5), "positive number of eV"), ((1.0, 0.0, 0.1, 0.5), "lower energy first")],
)
def test_a_grid_that_cannot_be_is_refused(arguments: tuple[float, float, float, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EnergyGrid(*arguments)


def test_weights_are_a_partition_for_the_filled_sea() -> None:
    grid = EnergyGrid(-1.0, 1.0, 0.1, 0.0)
    weights = grid.kernel_weights(FERMI, np.array([0.0, 0.05]), np.array([0.0]))
    assert weights[0, 0, :, 0].tolist() == [1.0] * 11 + [0.0] * 10
    assert weights[1, 0, 11, 0] == pytest.approx(0.5)
    np.testing.assert_array_equal(weights[..., 1], 0)


@pytest.fixture(scope="module")
def result() -> sol.Result:
    grid = EnergyGrid(-2.6, 0.0, 0.01, MU)
    return sol.solve(
        random_model(BANDS, 2, 4),
        RESPONSES,
        sol.Numerics(mesh=(6, 6, 1), energies=grid, replicas=2, symmetry=None, kramers=False),
    )


def test_dimensions_coordinates_and_units_are_labelled(result: sol.Result) -> None:
    data = result.conductivity([-2.0, MU], [0.0, 100.0, 200.0])
    semiclassical = data["semiclassical"]
    assert semiclassical.dims == ("mu", "temperature", "current", "field", "spin")
    assert semiclassical.shape == (2, 3, 3, 3, 3)
    assert semiclassical.attrs["units"] == "|e|/(2π)"
    assert data["mu"].attrs["units"] == "eV"
    assert data["temperature"].attrs["units"] == "K"
    assert data["spin"].values.tolist() == ["x", "y", "z"]
    assert {f"{name}_error" for name in ("semiclassical", "finite_q", "conventional")} <= set(data.data_vars)
    assert result.carriers(MU, 0.0)["carriers"].dims == ("mu", "temperature")
    assert result.nernst(MU, 50.0)["conventional"].attrs["units"] == "(ħ/|e|) A/K"
    assert data.attrs["mesh"] == "[6, 6, 1]"


def test_the_parts_add_up(result: sol.Result) -> None:
    for data in (result.conductivity([MU], [0.0, 90.0]), result.nernst([MU], [90.0])):
        scale = float(np.abs(data["conventional"]).max())
        assert scale > 0
        for whole, parts in (
            ("semiclassical", ("conventional", "torque_dipole")),
            ("semiclassical_surface", ("berry_spin", "dipole")),
            ("semiclassical_surface", ("semiclassical_sea", "route_difference")),
        ):
            total = sum(data[part] for part in parts)
            np.testing.assert_allclose(data[whole], total, rtol=0, atol=1e-12 * scale)


def test_estimates_are_the_numbers_of_the_labelled_quantity() -> None:
    model = random_model(3, 2, 5)
    grid = EnergyGrid(-4, 4, 0.01, 0.0)
    shifted = sol.solve(model, [sol.SpinConductivity()], sol.Numerics(mesh=(8, 8, 1), energies=grid, replicas=3))
    mus, temperatures = np.array([-0.5, 0.3]), np.array([0.0, 300.0, 900.0])
    values, errors = shifted.estimates("conductivity", ("finite_q", "conventional"), mus, temperatures)
    data = shifted.conductivity(mus, temperatures)
    assert values.shape == (2, 2, 3, 3, 3, 3)
    assert np.abs(values).max() > 1e-3
    for i, output in enumerate(("finite_q", "conventional")):
        np.testing.assert_array_equal(values[i], data[output])
        np.testing.assert_array_equal(errors[i], data[f"{output}_error"])
    with pytest.raises(ResultError, match=r"no output 'finiteq'; it has: .*finite_q"):
        shifted.estimates("conductivity", ("finiteq",), 0.0, 300.0)
    single = sol.solve(model, [sol.SpinConductivity()], sol.Numerics(mesh=(8, 8, 1), energies=grid))
    with pytest.raises(ResultError, match="no standard errors"):
        single.estimates("conductivity", ("finite_q",), 0.0, 300.0)


def test_two_meshes_leave_half_their_difference_as_the_standard_error() -> None:
    """s/√R with s² = Σ (x − x̄)²/(R − 1), the unbiased estimate of the spread of the meshes: |a − b|/2 for two."""
    points = FixedPoints((MU, -1.6), (TEMPERATURE,))
    pair = sol.solve(
        random_model(BANDS, 2, 4), RESPONSES, sol.Numerics(mesh=(4, 4, 1), energies=points, replicas=2, audit=False)
    )
    first, second = pair.replica_values("conductivity", points.mu, points.temperature)["finite_q"].values
    expected = np.abs(first - second) / 2
    assert expected.max() > 1e-4
    data = pair.conductivity(points.mu, points.temperature)
    np.testing.assert_allclose(data["finite_q_error"], expected, rtol=1e-9, atol=1e-13)
    _, errors = pair.estimates("conductivity", ("finite_q",), points.mu, points.temperature)
    np.testing.assert_allclose(errors[0], expected, rtol=1e-9, atol=1e-13)


def test_a_chemical_potential_outside_the_window_is_refused_with_the_range(result: sol.Result) -> None:
    with pytest.raises(
        ResultError, match=r"mu spans \[-9\.0000, -9\.0000\] eV.*covers \[-2\.59\d\d, .*wider energy window"
    ):
        result.conductivity([-9.0], [0.0])
    with pytest.raises(ResultError, match=r"at 5000 K this run covers"):
        result.conductivity([-2.5], [5000.0])
    with pytest.raises(ResultError, match="mu spans"):
        result.conductivity([np.nan], [0.0])


def test_temperatures_below_zero_and_unknown_names_are_refused(result: sol.Result) -> None:
    with pytest.raises(ResultError, match=r"temperature is \[-1\.0\]; write kelvins"):
        result.conductivity([MU], [-1.0])
    with pytest.raises(ResultError, match=r"no quantity 'thermopower'.*it has: conductivity, nernst"):
        result.quantity("thermopower", [MU], [0.0])


def test_two_responses_with_one_quantity_are_told_apart() -> None:
    responses = (sol.SpinMoment(), sol.SpinMoment(operator="spin", name="second"))
    both = solved(EnergyGrid(-4.0, 4.0, 0.05, MU), responses)
    with pytest.raises(ResultError, match=r"offered by \['spin_moment', 'second'\]; choose one with response="):
        both.spin_moment([MU], [0.0])
    first, second = (both.quantity("spin_moment", [MU], [0.0], response=r) for r in ("spin_moment", "second"))
    np.testing.assert_array_equal(first["spin_moment"], second["spin_moment"])


def test_spin_hall_angle_is_twice_the_conductivity_times_the_resistivity() -> None:
    model = random_model(3, 3, 1)
    run = sol.solve(
        model, [sol.SpinConductivity()], sol.Numerics(mesh=(3, 3, 3), energies=EnergyGrid(-4.0, 4.0, 0.05, 0.0))
    )
    sigma = run.conductivity([0.0], [600.0])
    assert sigma["conventional"].attrs["units"] == "(ħ/|e|) S/cm"
    for resistivity in (10.8, 0.02):
        angles = run.spin_hall_angle([0.0], [600.0], resistivity=resistivity)
        expected_angle = 2 * sigma["conventional"].values * resistivity * 1e-6
        assert np.abs(expected_angle).max() > 1e-12
        np.testing.assert_allclose(angles["conventional"].values, expected_angle, rtol=1e-12)
        assert angles["conventional"].attrs["units"] == "1"
    with pytest.raises(ResultError, match="resistivity is -1"):
        run.spin_hall_angle([0.0], [600.0], resistivity=-1.0)


def test_spin_hall_angle_needs_three_dimensions(result: sol.Result) -> None:
    with pytest.raises(ResultError, match="three-dimensional"):
        result.spin_hall_angle([MU], [0.0], resistivity=10.0)


def test_a_saved_result_comes_back_bit_for_bit(result: sol.Result, tmp_path: Path) -> None:
    path = result.save(tmp_path / "run.nc")
    again = sol.Result.load(path)
    assert again.grid == result.grid
    assert dict(again.attrs) == dict(result.attrs)
    assert (again.dimension, again.cell_measure, again.highest) == (2, result.cell_measure, result.highest)
    assert again.audit_gaps == result.audit_gaps
    assert again.spectra.keys() == result.spectra.keys()
    for name, spectrum in result.spectra.items():
        assert again.spectra[name].quantities == spectrum.quantities
        for kind in ("terms", "audit"):
            store, copy = getattr(spectrum, kind), getattr(again.spectra[name], kind)
            assert store.keys() == copy.keys()
            for term in store:
                np.testing.assert_array_equal(copy[term], store[term])
    for name in result.quantities:
        a, b = (r.quantity(name, [-2.0, MU], [0.0, 80.0]) for r in (result, again))
        assert a.identical(b)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.nc"]


def test_a_scalar_response_survives_the_file(tmp_path: Path) -> None:
    grid = EnergyGrid(-4.0, 4.0, 0.05, 0.0)
    response = sol.SpinConductivity(operator="sublattice")
    run = sol.solve(haldane(t2=0.1), [response], sol.Numerics(mesh=(6, 6, 1), energies=grid))
    data = run.conductivity([0.0], [300.0])
    assert data["conventional"].dims == ("mu", "temperature", "current", "field")
    assert sol.Result.load(run.save(tmp_path / "scalar.nc")).conductivity([0.0], [300.0]).identical(data)


def test_nothing_is_overwritten(result: sol.Result, tmp_path: Path) -> None:
    path = tmp_path / "run.nc"
    path.write_text("precious")
    with pytest.raises(ResultError, match=r"run\.nc exists and is not overwritten; choose another name or remove it"):
        result.save(path)
    assert path.read_text() == "precious"


def test_the_room_for_a_result_is_asked_of_its_own_file(
    result: sol.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def full(descriptor: int, offset: int, size: int) -> None:
        (partial,) = tmp_path.iterdir()
        asked.append((os.path.samestat(os.fstat(descriptor), partial.stat()), offset, size))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"MB are needed") as caught:
        result.save(tmp_path / "run.nc")
    assert caught.value.errno == errno.ENOSPC
    ((same, offset, size),) = asked
    assert same
    assert offset == 0
    assert size > sum(array.nbytes for s in result.spectra.values() for array in s.terms.values())
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"absent\.nc: no such file"):
        sol.Result.load(tmp_path / "absent.nc")


@pytest.mark.parametrize("damage", ["empty", "text", "half", "tail", "hole"])
def test_a_damaged_file_is_refused(result: sol.Result, tmp_path: Path, damage: str) -> None:
    path = result.save(tmp_path / "run.nc")
    content = path.read_bytes()
    middle = len(content) // 2
    spoilt = {
        "empty": b"",
        "text": b"mu = 17.8\n" * 20,
        "half": content[:middle],
        "tail": content[:-200],
        "hole": content[: middle - 3000] + bytes(6000) + content[middle + 3000 :],
    }[damage]
    path.write_bytes(spoilt)
    with pytest.raises(InputFileError, match=r"run\.nc: not a result of solenoidal, or damaged"):
        sol.Result.load(path)


def test_files_of_others_and_of_other_versions_are_refused(result: sol.Result, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.nc"
    with h5py.File(foreign, "w") as file:
        file["data"] = np.arange(4.0)
    with pytest.raises(InputFileError, match="not a result of solenoidal"):
        sol.Result.load(foreign)
    path = result.save(tmp_path / "run.nc")
    with h5py.File(path, "r+") as file:
        header = json.loads(file.attrs["solenoidal"])
        file.attrs["solenoidal"] = json.dumps({**header, "format": "solenoidal result 99"})
    with pytest.raises(InputFileError, match=r"format is 'solenoidal result 99'; this version reads"):
        sol.Result.load(path)
