"""Components that symmetry forbids have no column, and nothing else is lost."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.integrate.columns import ColumnLayout
from solenoidal.models.library import rashba_square
from solenoidal.symmetry.search import SymmetryGroup, find_symmetry
from solenoidal.symmetry.tensors import invariant_part

MODEL = rashba_square(t=1.0, alpha=0.5)
RESPONSES = (sol.SpinConductivity(), sol.DensityOfStates())


def test_without_symmetry_every_component_has_a_column() -> None:
    layout = ColumnLayout.build(MODEL, RESPONSES, SymmetryGroup.identity())
    assert layout.width == 2 * 9 + 3 * 27 + 1
    values = {
        r.name: {t: np.random.default_rng(1).random((2, 4, *(3,) * len(x.legs))) for t, x in r.terms(MODEL).items()}
        for r in RESPONSES
    }
    packed = layout.pack(values, np.empty((2, 4, layout.width)))
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
    packed = layout.pack(values, np.empty((2, 4, layout.width)))
    assert packed.shape == (2, 4, layout.width)
    assert 1 < layout.width < 30
    for slot in layout.slots:
        term, value = slot.term, values[slot.response][slot.name]
        mean = invariant_part(value, term.legs, term.time_reversal, group)
        np.testing.assert_allclose(
            invariant_part(slot.unpack(packed), term.legs, term.time_reversal, group), mean, atol=1e-14
        )
        if slot.name != "states":
            assert len(slot.kept) < 3 ** len(term.legs)


@pytest.mark.parametrize("replicas", [1, 2])
def test_leaving_forbidden_components_out_changes_no_number(replicas: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = rashba_square(t=1.0, alpha=0.5)
    points = sol.FixedPoints((-3.0,), (600.0,))

    def conductivity() -> dict[str, np.ndarray]:
        result = sol.solve(
            model, [sol.SpinConductivity()], mesh=(8, 8, 1), energies=points, replicas=replicas, threads=1
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
