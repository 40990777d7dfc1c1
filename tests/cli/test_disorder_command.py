"""``solenoidal disorder``: what it writes and prints, what it refuses, and its exit codes."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
import xarray as xr
from typer.testing import CliRunner
from typer.testing import Result as Outcome

from solenoidal.cli import disorder as disorder_module
from solenoidal.cli.app import app
from solenoidal.cli.progress import RunMonitor
from solenoidal.errors import InputFileError
from solenoidal.integrate.checkpoint import locked
from solenoidal.integrate.solve import Progress
from solenoidal.models.library import kagome_antiferromagnet
from solenoidal.report.html import number
from solenoidal.results.result import Result
from solenoidal.results.tensors import load_tensors, save_tensors
from solenoidal.workflow import disorder_run
from support.commands import call as command

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "kagome_antiferromagnet" / "kagome.toml"


def call(*arguments: str | Path) -> Outcome:
    return CliRunner().invoke(app, ["disorder", *(str(argument) for argument in arguments)])


def shortened(folder: Path, *replacements: tuple[str, str], mu: str = "[1.0]") -> Path:
    """The example on a coarse mesh at few chemical potentials."""
    text = EXAMPLE.read_text(encoding="utf-8")
    changes = (("mesh = [64, 64]", "mesh = [16, 16]"), ("mu_range = [0.4, 1.4, 21]", f"mu = {mu}"), *replacements)
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / "kagome.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_leaves_tensors_figures_and_symmetry_report(tmp_path: Path) -> None:
    path = shortened(tmp_path, mu="[0.8, 1.0, 1.2]")
    outcome = call(path, "--output", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    with xr.open_dataset(tmp_path / "out" / "result.nc", engine="h5netcdf") as data:
        at = data.sel(mu=1.0, temperature=0)
        angle = float(at.spin_hall_angle.sel(current="y", field="y", spin="y"))
        residual = float(at.residual)
        assert data.conserved.attrs["units"]
        assert data.attrs["symmetry_operations"] > 1
        assert 0 <= float(at.conserved_error) < 1e-2 * float(abs(at.conserved).max())
    assert angle == pytest.approx(-0.3073, abs=3e-3)
    assert f"{angle:.5g}" in outcome.stdout
    assert f"{residual:.5g}" in outcome.stdout
    report = (tmp_path / "out" / "symmetry.txt").read_text(encoding="utf-8")
    assert "yy,y" in report
    assert report.strip() in outcome.stdout
    assert (tmp_path / "out" / "input.toml").read_text(encoding="utf-8") == path.read_text(encoding="utf-8")
    names = {file.name for file in (tmp_path / "out" / "figures").iterdir()}
    for name in ("conductivity", "spin_hall_angle", "fermi_surface", "relaxation"):
        assert {f"{name}.png", f"{name}.pdf"} <= names


def test_an_existing_output_is_refused_before_computing_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the solver was called")

    monkeypatch.setattr(disorder_run, "extrinsic_conductivity", refuse)
    path = shortened(tmp_path)
    old = tmp_path / "kagome-output" / "result.nc"
    old.parent.mkdir()
    old.write_text("precious", encoding="utf-8")
    outcome = call(path)
    assert outcome.exit_code == 3
    assert "result.nc: exists and is not overwritten" in outcome.stderr
    assert old.read_text(encoding="utf-8") == "precious"


def test_overwrite_replaces_and_a_relaxation_time_needs_no_impurities(tmp_path: Path) -> None:
    path = shortened(tmp_path, ('method = "born"', 'method = "tau"\ntau = 20.0'))
    old = tmp_path / "kagome-output" / "result.nc"
    old.parent.mkdir()
    old.write_text("old", encoding="utf-8")
    outcome = call(path, "--overwrite")
    assert outcome.exit_code == 0, outcome.output
    with xr.open_dataset(old, engine="h5netcdf") as data:
        assert data.attrs["method"] == "relaxation time 20 fs"
        assert float(abs(data.conserved).max()) > 0.1
    assert "no symmetry report: a relaxation time" in outcome.stdout


def test_an_energy_without_states_gives_zeros_and_says_why_a_figure_is_missing(tmp_path: Path) -> None:
    outcome = call(shortened(tmp_path, mu="[-40.0]"))
    assert outcome.exit_code == 0, outcome.output
    assert "there is none at mu = -40 eV" in outcome.stderr


def test_a_wrong_key_ends_with_code_2_and_its_name(tmp_path: Path) -> None:
    outcome = call(shortened(tmp_path, ("strength = 1.0", "strenght = 1.0")))
    assert outcome.exit_code == 2
    assert "did you mean 'strength'?" in outcome.stderr
    assert not (tmp_path / "kagome-output").exists()


def test_a_run_that_fails_keeps_its_log_and_finished_shells_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = shortened(tmp_path, mu="[0.8, 1.0]"), tmp_path / "out"
    original = RunMonitor.update

    def interrupted(monitor: RunMonitor, state: Progress) -> None:
        original(monitor, state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunMonitor, "update", interrupted)
        outcome = call(path, "--output", out)
    assert outcome.exit_code == 130
    assert {file.name for file in out.iterdir()} == {"run.checkpoint", "run.log"}
    assert "solving: 1/2 shells" in (out / "run.log").read_text(encoding="utf-8")
    refused = call(path, "--output", out)
    assert refused.exit_code == 2
    assert "resume from it" in refused.stderr
    monkeypatch.setattr(disorder_module, "disorder_pictures", lambda *_: ([], ""))
    outcome = call(path, "--output", out, "--resume")
    assert outcome.exit_code == 0, outcome.output
    names = {"figures", "input.toml", "report.html", "result.nc", "run.log", "symmetry.txt"}
    assert {file.name for file in out.iterdir()} == names
    log = (out / "run.log").read_text(encoding="utf-8")
    assert log.index("interrupted") < log.index("the run is complete")
    assert "kagome_antiferromagnet" in log


def test_a_second_run_into_one_folder_is_refused(tmp_path: Path) -> None:
    path, out = shortened(tmp_path), tmp_path / "out"
    out.mkdir()
    with locked(out / "run.lock", "taken"):
        outcome = call(path, "--output", out, "--overwrite")
    assert outcome.exit_code == 2
    assert "another run is writing there" in outcome.stderr


def test_the_result_says_what_it_is_and_how_it_was_made(tmp_path: Path) -> None:
    path, out = shortened(tmp_path, mu="[0.8, 1.0]"), tmp_path / "out"
    assert call(path, "--output", out).exit_code == 0
    data = load_tensors(out / "result.nc")
    attrs = data.attrs
    assert attrs["input"] == path.read_text(encoding="utf-8")
    assert attrs["solenoidal_version"] == version("solenoidal")
    assert attrs["bands"] == 6
    assert attrs["model"] == {str(k): str(v) for k, v in kagome_antiferromagnet(J=1.7).provenance.items()}
    assert attrs["seed"] == 0
    assert f"host and impurities: {attrs['symmetry_operations']} of these" in attrs["symmetry_report"]
    assert "scattering rates" in attrs["symmetry_report"]
    assert attrs["wall_time_seconds"] > 0
    page = (out / "report.html").read_text(encoding="utf-8")
    angle = number(float(data.spin_hall_angle.sel(mu=1.0, temperature=0, current="y", field="y", spin="y")))
    for text in ("<!doctype html>", angle, "host and impurities share", "symmetry tolerance", "Input file", "overlap"):
        assert text in page, text
    with pytest.raises(
        InputFileError, match=r"holds tensors of `solenoidal disorder`, final .* solenoidal\.results\.load_tensors"
    ):
        Result.load(out / "result.nc")
    again = command("report", out / "result.nc", "--output", tmp_path / "again.html", "-T", "0", "--mu", "1.0",
                    "--component", "yyy")  # fmt: skip
    assert again.exit_code == 0, again.output
    page = (tmp_path / "again.html").read_text(encoding="utf-8")
    assert angle in page
    assert "μ = 0.8 eV" not in page
    assert "mu = [0.8, 1.0]" in page
    refused = command("report", out / "result.nc", "--output", tmp_path / "no.html", "-T", "300")
    assert refused.exit_code == 2
    assert "no temperature 300; tensors of disorder are final, at temperature = 0" in refused.stderr


def test_a_damaged_result_is_refused(tmp_path: Path) -> None:
    data = xr.Dataset({"conserved": ("mu", [1.0, 2.0])}, {"mu": [0.1, 0.2]}, {"facts": {"a": [1, 2]}})
    save_tensors(data, tmp_path / "good.nc")
    xr.testing.assert_identical(load_tensors(tmp_path / "good.nc"), data)
    with xr.open_dataset(tmp_path / "good.nc", engine="h5netcdf") as found:
        changed = found.load().copy()
    changed["mu"] = ("mu", [0.1, 0.3])
    changed.to_netcdf(tmp_path / "bad.nc", engine="h5netcdf")
    with pytest.raises(InputFileError, match="its checksum does not fit"):
        load_tensors(tmp_path / "bad.nc")
    with pytest.raises(InputFileError, match="no such file"):
        load_tensors(tmp_path / "absent.nc")
