"""Reference engine: NumPy, a batch of k points at a time; the referee of every other engine, at home on any machine."""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.bloch.states import BlochStates
from solenoidal.evaluate.plan import ONES, Mask, Op, Plan
from solenoidal.geometry.expressions import INSIDE, Atom, Matrix, parts, weighted
from solenoidal.geometry.formulas import VELOCITY


def evaluate(plan: Plan, states: BlochStates) -> RealArray:
    """Outputs of ``plan`` (nk, n, outputs); bands that nobody wants are zero."""
    nk, n = states.energies.shape
    same = states.same_group.astype(np.float64)
    weights = [_weight(states.inverse_gap, same, *weight) for weight in plan.weights]
    buffers: list[ComplexArray] = [np.empty(0, np.complex128)] * plan.buffers
    sums = np.zeros((plan.sums, nk, n))
    sums[ONES] = 1.0
    for row, factor in zip(plan.program.tolist(), plan.factors, strict=True):
        op, out, x = row[:3]
        if op == Op.INPUT:
            buffers[out] = _input(states, *plan.symbols[x])
        elif op == Op.SCALE:
            weight, adjoint, fresh = row[3:6]
            term = factor * weights[weight] * (_adjoint(buffers[x]) if adjoint else buffers[x])
            buffers[out] = term if fresh else buffers[out] + term
        elif op == Op.PRODUCT:
            buffers[out] = buffers[x] @ buffers[row[3]]
        elif op == Op.GROUP:
            buffers[out] = (same * buffers[x]) @ buffers[row[3]]
        elif op == Op.TRACE:
            diagonal = np.diagonal(buffers[x], axis1=1, axis2=2)
            sums[row[4]] = diagonal.imag if row[3] else diagonal.real
        elif op == Op.SUMS:
            weight, part, count = row[3:6]
            left = weights[weight] * buffers[x]
            for b, t in zip(row[6 : 6 + count], row[9 : 9 + count], strict=True):
                z = left * buffers[b].conj()
                z = z.imag if part else z.real
                sums[t], sums[t + 1] = z.sum(axis=2), z.sum(axis=1)
    wanted = np.arange(n) < states.active[:, None]
    return _combined(plan, sums, states.occupation_energies) * wanted[:, :, None]


def _combined(plan: Plan, sums: RealArray, energies: RealArray) -> RealArray:
    """Outputs from the sums (sums, nk, n)."""
    out = np.zeros((*energies.shape, plan.outputs))
    entry = 0
    for o, end in enumerate(plan.ends):
        for e in range(entry, int(end)):
            value = plan.coefficient[e] * sums[plan.term[e]]
            out[:, :, o] += value * energies if plan.energy[e] else value
        entry = int(end)
    return out


def _input(states: BlochStates, name: str, leg: int) -> ComplexArray:
    if name == VELOCITY:
        matrices = states.velocity
    else:
        matrices = states.matrices(name) if name.startswith("\0") else states.operator(name)
    return np.ascontiguousarray(matrices[:, :, leg])


def _weight(inverse: RealArray, same: RealArray, power: int, mask: int) -> RealArray | float:
    if power:
        return np.asarray(inverse**power)
    if mask == Mask.ALL:
        return 1.0
    return same if mask == Mask.INSIDE else 1.0 - same


def _adjoint(matrices: ComplexArray) -> ComplexArray:
    return np.asarray(matrices.conj().swapaxes(1, 2))


def matrix_elements(expression: Matrix, states: BlochStates) -> ComplexArray:
    """An expression as matrices in the eigenbasis, (nk, n, n), for what no plan can hold: traces with other weights,
    or a look at the elements themselves. Raises ``ModelError`` for an operator that the model lacks."""
    nk, n = states.energies.shape
    total = np.zeros((nk, n, n), dtype=np.complex128)
    for (x, adjoint), factor in expression.terms.items():
        found = _atom(x, states)
        total += factor * (_adjoint(found) if adjoint else found)
    return total


def _atom(x: Atom, states: BlochStates) -> ComplexArray:
    if x.kind == "identity":
        return np.broadcast_to(np.eye(states.energies.shape[1], dtype=np.complex128), states.same_group.shape)
    if x.kind == "input":
        name, leg = x.arguments
        return _input(states, str(name), int(str(leg)))
    if x.kind == "product":
        left, right = (_atom(part, states) for part in x.arguments if isinstance(part, Atom))
        return left @ right
    if x.kind == "sum":
        return matrix_elements(Matrix({(y, adjoint): factor for y, adjoint, factor in parts(x)}), states)
    inner, power, mask = weighted(x)
    same = states.same_group.astype(np.float64)
    if power < 0:
        omega = (states.energies[:, :, None] - states.energies[:, None, :]) * (1.0 - same)
        return np.asarray(omega ** (-power) * _atom(inner, states))
    met = Mask.INSIDE if mask == INSIDE else Mask.OUTSIDE
    return np.asarray(_weight(states.inverse_gap, same, power, met) * _atom(inner, states))
