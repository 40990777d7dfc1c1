"""The input file, the example and the tutorial do what they say."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from solenoidal.disorder.boltzmann import RelaxationTime
from solenoidal.errors import ConfigError
from solenoidal.workflow.disorder_input import read_disorder_input

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "kagome_antiferromagnet"

GOOD = """
[model]
library = "kagome_antiferromagnet"
parameters = { J = 1.7 }
[shells]
mesh = [16, 16]
[[scatterer]]
kind = "site"
concentration = 0.01
strength = 1.0
[transport]
mu = [1.0]
component = "yyy"
"""


def test_the_tutorial_prints_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = ROOT / "docs" / "tutorials" / "extrinsic.md"
    failed, attempted = doctest.testfile(str(path), module_relative=False, encoding="utf-8")
    assert attempted > 40
    assert failed == 0
    assert (tmp_path / "fermi_line.png").stat().st_size > 2000


def test_the_example_writes_its_result_figures_and_report(tmp_path: Path) -> None:
    text = (EXAMPLE / "kagome.toml").read_text(encoding="utf-8")
    small = text.replace("mesh = [64, 64]", "mesh = [20, 20]").replace("[0.4, 1.4, 21]", "[0.8, 1.2, 3]")
    assert small.count("[20, 20]") == small.count("[0.8, 1.2, 3]") == 1
    (tmp_path / "kagome.toml").write_text(small, encoding="utf-8")
    script = EXAMPLE / "kagome_antiferromagnet.py"
    command = [sys.executable, str(script), str(tmp_path / "kagome.toml"), str(tmp_path / "out")]
    subprocess.run(command, check=True, capture_output=True)
    with xr.open_dataset(tmp_path / "out" / "result.nc", engine="h5netcdf") as data:
        angle = data.spin_hall_angle.sel(mu=1.0, temperature=0, current="y", field="y", spin="y").item()
    assert angle == pytest.approx(-0.3073, abs=2e-3)
    for name in ("fermi_line", "relaxation", "conductivity", "spin_hall_angle"):
        assert (tmp_path / "out" / f"{name}.png").stat().st_size > 2000
    assert "yy,y" in (tmp_path / "out" / "symmetry.txt").read_text(encoding="utf-8")


def test_an_input_file_becomes_arguments(tmp_path: Path) -> None:
    path = tmp_path / "in.toml"
    path.write_text(GOOD, encoding="utf-8")
    asked = read_disorder_input(path)
    assert asked.model.n_orbitals == 6
    assert asked.shells.divisions == (16, 16)
    assert [s.concentration for s in asked.scatterers] == [0.01] * 3
    assert asked.mu.tolist() == [1.0]
    assert asked.method == "born"
    changed = GOOD.replace("mu = [1.0]", 'mu_range = [0.0, 1.0, 5]\nmethod = "tau"\ntau = 12.0\ntemperature = [300]')
    path.write_text(changed.replace('kind = "site"', 'kind = "cell"'), encoding="utf-8")
    asked = read_disorder_input(path)
    np.testing.assert_allclose(asked.mu, np.linspace(0, 1, 5))
    assert asked.method == RelaxationTime(12.0)
    assert len(asked.scatterers) == 1
    assert asked.temperature.tolist() == [300.0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mesh = [16, 16]", "meshes = [16, 16]", r"\[shells\] unknown key 'meshes'; did you mean 'mesh'"),
        ("[shells]\nmesh = [16, 16]", "", r"section \[shells\] is missing"),
        ("[shells]", "[shell]", "unknown section 'shell'; did you mean 'shells'"),
        ("mesh = [16, 16]", "", r"\[shells\] 'mesh' is missing; write mesh = \[64, 64\]"),
        ("kagome_antiferromagnet", "kagome_antiferro", "did you mean 'kagome_antiferromagnet'"),
        (
            'library = "kagome_antiferromagnet"',
            "",
            r"\[model\] found none of wannier90, .* write exactly one",
        ),
        ("J = 1.7", "J = 1.7, K = 2", r"kagome_antiferromagnet has no parameter 'K'; valid are .*J"),
        ('kind = "site"', 'kind = "bond"', r"number 1: unknown kind 'bond'; valid are 'site', 'cell'"),
        (
            "concentration = 0.01\n",
            "",
            r"\[\[scatterer\]\] number 1: 'concentration' is missing; write",
        ),
        ("mu = [1.0]", "", r"\[transport\] the chemical potentials follow .* neither is given; write mu = \[1.0\]"),
        ('component = "yyy"', 'component = "yy"', "component is 'yy'"),
        ('component = "yyy"', 'method = "tau"', "belong together"),
        (
            'component = "yyy"',
            'method = "exact"',
            r"method is 'exact'; input should be 'born', .* or 'tau'",
        ),
        ('component = "yyy"', "mu_range = [0, 1, 3]", "both are given; write mu = "),
        ("mu = [1.0]", "mu = []", r"\[transport\] mu is \[\]; the list is empty"),
        ("mesh = [16, 16]", "mesh = [16, 0]", r"\[shells\] mesh, entry 2, is 0; input should be greater than 0"),
        ("mesh = [16, 16]", "mesh = [16, 16, 16]", r"mesh"),
        ("concentration = 0.01", "concentration = -1", r"number 1: concentration is -1; input should be greater"),
        (
            'kind = "site"\nconcentration = 0.01',
            'kind = "cell"',
            "number 1: the number .* neither is given",
        ),
        ('kind = "site"', "", r"\[\[scatterer\]\] number 1: 'kind' is missing; write one of 'site', 'cell'"),
        ("J = 1.7 }", 'J = 1.7 }\nspin = "auto"', r"\[model\] spin belong to wannier90 files"),
        ('[[scatterer]]\nkind = "site"\nconcentration = 0.01\nstrength = 1.0', "", 'method = "born" needs scatterers'),
        ("[model]", "[model", "is not valid TOML"),
        (
            'library = "kagome_antiferromagnet"\nparameters = { J = 1.7 }',
            'library = "chern_insulator_s_wave"',
            "disorder: an electric field does not drive the quasiparticles",
        ),
    ],
)
def test_mistakes_in_the_input_are_named_with_a_remedy(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert GOOD.count(old) >= 1
    path = tmp_path / "in.toml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as caught:
        read_disorder_input(path)
    assert str(path) in str(caught.value)


def test_a_missing_input_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such input file"):
        read_disorder_input(tmp_path / "none.toml")


def test_the_model_is_read_as_in_every_run(tmp_path: Path) -> None:
    path = tmp_path / "in.toml"
    path.write_text(GOOD, encoding="utf-8")
    plain = read_disorder_input(path)
    path.write_text(GOOD.replace("{ J = 1.7 }", "{ J = 1.7 }\nsymmetrise = true"), encoding="utf-8")
    symmetric = read_disorder_input(path)
    assert "symmetrised" in " ".join(map(str, symmetric.model.provenance))
    assert "symmetrised" not in " ".join(map(str, plain.model.provenance))


def test_every_problem_of_the_file_is_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "in.toml"
    path.write_text(GOOD.replace("mesh =", "mehs =").replace("strength", "strenght"), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_disorder_input(path)
    assert len(str(caught.value).splitlines()) == 3  # unknown 'mehs', missing 'mesh', unknown 'strenght'
