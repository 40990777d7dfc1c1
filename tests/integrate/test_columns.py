"""Components that symmetry forbids have no column, and nothing else is lost."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import solenoidal as sol
import solenoidal.errors
from solenoidal.integrate.columns import ColumnLayout
from solenoidal.models.library import random_model, rashba_square
from solenoidal.symmetry.search import SymmetryGroup, find_symmetry
from solenoidal.symmetry.tensors import invariant_part

MODEL = rashba_square(t=1.0, alpha=0.5)
RESPONSES = (sol.SpinConductivity(), sol.DensityOfStates())


def pack(layout: ColumnLayout, values: dict[str, dict[str, np.ndarray]]) -> np.ndarray:
    """Random ``values`` in the columns where the layout says they stand."""
    packed = np.empty((2, 4, layout.width))
    for slot in layout.slots:
        packed[..., slot.columns] = values[slot.response][slot.name].reshape(2, 4, -1)[..., slot.kept]
    return packed


def test_without_symmetry_every_component_has_a_column() -> None:
    layout = ColumnLayout.build(MODEL, RESPONSES, SymmetryGroup.identity())
    assert layout.width == 2 * 9 + 3 * 27 + 1
    values = {
        r.name: {t: np.random.default_rng(1).random((2, 4, *(3,) * len(x.legs))) for t, x in r.terms(MODEL).items()}
        for r in RESPONSES
    }
    packed = pack(layout, values)
    for slot in layout.slots:
        np.testing.assert_array_equal(slot.unpack(packed), values[slot.response][slot.name])


def test_packing_keeps_what_survives_the_average_over_the_group() -> None:
    group = find_symmetry(MODEL, operators=tuple(MODEL.operators)).group
    assert group.size > 4
    layout = ColumnLayout.build(MODEL, RESPONSES, group)
    rng = np.random.default_rng(3)
    values = {
        r.name: {t: rng.random((2, 4, *(3,) * len(x.legs))) for t, x in r.terms(MODEL).items()} for r in RESPONSES
    }
    packed = pack(layout, values)
    assert packed.shape == (2, 4, layout.width)
    assert 1 < layout.width < 30
    for slot in layout.slots:
        value = values[slot.response][slot.name]
        mean = invariant_part(value, slot.legs, slot.time_reversal, group)
        np.testing.assert_allclose(
            invariant_part(slot.unpack(packed), slot.legs, slot.time_reversal, group), mean, atol=1e-14
        )
        if slot.name != "states":
            assert len(slot.kept) < 3 ** len(slot.legs)


@pytest.mark.parametrize("replicas", [1, 2])
def test_leaving_forbidden_components_out_changes_no_number(replicas: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = rashba_square(t=1.0, alpha=0.5)
    points = sol.FixedPoints((-3.0,), (600.0,))

    def conductivity() -> dict[str, np.ndarray]:
        result = sol.solve(
            model, [sol.SpinConductivity()], sol.Numerics(mesh=(8, 8, 1), energies=points, replicas=replicas, threads=1)
        )
        data = result.conductivity(-3.0, 600.0)
        return {str(name): data[name].values for name in data.data_vars}

    packed = conductivity()
    build = ColumnLayout.build
    whole = SimpleNamespace(build=lambda model, responses, group: build(model, responses, SymmetryGroup.identity()))
    monkeypatch.setattr(sys.modules["solenoidal.integrate.solve"], "ColumnLayout", whole)
    complete = conductivity()
    assert np.abs(packed["semiclassical"]).max() > 1e-3
    for name, value in complete.items():
        np.testing.assert_allclose(packed[name], value, rtol=0, atol=1e-13 * np.abs(complete["finite_q"]).max())


def conductivity(components: tuple[str, ...] | None, symmetry: str | None, replicas: int = 1) -> sol.Result:
    points = sol.FixedPoints((0.3,), (900.0,))
    response = sol.SpinConductivity(components=components)
    model = random_model(4, 2, 5) if symmetry is None else MODEL
    return sol.solve(
        model, [response], sol.Numerics(mesh=(6, 6, 1), energies=points, replicas=replicas, symmetry=symmetry)
    )


@pytest.mark.parametrize("symmetry", [None, "auto"])
@pytest.mark.parametrize("replicas", [1, 3])
def test_components_asked_for_are_those_of_the_whole_tensor(symmetry: str | None, replicas: int) -> None:
    whole = conductivity(None, symmetry, replicas).conductivity(0.3, 900.0)
    asked = conductivity(("xyz", "yxz"), symmetry, replicas)
    assert np.abs(whole["conventional"].sel(current="x", field="y", spin="z")).max() > 1e-5
    for component in ("xyz", "yxz"):
        part = asked.element("conductivity", component, 0.3, 900.0)
        place = dict(zip(("current", "field", "spin"), component, strict=True))
        for name in whole.data_vars:
            scale = max(1e-3, float(np.abs(whole[name]).max()))
            np.testing.assert_allclose(part[name], whole[name].sel(place), rtol=0, atol=1e-12 * scale, err_msg=name)


def test_fewer_components_need_fewer_products() -> None:
    whole, part = (
        ColumnLayout.build(MODEL, [sol.SpinConductivity(components=c)], SymmetryGroup.identity())
        for c in (None, ("xyz",))
    )
    assert part.width == 6 < whole.width
    assert 3 * part.quantities.planned[0].plan.products < whole.quantities.planned[0].plan.products


def test_what_was_not_computed_is_absent_and_asking_for_it_says_so(tmp_path: Path) -> None:
    result = conductivity(("xyz", "yzx"), None)
    result.save(tmp_path / "part.nc")
    for found in (result, sol.Result.load(tmp_path / "part.nc")):
        data = found.conductivity(0.3, 900.0)
        assert [data[axis].values.tolist() for axis in ("current", "field", "spin")] == [
            ["x", "y"],
            ["y", "z"],
            ["x", "z"],
        ]
        assert np.isfinite(data["finite_q"].sel(current="y", field="z", spin="x")).all()
        assert np.isnan(data["finite_q"].sel(current="x", field="y", spin="x")).all()
        with pytest.raises(KeyError):
            data.sel(current="z")
        with pytest.raises(sol.errors.ResultError, match=r"'zxy' of 'conductivity' was not computed.*'xyz', 'yzx'"):
            found.element("conductivity", "zxy", 0.3, 900.0)
        with pytest.raises(sol.errors.ResultError, match="no element 'xy'; write one letter x, y or z for each of"):
            found.element("conductivity", "xy", 0.3, 900.0)


@pytest.mark.parametrize("components", ["xyz", ("xy",), ("xyw",), (), (1,)])
def test_components_that_are_none_are_refused_in_words(components: object) -> None:
    response = sol.SpinConductivity(components=components)  # type: ignore[arg-type]
    with pytest.raises(
        sol.errors.ResponseError, match="one letter x, y or z for each of the axes current, field, spin"
    ):
        response.quantities(MODEL)
