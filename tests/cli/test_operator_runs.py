"""``solenoidal run`` with a model file whose operators are a scalar, vectors and a tensor: numbers, tables, figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.io.model_file import load_model, save_model
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.workflow.input_file import read_input
from solenoidal.workflow.job import prepare
from support.commands import call
from support.shells import KINDS, shells

INPUT = """
[model]
file = "shells.npz"
[run]
mesh = [8, 8, 1]
threads = 1
[energies]
fermi = -0.4
window = [-2.5, 2.5]
step = 0.05
{responses}
[output]
temperatures = [300]
components = ["yxz"]
plane = false
bands = {bands}
"""


def run(folder: Path, model: TightBinding, operators: tuple[str, ...], *, bands: bool) -> tuple[str, Path]:
    """What the program says and the folder it writes."""
    folder.mkdir()
    save_model(model, folder / "shells.npz")
    asked = "\n".join(f'[[response]]\nkind = "spin_conductivity"\noperator = "{name}"' for name in operators)
    (folder / "input.toml").write_text(INPUT.format(bands=str(bands).lower(), responses=asked))
    outcome = call("run", folder / "input.toml", "--output", folder / "out")
    assert outcome.exit_code == 0, outcome.output
    return outcome.output, folder / "out"


@pytest.mark.parametrize("kind", KINDS)
def test_an_operator_of_any_kind_runs_and_is_reported(kind: str, tmp_path: Path) -> None:
    model = shells(0.3)
    said, folder = run(tmp_path / "run", model, (kind,), bands=True)
    result = sol.Result.load(folder / "result.nc")
    assert result.attrs["symmetry_operations"] > 1
    whole = sol.solve(
        model,
        [sol.SpinConductivity(kind)],
        sol.Numerics(mesh=(8, 8, 1), energies=result.energy_grid, symmetry=None, threads=1),
    )
    reduced, full = (found.conductivity(-0.4, 300.0) for found in (result, whole))
    for name, values in full.items():
        assert reduced[name].dims == values.dims
        scale = max(1.0, float(np.abs(values).max()))
        np.testing.assert_allclose(reduced[name].values, values.values, rtol=0, atol=1e-10 * scale)
    assert np.abs(full["conventional"]).max() > 1e-4
    page = (folder / "report.html").read_text(encoding="utf-8")
    figures = {path.name for path in (folder / "figures").iterdir()}
    rank = model.operators[kind].rank
    assert "All tensor elements" in page
    if rank < 2:
        component = "yxz"[: 2 + rank]
        assert f"conductivity_{component}_300K.png" in figures
        assert any(name.startswith("bands_") for name in figures)
        assert "σ^z_yx in" in said if rank else "σ_yx in" in said
    else:
        assert not any("conductivity" in name or "bands" in name for name in figures)
        assert "current field spin_1 spin_2" in said
        assert "all elements of its conductivity are listed below" in page
        assert "current, field, spin 1, spin 2" in page


def test_two_conductivities_stand_side_by_side(tmp_path: Path) -> None:
    said, folder = run(tmp_path / "both", shells(0.3), ("spin", "occupation", "quadrupole"), bands=False)
    result = sol.Result.load(folder / "result.nc")
    names = ("spin_conductivity", "occupation_conductivity", "quadrupole_conductivity")
    assert tuple(result.spectra) == names
    page = (folder / "report.html").read_text(encoding="utf-8")
    for name, rank in zip(names, (1, 0, 2), strict=True):
        assert result.conductivity(-0.4, 300.0, response=name)["conventional"].ndim == 4 + rank
        assert f"<h3>{name.replace('_', ' ').capitalize()}</h3>" in page
        assert name.replace("_", " ") in said


def test_one_operator_twice_is_told_apart_by_name(tmp_path: Path) -> None:
    model = shells(0.3)
    save_model(model, tmp_path / "shells.npz")
    first = '[[response]]\nkind = "spin_conductivity"'
    second = first + "\ncharge = 2.0"
    path = tmp_path / "input.toml"
    path.write_text(INPUT.format(bands="false", responses=f"{first}\n{second}"), encoding="utf-8")
    refused = call("run", path, "--output", tmp_path / "out")
    assert refused.exit_code == 2
    assert "spin_conductivity is asked for twice" in refused.stderr
    assert 'name = "' in refused.stderr
    path.write_text(INPUT.format(bands="false", responses=f'{first}\n{second}\nname = "doubly"'), encoding="utf-8")
    outcome = call("run", path, "--output", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    result = sol.Result.load(tmp_path / "out" / "result.nc")
    with pytest.raises(sol.errors.ResultError, match=r"'doubly'\]; choose one with response="):
        result.conductivity(-0.4, 300.0)
    one, other = (result.conductivity(-0.4, 300.0, response=name) for name in ("spin_conductivity", "doubly"))
    assert np.abs(one["conventional"]).max() > 1e-4
    np.testing.assert_allclose(other["conventional"], -2.0 * one["conventional"], rtol=1e-12, atol=1e-12)
    assert "(spin conductivity)" in outcome.stdout
    assert "(doubly)" in outcome.stdout
    figures = {file.name for file in (tmp_path / "out" / "figures").iterdir()}
    assert {f"{name}_conductivity_yxz_300K.png" for name in ("spin_conductivity", "doubly")} <= figures
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<h3>Spin conductivity</h3>" in page
    assert "<h3>Doubly</h3>" in page
    path.write_text(INPUT.format(bands="false", responses=f'{first}\nname = "a/b"'), encoding="utf-8")
    assert "name is 'a/b'; expected letters" in call("run", path, "--output", tmp_path / "no").stderr


def test_an_accuracy_is_asked_of_the_first_of_several_conductivities(tmp_path: Path) -> None:
    save_model(shells(0.3), tmp_path / "shells.npz")
    asked = "\n".join(
        f'[[response]]\nkind = "spin_conductivity"\noperator = "{name}"' for name in ("occupation", "spin")
    )
    path = tmp_path / "input.toml"
    text = INPUT.format(bands="false", responses=asked).replace("mesh = [8, 8, 1]", "accuracy = 0.1")
    path.write_text(text, encoding="utf-8")
    job = prepare(read_input(path))
    assert job.judged == "occupation_conductivity"
    assert job.numerics.require_accuracy().response == "occupation_conductivity"
    outcome = call("run", path, "--output", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    result = sol.Result.load(tmp_path / "out" / "result.nc")
    assert set(result.spectra) == {"occupation_conductivity", "spin_conductivity"}
    assert result.attrs["convergence"]["state"] == "CONVERGED"
    assert "(asked 10 %)" in (tmp_path / "out" / "run.log").read_text(encoding="utf-8")


def test_the_name_of_a_conductivity_follows_its_operator() -> None:
    assert sol.SpinConductivity().name == "spin_conductivity"
    assert sol.SpinConductivity("charge").name == "charge_conductivity"
    assert sol.SpinConductivity("charge", name="mine").name == "mine"


def test_a_file_from_before_laws_were_kept_knows_the_spin_and_guesses_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = save_model(shells(0.3), tmp_path / "new.npz")
    with np.load(path) as content:
        arrays = {name: content[name] for name in content.files}
    header = json.loads(str(arrays["header"]))
    header |= {"version": 1, "operators": list(header["operators"])}
    arrays["header"] = np.array(json.dumps(header))
    np.savez(tmp_path / "old.npz", **arrays)
    model = load_model(tmp_path / "old.npz")
    assert model.operators["spin"].law == (("axial",), -1)
    for name in ("occupation", "dipole", "quadrupole"):
        assert not model.operators[name].stated
        assert f"operator {name!r} does not say how it turns" in caplog.text
