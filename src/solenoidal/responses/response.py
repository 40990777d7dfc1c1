"""The contract of a response: which band quantities it needs, how they transform, and how kernels combine them.

A new response is one frozen dataclass in one file of this folder. It must define

* ``name``: unique label inside a run;
* ``operators``: names of the model's operators whose matrices it uses; a run's symmetry is verified on these;
* ``terms(model)``: name → ``Term``, the band quantities with their tensor legs, their sign under time reversal (those
  of an operator taken from ``model.require_operator(name).law``) and their formulas (``geometry.formulas``);
* ``quantities(model)``: name → ``Quantity``, the published tensors as sums of kernels × band quantities. How often a
  band counts is the model's affair: what it returns is multiplied by ``model.band_weight``, ½ in a redundant Nambu
  basis.

The integrator accumulates ρ_X(ε) for every term and knows nothing else; kernels act after the run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Protocol

import numpy as np

from solenoidal.arrays import BoolArray, RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.bloch.states import BlochStates
from solenoidal.errors import ResponseError, nearest
from solenoidal.geometry.expressions import Band
from solenoidal.models.operator import Leg as Leg
from solenoidal.responses.kernels import KERNELS, Kernel, Slope, find_kernel
from solenoidal.units import Unit, find_unit

RESERVED_DIMS = ("mu", "temperature", "replica", "gap")
"""Axes that every result has, so that no tensor may call one of its own so."""

_EINSUM = re.compile(r"(?:([a-zA-Z]{3}),)?([a-zA-Z]*)->([a-zA-Z]*)")


@dataclass(frozen=True)
class Term:
    """A band quantity X_n(k): how it turns, and how it is computed.

    ``legs`` are the kinds of its tensor legs, each of three components, and ``time_reversal`` its sign under time
    reversal. ``formula`` gives one component for one index of each leg as an expression of ``geometry.formulas``; with
    ``filled`` the lowest that many bands are taken for one group. What cannot be written so is a function ``values`` of
    the states, which returns a real array that has, or reshapes to, (nk, n, *legs). Raises ``ResponseError`` unless
    exactly one of the two is given.
    """

    legs: tuple[Leg, ...]
    time_reversal: int
    formula: Callable[..., Band] | None = None
    filled: int | None = None
    values: Callable[[BlochStates], RealArray] | None = None

    def __post_init__(self) -> None:
        if (self.formula is None) == (self.values is None):
            found = "neither is given" if self.formula is None else "both are given"
            raise ResponseError(
                f"a term has a formula or a function values(states), and {found}; write for example "
                'Term(("axial",), -1, berry_curvature)'
            )

    def component(self, *indices: int) -> Band:
        """The formula of one component; raises ``ResponseError`` if it cannot be evaluated for these indices."""
        if self.formula is None:
            raise ResponseError("the term is given by a function of the states and has no formula")
        try:
            found = self.formula(*indices)
        except TypeError as error:
            raise ResponseError(
                f"the formula of a term with legs {self.legs} cannot be called with {len(indices)} indices ({error}); "
                "it takes one for each leg"
            ) from error
        if not isinstance(found, Band):
            raise ResponseError(
                f"the formula of a term gave {type(found).__name__} for the indices {indices}; expected a Band, such "
                "as re_pairs(A[i], s) or a function of geometry.formulas"
            )
        return found


@dataclass(frozen=True, init=False)
class Part:
    """One contribution factor · ∫dε κ(ε) ρ_X(ε) to a published tensor.

    ``kernel`` is given as an object or by its name. ``subscripts`` rearranges the term's legs in einsum notation; a
    first operand of three letters before a comma stands for the Levi-Civita symbol, as in ``"lij,ja->ila"``. Raises
    ``ResponseError`` for an unknown kernel, a factor that is not a finite number, or subscripts that are no einsum.
    """

    term: str
    kernel: Kernel
    factor: float
    subscripts: str | None

    def __init__(self, term: str, kernel: Kernel | str, factor: float = 1.0, subscripts: str | None = None) -> None:
        object.__setattr__(self, "term", checked_name(term, "term"))
        object.__setattr__(self, "kernel", _kernel(kernel, f"part of term {term!r}"))
        object.__setattr__(self, "factor", _factor(factor, f"part of term {term!r}"))
        object.__setattr__(self, "subscripts", _subscripts(subscripts, f"part of term {term!r}"))

    def scaled(self, factor: float) -> Part:
        """The part times ``factor``."""
        return replace(self, factor=factor * self.factor)

    def per_mu(self) -> Part:
        """Its derivative by the chemical potential; raises ``ResponseError`` if that has no kernel."""
        return self._sloped(self.kernel.per_mu, "derivative by mu")

    def per_temperature(self) -> Part:
        """Its derivative by the temperature; raises ``ResponseError`` if that has no kernel."""
        return self._sloped(self.kernel.per_temperature, "derivative by temperature")

    def in_thermal_force(self) -> Part:
        """The part of the response to −∂T, given that of the force eE − ∇μ; raises ``ResponseError`` if unknown."""
        partner = self.kernel.in_thermal_force
        return self._sloped(None if partner is None else (partner, 1.0), "partner in a thermal force")

    def _sloped(self, slope: Slope | None, what: str) -> Part:
        if slope is None:
            raise ResponseError(
                f"part of term {self.term!r}: kernel {self.kernel.name!r} has no {what} among the kernels"
            )
        return Part(self.term, slope[0], self.factor * slope[1], self.subscripts)


@dataclass(frozen=True)
class Fallback:
    """Other parts for some ``outputs``, taken where the output ``deciding``, which should be zero, is not.

    It is judged by its error over shifted meshes at each μ and T; ``meaning`` says what it means if it is not zero.
    """

    deciding: str
    outputs: Mapping[str, tuple[Part, ...]]
    meaning: str


@dataclass(frozen=True, init=False)
class Quantity:
    """A published tensor: its labelled outputs, axis names and unit.

    ``unit`` is one of ``solenoidal.units.UNITS``, by object or name, or a ``Unit`` of your own; ``per_cell`` leaves out
    the division by the volume of the cell. ``filled_bands`` names outputs that have a meaning only in an insulator with
    that many filled bands; outside its gap the result leaves them undefined. ``components`` lists the elements that are
    computed, one letter x, y or z for each axis, as in ``("xyz", "yzx")``; None computes all. Raises ``ResponseError``
    for an unknown unit, an output without parts or with another number of axes, filled bands of an output that does not
    exist, or components that are none.
    """

    outputs: Mapping[str, tuple[Part, ...]]
    dims: tuple[str, ...]
    unit: Unit
    per_cell: bool
    filled_bands: Mapping[str, int]
    components: tuple[str, ...] | None
    fallback: Fallback | None

    def __init__(
        self,
        outputs: Mapping[str, Sequence[Part]],
        dims: Sequence[str],
        unit: Unit | str,
        per_cell: bool = False,
        filled_bands: Mapping[str, int] | None = None,
        components: Sequence[str] | None = None,
        fallback: Fallback | None = None,
    ) -> None:
        axes = _axes(dims)
        object.__setattr__(self, "outputs", _outputs(outputs, axes))
        object.__setattr__(self, "dims", axes)
        object.__setattr__(self, "unit", _unit(unit))
        object.__setattr__(self, "per_cell", per_cell)
        object.__setattr__(self, "filled_bands", _filled(filled_bands or {}, self.outputs))
        object.__setattr__(self, "components", checked_components(components, axes))
        object.__setattr__(self, "fallback", fallback)
        for output in () if fallback is None else (fallback.deciding, *fallback.outputs):
            if output not in self.outputs:
                raise ResponseError(
                    f"fallback names output {output!r}, which does not exist; {nearest(output, outputs)}"
                )

    def times(self, factor: float) -> Quantity:
        """The same tensor times ``factor``."""
        outputs = {name: tuple(part.scaled(factor) for part in parts) for name, parts in self.outputs.items()}
        return replace(self, outputs=outputs)

    @property
    def computed(self) -> BoolArray:
        """Which elements are computed, (3, …) with one axis for each of ``dims``."""
        mask = np.full((3,) * len(self.dims), self.components is None)
        for component in self.components or ():
            mask[element(component)] = True
        return mask

    @property
    def letters(self) -> tuple[str, ...]:
        """For each axis the letters that occur in the computed elements."""
        mask = self.computed
        axes = range(len(self.dims))
        present = (np.any(mask, axis=tuple(other for other in axes if other != axis)) for axis in axes)
        return tuple("".join(letter for letter, there in zip("xyz", row, strict=True) if there) for row in present)

    @property
    def box(self) -> tuple[Any, ...]:
        """Index that takes the elements of ``letters`` from an array (..., 3, 3, …)."""
        if self.components is None:
            return (...,)
        places = [["xyz".index(letter) for letter in letters] for letters in self.letters]
        return (..., *np.ix_(*places))


class Response(Protocol):
    """What the driver asks of a response."""

    @property
    def name(self) -> str:
        """Unique label inside a run."""
        ...

    @property
    def operators(self) -> tuple[str, ...]:
        """Names of the operators whose matrices enter."""
        ...

    def terms(self, model: Model) -> Mapping[str, Term]:
        """Band quantities and how they transform in ``model``; ``ModelError`` if it lacks an operator."""
        ...

    def quantities(self, model: Model) -> Mapping[str, Quantity]:
        """Published tensors of ``model``."""
        ...


def published(response: Response, model: Model) -> dict[str, Quantity]:
    """The tensors of ``response`` with every band counted as often as ``model`` says, see ``band_weight``."""
    return {name: quantity.times(model.band_weight) for name, quantity in response.quantities(model).items()}


def operators_of(responses: Sequence[Response]) -> tuple[str, ...]:
    """Names of the operators that a run of ``responses`` uses, sorted."""
    return tuple(sorted({name for response in responses for name in response.operators}))


def checked_name(name: Any, what: str) -> str:
    """``name`` if it is a text that is not empty; raises ``ResponseError`` otherwise."""
    if not isinstance(name, str) or not name:
        raise ResponseError(f"the name of a {what} is {name!r}; write a text that is not empty")
    return name


def checked_components(components: Any, axes: Sequence[str]) -> tuple[str, ...] | None:
    """``components`` as a tuple without repetitions; raises ``ResponseError`` unless each names an element."""
    if components is None:
        return None
    form = f"a tuple of texts with one letter x, y or z for each of the axes {', '.join(axes)}"
    example = f"such as ({'xyzxyzxyz'[: len(axes)]!r},)"
    if isinstance(components, str) or not isinstance(components, Sequence) or not components:
        raise ResponseError(f"components are {components!r}; write {form}, {example}, or None for all")
    for component in components:
        if not isinstance(component, str) or len(component) != len(axes) or not set(component) <= set("xyz"):
            raise ResponseError(f"component {component!r} is none; write {form}, {example}")
    return tuple(dict.fromkeys(components))


def element(component: str) -> tuple[int, ...]:
    """Index of the tensor element that the letters x, y and z name."""
    return tuple("xyz".index(letter) for letter in component)


def legs_and_axes(subscripts: str) -> tuple[int, int] | None:
    """Numbers of legs taken and of axes made by ``subscripts`` of a ``Part``, None if they are no such subscripts."""
    found = _EINSUM.fullmatch(subscripts)
    if found is None:
        return None
    epsilon, left, right = found.groups()
    if len(set(right)) < len(right) or not set(right) <= set((epsilon or "") + left):
        return None
    return len(left), len(right)


def _kernel(given: Kernel | str, where: str) -> Kernel:
    if isinstance(given, str):
        try:
            return find_kernel(given)
        except ResponseError as error:
            raise ResponseError(f"{where}: {error}") from None
    if not isinstance(given, Kernel) or KERNELS.get(given.name) is not given:
        raise ResponseError(f"{where}: kernel is {given!r}; write one of {', '.join(KERNELS)}")
    return given


def _factor(given: Any, where: str) -> float:
    if not isinstance(given, Real) or not math.isfinite(given):
        raise ResponseError(f"{where}: factor is {given!r}; write a finite real number")
    return float(given)


def _subscripts(given: Any, where: str) -> str | None:
    if given is None or (isinstance(given, str) and legs_and_axes(given) is not None):
        return given
    raise ResponseError(
        f"{where}: subscripts are {given!r}; write the letters of the legs, '->' and those of the axes, such as "
        "'li->il', or with the Levi-Civita symbol 'lij,j->il'"
    )


def _axes(dims: Any) -> tuple[str, ...]:
    if isinstance(dims, str) or not all(isinstance(dim, str) and dim for dim in dims):
        raise ResponseError(
            f"the axes of a quantity are {dims!r}; write a tuple of names, such as ('current', 'field')"
        )
    axes = tuple(dims)
    if len(set(axes)) < len(axes) or set(axes) & set(RESERVED_DIMS):
        raise ResponseError(
            f"the axes of a quantity are {axes}; write different names, none of them {', '.join(RESERVED_DIMS)}"
        )
    return axes


def _outputs(outputs: Mapping[str, Sequence[Part]], axes: tuple[str, ...]) -> dict[str, tuple[Part, ...]]:
    if not outputs:
        raise ResponseError("a quantity has no outputs; write at least one, such as {'density': (Part(...),)}")
    for output, parts in outputs.items():
        checked_name(output, "output")
        if isinstance(parts, Part) or not parts or not all(isinstance(part, Part) for part in parts):
            raise ResponseError(
                f"output {output!r} has the parts {parts!r}; write a tuple of Part, such as (Part(...),)"
            )
        for part in parts:
            made = None if part.subscripts is None else legs_and_axes(part.subscripts)
            if made is not None and made[1] != len(axes):
                raise ResponseError(
                    f"output {output!r}: the part of term {part.term!r} makes {made[1]} axes by {part.subscripts!r}, "
                    f"but the quantity has {len(axes)}: {axes}; write as many letters after '->' as there are axes"
                )
    return {output: tuple(parts) for output, parts in outputs.items()}


def _unit(given: Unit | str) -> Unit:
    if isinstance(given, Unit):
        return given
    if not isinstance(given, str):
        raise ResponseError(f"unit is {given!r}; write the name of a unit, or a Unit of your own")
    return find_unit(given)


def _filled(filled: Mapping[str, int], outputs: Mapping[str, Any]) -> dict[str, int]:
    for output, bands in filled.items():
        if output not in outputs:
            raise ResponseError(
                f"filled_bands names output {output!r}, which does not exist; {nearest(output, outputs)}"
            )
        if not isinstance(bands, int) or bands < 1:
            raise ResponseError(f"filled_bands of output {output!r} is {bands!r}; write a positive whole number")
    return dict(filled)
