"""``tetrahedra`` in [energies]: a run at zero temperature without an energy grid, and where it is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from solenoidal.cli.progress import RunMonitor
from solenoidal.integrate.solve import Progress
from solenoidal.report.curves import conductivity_pictures
from solenoidal.report.html import number
from solenoidal.report.page import ReportRequest
from solenoidal.results.result import Result
from solenoidal.sampling.tetrahedra import TetrahedronPoints
from solenoidal.workflow import job
from support.commands import RASHBA, call, density

COLD = RASHBA.replace("[energies]", '[energies]\ntetrahedra = "fitted"').replace("[0, 300]", "[0]")


def test_a_run_holds_the_chemical_potentials_of_the_output(tmp_path: Path) -> None:
    assert COLD.count("temperatures = [0]") == 1
    path = tmp_path / "cold.toml"
    path.write_text(COLD.replace("temperatures = [0]", "temperatures = [0]\nmu = [0.0, 0.2]"), encoding="utf-8")
    outcome = call("run", path, "--output", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    result = Result.load(tmp_path / "out" / "result.nc")
    assert result.grid == TetrahedronPoints((-3.5, -3.3), "fitted", -3.5)
    found = result.conductivity(-3.5, 0).sel(current="x", field="y", spin="z").squeeze()
    value, error = float(found["conventional"]), float(found["conventional_error"])
    assert abs(value) > 0.01
    assert number(value, error) in outcome.stdout
    assert "TetrahedronPoints" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    figures = {figure.stem for figure in (tmp_path / "out" / "figures").iterdir()}
    assert "bands_xyz" in figures
    assert not any(name.startswith("conductivity") for name in figures)
    assert call("run", path, "--dry-run").exit_code == 0


def test_many_chemical_potentials_are_drawn_as_curves(tmp_path: Path) -> None:
    """Against μ − E_F as in other runs, each computed value marked; long tables stand upright."""
    offsets = [round(-1.0 + 0.05 * i, 2) for i in range(41)]
    path, out = tmp_path / "cold.toml", tmp_path / "out"
    text = COLD.replace("bands = false", "").replace("plane = false", "plane = false\nbands = false")
    path.write_text(text.replace("temperatures = [0]", f"temperatures = [0]\nmu = {offsets}"), encoding="utf-8")
    outcome = call("run", path, "--output", out)
    assert outcome.exit_code == 0, outcome.output
    assert {file.name for file in (out / "figures").iterdir()} == {
        f"{name}.{suffix}"
        for name in ("conductivity_xyz_0K", "routes_xyz_0K", "density_of_states")
        for suffix in ("png", "pdf")
    }
    result = Result.load(out / "result.nc")
    assert result.reference == -3.5
    assert "μ = -3.5 eV" in outcome.stdout
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("μ = E_F, 0 K") > 1
    assert "<td>μ = E_F − 1 eV, 0 K</td>" in page
    assert call("report", out / "result.nc", "--output", tmp_path / "again.html", "-T", "0").exit_code == 0

    request = ReportRequest("", result.grid.mu, (0.0,))
    figure = conductivity_pictures(result, request)[0].figure
    axes = figure.axes[0]
    assert axes.get_xlabel() == r"$\mu - E_\mathrm{F}$  [eV]"
    assert axes.get_ylabel().startswith(r"$\sigma^{z}_{xy}$  [")
    drawn = {line.get_label(): line for line in axes.get_lines()}["conventional"]
    assert drawn.get_marker() == "o"
    np.testing.assert_allclose(drawn.get_xdata(), offsets, rtol=0, atol=1e-12)
    expected = result.conductivity(result.grid.mu, 0)["conventional"].sel(current="x", field="y", spin="z")
    assert np.ptp(expected.values) > 0.01
    np.testing.assert_allclose(drawn.get_ydata(), expected.values[:, 0])


def test_a_run_interrupted_in_the_first_pass_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, out = tmp_path / "cold.toml", tmp_path / "out"
    text = COLD.replace("plane = false", "plane = false\nbands = false")
    path.write_text(text.replace("replicas = 2", "replicas = 2\nblock_size = 48"), encoding="utf-8")
    assert call("run", path, "--output", tmp_path / "alone").exit_code == 0

    def interrupt(monitor: RunMonitor, state: Progress) -> None:
        if state.done == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunMonitor, "update", interrupt)
        assert call("run", path, "--output", out).exit_code == 130
    assert call("run", path, "--output", out).exit_code == 2
    assert call("run", path, "--output", out, "--resume").exit_code == 0
    assert not (out / "run.checkpoint").exists()
    expected = density(tmp_path / "alone")
    assert np.max(np.abs(expected)) > 1e-3
    np.testing.assert_allclose(density(out), expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_the_bar_says_which_pass_is_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    update = RunMonitor.update

    def watched(monitor: RunMonitor, state: Progress) -> None:
        update(monitor, state)
        said.append(monitor.line())

    monkeypatch.setattr(RunMonitor, "update", watched)
    path = tmp_path / "cold.toml"
    text = COLD.replace("plane = false", "plane = false\nbands = false")
    path.write_text(text.replace("replicas = 2", "replicas = 2\nblock_size = 48"), encoding="utf-8")
    assert call("run", path, "--output", tmp_path / "out").exit_code == 0
    assert [line.split(",")[0] for line in said] == [
        *(f"eigenvalues: {done}/12 blocks" for done in range(1, 6)),
        *(f"integrating: {done}/12 blocks" for done in range(6, 13)),
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"fitted"', '"cubic"', "tetrahedra is 'cubic'; input should be 'linear', 'blochl' or 'fitted'"),
        ("temperatures = [0]", "temperatures = [0, 300]", "write temperatures = [0] in [output]"),
        ("mesh = [12, 12, 1]\nreplicas = 2", "accuracy = 0.1", "the rule needs a uniform mesh"),
    ],
)
def test_what_the_rule_cannot_do_is_refused_before_computing(
    tmp_path: Path, old: str, new: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "build_model", None)
    assert COLD.count(old) == 1
    path = tmp_path / "cold.toml"
    path.write_text(COLD.replace(old, new), encoding="utf-8")
    outcome = call("run", path)
    assert outcome.exit_code == 2
    assert message in " ".join(outcome.stderr.split())
