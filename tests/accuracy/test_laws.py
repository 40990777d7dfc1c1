"""The laws of the theory as a user's model is tested on them: they hold, and a wrong field makes them fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from solenoidal.accuracy import Law, check_laws
from solenoidal.errors import ModelError
from solenoidal.geometry.space import Space
from solenoidal.models.hamiltonian import LatticeOperator
from solenoidal.models.library import bhz, random_model, rashba_continuum, rashba_square
from solenoidal.symmetry.search import find_symmetry
from support.chiral import helices

SLOPE, CURL, EQUILIBRIUM, ROUTES, FORMS = "∂_i s", "∂_a d_b", "equilibrium", "sea route", "K-form"


def of(laws: list[Law], part: str) -> Law:
    return next(law for law in laws if part in law.name)


@pytest.mark.parametrize(
    ("bands", "dimension", "degenerate"),
    [
        *((n, d, False) for d in (1, 2, 3) for n in (1, 2, 3, 5)),
        *((n, d, True) for d in (1, 2, 3) for n in (4, 6)),
    ],
)
def test_every_law_holds_with_nonlocal_matrices_and_fails_without_the_space(
    bands: int, dimension: int, degenerate: bool
) -> None:
    model = random_model(bands, dimension, 3, degenerate=degenerate, nonlocal_matrices=True)
    laws = check_laws(model)
    assert [law.name for law in laws if law.verdict != "passed"] == []
    for part in (SLOPE, EQUILIBRIUM, *((CURL,) if dimension > 1 and bands > 1 else ())):
        law = of(laws, part)
        assert law.with_terms < 1e-8
        assert law.without is not None
        assert law.without > 0.05
    if dimension > 1 and bands > 1:
        for part in (ROUTES, FORMS):
            law = of(laws, part)
            assert law.without is not None
            assert law.without > 3 * law.with_terms


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("bands", [2, 3, 5, 6])
def test_both_routes_and_both_forms_agree_to_1e_8_where_bands_keep_apart(bands: int, dimension: int) -> None:
    """The integrals of derivatives: without points where bands nearly touch, nothing but the mesh limits them."""
    model = random_model(bands, dimension, 3, nonlocal_matrices=True)
    matrices = model.hamiltonian.matrices.copy()
    matrices[~model.hamiltonian.R.any(axis=1)] += 4.0 * np.diag(np.arange(bands))
    apart = replace(model, hamiltonian=LatticeOperator(model.hamiltonian.R, matrices))
    for part in (ROUTES, FORMS):
        law = of(check_laws(apart), part)
        assert law.without is not None
        assert law.without > 1e-4
        assert law.with_terms < 1e-8 * max(1.0, law.without)


def test_equilibrium_of_helices_carries_no_conserved_spin_current() -> None:
    """A crystal like tellurium: its equilibrium has a conventional current, and without K some of it would be left."""
    law = of(check_laws(helices()), EQUILIBRIUM)
    assert law.unit == "J^{s,0}"
    assert law.with_terms < 1e-6
    assert law.without is not None
    assert law.without > 1e-2


@pytest.mark.parametrize(("field", "parts"), [("F", [CURL]), ("K_diagonal", [SLOPE, EQUILIBRIUM]), ("K_pairs", [CURL])])
def test_a_field_of_the_wrong_sign_is_found_out(field: str, parts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    right = getattr(Space, field)
    monkeypatch.setattr(Space, field, lambda *arguments: (-1) * right(*arguments))
    laws = check_laws(random_model(3, 2, 3, nonlocal_matrices=True))
    for part in parts:
        assert of(laws, part).verdict == "FAILED"


def test_a_comparison_that_the_meshes_cannot_decide_says_so() -> None:
    """Bands that nearly touch: the error bar of two routes is larger than what the space adds."""
    assert "cannot tell" in of(check_laws(helices()), ROUTES).note
    assert "cannot tell" not in of(check_laws(random_model(3, 2, 3, nonlocal_matrices=True)), ROUTES).note


def test_models_without_f_and_k_have_one_column() -> None:
    laws = check_laws(random_model(4, 2, 5))
    assert all(law.without is None for law in laws)
    assert all(law.verdict == "passed" for law in laws)
    assert all(law.unit for law in laws)


def test_a_current_that_symmetry_forbids_is_not_divided_by() -> None:
    """Inversion and time reversal leave no equilibrium current: the law is compared with ∫ f |J| and says so."""
    model = bhz(B=-1.0, mass=-1.0)
    law = of(check_laws(model, group=find_symmetry(model, operators=["spin"]).group), EQUILIBRIUM)
    assert law.holds
    assert law.unit == "∫ f |J^{s,0}|"
    assert "by symmetry" in law.note


def test_touching_bands_are_named_where_two_routes_differ() -> None:
    laws = check_laws(rashba_square(alpha=0.5))
    assert of(laws, ROUTES).verdict == "bands touch"
    assert of(laws, CURL).verdict == "passed"
    assert of(check_laws(rashba_square(alpha=0.5, mass=0.3)), ROUTES).verdict == "passed"


def test_continuum_models_have_slopes_and_no_integrals_over_a_zone() -> None:
    laws = check_laws(rashba_continuum(alpha=0.5, mass=0.2))
    assert all(law.verdict == "passed" for law in laws)
    assert not [law for law in laws if "Eq. (13)" in law.name]


def test_what_cannot_be_judged_is_said_so() -> None:
    law = Law("x", None, np.nan, np.inf, "Å")
    assert not law.holds
    assert law.verdict == "not tested"


def test_an_operator_the_model_lacks_is_refused() -> None:
    with pytest.raises(ModelError, match="no operator 'charge'"):
        check_laws(random_model(2, 2, 1), "charge")
