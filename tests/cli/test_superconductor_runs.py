"""Input files of superconductors: pair potential, quantised responses, report, refusals; normal states beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner
from typer.testing import Result as Outcome

import solenoidal as sol
from solenoidal.cli.app import app
from solenoidal.errors import ConfigError
from solenoidal.models.bdg import bdg
from solenoidal.models.gap import gap
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import bhz_chiral_d, chiral_d_honeycomb, haldane
from solenoidal.models.pairing import bond_pairing
from solenoidal.responses.magnetization import Magnetization
from solenoidal.responses.superconductor import ThermalHall, superconductor_responses
from solenoidal.results.result import Result
from solenoidal.units import BOLTZMANN
from solenoidal.workflow.build import build_model, build_responses
from solenoidal.workflow.input_file import read_input
from solenoidal.workflow.pairing import pairing_at

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "chiral_superconductor" / "chiral_superconductor.toml"

RESPONSES = 'kind = "thermal_hall"\n[[response]]\nkind = "magnetization"'

HONEYCOMB = """
[model]
library = "haldane"
parameters = { t1 = -1.0, t2 = 0.0 }
[pairing]
basis = "sz"
mu = 0.8
[[pairing.part]]
kind = "bond"
form = "d+id"
amplitude = 0.3
[run]
mesh = [60, 60, 1]
threads = 1
[energies]
fermi = 0.0
window = [-5.0, 5.0]
[[response]]
kind = "thermal_hall"
[output]
temperatures = [100]
"""


def call(*arguments: str | Path) -> Outcome:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def written(folder: Path, text: str, *replacements: tuple[str, str]) -> Path:
    for old, new in replacements:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / "superconductor.toml"
    path.write_text(text, encoding="utf-8")
    return path


def example(folder: Path, *replacements: tuple[str, str]) -> Path:
    """The example on a coarse mesh."""
    return written(folder, EXAMPLE.read_text(encoding="utf-8"), ("[96, 96, 1]", "[40, 40, 1]"), *replacements)


def model_of(path: Path) -> TightBinding:
    settings = read_input(path)
    model = build_model(settings.model, settings.pairing)
    assert isinstance(model, TightBinding)
    return model


def spectrum(model: TightBinding) -> np.ndarray:
    k = np.random.default_rng(4).uniform(size=(6, 3))
    phases = np.exp(2j * np.pi * k @ model.hamiltonian.R.T)
    return np.linalg.eigvalsh(np.einsum("kr,rab->kab", phases, model.hamiltonian.matrices))


def test_the_example_has_quantised_heat_and_a_report_of_every_quantity(tmp_path: Path) -> None:
    outcome = call("run", example(tmp_path), "--output", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    result = Result.load(tmp_path / "out" / "result.nc")
    heat = result.quantity("thermal_hall", 0.0, 100.0)["thermal_hall"].squeeze()
    assert float(heat.sel(current="x", gradient="y")) == pytest.approx(2.0, rel=0.01)
    spin = result.quantity("spin_quantum_hall", 0.0, 100.0)["spin_quantum_hall"].squeeze()
    assert float(spin.sel(current="x", gradient="y")) == pytest.approx(2.0, rel=0.01)
    moment = result.quantity("symmetrised_magnetization", 0.0, 300.0)["symmetrised"].squeeze()
    assert abs(float(moment.sel(moment="z"))) > 1e-10
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    for words in ("thermal hall in", "spin quantum hall in", "symmetrised magnetization in", "<figure>"):
        assert words in page
    assert "Symmetric and Hall parts" not in page
    assert "thermal hall xy" in outcome.stdout
    assert {path.name for path in (tmp_path / "out" / "figures").iterdir()} >= {"thermal_hall.png", "thermal_hall.pdf"}
    again = call("report", tmp_path / "out" / "result.nc", "--output", tmp_path / "again.html", "-T", "600")
    assert again.exit_code == 0, again.output
    assert "thermal hall in" in (tmp_path / "again.html").read_text(encoding="utf-8")


def test_opposite_chirality_has_opposite_heat_in_every_basis(tmp_path: Path) -> None:
    path = example(tmp_path, ("[0.0, -0.075]", "[0.0, 0.075]"), ('basis = "sz"', 'basis = "symmetrised"'))
    assert call("run", path, "--output", tmp_path / "out").exit_code == 0
    heat = Result.load(tmp_path / "out" / "result.nc").quantity("thermal_hall", 0.0, 100.0)["thermal_hall"]
    assert float(heat.sel(current="x", gradient="y").squeeze()) == pytest.approx(-2.0, rel=0.01)


FOLLOWING = 'mu = 0.8\ngap = "bcs"\ncritical_temperature = 1500'


def test_a_gap_that_follows_temperature_gives_the_numbers_of_one_python_run_for_each(tmp_path: Path) -> None:
    temperatures = (400.0, 1200.0, 1600.0)
    text = HONEYCOMB.replace("t1 = -1.0", "t1 = -1.0, mass = 0.4").replace('kind = "thermal_hall"', RESPONSES)
    replaced = [("mu = 0.8", FOLLOWING), ("[60, 60, 1]", "[24, 24, 1]"), ("[100]", f"{list(temperatures)}")]
    path = written(tmp_path, text, *replaced)
    outcome = call("run", path, "--output", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    found = Result.load(tmp_path / "out" / "result.nc")
    deltas = 0.3 * gap(temperatures, critical_temperature=1500, zero_temperature_gap=1.0, method="bcs")
    assert 0.29 < deltas[0] < 0.3
    assert 0.1 < deltas[1] < 0.25
    assert deltas[2] == 0
    normal = haldane(t1=-1.0, t2=0.0, mass=0.4)
    heats = []
    for temperature, delta in zip(temperatures, deltas, strict=True):
        model = bdg(normal, bond_pairing(normal, float(delta), "d+id"), mu=0.8)
        python = sol.solve(
            model,
            superconductor_responses(model),
            sol.Numerics(mesh=(24, 24, 1), energies=sol.FixedPoints((0.0,), (temperature,))),
        )
        for name, output in (("thermal_hall", "thermal_hall"), ("symmetrised_magnetization", "symmetrised")):
            mine, theirs = (r.quantity(name, 0.0, temperature)[output].values for r in (found, python))
            assert theirs == pytest.approx(mine, rel=1e-12, abs=1e-20)
        heats.append(float(found.quantity("thermal_hall", 0.0, temperature)["thermal_hall"][0, 0, 0, 1]))
    assert abs(heats[0]) > abs(heats[1]) > 0.01
    assert heats[2] == pytest.approx(0.0, abs=1e-12)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "pair potential that follows temperature" in page
    assert {p.name for p in (tmp_path / "out" / "figures").iterdir()} >= {
        "thermal_hall.png",
        "bogolon_magnetization.png",
    }
    again = call("report", tmp_path / "out" / "result.nc", "--output", tmp_path / "again.html", "-T", "1200")
    assert again.exit_code == 0, again.output


def test_the_gap_at_zero_temperature_stands_for_the_critical_temperature(tmp_path: Path) -> None:
    text = HONEYCOMB.replace("mu = 0.8", 'mu = 0.8\ngap = "interpolation"\nzero_temperature_gap = 0.3')
    pairing = read_input(written(tmp_path, text)).pairing
    assert pairing is not None
    critical = 0.3 / (1.7639 * BOLTZMANN)
    for temperature in (0.0, 0.5 * critical, 1.01 * critical):
        expected = gap(temperature, critical_temperature=critical, zero_temperature_gap=0.3)
        assert pairing_at(pairing, temperature).part[0].value == pytest.approx(complex(expected), rel=1e-4)


def test_redundant_bases_count_quasiparticles_once(tmp_path: Path) -> None:
    densities = {}
    for basis in ("sz", "symmetrised", "general"):
        path = example(tmp_path, ('basis = "sz"', f'basis = "{basis}"'), ('"spin_quantum_hall"', '"density_of_states"'))
        model = model_of(path)
        response = next(r for r in build_responses(read_input(path), model) if r.name == "density_of_states")
        result = sol.solve(
            model,
            [response],
            sol.Numerics(mesh=(20, 20, 1), energies=sol.EnergyGrid(-7, 7, 0.01, 0.0), symmetry=None, audit=False),
        )
        densities[basis] = result.density_of_states(np.linspace(-3, 3, 7), 300.0)["density_of_states"].values
    assert densities["sz"].max() > 0.2
    # One spin sector at −k has minus the energies of the other, so its density of states is the mirror image.
    symmetric = 0.5 * (densities["sz"] + densities["sz"][::-1])
    assert densities["symmetrised"] == pytest.approx(symmetric, rel=1e-6)
    assert densities["general"] == pytest.approx(symmetric, rel=1e-6)


def test_one_part_makes_the_chiral_state_of_the_honeycomb_lattice(tmp_path: Path) -> None:
    path = written(tmp_path, HONEYCOMB)
    assert spectrum(model_of(path)) == pytest.approx(spectrum(chiral_d_honeycomb(mu=0.8, delta=0.3)), abs=1e-12)
    assert call("run", path, "--output", tmp_path / "out").exit_code == 0
    heat = Result.load(tmp_path / "out" / "result.nc").quantity("thermal_hall", 0.0, 100.0)["thermal_hall"]
    assert abs(float(heat.sel(current="x", gradient="y").squeeze())) == pytest.approx(2.0, rel=0.01)


def test_parts_of_the_example_add_up_to_the_library_model(tmp_path: Path) -> None:
    model = model_of(example(tmp_path))
    library = bhz_chiral_d(mu=1.6, delta=0.4, delta_xy=0.3, orbital_s=0.1, orbital_d=0.0, orbital_xy=0.0)
    assert spectrum(model) == pytest.approx(spectrum(library), abs=1e-12)


def test_singlet_pairing_in_the_general_basis_repeats_every_excitation(tmp_path: Path) -> None:
    separate = spectrum(model_of(example(tmp_path)))
    general = spectrum(model_of(example(tmp_path, ('basis = "sz"', 'basis = "general"'))))
    assert np.ptp(separate) > 1
    partner = -spectrum_at_minus_k(model_of(example(tmp_path)))
    assert general == pytest.approx(np.sort(np.concatenate([separate, partner], axis=1)), abs=1e-9)


def spectrum_at_minus_k(model: TightBinding) -> np.ndarray:
    k = -np.random.default_rng(4).uniform(size=(6, 3))
    phases = np.exp(2j * np.pi * k @ model.hamiltonian.R.T)
    return np.linalg.eigvalsh(np.einsum("kr,rab->kab", phases, model.hamiltonian.matrices))


def test_magnetization_of_a_superconductor_is_that_of_charge_in_every_basis(tmp_path: Path) -> None:
    for basis, weight in (("sz", 1.0), ("symmetrised", 0.5)):
        path = example(tmp_path, ('basis = "sz"', f'basis = "{basis}"'))
        assert model_of(path).nambu_weight == weight
        found = {type(r): r for r in build_responses(read_input(path), model_of(path))}
        heat, moment = found[ThermalHall], found[Magnetization]
        assert isinstance(heat, ThermalHall)
        assert isinstance(moment, Magnetization)
        assert (moment.operator, moment.electric) == ("charge", True)


def test_a_window_that_cuts_bands_leaves_out_only_what_needs_them(tmp_path: Path) -> None:
    outcome = call("run", example(tmp_path, ("[-7.0, 7.0]", "[-2.5, 2.5]")), "--output", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    assert "symmetrised magnetization: " in outcome.stderr
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "thermal hall in" in page
    assert "sum over every band" in page


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('form = "dxy"', 'form = "dyx"', r"\[\[pairing.part\]\] number 2: angular form 'dyx'; expected one of s, px"),
        ("shell = 2", "shel = 2", r"\[\[pairing.part\]\] number 2: unknown key 'shel'; did you mean 'shell'"),
        ("mu = 1.6", "", r"\[pairing\] 'mu' is missing; write mu = 1.6"),
        ("fermi = 0.0", "fermi = 1.6", r"\[energies\] fermi is 1.6; .* write fermi = 0"),
        ('kind = "thermal_hall"', 'kind = "anomalous_hall"', r"do not conserve charge; write kind = \"thermal_hall\""),
        ('library = "bhz"\nparameters = { A = 1.0, B = 0.5, mass = 1.0 }', 'library = "bhz_chiral_d"', "already"),
        ('gap = "fixed"', 'gap = "bcs"', r'gap = "bcs" needs critical_temperature .* neither is given; write critical'),
        ("mu = 1.6", "mu = 1.6\ncritical_temperature = 9.0", r'critical_temperature belong to a gap .* gap = "bcs"'),
        ('kind = "thermal_hall"', 'kind = "spin_conductivity"', r"an electric field does not drive the quasipart"),
        ('kind = "onsite"', 'kind = "onsite"\nshell = 1', r"number 3: shell belong to kind = \"bond\"; remove"),
    ],
)
def test_a_contradiction_is_refused_with_what_to_write(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = example(tmp_path, (old, new))
    with pytest.raises(ConfigError, match=message):
        build_responses(read_input(path), model_of(path))


def test_magnetization_of_a_chern_insulator_grows_with_the_chemical_potential_by_e_over_h(tmp_path: Path) -> None:
    text = HONEYCOMB[: HONEYCOMB.index("[pairing]")] + HONEYCOMB[HONEYCOMB.index("[run]") :]
    text = text.replace("t2 = 0.0", "t2 = 0.2").replace(
        'kind = "thermal_hall"', 'kind = "magnetization"\noperator = "charge"'
    )
    assert call("run", written(tmp_path, text), "--output", tmp_path / "out").exit_code == 0
    found = Result.load(tmp_path / "out" / "result.nc").quantity("magnetization", 0.3, 0.0)["magnetization"].squeeze()
    # M = (e/h) C μ from the middle of the gap, where it vanishes: 0.3 V times e²/h.
    assert abs(float(found.sel(moment="z"))) == pytest.approx(0.3 * 3.8740459e-5, rel=1e-3)
    assert found.attrs["units"] == "A"
    assert "magnetization in A" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_the_pair_potential_acts_on_a_model_file_as_on_its_library_model(tmp_path: Path) -> None:
    assert call("convert", example(tmp_path), "--output", tmp_path / "super.npz").exit_code == 0
    normal = tmp_path / "normal.toml"
    source = EXAMPLE.read_text(encoding="utf-8")
    start, end = source.index("[pairing]"), source.index("[run]")
    normal.write_text(source[:start] + source[end:], encoding="utf-8")
    assert call("convert", normal, "--output", tmp_path / "normal.npz").exit_code == 0
    library = 'library = "bhz"\nparameters = { A = 1.0, B = 0.5, mass = 1.0 }'
    path = example(tmp_path, (library, 'file = "normal.npz"'))
    from_file = spectrum(model_of(path))
    assert from_file == pytest.approx(spectrum(model_of(example(tmp_path))), abs=1e-12)
    whole = example(tmp_path, (library, 'file = "super.npz"'))
    with pytest.raises(ConfigError, match="superconductor already"):
        model_of(whole)
