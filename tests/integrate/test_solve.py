"""Laws of the driver: the answer does not depend on how the zone is cut, reduced, ordered or shared out."""

from __future__ import annotations

import importlib
import multiprocessing
from collections.abc import Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.bloch.interpolation import interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.errors import ConfigError, ModelError, ResultError
from solenoidal.integrate.executors import SerialExecutor
from solenoidal.integrate.solve import Progress
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.library import (
    haldane,
    kagome_antiferromagnet,
    kane_mele,
    pt_antiferromagnet,
    qwz,
    random_model,
    rashba_square,
)
from solenoidal.responses.response import Response
from support.direct import DirectSums, mesh
from support.reference import ComplexArray, RealArray

# ``solenoidal.integrate.solve`` is the module here; the package exports the function under the same name.
driver = importlib.import_module("solenoidal.integrate.solve")

GRID = sol.EnergyGrid(-4.0, 4.0, 0.02, 0.1)
EVERYTHING: tuple[Response, ...] = (
    sol.SpinConductivity(occupied_bands=2),
    sol.AnomalousHallConductivity(),
    sol.DensityOfStates(),
    sol.SpinMoment(),
)


def run(model: TightBinding, divisions: tuple[int, int, int] = (6, 6, 1), **options: Any) -> sol.Result:
    """A small run of every response, without the audit unless asked for."""
    settings: dict[str, Any] = {"mesh": divisions, "energies": GRID, "audit": False, **options}
    other = {name: settings.pop(name) for name in ("executor", "progress") if name in settings}
    return sol.solve(model, settings.pop("responses", EVERYTHING), sol.Numerics(**settings), **other)


def densities(result: sol.Result) -> dict[str, RealArray]:
    return {f"{r}/{t}": array for r, s in result.spectra.items() for t, array in s.terms.items()}


def same(first: sol.Result, second: sol.Result, tolerance: float) -> None:
    """Equal spectral densities, of which most are not zero; tolerance 0 asks for equal bits."""
    a, b = densities(first), densities(second)
    assert a.keys() == b.keys()
    scales = {name: float(np.abs(x).max()) for name, x in a.items()}
    assert sum(scale > 1e-6 for scale in scales.values()) >= 3
    for name, x in a.items():
        np.testing.assert_allclose(b[name], x, rtol=0, atol=tolerance * max(1.0, scales[name]), err_msg=name)


def integrated(result: sol.Result) -> Mapping[str, RealArray]:
    """Every output at a warm temperature: insensitive to rounding of energies across bin edges."""
    temperature = 1500.0
    out: dict[str, RealArray] = {}
    for name in result.quantities:
        data = result.quantity(name, [-0.7, 0.3], [temperature])
        out.update({f"{name}/{key}": data[key].values for key in data.data_vars})
    return out


SYMMETRIC = {
    "Rashba": (rashba_square(alpha=0.5), (8, 8, 1)),
    "Kane–Mele": (kane_mele(lambda_so=0.06, lambda_r=0.05, lambda_v=0.1), (6, 6, 1)),
    "Kane–Mele with pairs": (kane_mele(lambda_so=0.06), (6, 6, 1)),
    "kagome antiferromagnet": (kagome_antiferromagnet(J=0.8, spin_orbit=0.1, rashba=0.1), (6, 6, 1)),
    "Chern insulator": (qwz(mass=1.0), (8, 8, 1)),
    "random": (random_model(4, 3, 2), (3, 4, 2)),
    "random with pairs": (random_model(4, 2, 2, degenerate=True), (6, 5, 1)),
}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_reduced_zone_equals_full_zone(name: str) -> None:
    model, divisions = SYMMETRIC[name]
    # The projector has a meaning where a gap lies above the second band, which kagome lacks.
    responses = [sol.SpinConductivity(), *EVERYTHING[1:]] if "kagome" in name else EVERYTHING
    reduced, full = (run(model, divisions, symmetry=s, responses=responses) for s in ("auto", None))
    assert full.attrs["k_points_evaluated"] == np.prod(divisions)
    saved = full.attrs["k_points_evaluated"] / reduced.attrs["k_points_evaluated"]
    assert saved > (0.99 if "random" in name else 1.5)
    a, b = integrated(reduced), integrated(full)
    assert sum(np.abs(x).max() > 1e-8 for x in b.values()) >= 5
    for key, x in b.items():
        np.testing.assert_allclose(a[key], x, rtol=0, atol=2e-7 * max(1.0, np.abs(x).max()), err_msg=key)


def test_shifted_meshes_are_projected_on_the_symmetry_of_the_crystal() -> None:
    """With a random shift nothing is reduced, but the published tensor has the symmetry of the group all the same."""
    result = run(rashba_square(alpha=0.5), (5, 5, 1), replicas=2)
    sigma = result.conductivity([0.3], [1500.0])["conventional"].values[0, 0]
    assert abs(sigma[0, 1, 2]) > 1e-3
    allowed = np.zeros((3, 3, 3), dtype=bool)
    for i, j, s in ((0, 1, 2), (1, 0, 2), (1, 2, 0), (2, 1, 0), (0, 2, 1), (2, 0, 1)):
        allowed[i, j, s] = True
    np.testing.assert_allclose(sigma[~allowed], 0, atol=1e-14)
    np.testing.assert_allclose(sigma[0, 1, 2], -sigma[1, 0, 2], rtol=1e-10)


@pytest.mark.parametrize("block_size", [1, 7, 36, 1000])
def test_the_size_of_a_block_does_not_matter(block_size: int) -> None:
    model = random_model(4, 2, 3)
    same(run(model), run(model, block_size=block_size), 1e-12)


def test_the_audit_does_not_depend_on_the_size_of_a_block_when_every_point_is_examined() -> None:
    model = nearly_degenerate(2e-3)
    runs = [run(model, audit=True, block_size=size) for size in (4, 512)]
    audits = [r.degeneracy_audit([0.3], [900.0])["berry_spin"].values for r in runs]
    assert np.abs(audits[0]).max() > 1e-6
    np.testing.assert_allclose(audits[0], audits[1], rtol=0, atol=1e-10 * np.abs(audits[0]).max())


EXECUTORS = {
    "serial": lambda: SerialExecutor(),
    "two threads": lambda: ThreadPoolExecutor(2),
    "processes": lambda: ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")),
}


@pytest.mark.parametrize("kind", EXECUTORS)
def test_the_executor_does_not_matter(kind: str) -> None:
    model = random_model(3, 2, 3)
    executor: Executor = EXECUTORS[kind]()
    with executor:
        shared = run(model, block_size=9, executor=executor, symmetry=None, kramers=False)
    same(run(model, block_size=9, symmetry=None, kramers=False), shared, 1e-13)


def test_an_executor_is_left_open_for_its_owner() -> None:
    with ThreadPoolExecutor(1) as pool:
        run(random_model(2, 2, 1), executor=pool)
        assert pool.submit(lambda: 5).result() == 5


def test_an_error_inside_a_block_reaches_the_caller() -> None:
    model = random_model(2, 2, 1)
    for executor in (None, SerialExecutor()):
        with pytest.raises(ModelError, match="no operator 'orbital'"):
            run(model, responses=[sol.SpinMoment(operator="orbital")], executor=executor)


def test_runs_are_repeatable_and_replicas_keep_their_meshes() -> None:
    model = random_model(3, 2, 3)
    two, again, three = (run(model, replicas=n, seed=5) for n in (2, 2, 3))
    same(two, again, 0.0)
    for name, x in densities(three).items():
        np.testing.assert_array_equal(x[:2], densities(two)[name])
    other = densities(run(model, replicas=2, seed=6))
    assert any(np.abs(other[name] - x).max() > 1e-6 for name, x in densities(two).items())


def test_replicas_are_independent_estimates_whose_error_bar_covers_the_truth() -> None:
    model = rashba_square(alpha=0.5, mass=1.0)
    grid = sol.EnergyGrid(-3.2, -0.8, 0.01, -2.0)
    group = sol.find_symmetry(model, operators=tuple(model.operators)).group
    options: dict[str, Any] = {"responses": [sol.SpinConductivity()], "energies": grid, "symmetry": group}
    truth = run(model, (64, 64, 1), **options).conductivity([-2.0], [600.0])
    pulls, errors = [], []
    for seed in range(8):
        data = run(model, (10, 10, 1), replicas=6, seed=seed, **options).conductivity([-2.0], [600.0])
        for output in ("conventional", "finite_q", "berry_spin"):
            value, error = (float(data[key][0, 0, 0, 1, 2]) for key in (output, f"{output}_error"))
            assert error > 0
            pulls.append((value - float(truth[output][0, 0, 0, 1, 2])) / error)
            errors.append(error)
    # Student's t with five degrees of freedom: 95 % lie within 2.57.
    assert np.mean(np.abs(pulls) < 2.57) > 0.85
    assert np.mean(np.abs(pulls) > 0.3) > 0.4


def test_the_error_bar_shrinks_as_one_over_the_root_of_the_number_of_replicas() -> None:
    model = random_model(2, 2, 4)
    options: dict[str, Any] = {"symmetry": None, "kramers": False, "energies": sol.EnergyGrid(-4.0, 0.0, 0.05, -2.0)}
    errors = {}
    for replicas in (8, 128):
        result = run(model, (4, 4, 1), replicas=replicas, responses=[sol.SpinConductivity()], **options)
        errors[replicas] = result.conductivity([-2.0], [900.0])["conventional_error"].values
    found = errors[8] / np.where(errors[128] > 0, errors[128], np.inf)
    assert float(np.median(found[found > 0])) == pytest.approx(4.0, rel=0.35)


def test_error_is_the_standard_error_of_the_replica_values() -> None:
    result = run(random_model(3, 2, 3), replicas=4)
    data = result.conductivity([0.1], [900.0])
    values = result.replica_values("conductivity", [0.1], [900.0])
    for output in ("semiclassical", "conventional", "finite_q"):
        single = values[output].values
        assert single.shape[0] == 4
        assert np.ptp(single, axis=0).max() > 1e-6
        np.testing.assert_allclose(data[output].values, single.mean(axis=0), atol=1e-14)
        expected = np.sqrt(((single - single.mean(axis=0)) ** 2).sum(axis=0) / 3 / 4)
        np.testing.assert_allclose(data[f"{output}_error"].values, expected, atol=1e-14)


def nearly_degenerate(splitting: float, seed: int = 2) -> TightBinding:
    """A model with inversion × time reversal whose pairs are split by a random term of this size (eV)."""
    model = random_model(4, 2, seed, degenerate=True)
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
    matrices = model.hamiltonian.matrices.copy()
    matrices[np.flatnonzero(~model.hamiltonian.R.any(axis=1))[0]] += splitting / 4 * (raw + raw.conj().T)
    return TightBinding(
        model.lattice,
        model.dimension,
        LatticeOperator(model.hamiltonian.R, matrices),
        model.position,
        model.operators,
    )


def test_pairs_by_construction_make_noise_harmless() -> None:
    """Split pairs taken for separate bands give another answer; grouped, the answer of the clean crystal."""
    clean = run(random_model(4, 2, 2, degenerate=True), kramers=True)
    assert clean.attrs["kramers_pairs_by_construction"] is True
    noisy = nearly_degenerate(2e-3)
    paired, separate = run(noisy, kramers=True), run(noisy, kramers=False)
    assert separate.attrs["kramers_pairs_by_construction"] is False
    values = [r.conductivity([-0.5], [1500.0])["conventional"].values for r in (clean, paired, separate)]
    scale = np.abs(values[0]).max()
    assert scale > 1e-3
    assert np.abs(values[1] - values[0]).max() < 0.02 * scale
    assert np.abs(values[2] - values[0]).max() > 0.1 * scale


@pytest.mark.parametrize("stride", [1, 2])
def test_audit_is_the_part_that_comes_from_close_pairs(monkeypatch: pytest.MonkeyPatch, stride: int) -> None:
    """Recomputed directly: the full sum less the sum without the pairs, over the points that are examined."""
    monkeypatch.setattr(driver, "AUDIT_POINTS", 36 // stride)
    model = nearly_degenerate(0.03)
    response = sol.SpinConductivity()
    mu, temperature = 0.3, 1500.0
    fine = sol.EnergyGrid(-4.0, 4.0, 0.004, mu)
    options: dict[str, Any] = {"audit": True, "symmetry": None, "kramers": False, "block_size": 36}
    result = run(model, responses=[response], energies=fine, **options)
    audit = result.degeneracy_audit([mu], [temperature])
    np.testing.assert_allclose(audit["gap"], driver.AUDIT_GAPS)
    k = mesh(6, 6)[::stride]
    weights = np.full(len(k), 1 / len(k))

    def without(gap: float) -> dict[str, RealArray]:
        states = BlochStates.solve(interpolator(model), k, weights, Degeneracy(1e-4, minimum_gap=gap))
        return DirectSums.of(model, response, states).at("conductivity", mu, temperature * 8.617333262e-5)

    full = without(0.0)
    for output in ("conventional", "berry_spin", "dipole", "finite_q", "semiclassical"):
        expected = np.array([full[output] - without(gap)[output] for gap in driver.AUDIT_GAPS])
        scale = np.abs(expected).max()
        assert scale > 1e-3 * np.abs(full[output]).max()
        found = audit[output].values[:, 0, 0] / (2 * np.pi)
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-3 * scale, err_msg=output)


def test_a_run_without_the_audit_says_so() -> None:
    with pytest.raises(ResultError, match="no degeneracy audit"):
        run(random_model(2, 2, 1)).degeneracy_audit([0.0], [300.0])


@pytest.mark.parametrize("name", SYMMETRIC)
def test_carriers_run_from_none_to_the_number_of_bands(name: str) -> None:
    model, divisions = SYMMETRIC[name]
    wide = sol.EnergyGrid(-7.0, 7.0, 0.05, 0.0)
    result = run(model, divisions, energies=wide, responses=[sol.DensityOfStates()])
    mu = np.linspace(-6.9, 6.9, 139)
    carriers = result.carriers(mu, [0.0])["carriers"].values[:, 0]
    assert carriers[0] == 0
    assert carriers[-1] == pytest.approx(model.n_orbitals, abs=1e-12)
    assert np.all(np.diff(carriers) >= -1e-12)


def chern_number(model: TightBinding, occupied: int, divisions: int = 24) -> float:
    """Sum of the phases of link variables around every plaquette, over 2π: an integer on any mesh fine enough."""
    k = mesh(divisions, divisions)
    phase = np.exp(2j * np.pi * k @ model.hamiltonian.R.T)
    H = np.einsum("kr,rab->kab", phase, model.hamiltonian.matrices)
    u: ComplexArray = np.linalg.eigh(H)[1][:, :, :occupied].reshape(divisions, divisions, -1, occupied)

    def link(axis: int) -> ComplexArray:
        return np.linalg.det(np.einsum("xyan,xyam->xynm", u.conj(), np.roll(u, -1, axis)))

    x, y = link(0), link(1)
    around = x * np.roll(y, -1, 0) * np.roll(x, -1, 1).conj() * y.conj()
    # Berry's phase is minus the phase of the product of overlaps.
    return float(-np.angle(around).sum() / (2 * np.pi))


@pytest.mark.parametrize(
    ("model", "divisions"),
    [(haldane(t2=0.15), 36), (haldane(t2=-0.15, mass=0.2), 36), (haldane(t2=0.1, mass=1.5), 36), (qwz(mass=-1.0), 24)],
    ids=["Haldane", "Haldane reversed", "Haldane trivial", "QWZ"],
)
def test_anomalous_hall_conductivity_is_quantised_in_the_gap(model: TightBinding, divisions: int) -> None:
    """σ_xy = −C e²/h: with J = σE and σ^{xy} = e²∫ f Ω^{yx}, Ω^{xy} the curvature of the link variables."""
    result = run(
        model,
        (divisions, divisions, 1),
        responses=[sol.AnomalousHallConductivity()],
        energies=sol.EnergyGrid(-5.0, 5.0, 0.05, 0.0),
    )
    data = result.anomalous_hall([0.0], [0.0])["anomalous_hall"]
    assert data.attrs["units"] == "e²/h"
    chern = chern_number(model, 1)
    assert chern == pytest.approx(round(chern), abs=1e-9)
    assert float(data.sel(current="x", field="y")[0, 0]) == pytest.approx(-round(chern), abs=1e-6)
    assert float(data.sel(current="y", field="x")[0, 0]) == pytest.approx(round(chern), abs=1e-6)


def test_haldane_and_qwz_have_chern_numbers_of_both_signs() -> None:
    numbers = [round(chern_number(m, 1)) for m in (haldane(t2=0.15), haldane(t2=-0.15), haldane(t2=0.1, mass=1.5))]
    assert sorted(numbers) == [-1, 0, 1]


def test_progress_counts_every_block_and_ends_at_the_total() -> None:
    seen: list[Progress] = []
    run(random_model(2, 2, 1), (6, 6, 1), block_size=6, symmetry=None, replicas=2, progress=seen.append)
    assert [p.done for p in seen] == list(range(1, 13))
    assert {p.total for p in seen} == {12}
    assert seen[-1].remaining == 0
    assert all(p.elapsed > 0 and p.remaining >= 0 for p in seen)


def test_states_outside_the_window_count_as_filled_below_and_are_left_out_above() -> None:
    model = random_model(4, 2, 3)
    wide = run(model, energies=sol.EnergyGrid(-6.0, 6.0, 0.02, 0.1))
    narrow = run(model, energies=sol.EnergyGrid(-0.5, 0.7, 0.02, 0.1))
    for name in ("conductivity", "carriers", "spin_moment", "anomalous_hall"):
        a, b = (r.quantity(name, [0.1], [0.0]) for r in (wide, narrow))
        for output in a.data_vars:
            np.testing.assert_allclose(b[output], a[output], rtol=0, atol=1e-11, err_msg=str(output))
    assert narrow.highest > 0.7


def test_the_provenance_of_a_run_is_complete() -> None:
    result = run(rashba_square(alpha=0.5), (8, 8, 1), replicas=2, seed=3)
    attrs = result.attrs
    assert attrs["mesh"] == [8, 8, 1]
    assert attrs["replicas"] == 2
    assert attrs["seed"] == 3
    assert attrs["symmetry_operations"] == 16
    assert attrs["k_points_evaluated"] == 128
    assert attrs["k_points_represented"] == 128 * 16
    assert attrs["degeneracy_tolerance_eV"] == 1e-4
    for key in ("solenoidal_version", "created", "responses", "symmetry_report", "wall_time_seconds"):
        assert attrs[key]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"responses": []}, "no response was asked for"),
        ({"responses": [sol.SpinMoment(), sol.SpinMoment()]}, "same name twice"),
        ({"divisions": (4, 4, 2)}, "1 along directions that are not periodic"),
        ({"divisions": (4, 0, 1)}, "positive integers"),
        ({"replicas": 0}, "at least 2"),
        ({"block_size": -3}, "positive number of k points"),
    ],
)
def test_options_that_cannot_be_used_are_refused_with_a_remedy(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run(random_model(2, 2, 1), **options)


def test_a_symmetry_group_given_by_hand_is_used() -> None:
    model = rashba_square(alpha=0.5)
    found = sol.find_symmetry(model, operators=tuple(model.operators)).group
    a, b = (run(model, (8, 8, 1), symmetry=s) for s in (found, "auto"))
    assert a.attrs["symmetry_report"] == "16 operations given by the user"
    same(a, b, 0.0)


def test_pt_symmetric_antiferromagnet_is_grouped_in_pairs_without_being_told() -> None:
    model = pt_antiferromagnet(t_prime=0.1, spin_orbit=0.2, J=0.6)
    assert run(model).attrs["kramers_pairs_by_construction"] is True
    assert run(model, kramers=False).attrs["kramers_pairs_by_construction"] is False
    assert run(rashba_square(alpha=0.5)).attrs["kramers_pairs_by_construction"] is False
