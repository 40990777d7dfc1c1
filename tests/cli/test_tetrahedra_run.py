"""``tetrahedra`` in [energies]: a run at zero temperature without an energy grid, and where it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from solenoidal.cli import run as run_module
from solenoidal.results.result import Result
from solenoidal.results.tetrahedra import TetrahedronPoints
from support.commands import RASHBA, call

COLD = RASHBA.replace("[energies]", '[energies]\ntetrahedra = "fitted"').replace("[0, 300]", "[0]")


def test_a_run_holds_the_chemical_potentials_of_the_output(tmp_path: Path) -> None:
    assert COLD.count("temperatures = [0]") == 1
    path = tmp_path / "cold.toml"
    path.write_text(COLD.replace("temperatures = [0]", "temperatures = [0]\nmu = [0.0, 0.2]"), encoding="utf-8")
    outcome = call("run", path, "--output", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    result = Result.load(tmp_path / "out" / "result.nc")
    assert result.grid == TetrahedronPoints((-3.5, -3.3), "fitted")
    value = float(result.conductivity(-3.5, 0)["conventional"].sel(current="x", field="y", spin="z").squeeze())
    assert abs(value) > 0.01
    assert f"{value:.5g}" in outcome.stdout
    assert "TetrahedronPoints" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    figures = {figure.stem for figure in (tmp_path / "out" / "figures").iterdir()}
    assert "bands_xyz" in figures
    assert not any(name.startswith("conductivity") for name in figures)
    assert call("run", path, "--dry-run").exit_code == 0


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
    monkeypatch.setattr(run_module, "build_model", None)
    assert COLD.count(old) == 1
    path = tmp_path / "cold.toml"
    path.write_text(COLD.replace(old, new), encoding="utf-8")
    outcome = call("run", path)
    assert outcome.exit_code == 2
    assert message in " ".join(outcome.stderr.split())
