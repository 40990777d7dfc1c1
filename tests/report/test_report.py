"""The HTML report holds every number with its unit, states its limits and refers to no other file."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from solenoidal.errors import ResultError
from solenoidal.integrate.numerics import Numerics
from solenoidal.integrate.solve import solve
from solenoidal.models.library import random_model
from solenoidal.report.curves import conductivity_pictures, density_picture, energy_axis
from solenoidal.report.figures import DEFINITIONS
from solenoidal.report.html import number, table
from solenoidal.report.page import ReportRequest, report_html
from solenoidal.report.text import LIMITS
from solenoidal.responses.charge import DensityOfStates
from solenoidal.responses.transport import SpinConductivity
from solenoidal.results.result import Result
from solenoidal.sampling.energy_grid import EnergyGrid

MU, TEMPERATURES = 0.0, (0.0, 300.0)


@pytest.fixture(scope="module")
def result() -> Result:
    return solve(
        random_model(4, 3, 7),
        [SpinConductivity(), DensityOfStates()],
        Numerics(mesh=(4, 4, 4), energies=EnergyGrid(-2.0, 2.0, 0.05, MU), replicas=2, symmetry=None, threads=1),
    )


@pytest.fixture(scope="module")
def request_() -> ReportRequest:
    return ReportRequest("A <random> model", (MU,), TEMPERATURES, ("xyz", "yxz"), 12.5, "[model]\nx = 1\n")


@pytest.fixture(scope="module")
def page(result: Result, request_: ReportRequest) -> str:
    pictures = conductivity_pictures(result, request_) + density_picture(result, request_)
    return report_html(result, request_, pictures)


@pytest.mark.parametrize("component", ["xyz", "yxz"])
def test_every_definition_is_there_with_its_error(result: Result, page: str, component: str) -> None:
    for data in (result.conductivity(MU, 300.0), result.nernst(MU, 300.0)):
        for name in [name for name in DEFINITIONS if name in data]:
            index = (0, 0, *("xyz".index(letter) for letter in component))
            value, error = float(data[name].values[index]), float(data[f"{name}_error"].values[index])
            assert value != 0
            assert error > 0
            assert number(value, error) in page


def test_all_twenty_seven_elements_are_listed_when_none_vanishes(page: str) -> None:
    blocks = re.findall(r"<details><summary>σ.*?</details>", page, flags=re.DOTALL)
    assert len(blocks) == len(TEMPERATURES)
    for block in blocks:
        assert len(re.findall(r"<td>σ [xyz]{2},[xyz]</td>", block)) == 27


def test_units_stand_beside_the_numbers(page: str) -> None:
    for unit in ("(ħ/|e|) S/cm", "(ħ/|e|) A/(cm K)", "states/(eV cell)", "electrons/cell"):
        assert unit in page


def test_the_page_refers_to_no_other_file(page: str) -> None:
    sources = re.findall(r"(?:src|href)=['\"]([^'\"]*)", page)
    assert len(sources) >= 4
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    assert "<script" not in page
    assert "<link" not in page


def test_text_of_the_user_is_escaped(page: str) -> None:
    assert "A &lt;random&gt; model" in page
    assert "<random>" not in page


def test_the_limits_of_the_theory_are_stated(page: str) -> None:
    assert len(LIMITS) >= 5
    for title, text in LIMITS:
        assert title in page
        assert text.replace("'", "&#x27;") in page


def test_the_provenance_repeats_the_run(result: Result, page: str) -> None:
    assert "4, 4, 4" in page
    assert str(result.attrs["created"]) in page
    assert "[model]\nx = 1" in page


def test_the_spin_hall_angle_needs_a_resistivity(result: Result, request_: ReportRequest, page: str) -> None:
    angle = result.spin_hall_angle(MU, 300.0, resistivity=12.5)
    value, error = (float(angle[name].values[0, 0, 0, 1, 2]) for name in ("conventional", "conventional_error"))
    assert number(value, error) in page
    assert "Spin Hall angle" not in report_html(result, replace(request_, resistivity=None), [])


def test_a_single_mesh_is_said_to_carry_no_error_bar(request_: ReportRequest) -> None:
    single = solve(
        random_model(3, 3, 2),
        [SpinConductivity()],
        Numerics(mesh=(3, 3, 3), energies=EnergyGrid(-2.0, 2.0, 0.05, MU), symmetry=None, threads=1),
    )
    text = report_html(single, request_, [])
    assert "carries no error bar" in text
    assert "±" not in text


def test_the_energy_axis_is_what_the_result_can_answer(result: Result) -> None:
    axis = energy_axis(result, 300.0)
    data = result.conductivity(axis, 300.0)
    assert data.sizes["mu"] == len(axis) > 10
    with pytest.raises(ResultError, match="mu spans"):
        result.conductivity(axis[0] - 2 * result.grid.step, 300.0)


def test_a_window_too_narrow_for_the_temperature_is_refused(result: Result) -> None:
    with pytest.raises(ResultError, match="too narrow for 2000 K"):
        energy_axis(result, 2000.0)


def test_a_chemical_potential_outside_the_window_is_refused(result: Result, request_: ReportRequest) -> None:
    with pytest.raises(ResultError, match="mu spans"):
        report_html(result, replace(request_, mu=(-9.0,)), [])


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1645.612, 2.13, "1645.6 ± 2.1"),
        (-0.0123456, 0.00034, "−0.01235 ± 0.00034"),
        (98765.4, 1234.0, "98800 ± 1200"),
        (3.14159265, None, "3.14159"),
        (-2.5, 0.0, "−2.5"),
        (-0.0, None, "0"),
        (1e-20, 3e-21, "1e−20 ± 3.0e−21"),
        (1.0, np.nan, "1"),
    ],
)
def test_numbers_stop_at_the_second_digit_of_their_error(value: float, error: float | None, text: str) -> None:
    assert number(value, error) == text


def test_table_cells_are_text() -> None:
    assert "&lt;b&gt;" in table(["<b>"], [["1"]])


def test_what_the_truncation_does_has_tables_of_its_own(request_: ReportRequest) -> None:
    result = solve(
        random_model(2, 3, 7, nonlocal_matrices=True),
        [SpinConductivity()],
        Numerics(mesh=(2, 2, 2), energies=EnergyGrid(-2.0, 2.0, 0.05, MU), replicas=2, symmetry=None, threads=1),
    )
    page = report_html(result, request_, [])
    assert "<p>semiclassical, torque dipole: not tested: " in page
    summaries = [part.split("</summary>")[0] for part in page.split("<summary>")[1:] if part.startswith("σ")]
    tables = [part.split("</table>")[0] for part in page.split("<summary>σ")[1:]]
    for words in ("inside the space", "what leaves it"):
        assert sum(words in summary for summary in summaries) == len(TEMPERATURES)
    assert 4 < max(table.split("</tr>")[0].count("<th") for table in tables) < 14
