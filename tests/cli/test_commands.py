"""The command line: what it writes, what it refuses, and the exit codes 0, 1, 2, 3 and 130."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import Result as Outcome

from solenoidal.cli import check as check_module
from solenoidal.cli import run as run_module
from solenoidal.errors import ConfigError, ResultError
from solenoidal.io.model_file import load_model, save_model
from solenoidal.io.wannier90 import read_wannier90
from solenoidal.models.library import random_model, rashba_square
from solenoidal.report.html import number
from solenoidal.results.result import Result
from solenoidal.workflow import job
from solenoidal.workflow.input_file import read_input
from support.commands import NO_PICTURES, RASHBA, call


@pytest.fixture
def rashba(tmp_path: Path) -> Path:
    path = tmp_path / "rashba.toml"
    path.write_text(RASHBA, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """Folder and outcome of one complete run."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "rashba.toml").write_text(RASHBA, encoding="utf-8")
    return folder / "out", call("run", folder / "rashba.toml", "--output", folder / "out")


@pytest.fixture
def no_computing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the driver was called")

    monkeypatch.setattr(job, "solve", refuse)
    monkeypatch.setattr(job, "build_model", refuse)


def test_a_run_leaves_result_figures_report_and_input(finished: tuple[Path, Outcome]) -> None:
    folder, outcome = finished
    assert outcome.exit_code == 0, outcome.output
    result = Result.load(folder / "result.nc")
    assert list(result.attrs["mesh"]) == [12, 12, 1]
    found = result.conductivity(-3.5, 300.0).sel(current="x", field="y", spin="z").squeeze()
    value, error = float(found["conventional"]), float(found["conventional_error"])
    assert abs(value) > 0.01
    assert error > 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    for text in (outcome.stdout, page):
        assert number(value, error) in text
    assert str(folder / "report.html") in outcome.stdout
    assert "<!doctype html>" in page
    assert (folder / "input.toml").read_text(encoding="utf-8") == RASHBA
    figures = {path.name for path in (folder / "figures").iterdir()}
    for name in ("conductivity_xyz_300K", "conductivity_xyz_0K", "bands_xyz", "density_of_states"):
        assert {f"{name}.png", f"{name}.pdf"} <= figures


def test_without_a_place_results_go_beside_the_input_file(rashba: Path) -> None:
    settings = read_input(rashba)
    assert run_module.places(rashba, settings, None).directory == rashba.parent / "rashba-output"


@pytest.mark.usefixtures("no_computing")
def test_an_existing_output_is_refused_before_computing_and_left_alone(rashba: Path, tmp_path: Path) -> None:
    old = tmp_path / "out" / "result.nc"
    old.parent.mkdir()
    old.write_text("precious", encoding="utf-8")
    outcome = call("run", rashba, "--output", tmp_path / "out")
    assert outcome.exit_code == 3
    assert re.search(r"error: .*result\.nc: exists and is not overwritten; .*--overwrite", outcome.stderr)
    assert old.read_text(encoding="utf-8") == "precious"


def test_overwrite_replaces_the_result(rashba: Path, tmp_path: Path) -> None:
    old = tmp_path / "out" / "result.nc"
    old.parent.mkdir()
    old.write_text("old", encoding="utf-8")
    rashba.write_text(RASHBA.replace("[0, 300]", "[0]\nbands = false"), encoding="utf-8")
    outcome = call("run", rashba, "--output", tmp_path / "out", "--overwrite")
    assert outcome.exit_code == 0, outcome.output
    assert Result.load(old).replicas == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mesh", "mehs", r"error: .*rashba\.toml: \[run\] unknown key 'mehs'; did you mean 'mesh'\?"),
        ("rashba_square", "rashba_cube", r"no library model 'rashba_cube'; valid are"),
        ("alpha", "alfa", r"rashba_square has no parameter 'alfa'; valid are .*alpha"),
        ("alpha = 0.5, ", "", r"rashba_square needs alpha"),
        ("[12, 12, 1]", "[12, 12, 2]", r"mesh is \(12, 12, 2\) for a model of dimension 2"),
        ("[0, 300]", "[0, 3000]", r"mu = -3.5 eV at 3000 K needs states from .* below it"),
    ],
)
def test_bad_input_ends_with_code_2_and_one_readable_line(
    rashba: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    rashba.write_text(RASHBA.replace(old, new), encoding="utf-8")
    outcome = call("run", rashba, "--output", tmp_path / "out")
    assert outcome.exit_code == 2, outcome.output
    assert re.search(message, outcome.stderr)
    assert "Traceback" not in outcome.output
    assert not (tmp_path / "out").exists()


def test_an_interruption_ends_with_code_130_and_writes_nothing(
    rashba: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "solve", interrupt)
    outcome = call("run", rashba, "--output", tmp_path / "out")
    assert outcome.exit_code == 130
    assert not (tmp_path / "out").exists()


def test_a_dry_run_counts_points_estimates_and_writes_nothing(rashba: Path, tmp_path: Path) -> None:
    outcome = call("run", rashba, "--dry-run", "--output", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    assert re.search(r"k points +288 of 288", outcome.stdout)
    assert re.search(r"time +\d+:\d\d:\d\d h:mm:ss on 1 threads \(\d+ μs for each point", outcome.stdout)
    memory = re.search(r"memory +(\d+) MB", outcome.stdout)
    assert memory
    assert 50 < int(memory[1]) < 5000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rashba.toml"]


def test_bands_are_drawn_and_kept_as_numbers(rashba: Path, tmp_path: Path) -> None:
    outcome = call("bands", rashba, "--output", tmp_path / "b", "--colour", "spin,berry_spin", "--points", "60")
    assert outcome.exit_code == 0, outcome.output
    assert (tmp_path / "b.png").stat().st_size > 1000
    assert (tmp_path / "b.pdf").stat().st_size > 1000
    with xr.open_dataset(tmp_path / "b.nc", engine="h5netcdf") as data:
        assert data.sizes["band"] == 2
        energies = data["energy"].values
        gamma = np.argmin(np.linalg.norm(data["k_fractional"].values, axis=1))
        assert np.diff(energies[gamma]) == pytest.approx([0.2])  # the exchange gap at Γ


def test_an_unknown_band_quantity_is_named(rashba: Path, tmp_path: Path) -> None:
    outcome = call("bands", rashba, "--output", tmp_path / "b", "--colour", "spinn")
    assert outcome.exit_code == 2
    assert "there is no band quantity 'spinn'; valid are spin" in outcome.stderr


def test_a_map_is_drawn_once(rashba: Path, tmp_path: Path) -> None:
    assert call("geometry", rashba, "--output", tmp_path / "g", "--points", "16").exit_code == 0
    before = (tmp_path / "g.png").read_bytes()
    assert call("geometry", rashba, "--output", tmp_path / "g", "--points", "16").exit_code == 3
    assert (tmp_path / "g.png").read_bytes() == before


def test_a_plane_out_of_the_layer_is_refused(rashba: Path, tmp_path: Path) -> None:
    outcome = call("geometry", rashba, "--output", tmp_path / "g", "--plane", "xz")
    assert outcome.exit_code == 2
    assert "leaves the periodic directions" in outcome.stderr


def test_check_reports_symmetry_and_identities(rashba: Path) -> None:
    outcome = call("check", rashba)
    assert outcome.exit_code == 0, outcome.output
    assert "symmetry:" in outcome.stdout
    assert outcome.stdout.count("passed") >= 6
    assert "FAILED" not in outcome.stdout


def test_check_has_a_column_without_f_and_k_and_a_unit_on_every_line(tmp_path: Path, rashba: Path) -> None:
    save_model(random_model(3, 2, 3, nonlocal_matrices=True), tmp_path / "m.npz")
    outcome = call("check", tmp_path / "m.npz")
    assert outcome.exit_code == 0, outcome.output
    assert "without F, K" in outcome.stdout
    assert "without F, K" not in call("check", rashba).stdout
    rows = [line.split("│") for line in outcome.stdout.splitlines() if "passed" in line]
    assert len(rows) >= 12
    assert all(row[-3].strip() for row in rows)
    slope = next(row for row in rows if "Ω^{iτ} =" in row[1])
    assert float(slope[2]) > 1e-2
    assert float(slope[3]) < 1e-8
    assert "J^{s,0} = " in outcome.stdout


def test_a_failed_check_ends_with_code_1(rashba: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_module, "DIFFERENCE_LIMIT", 0.0)
    outcome = call("check", rashba)
    assert outcome.exit_code == 1
    assert "FAILED" in outcome.stdout


def test_convert_keeps_the_model(rashba: Path, tmp_path: Path) -> None:
    assert call("convert", rashba, "--output", tmp_path / "m.npz").exit_code == 0
    converted, original = load_model(tmp_path / "m.npz"), rashba_square(alpha=0.5, mass=0.2)
    assert np.abs(original.hamiltonian.matrices).max() > 0
    np.testing.assert_array_equal(converted.hamiltonian.matrices, original.hamiltonian.matrices)
    np.testing.assert_array_equal(converted.operators["spin"].matrices, original.operators["spin"].matrices)
    assert call("check", tmp_path / "m.npz").exit_code == 0
    assert call("convert", rashba, "--output", tmp_path / "m.npz").exit_code == 3
    assert call("convert", rashba, "--output", tmp_path / "m.npz", "--overwrite").exit_code == 0


def test_convert_writes_lattice_files_that_read_back(rashba: Path, tmp_path: Path) -> None:
    outcome = call("convert", rashba, "--output", tmp_path / "m")
    assert outcome.exit_code == 0, outcome.output
    back = read_wannier90(tmp_path / "m", source="tb", dimension=2)
    assert np.abs(back.hamiltonian.matrices).max() == pytest.approx(1.0)
    assert (tmp_path / "m_wsvec.dat").exists()


def test_a_report_answers_another_temperature_without_another_run(
    finished: tuple[Path, Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "solve", None)
    page = tmp_path / "other.html"
    arguments = ("report", finished[0] / "result.nc", "--output", page, "-T", "77", "--component", "yxz")
    assert call(*arguments).exit_code == 0
    assert "77 K" in page.read_text(encoding="utf-8")
    assert call(*arguments).exit_code == 3


def test_a_file_that_is_no_result_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.nc").write_text("no", encoding="utf-8")
    outcome = call("report", tmp_path / "x.nc", "--output", tmp_path / "x.html", "-T", "0")
    assert outcome.exit_code == 2
    assert "x.nc" in outcome.stderr


@pytest.mark.parametrize(
    "command", [[Path(sys.executable).with_name("solenoidal")], [sys.executable, "-m", "solenoidal"]]
)
def test_the_command_is_installed_and_the_package_runs_as_it(command: list[str | Path]) -> None:
    run = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert re.fullmatch(r"solenoidal \d+\.\d+\.\d+", run.stdout.strip())


def test_an_accuracy_instead_of_a_mesh_leaves_its_convergence(tmp_path: Path) -> None:
    path = tmp_path / "rashba.toml"
    text = RASHBA.replace("mesh = [12, 12, 1]\nreplicas = 2", "accuracy = 0.2\nreplicas = 4")
    path.write_text(text.replace("temperatures = [0, 300]", "temperatures = [300]"), encoding="utf-8")
    outcome = call("run", path, "--output", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    convergence = Result.load(tmp_path / "out" / "result.nc").attrs["convergence"]
    assert convergence["state"] == "CONVERGED"
    assert (tmp_path / "out" / "figures" / "convergence.png").exists()
    assert call("run", path, "--dry-run").exit_code == 2


def test_a_stopped_run_is_resumed_and_the_checkpoint_removed(rashba: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = rashba.parent / "out"
    original = job.solve

    def stopped(*arguments, **options):
        def stop(state) -> None:
            raise KeyboardInterrupt

        return original(*arguments, **{**options, "progress": stop})

    monkeypatch.setattr(job, "solve", stopped)
    assert call("run", rashba, "--output", place).exit_code == 130
    assert (place / "run.checkpoint").exists()
    monkeypatch.setattr(job, "solve", original)
    assert call("run", rashba, "--output", place).exit_code == 2
    outcome = call("run", rashba, "--output", place, "--resume")
    assert outcome.exit_code == 0, outcome.output
    assert not (place / "run.checkpoint").exists()
    assert (place / "result.nc").exists()


def test_components_of_the_input_are_all_that_is_computed_shown_and_filed(rashba: Path) -> None:
    asked = 'kind = "spin_conductivity"\ncomponents = ["yxz"]'
    rashba.write_text(RASHBA.replace('kind = "spin_conductivity"', asked), encoding="utf-8")
    outcome = call("run", rashba, "--output", rashba.parent / "out")
    assert outcome.exit_code == 0, outcome.output
    assert "σ^z_yx" in outcome.stdout
    result = Result.load(rashba.parent / "out" / "result.nc")
    data = result.conductivity(-3.5, 300.0)["conventional"]
    assert data.shape == (1, 1, 1, 1, 1)
    assert abs(float(data.squeeze())) > 0.01
    page = (rashba.parent / "out" / "report.html").read_text(encoding="utf-8")
    assert not re.search(r">\s*nan\b", page)
    with pytest.raises(ResultError, match="'xyz' of 'conductivity' was not computed"):
        result.element("conductivity", "xyz", -3.5, 300.0)


def test_components_that_nobody_computes_are_refused_before_the_run(rashba: Path) -> None:
    for components, output, message in (
        ('["xyz"]', '["yxz"]', r"\[output\] components: 'yxz' is not computed.*\['xyz'\] only"),
        ('["xy"]', '["xyz"]', "component 'xy' is none; write a tuple of texts"),
    ):
        text = RASHBA.replace('kind = "spin_conductivity"', f'kind = "spin_conductivity"\ncomponents = {components}')
        rashba.write_text(text.replace("[output]", f"[output]\ncomponents = {output}"), encoding="utf-8")
        with pytest.raises(ConfigError, match=message):
            job.prepare(read_input(rashba))


def test_by_which_route_a_number_came_stands_below_it_in_the_terminal_and_on_the_page(tmp_path: Path) -> None:
    """A stack of Rashba layers, whose lines of touching bands the Fermi-sea route does not see."""
    layer = rashba_square(alpha=0.5, mass=0.0)
    lattice = layer.lattice.copy()
    lattice[2] = (0.0, 0.0, 1.0)
    save_model(replace(layer, lattice=lattice, dimension=3), tmp_path / "stack.npz")
    text = NO_PICTURES.replace(
        'library = "rashba_square"\nparameters = { alpha = 0.5, mass = 0.2 }', 'file = "stack.npz"'
    )
    text = text.replace("mesh = [12, 12, 1]\nreplicas = 2", "mesh = [128, 128, 2]\nreplicas = 4")
    text = text.replace("temperatures = [0, 300]", "temperatures = [116]")
    text = text.replace("[output]", '[[response]]\nkind = "magnetization"\n[output]')
    (tmp_path / "stack.toml").write_text(text, encoding="utf-8")
    outcome = call("run", tmp_path / "stack.toml", "--output", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    result, page = Result.load(tmp_path / "out" / "result.nc"), (tmp_path / "out" / "report.html").read_text("utf-8")
    for quantity, output in (("conductivity", "semiclassical"), ("magnetization", "magnetization")):
        route = result.quantity(quantity, -3.5, 116.0)[output].attrs["route"]
        assert "bands touch or nearly touch along lines" in route
        assert route in page
    assert (
        f"semiclassical, torque dipole: {result.conductivity(-3.5, 116.0)['semiclassical'].attrs['route']}"
        in " ".join(outcome.stdout.split())
    )
