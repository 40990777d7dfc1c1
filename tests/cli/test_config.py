"""The input file: what is accepted, and that every error names the file, the key and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from solenoidal.errors import ConfigError
from solenoidal.workflow.input_file import read_input

MINIMAL = """
[model]
wannier90 = "data/Pt"
[run]
mesh = [8, 8, 8]
[energies]
fermi = 17.92
window = [-3.0, 3.0]
[[response]]
kind = "spin_conductivity"
[output]
temperatures = [0, 300]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "input.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_relative_to_the_input_file(tmp_path: Path) -> None:
    settings = read_input(written(tmp_path, MINIMAL))
    assert settings.model.wannier90 == tmp_path / "data" / "Pt"


def test_an_absolute_path_is_kept(tmp_path: Path) -> None:
    settings = read_input(written(tmp_path, MINIMAL.replace("data/Pt", "/elsewhere/Pt")))
    assert settings.model.wannier90 == Path("/elsewhere/Pt")


def test_a_window_is_relative_to_the_fermi_energy_unless_absolute(tmp_path: Path) -> None:
    relative = read_input(written(tmp_path, MINIMAL)).energies
    text = MINIMAL.replace("window = [-3.0, 3.0]", "window = [14.92, 20.92]\nabsolute = true")
    absolute = read_input(written(tmp_path, text)).energies
    assert (relative.minimum, relative.maximum) == pytest.approx((14.92, 20.92))
    assert (absolute.minimum, absolute.maximum) == pytest.approx((14.92, 20.92))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mesh", "mehs", r"\[run\] unknown key 'mehs'; did you mean 'mesh'\?"),
        ("mesh = [8, 8, 8]", "", r"\[run\] the k points follow .* neither is given; write mesh = \[48, 48, 48\]"),
        ("[8, 8, 8]", "[8, 8]", r"\[run\] mesh has no entry 3; write mesh = \[48, 48, 48\]"),
        ("[8, 8, 8]", "[8, 0, 8]", r"\[run\] mesh, entry 2, is 0; input should be greater than 0"),
        ("[run]", "[rum]", r"unknown section 'rum'; did you mean 'run'\?"),
        ("fermi = 17.92", "", r"\[energies\] 'fermi' is missing; write fermi = 17\.92"),
        ("[-3.0, 3.0]", "[3.0, -3.0]", r"\[energies\] window is \[3.0, -3.0\]; write the lower energy first"),
        ("[-3.0, 3.0]", "[3.0, 5.0]", r"Fermi energy 17.92 eV lies outside the window \[20.92, 22.92\] eV"),
        (
            "temperatures = [0, 300]",
            "",
            r"\[output\] 'temperatures' is missing; write temperatures = \[0, 300\]",
        ),
        ("[0, 300]", "[]", r"\[output\] temperatures is \[\]; the list is empty"),
        ("[0, 300]", "[-5]", r"\[output\] temperatures, entry 1, is -5; input should be greater"),
        (
            "[0, 300]",
            '[0]\ncomponents = ["xy"]',
            r"components, entry 1, is 'xy'; expected three of the letters",
        ),
        (
            "spin_conductivity",
            "spin_conductance",
            r"number 1: unknown kind .*; did you mean 'spin_conductivity'\?",
        ),
        (
            "kind",
            "operator",
            r"\[\[response\]\] number 1: 'kind' is missing; write one of 'spin_conductivity'",
        ),
        (
            '"spin_conductivity"',
            '"spin_conductivity"\noperater = "spin"',
            r"\[\[response\]\] number 1: unknown key 'operater'; did you mean 'operator'\?",
        ),
        ('wannier90 = "data/Pt"', "", r"\[model\] found none of wannier90, file and library"),
        ('"data/Pt"', '"data/Pt"\nlibrary = "rashba"', r"found wannier90 and library .* write exactly one"),
        ('"data/Pt"', '"data/Pt"\nparameters = {t = 1.0}', r"parameters belong to a library model"),
        ("[8, 8, 8]", "[8, 8, 8", r"is not valid TOML: .*line"),
    ],
)
def test_an_error_names_the_file_the_key_and_the_remedy(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert MINIMAL.count(old) == 1
    path = written(tmp_path, MINIMAL.replace(old, new))
    with pytest.raises(ConfigError, match=message) as caught:
        read_input(path)
    assert all(line.startswith(f"{path}: ") for line in str(caught.value).splitlines())


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    text = MINIMAL.replace("mesh", "mehs").replace("fermi = 17.92", "")
    with pytest.raises(ConfigError) as caught:
        read_input(written(tmp_path, text))
    assert len(str(caught.value).splitlines()) == 2  # unknown 'mehs', missing 'fermi'


def test_a_missing_input_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml: there is no such input file"):
        read_input(tmp_path / "absent.toml")
