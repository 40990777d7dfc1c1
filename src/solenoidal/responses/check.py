"""The contract of a response checked on a model at a handful of k points, before a run spends any time on it.

What is declared must fit together: terms, parts, axes and units. What is evaluated must be real, finite and of the
declared shape, must not depend on the choice of eigenvectors or on the other points of a block, and must turn as its
term says: X(gk) = ±D_g X(k). The last is tried twice: with all matrices turned by their own laws, which is exact
whatever the symmetry of the model, and between points of the model, if it is symmetric enough, on sums over broad
windows of energy, which near-degeneracies hardly enter.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.errors import ModelError, ResponseError, nearest
from solenoidal.responses.evaluation import TermValues
from solenoidal.responses.response import Part, Quantity, Response, Term, checked_name, legs_and_axes, operators_of
from solenoidal.responses.trial import EXACT, Trial, group_sums, turning_matrices, window_sums
from solenoidal.symmetry.search import SymmetryGroup, describe, find_symmetry

Values = Mapping[str, RealArray]

MEMBERS = ("name", "operators", "terms", "quantities")
"""What a response declares."""

GAUGE_TOLERANCE = 1e-6
"""Change of a group sum by another choice of eigenvectors, relative to the size of the term."""

BLOCK_TOLERANCE = 1e-9
"""Change of a value by the company of other points in its block, relative to the size of the term."""

NEGLIGIBLE = 1e-9
"""Size of a change (eV, Å, ħ = 1) that is rounding whatever the size of the term."""


def check_response(
    response: Response,
    model: Model,
    *,
    symmetry: Literal["auto"] | SymmetryGroup | None = "auto",
    degeneracy_tol: float = 1e-4,
    kramers: bool | None = None,
) -> None:
    """Check that ``response`` keeps the contract on ``model``; ``solve`` does it before its first block.

    Names, terms, kernels, units and axes fit together; band quantities are real, finite, of shape (nk, n, 3, …) with
    one 3 for each leg, the same for one point alone as in a block, independent of the gauge inside degenerate groups,
    and they turn under the operations of ``symmetry`` as their terms say (arguments as in ``solve``). Raises
    ``ResponseError``, which names the response, the term, what was found and what to write, and ``ModelError`` for a
    model without a needed operator.
    """
    declarations(response, model)
    operators = operators_of([response]) if symmetry == "auto" else ()
    search = find_symmetry(model, operators=operators) if symmetry == "auto" or kramers is None else None
    pairs = kramers if kramers is not None else search is not None and search.kramers_pairs
    if isinstance(symmetry, SymmetryGroup):
        group = symmetry
    else:
        group = SymmetryGroup.identity() if symmetry is None or search is None else search.group
    check_responses([response], model, group, Degeneracy(degeneracy_tol, pairs))


def check_responses(responses: Sequence[Response], model: Model, group: SymmetryGroup, degeneracy: Degeneracy) -> None:
    """The same for all ``responses`` of a run, tried on the same states; raises ``ResponseError``."""
    declared = [declarations(response, model) for response in responses]
    trial = Trial.build(model, group, degeneracy)
    for response, (terms, quantities) in zip(responses, declared, strict=True):
        filled = _filled(terms, quantities)
        values = _Values(response, terms, trial)
        beside = _added_to(quantities)
        for term in terms:
            values.check_block(term)
            values.check_gauge(term, filled.get(term))
            values.check_covariance(term, group, beside.get(term, {term}))


def declarations(response: Response, model: Model) -> tuple[Mapping[str, Term], Mapping[str, Quantity]]:
    """Terms and quantities of ``response`` on ``model`` once they fit together; raises ``ResponseError``."""
    lacking = [member for member in MEMBERS if not hasattr(response, member)]
    if lacking:
        raise ResponseError(f"response of type {type(response).__name__} lacks {', '.join(lacking)}; see Response")
    name = checked_name(response.name, f"response of type {type(response).__name__}")
    where = f"response {name!r}"
    try:
        terms, quantities = _declared(response, model)
    except ResponseError as error:
        raise ResponseError(f"{where}: {error}") from error
    if not terms:
        raise ResponseError(f"{where} declares no terms; write at least one, such as {{'states': Term((), 1)}}")
    for label in (name, *terms):
        checked_name(label, f"term of {where}")
        if "/" in label or "__" in label:
            raise ResponseError(
                f"{where}: the name {label!r} holds '/' or '__', which separate names in files; rename it"
            )
    unstated = any(not model.require_operator(name).stated for name in response.operators)
    for term, law in terms.items():
        _check_law(law, f"{where}, term {term!r}", unstated)
    used = set()
    for title, quantity in quantities.items():
        checked_name(title, f"quantity of {where}")
        try:
            quantity.unit.of(model.dimension)
        except ResponseError as error:
            raise ResponseError(f"{where}, quantity {title!r}: {error}") from error
        for output, parts in quantity.outputs.items():
            for part in parts:
                _check_part(part, terms, quantity, f"{where}, quantity {title!r}, output {output!r}")
                used.add(part.term)
    unused = [term for term in terms if quantities and term not in used]
    if unused:
        raise ResponseError(
            f"{where}: no quantity uses term {unused[0]!r}; write a Part with it, or leave the term out"
        )
    return terms, quantities


def _declared(response: Response, model: Model) -> tuple[Mapping[str, Term], Mapping[str, Quantity]]:
    """Where a response is asked what it declares."""
    operators: Any = response.operators
    if isinstance(operators, str) or not all(isinstance(name, str) for name in operators):
        raise ResponseError(f"operators are {operators!r}; write a tuple of names, such as ('spin',)")
    return response.terms(model), response.quantities(model)


def _check_law(law: Any, where: str, unstated: bool) -> None:
    """Refuse what is no law; 0 is the sign of an operator that does not state its own (``unstated``)."""
    if not isinstance(law, Term):
        raise ResponseError(f"{where} is {law!r}; write a Term, such as Term(('axial',), -1, berry_curvature)")
    for leg in law.legs:
        if leg not in ("polar", "axial", "unknown"):
            raise ResponseError(f"{where} has a leg {leg!r}; write 'polar' or 'axial' for each index")
    if law.time_reversal not in ((0, 1, -1) if unstated else (1, -1)):
        raise ResponseError(f"{where} has time_reversal {law.time_reversal!r}; write +1 (even) or -1 (odd)")


def _check_part(part: Part, terms: Mapping[str, Term], quantity: Quantity, where: str) -> None:
    if part.term not in terms:
        raise ResponseError(f"{where}: there is no term {part.term!r}; {nearest(part.term, terms)}")
    legs, axes = terms[part.term].legs, quantity.dims
    if part.subscripts is None:
        if len(legs) != len(axes):
            raise ResponseError(
                f"{where}: term {part.term!r} has {len(legs)} legs {legs}, but the quantity has {len(axes)} axes "
                f"{axes}; make them equal, or write subscripts"
            )
        return
    made = legs_and_axes(part.subscripts)
    if made is not None and made[0] != len(legs):
        raise ResponseError(
            f"{where}: term {part.term!r} has {len(legs)} legs {legs}, but subscripts {part.subscripts!r} take "
            f"{made[0]}; write one letter before '->' for each leg"
        )


def _filled(terms: Mapping[str, Term], quantities: Mapping[str, Quantity]) -> dict[str, int]:
    """Number of filled bands for the terms that take these for one group, or whose outputs need an insulator."""
    return {name: term.filled for name, term in terms.items() if term.filled is not None} | {
        part.term: bands
        for quantity in quantities.values()
        for output, bands in quantity.filled_bands.items()
        for part in quantity.outputs[output]
    }


def _added_to(quantities: Mapping[str, Quantity]) -> dict[str, set[str]]:
    """For each term those that some output adds to it under the same kernel: what the sum is exact to is theirs."""
    beside: dict[str, set[str]] = {}
    for quantity in quantities.values():
        for parts in quantity.outputs.values():
            for part in parts:
                beside.setdefault(part.term, set()).update(other.term for other in parts if other.kernel == part.kernel)
    return beside


class _Values:
    """The values of one response on the states of a trial."""

    def __init__(self, response: Response, terms: Mapping[str, Term], trial: Trial) -> None:
        self.where, self.terms, self.trial = f"response {response.name!r}", terms, trial
        planned = {name: term for name, term in terms.items() if term.values is None}
        self._plan = TermValues.build(self._components_checked(planned))
        self.plain = self._at(trial.states)
        self.flat = self._at(trial.flat)
        self.turned = self._at(trial.turned)
        self.other = self._at(trial.other)
        self.images = self._at(trial.images)
        self.actual = None if trial.actual is None else self._at(trial.actual)
        try:
            self.alone = self._at(trial.alone_with(response.operators))
        except ModelError as error:
            raise ResponseError(
                f"{self.where} uses an operator that it does not declare, since with operators = {response.operators} "
                f"{error}; name it there, so that symmetry is verified on it"
            ) from error

    def _components_checked(self, planned: Mapping[str, Term]) -> Mapping[str, Term]:
        """Raise ``ResponseError``, which names the term, unless every formula gives its components."""
        for name, term in planned.items():
            try:
                term.component(*(0 for _ in term.legs))
            except ResponseError as error:
                raise ResponseError(f"{self.where}, term {name!r}: {error}") from error
        return planned

    def _at(self, states: BlochStates) -> dict[str, RealArray]:
        """Every term on ``states``: formulas by the plan, the others by their functions."""
        found: dict[str, Any] = dict(self._plan(states))
        for name, term in self.terms.items():
            if term.values is not None:
                found[name] = term.values(states)
        return {
            name: _tensor(found[name], term, states, f"{self.where}, term {name!r}")
            for name, term in self.terms.items()
        }

    def size(self, name: str) -> float:
        """Largest value of a term, also in a neighbouring model in which no symmetry forbids it."""
        return max(float(np.abs(values[name]).max(initial=0.0)) for values in (self.plain, self.flat, self.other))

    def check_gauge(self, name: str, filled: int | None) -> None:
        """Group sums do not change with the phases of eigenvectors and the choice of states inside a group."""
        sums = group_sums(self.trial.flat, self.turned[name] - self.flat[name])
        if filled is not None:
            # Its filled bands end inside a group there, where it has no meaning.
            sums = sums[~self.trial.flat.same_group[:, filled - 1, filled : filled + 1].any(axis=1)]
        change = float(np.abs(sums).max(initial=0.0))
        size = self.size(name)
        if change > max(NEGLIGIBLE, GAUGE_TOLERANCE * size):
            raise ResponseError(
                f"{self.where}, term {name!r} depends on the choice of eigenvectors: its sum over a degenerate group "
                f"changes by {change:.3g} (values up to {size:.3g}); write it as the trace of matrices inside the "
                "group, with other groups as the only intermediate states"
            )

    def check_block(self, name: str) -> None:
        """One point by itself has the values it has in a block."""
        change = float(np.abs(self.alone[name][0] - self.other[name][0]).max(initial=0.0))
        size = self.size(name)
        if change > max(NEGLIGIBLE, BLOCK_TOLERANCE * size):
            raise ResponseError(
                f"{self.where}, term {name!r} at one k point depends on the other points of its block: by itself it "
                f"differs by {change:.3g} (values up to {size:.3g}); evaluate each point on its own"
            )

    def check_covariance(self, name: str, group: SymmetryGroup, beside: Collection[str]) -> None:
        """Values at gk are those at k turned by the declared law.

        A model that has the symmetry up to noise is measured by the largest of the terms ``beside`` which the output
        stands: a correction may be smaller than the noise of what it corrects.
        """
        trial = self.trial
        if self.terms[name].time_reversal == 0:
            return
        base, images = group_sums(trial.other, self.other[name]), group_sums(trial.images, self.images[name])
        self._compare(name, group, base, images, EXACT * self.size(name))
        if trial.actual is None or self.actual is None:
            return
        sums = [
            self._window_sums(states, values, name)
            for states, values in ((trial.states, self.plain), (trial.actual, self.actual), (trial.other, self.other))
        ]
        added = (self._window_sums(trial.states, self.plain, other) for other in beside)
        size = max(float(np.abs(x).max(initial=0.0)) for x in (*sums, *added))
        self._compare(name, group, sums[0], sums[1], trial.tolerance * size)

    def _window_sums(self, states: BlochStates, values: Mapping[str, RealArray], name: str) -> RealArray:
        return window_sums(states, values[name], self.trial.centres, self.trial.width)

    def _compare(self, name: str, group: SymmetryGroup, base: RealArray, images: RealArray, allowed: float) -> None:
        """Raise unless ``images`` (g · p, x, …) are those of ``base`` (p, x, …) by the declared law, to ``allowed``."""
        law, generators = self.terms[name], self.trial.generators
        allowed = max(NEGLIGIBLE, allowed)
        base = base.reshape(*base.shape[:2], 3 ** len(law.legs))
        images = images.reshape(len(generators), *base.shape)

        def miss(time_reversal: int, flipped: bool) -> RealArray:
            """Largest distance of each operation's images from those by a law, one leg perhaps of the other kind."""
            D = turning_matrices(law.legs, time_reversal, group, generators)
            if flipped:
                D = D * np.sign(np.linalg.det(group.rotations[generators]))[:, None, None]
            return np.asarray(np.abs(images - np.einsum("gab,pxb->gpxa", D, base)).max(axis=(1, 2, 3)))

        found = miss(law.time_reversal, False)
        worst = int(np.argmax(found))
        if found[worst] <= allowed:
            return
        others = ((-law.time_reversal, False), (law.time_reversal, True), (-law.time_reversal, True))
        fitting = [other for other in others if miss(*other).max() <= allowed]
        g = int(generators[worst])
        raise ResponseError(
            f"{self.where}, term {name!r} does not turn as declared, legs {law.legs} and time_reversal "
            f"{law.time_reversal:+d}: under {describe(group.rotations[g], bool(group.time_reversal[g]))} it misses its "
            f"image by {found[worst]:.3g} (values up to {float(np.abs(base).max()):.3g}); {_remedy(law, fitting)}"
        )


def _remedy(law: Term, fitting: Sequence[tuple[int, bool]]) -> str:
    """What to write, from the laws (sign under time reversal, whether one leg is of the other kind) that fit."""
    if not fitting:
        return "it is no tensor of these legs; correct the Term, or solve with symmetry=None"
    sign, flipped = fitting[0]
    if flipped and not law.legs:
        return "it changes sign under improper operations, which no Term without legs says; solve with symmetry=None"
    changes = [f"time_reversal={sign:+d}"] if sign != law.time_reversal else []
    changes += ["the other kind, polar or axial, for one of its legs"] if flipped else []
    return f"write {' and '.join(changes)} in its Term"


def _tensor(given: Any, term: Term, states: BlochStates, where: str) -> RealArray:
    """``given`` as real numbers (nk, n, 3, …); its legs may be flattened."""
    shape = states.energies.shape
    rank = len(term.legs)
    expected = ("nk", "n", *("3",) * rank)
    if not isinstance(given, np.ndarray) or given.dtype.kind not in "fiuc":
        raise ResponseError(f"{where} is {type(given).__name__}; return an array ({', '.join(expected)}) of floats")
    if given.shape[:2] != shape or given.size != shape[0] * shape[1] * 3**rank:
        raise ResponseError(
            f"{where} has shape {given.shape} for {shape[0]} k points and {shape[1]} bands; expected "
            f"({', '.join(expected)}) = {(*shape, *(3,) * rank)} for legs {term.legs}: correct the array, or the Term"
        )
    if given.dtype.kind == "c":
        raise ResponseError(
            f"{where} is complex, imaginary parts up to {np.abs(given.imag).max():.3g}; expected real numbers, write "
            ".real if the imaginary part is rounding"
        )
    values = np.asarray(given, dtype=np.float64).reshape(*shape, *(3,) * rank)
    finite = np.isfinite(values).reshape(shape[0], -1).all(axis=1)
    if not finite.all():
        raise ResponseError(
            f"{where} is not finite at k = {states.k[np.argmin(finite)].tolist()} (fractional); divide by no energy "
            "difference inside a degenerate group (BlochStates.inverse_gap is zero there)"
        )
    return values
