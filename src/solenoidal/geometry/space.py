"""Symbols of the space that the orbitals of a model span: its curvature F and the covariant derivative K of operators.

Both vanish for diagonal position matrices and operators local to their site (``bloch.space``); then the expressions
here are zero and cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from solenoidal.bloch.interpolation import POSITION, Model
from solenoidal.bloch.space import CURL, derivative_of, space_fields
from solenoidal.geometry.expressions import Band, Matrix, OperatorSymbols, im_pairs, re_diagonal, re_pairs, symbol
from solenoidal.models.hamiltonian import TightBinding

ZERO = Matrix({})


@dataclass(frozen=True)
class Space:
    """Which of the fields a model has; ``fields`` are their names."""

    fields: frozenset[str]

    @staticmethod
    def of(model: Model) -> Space:
        """The fields of ``model``; none for a continuum model, whose basis has no position matrix."""
        return Space(frozenset(space_fields(model)) if isinstance(model, TightBinding) else frozenset())

    def curved(self, operator: OperatorSymbols | None = None) -> bool:
        """Whether F, or K of the ``operator``, differs from zero."""
        return CURL in self.fields or (operator is not None and derivative_of(operator.name) in self.fields)

    def position(self, i: int) -> Matrix:
        """r̄_i, the position matrix without the orbital centres, Å."""
        return symbol(POSITION, i) if CURL in self.fields else ZERO

    def F(self, a: int, b: int) -> Matrix:
        """F_ab = D_a r̄_b − D_b r̄_a − i[r̄_a, r̄_b], Å²."""
        if CURL not in self.fields or a == b:
            return ZERO
        j, sign = 3 - a - b, 1 if (b - a) % 3 == 1 else -1
        product = self.position(a) @ self.position(b)
        return sign * symbol(CURL, j) - 1j * (product - product.H)

    def D(self, i: int, operator: OperatorSymbols, q: tuple[int, ...]) -> Matrix:
        """D_i s = ∂_i s − i[τ_i, s], the linear part of K_i, Å × unit of s."""
        if derivative_of(operator.name) not in self.fields:
            return ZERO
        legs, _ = operator.law
        return symbol(derivative_of(operator.name), i * 3 ** len(legs) + operator.leg(q))

    def K_diagonal(self, i: int, operator: OperatorSymbols, q: tuple[int, ...]) -> Band:
        """(K_i)_nn = (D_i s)_nn + 2 Im (r̄_i s)_nn: what ∂_i s_n is beyond i[A_i, s]_nn."""
        return re_diagonal(self.D(i, operator, q)) + 2 * im_pairs(self.position(i), operator[q])

    def K_pairs(self, X: Matrix, i: int, operator: OperatorSymbols, q: tuple[int, ...]) -> Band:
        """Re (X K_i)_nn = Re (X D_i s)_nn + Im (X r̄_i s)_nn − Im (X s r̄_i)_nn, K_i = D_i s − i[r̄_i, s]."""
        s, r = operator[q], self.position(i)
        return re_pairs(X, self.D(i, operator, q)) + im_pairs(X @ r, s) - im_pairs(X @ s, r)
