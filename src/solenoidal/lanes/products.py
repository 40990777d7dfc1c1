"""Products of matrices of a lane group (see ``lanes.matrices``), as a whole or where their elements are wanted.

From ``LARGE`` on the right factor is copied in panels of ``PANEL`` columns, which stay in the second cache while the
rows of the left one go by; work that reads the columns of the product follows panel by panel.
"""

from __future__ import annotations

from solenoidal.lanes.compiled import compiled
from solenoidal.lanes.matrices import CELL, mirror, put
from solenoidal.lanes.registers import WIDTH, load, store, zero

PANEL = 16
LARGE = 64


@compiled.inlined
def panel_width(n):  # type: ignore[no-untyped-def]
    """Columns of a product of n × n matrices that are formed at a time."""
    return PANEL if n >= LARGE else n


@compiled
def multiply(work, x, y, out, n, top, pack):  # type: ignore[no-untyped-def]
    """out = x y without the elements whose row and column both lie at or beyond ``top``, only the upper triangle if
    ``top`` is 0; ``pack`` is scratch for a panel."""
    width = panel_width(n)
    for first in range(0, n, width):
        panel(work, x, y, out, first, min(first + width, n), n, top, pack)


@compiled.fast
def panel(work, x, y, out, first, end, n, top, pack):  # type: ignore[no-untyped-def]
    """Columns ``first`` to ``end`` of ``multiply``."""
    large = n >= LARGE
    if large:
        at = pack
        for b in range(first, end, 2):
            q = y + CELL * b
            for _ in range(n):
                for j in range(0, 2 * CELL, WIDTH):
                    store(work, at + j, load(work, q + j))
                at += 2 * CELL
                q += CELL * n
    for a in range(0, n if top else end, 2):
        begin = first if top else max(first, a)
        stop = end if top == 0 or a < top else min(end, top + top % 2)
        for b in range(begin, stop, 2):
            columns, step = y + CELL * b, CELL * n
            if large:
                columns, step = pack + CELL * n * (b - first), 2 * CELL
            _tile(work, x, columns, step, out, a, b, n)


@compiled.inlined
def _tile(work, x, q, step, out, a, b, n):  # type: ignore[no-untyped-def]
    """Elements of the rows a, a + 1 of x with the two columns that begin at q, whose rows are ``step`` apart."""
    row = CELL * n
    r00, i00, r01, i01 = zero(), zero(), zero(), zero()
    r10, i10, r11, i11 = zero(), zero(), zero(), zero()
    p = x + a * row
    for _ in range(n):
        ur, ui = load(work, p), load(work, p + WIDTH)
        wr, wi = load(work, p + row), load(work, p + row + WIDTH)
        yr, yi = load(work, q), load(work, q + WIDTH)
        zr, zi = load(work, q + CELL), load(work, q + CELL + WIDTH)
        r00, i00 = r00 + ur * yr - ui * yi, i00 + ur * yi + ui * yr
        r01, i01 = r01 + ur * zr - ui * zi, i01 + ur * zi + ui * zr
        r10, i10 = r10 + wr * yr - wi * yi, i10 + wr * yi + wi * yr
        r11, i11 = r11 + wr * zr - wi * zi, i11 + wr * zi + wi * zr
        p += CELL
        q += step
    at = out + a * row + b * CELL
    put(work, at, r00, i00)
    put(work, at + CELL, r01, i01)
    put(work, at + row, r10, i10)
    put(work, at + row + CELL, r11, i11)


@compiled.inlined
def rotate(work, x, vectors, spare, out, n, pack):  # type: ignore[no-untyped-def]
    """out = U† x U for a Hermitian x; ``vectors`` holds U and U† after it, ``spare`` one matrix of scratch."""
    multiply(work, x, vectors, spare, n, n, pack)
    multiply(work, vectors + CELL * n * n, spare, out, n, 0, pack)
    mirror(work, out, n)


@compiled.inlined
def product_within(work, x, y, out, lowest, highest, top, bands, n):  # type: ignore[no-untyped-def]
    """Elements of x y between bands that may be of one group, ``lowest`` to ``highest`` of each."""
    for a in range(top):
        for b in range(lowest[a], highest[a] + 1):
            re, im = zero(), zero()
            p, q = x + CELL * a * n, y + CELL * b
            for _ in range(bands):
                ur, ui, yr, yi = load(work, p), load(work, p + WIDTH), load(work, q), load(work, q + WIDTH)
                re, im = re + ur * yr - ui * yi, im + ur * yi + ui * yr
                p += CELL
                q += CELL * n
            put(work, out + CELL * (a * n + b), re, im)


@compiled.inlined
def product_of_groups(work, x, y, same, out, lowest, highest, bands, top, n):  # type: ignore[no-untyped-def]
    """out = x_D y with x_D the part of x inside the groups, without elements beyond ``top`` in row and column."""
    for a in range(bands):
        columns = bands if a < top else top
        for c in range(lowest[a], highest[a] + 1):
            p = x + CELL * (a * n + c)
            inside = load(work, same + WIDTH * (a * n + c))
            xr, xi = inside * load(work, p), inside * load(work, p + WIDTH)
            fresh = c == lowest[a]
            t, at = y + CELL * c * n, out + CELL * a * n
            for _ in range(columns):
                yr, yi = load(work, t), load(work, t + WIDTH)
                re, im = xr * yr - xi * yi, xr * yi + xi * yr
                if not fresh:
                    re, im = re + load(work, at), im + load(work, at + WIDTH)
                put(work, at, re, im)
                t += CELL
                at += CELL
