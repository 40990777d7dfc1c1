"""Engine ``lanes``: one compiled interpreter that runs any plan on WIDTH k points side by side in a register.

A k point's matrices never leave the cache: interpolated ones are rotated where they are used, products are formed only
where they are read, and the sums over a product follow it at once.
"""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import ComplexArray, IntArray, RealArray
from solenoidal.bloch.interpolation import DERIVATIVE, POSITION, OrbitalMatrices
from solenoidal.bloch.states import BlochStates
from solenoidal.evaluate.plan import ONES, Mask, Op, Plan, Region
from solenoidal.geometry.formulas import VELOCITY
from solenoidal.lanes.compiled import compiled
from solenoidal.lanes.matrices import CELL, add_commutator, clear, fill_full, fill_hermitian, fill_vectors
from solenoidal.lanes.products import (
    PANEL,
    multiply,
    panel,
    panel_width,
    product_of_groups,
    product_within,
    rotate,
)
from solenoidal.lanes.registers import WIDTH, any_positive, choose, everywhere, load, magnitude, store, workspace, zero

FIXED = 5
"""Matrices of the workspace before the buffers of the plan: U, U†, H and two intermediate ones."""

INPUT, SCALE, PRODUCT, GROUP, SUMS, TRACE = (int(op) for op in Op)
FULL, WITHIN = int(Region.FULL), int(Region.WITHIN)
INSIDE, OUTSIDE = int(Mask.INSIDE), int(Mask.OUTSIDE)


def evaluate(plan: Plan, states: BlochStates) -> RealArray:
    """Outputs of ``plan`` (nk, n, outputs); bands that nobody wants are zero."""
    nk, n = states.energies.shape
    even = n + n % 2
    constant, table = _inputs(plan, states)
    weights = np.array(plan.weights, dtype=np.int64)
    matrices = FIXED + plan.buffers
    reals = even * even * (len(weights) + 1) + even * (plan.sums + 1) + plan.outputs
    work = workspace(CELL * even * (even * matrices + PANEL) + WIDTH * reals)
    out = np.zeros((nk, n, plan.outputs))
    _run(
        (plan.program, plan.factors, weights, plan.buffers, plan.sums),
        (plan.ends, plan.term, plan.coefficient, plan.energy),
        (table, states.vectors, states.orbital.hamiltonian, states.orbital.columns, constant),
        (states.energies, states.occupation_energies, states.labels, states.degeneracy.minimum_gap, states.active),
        work,
        out,
    )
    return out


def _inputs(plan: Plan, states: BlochStates) -> tuple[ComplexArray, IntArray]:
    """Matrices that do not depend on k side by side, and where each symbol is found: (whether in the block's columns,
    first column, first column of the position matrix or −1)."""
    orbital: OrbitalMatrices = states.orbital
    n = orbital.hamiltonian.shape[1]
    triangle = n * (n + 1) // 2
    parts = [np.zeros((1, 0), dtype=np.complex128)]
    used = 0
    table = np.zeros((len(plan.symbols), 3), dtype=np.int64)
    for row, (name, leg) in zip(table, plan.symbols, strict=True):
        if name == VELOCITY:
            position = orbital.places[POSITION][0] + leg * triangle if POSITION in orbital.places else -1
            row[:] = 1, orbital.places[DERIVATIVE][0] + leg * triangle, position
            continue
        if not name.startswith("\0"):
            states.require(name)
        packed = orbital.packed(name)
        first = packed.first + leg * triangle
        if name in orbital.places:
            row[:] = 1, first, -1
        else:
            parts.append(packed.columns[:, first : first + triangle])
            row[:] = 0, used, -1
            used += triangle
    return np.concatenate(parts, axis=1), table


@compiled.fast
def _run(plan, entries, inputs, levels, work, out):  # type: ignore[no-untyped-def]
    """Loop over groups of WIDTH k points; only the first ``active`` bands of each are wanted, all are partners."""
    weights, buffers, nsums = plan[2], plan[3], plan[4]
    energies, means, labels, minimum, active = levels
    nk, bands = energies.shape
    n = bands + bands % 2
    matrix, real = CELL * n * n, WIDTH * n * n
    weight = (FIXED + buffers) * matrix
    same = weight + len(weights) * real
    sums = same + real
    row = sums + (nsums + 1) * WIDTH * n
    pack = row + WIDTH * len(entries[0])
    clear(work, 0, sums)
    points = np.zeros(WIDTH, np.int64)
    lowest, highest = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for start in range(0, nk, WIDTH):
        count, top = min(WIDTH, nk - start), 0
        for lane in range(WIDTH):
            points[lane] = min(start + lane, nk - 1)
            top = max(top, active[points[lane]])
        if top == 0:
            continue
        _groups(work, energies, labels, minimum, points, weight, same, 3 * matrix, lowest, highest, n)
        _weights(work, weights, weight, same, n)
        clear(work, sums, WIDTH * n * nsums)
        for a in range(n):
            store(work, sums + WIDTH * (ONES * n + a), everywhere(1.0))
        _program(work, plan, inputs, points, lowest, highest, (weight, same, sums, pack), bands, top, n)
        _deliver(work, sums, row, entries, means, points, count, active, top, n, out)


@compiled.inlined
def _program(work, plan, inputs, points, lowest, highest, places, bands, top, n):  # type: ignore[no-untyped-def]
    """All instructions for the k points of one group."""
    program, factors, weights = plan[0], plan[1], plan[2]
    table, unitary, hamiltonian, columns, constant = inputs
    weight, same, sums, pack = places
    matrix = CELL * n * n
    base, done = FIXED * matrix, -1
    fill_vectors(unitary, points, work, 0, n)
    positions = False
    for t in range(len(table)):
        positions = positions or table[t, 2] >= 0
    if positions:
        fill_full(hamiltonian, points, work, 2 * matrix, n)
    for at in range(len(program)):
        op, to, x = program[at, 0], base + program[at, 1] * matrix, base + program[at, 2] * matrix
        y, region = base + program[at, 3] * matrix, program[at, 4]
        if op == SUMS:
            # Those that follow a product are done with it, panel by panel.
            if done < at:
                _sweep(work, program[at], weights, base, weight, same, sums, 0, n, lowest, highest, bands, top, n)
        elif op == PRODUCT and region == WITHIN:
            product_within(work, x, y, to, lowest, highest, top, bands, n)
        elif op == PRODUCT:
            done, width = _followers(program, at), panel_width(n)
            for left in range(0, n, width):
                right = min(left + width, n)
                panel(work, x, y, to, left, right, n, n if region == FULL else top, pack)
                for follower in range(at + 1, done + 1):
                    _sweep(work, program[follower], weights, base, weight, same, sums, left, right, lowest, highest,
                           bands, top, n)  # fmt: skip
        elif op == INPUT:
            _input(work, table[program[at, 2]], columns, constant, points, to, bands, n, pack)
        elif op == GROUP:
            edge = bands if region == FULL else top
            product_of_groups(work, x, y, same, to, lowest, highest, bands, edge, n)
        elif op == SCALE:
            _scale(work, x, to, program[at], weight, factors[at], n)
        elif op == TRACE:
            for a in range(top):
                value = load(work, x + CELL * (a * n + a) + WIDTH * program[at, 3])
                store(work, sums + WIDTH * (n * program[at, 4] + a), value)


@compiled.inlined
def _followers(program, at):  # type: ignore[no-untyped-def]
    """Number of the last of the sums that follow product ``at`` and read it from left to right."""
    last = at
    while last + 1 < len(program) and program[last + 1, 0] == SUMS and program[last + 1, 2] == program[at, 1]:
        last += 1
    return last


@compiled.inlined
def _groups(work, energies, labels, minimum, points, gap, same, spare, lowest, highest, n):  # type: ignore[no-untyped-def]
    """1/(ε_n − ε_m) between groups, 1 inside a group, and the bands each group may reach in any lane."""
    bands = energies.shape[1]
    for a in range(bands):
        lowest[a], highest[a] = a, a
        for lane in range(WIDTH):
            work[spare + CELL * a + lane] = energies[points[lane], a]
            work[spare + CELL * a + WIDTH + lane] = labels[points[lane], a]
    one, nothing, least = everywhere(1.0), zero(), everywhere(minimum)
    for a in range(bands):
        level, label = load(work, spare + CELL * a), load(work, spare + CELL * a + WIDTH)
        for b in range(a, bands):
            p, q = WIDTH * (a * n + b), WIDTH * (b * n + a)
            difference = level - load(work, spare + CELL * b)
            inside = choose(nothing, load(work, spare + CELL * b + WIDTH) - label, nothing, one)
            far = choose(magnitude(difference), least, nothing, one - inside)
            inverse = far / choose(nothing, far, difference, one)
            store(work, gap + p, inverse)
            store(work, gap + q, nothing - inverse)
            store(work, same + p, inside)
            store(work, same + q, inside)
            if any_positive(inside):
                highest[a] = max(highest[a], b)
                lowest[b] = min(lowest[b], a)


@compiled.inlined
def _weights(work, weights, first, same, n):  # type: ignore[no-untyped-def]
    """Weight number w, for w > 0, from the inverse gap that stands in the place of number 0."""
    for w in range(1, len(weights)):
        power, mask = weights[w, 0], weights[w, 1]
        to = first + w * WIDTH * n * n
        for at in range(0, WIDTH * n * n, WIDTH):
            inside, gap = load(work, same + at), load(work, first + at)
            value = inside
            if power:
                value = gap
                for _ in range(1, power):
                    value = value * gap
            elif mask == OUTSIDE:
                value = everywhere(1.0) - inside
            store(work, to + at, value)


@compiled.inlined
def _input(work, place, columns, constant, points, to, bands, n, pack):  # type: ignore[no-untyped-def]
    """An input in the eigenbasis, U† x U; a velocity with its position matrix, U† (∂H + i[H, Ā]) U."""
    matrix = CELL * n * n
    h, spare = 2 * matrix, 3 * matrix
    if place[2] >= 0:
        fill_hermitian(columns, place[2], points, work, spare, bands, n)
        multiply(work, h, spare, spare + matrix, n, n, pack)
    fill_hermitian(columns if place[0] == 1 else constant, place[1], points, work, spare, bands, n)
    if place[2] >= 0:
        add_commutator(work, spare + matrix, spare, n)
    rotate(work, spare, 0, spare + matrix, to, n, pack)


@compiled.inlined
def _scale(work, x, to, row, weight, factor, n):  # type: ignore[no-untyped-def]
    """One SCALE instruction."""
    w, adjoint, fresh = row[3], row[4], row[5]
    cr, ci = everywhere(factor.real), everywhere(factor.imag)
    at = weight + w * WIDTH * n * n
    for a in range(n):
        for b in range(n):
            p = to + CELL * (a * n + b)
            q = x + CELL * (b * n + a if adjoint else a * n + b)
            re, im = load(work, q), load(work, q + WIDTH)
            if adjoint:
                im = zero() - im
            if w:
                value = load(work, at)
                re, im = value * re, value * im
            at += WIDTH
            re, im = cr * re - ci * im, cr * im + ci * re
            if not fresh:
                re, im = re + load(work, p), im + load(work, p + WIDTH)
            store(work, p, re)
            store(work, p + WIDTH, im)


@compiled.fast
def _sweep(work, row, weights, base, weight, same, sums, left, right, lowest, highest, bands, top, n):  # type: ignore[no-untyped-def]
    """One SUMS instruction on the columns ``left`` to ``right``: row sums into t, column sums behind them."""
    matrix, stride = CELL * n * n, WIDTH * n
    x, w, part, count = base + row[2] * matrix, row[3], row[4], row[5]
    b0, b1, b2 = base + row[6] * matrix, base + row[7] * matrix, base + row[8] * matrix
    t0, t1, t2 = sums + stride * row[9], sums + stride * row[10], sums + stride * row[11]
    inside = w > 0 and weights[w, 1] == INSIDE
    for a in range(bands):
        first, last = left, min(right, bands if a < top else top)
        if inside:
            first, last = max(first, lowest[a]), min(last, highest[a] + 1)
        if first >= last:
            continue
        at = weight + WIDTH * (w * n * n + a * n + first)
        p = CELL * (a * n + first)
        if count == 1:
            _one(work, x + p, b0 + p, w, at, part, t0, a, first, last, n)
        else:
            _three(work, x + p, b0 + p, b1 + p, b2 + p, w, at, part, t0, t1, t2, a, first, last, n)


@compiled.fast
def _one(work, x, b0, w, at, part, t0, a, first, last, n):  # type: ignore[no-untyped-def]
    s0, c0 = zero(), t0 + WIDTH * (n + first)
    for _ in range(first, last):
        re, im = load(work, x), load(work, x + WIDTH)
        if part:
            re, im = im, zero() - re
        z = re * load(work, b0) + im * load(work, b0 + WIDTH)
        if w:
            z = load(work, at) * z
        s0 = s0 + z
        store(work, c0, load(work, c0) + z)
        x, b0, at, c0 = x + CELL, b0 + CELL, at + WIDTH, c0 + WIDTH
    store(work, t0 + WIDTH * a, load(work, t0 + WIDTH * a) + s0)


@compiled.fast
def _three(work, x, b0, b1, b2, w, at, part, t0, t1, t2, a, first, last, n):  # type: ignore[no-untyped-def]
    s0, s1, s2 = zero(), zero(), zero()
    c0, c1, c2 = t0 + WIDTH * (n + first), t1 + WIDTH * (n + first), t2 + WIDTH * (n + first)
    for o in range(last - first):
        q, r = CELL * o, WIDTH * o
        re, im = load(work, x + q), load(work, x + q + WIDTH)
        if w:
            value = load(work, at + r)
            re, im = value * re, value * im
        if part:
            re, im = im, zero() - re
        z = re * load(work, b0 + q) + im * load(work, b0 + q + WIDTH)
        s0 = s0 + z
        store(work, c0 + r, load(work, c0 + r) + z)
        z = re * load(work, b1 + q) + im * load(work, b1 + q + WIDTH)
        s1 = s1 + z
        store(work, c1 + r, load(work, c1 + r) + z)
        z = re * load(work, b2 + q) + im * load(work, b2 + q + WIDTH)
        s2 = s2 + z
        store(work, c2 + r, load(work, c2 + r) + z)
    store(work, t0 + WIDTH * a, load(work, t0 + WIDTH * a) + s0)
    store(work, t1 + WIDTH * a, load(work, t1 + WIDTH * a) + s1)
    store(work, t2 + WIDTH * a, load(work, t2 + WIDTH * a) + s2)


@compiled.inlined
def _deliver(work, sums, row, entries, means, points, count, active, top, n, out):  # type: ignore[no-untyped-def]
    """Outputs of each band from its sums, from lanes to out [k, n, output]."""
    outputs = len(entries[0])
    for a in range(top):
        _combine(work, sums + a * WIDTH, WIDTH * n, row, entries, means, points, a)
        for lane in range(count):
            k = points[lane]
            if a < active[k]:
                for o in range(outputs):
                    out[k, a, o] = work[row + WIDTH * o + lane]


@compiled.inlined
def _combine(work, sums, stride, row, entries, means, points, a):  # type: ignore[no-untyped-def]
    """Outputs of band a in all lanes; the sum that the energy multiplies is taken apart."""
    ends, term, coefficient, energy = entries
    e = 0
    for o in range(len(ends)):
        plain, times_energy, any_energy = zero(), zero(), False
        while e < ends[o]:
            value = everywhere(coefficient[e]) * load(work, sums + stride * term[e])
            if energy[e]:
                times_energy, any_energy = times_energy + value, True
            else:
                plain = plain + value
            e += 1
        at = row + WIDTH * o
        store(work, at, plain)
        if any_energy:
            store(work, at, times_energy)
            for lane in range(WIDTH):
                work[at + lane] = work[at + lane] * means[points[lane], a]
            store(work, at, load(work, at) + plain)
