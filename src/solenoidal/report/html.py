"""Small pieces of HTML: numbers with their errors, and tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from solenoidal.report.text import STYLE

MINUS = "\N{MINUS SIGN}"
WIDEST = 8
"""Columns of numbers that a page shows beside one another."""


def number(value: float, error: float | None = None) -> str:
    """``value`` to six digits, or to the second digit of its standard ``error``."""
    value += 0.0  # turns a negative zero into zero
    if error is None or not error > 0 or not math.isfinite(error):
        return f"{value:.6g}".replace("-", MINUS)
    decimals = 1 - math.floor(math.log10(error))
    if -4 < decimals <= 8:
        text = f"{round(value, decimals):.{max(decimals, 0)}f} ± {round(error, decimals):.{max(decimals, 0)}f}"
    else:
        text = f"{value:.6g} ± {error:.1e}"
    return text.replace("-", MINUS)


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    caption: str = "",
    *,
    chief: int | None = None,
    labels: int = 1,
) -> str:
    """A table whose first ``labels`` columns are words and the others numbers; row ``chief`` stands out.

    Cells and header are text and are escaped; ``caption`` is HTML.
    """

    def line(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=number' if column >= labels else ''}>{escape(cell)}</{tag}>"
            for column, cell in enumerate(cells)
        )

    body = "\n".join(
        f"<tr{' class=chief' if index == chief else ''}>{line(row, 'td')}</tr>" for index, row in enumerate(rows)
    )
    top = f"<caption>{caption}</caption>" if caption else ""
    return f"<div class=scroll><table>{top}<tr>{line(header, 'th')}</tr>\n{body}</table></div>"


def narrow_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "", *, chief: int | None = None
) -> str:
    """``table`` with one column of words, its rows and columns exchanged if that spares a table its great width."""
    if len(header) <= WIDEST + 1 or len(header) <= len(rows) + 1:
        return table(header, rows, caption, chief=chief)
    first, *others = zip(header, *rows, strict=True)
    return table(first, others, caption)


def element(symbol: str, component: str) -> str:
    """A tensor element such as σ(xy, z): lower indices current and field, then those of the operator."""
    return f"{symbol} {component[:2]},{component[2:]}" if len(component) > 2 else f"{symbol} {component}"


def document(title: str, body: Sequence[str]) -> str:
    """A page that needs no other file, from the parts of its ``body``."""
    return (
        "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
        "<meta name=viewport content='width=device-width, initial-scale=1'>\n"
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def provenance_rows(attrs: Mapping[Any, Any]) -> list[list[str]]:
    """Names and values of the facts of a run, one for each row; the input file is shown elsewhere."""
    rows = []
    for key, value in attrs.items():
        if key == "input":
            continue
        if isinstance(value, Mapping):
            rows += [[f"{key}: {name}", str(entry)] for name, entry in value.items()]
        elif isinstance(value, list | tuple):
            rows.append([str(key).replace("_", " "), ", ".join(map(str, value))])
        else:
            rows.append([str(key).replace("_", " "), str(value)])
    return rows
