"""The mistakes that the mutation run makes: small, real, and never in what is only said."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from mutations.sites import KINDS, changes, draw, mutations

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "solenoidal"

TEXT = '''
"""Documentation with 1 + 1 and not much else."""

import numpy as np  # 0 + 1


def f(a: "tuple[int, 0]", b: float = 0.5, *, axis: int = 0) -> float:
    """Sum of a − b."""
    if not a and b < len(a):
        raise ValueError(f"{a + b} is not 1 + 1")
    τ = np.einsum("ij,jk->ik", a, b)  # a + b
    return -np.minimum(a[0, axis] - 2 * τ.conj(), b, axis=1) @ b.T
'''


def test_each_mistake_changes_one_place_and_leaves_the_rest_of_the_text() -> None:
    found = mutations("f.py", TEXT)
    assert {m.kind for m in found} == set(KINDS)
    for mutation in found:
        text = mutation.apply(TEXT)
        assert text != TEXT
        assert text[: mutation.start] == TEXT[: mutation.start]
        assert text.endswith(TEXT[mutation.stop :])
        assert mutation.owner == "f"


def test_what_is_only_said_is_never_mutated() -> None:
    said = ("Documentation", "import", "Sum of", "raise", "def f", "# a + b")
    for mutation in mutations("f.py", TEXT):
        line = TEXT.splitlines()[mutation.line - 1]
        touched = TEXT[mutation.start : mutation.stop]
        assert not any(word in touched for word in said)
        assert "def f" not in line or mutation.new in ("1.0", "1")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a + b", {"x = a - b", "x = a", "x = b"}),
        ("x = a * b", {"x = a / b", "x = -a * b"}),
        ("x = (a\n + b)", {"x = (a\n - b)", "x = (a)", "x = (b)"}),
        ("x = -a", {"x = a"}),
        ("x = not a", {"x = a"}),
        ("x = a and b", {"x = a or b"}),
        ("x = a < b", {"x = a >= b"}),
        ("x = a < len(b)", {"x = a <= len(b)"}),
        ("x = a[i, j]", {"x = a[j, i]"}),
        ("x = f(a, b)", {"x = f(b, a)"}),
        ("x = f('a', b)", set()),
        ("x = np.hypot(a, b)", set()),
        ("x = a @ b", {"x = b @ a"}),
        ("x = a.T", {"x = a"}),
        ("x = a.conj().real", {"x = a.conj().imag", "x = a.real"}),
        ("x = e('ij,j->i', a)", {"x = e('ji,j->i', a)"}),
        ("x = a.sum(axis=1)", {"x = a.sum(axis=0)"}),
        ("x = 1e-9", set()),
        ("Values = Mapping[str, int]", set()),
        ("x = (-a * b) ** 2", {"x = (-a / b) ** 2", "x = (-a * b) ** 3"}),
        ("x = np.abs(a * b)", {"x = np.abs(a / b)"}),
        ("x += a", {"x -= a"}),
        ("raise Error(a + b)", set()),
        ("x: list[int] | None = 3", {"x: list[int] | None = 4"}),
        ("x = 'a' + b", set()),
        ("warn(a, 1 + b, stacklevel=2)", set()),
    ],
)
def test_the_mistakes_of_a_line_are_the_expected_ones(source: str, expected: set[str]) -> None:
    found = [m for m in mutations("f.py", source) if changes(m, source)]
    assert {m.apply(source) for m in found} == expected


def test_the_same_seed_draws_the_same_mistakes_of_every_kind_and_all_of_them_compile() -> None:
    sources = {str(path): path.read_text() for path in sorted((PACKAGE / "disorder").glob("*.py"))}
    first, again, other = (draw(sources, 40, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert {m.kind for m in first} == set(KINDS)
    assert len({(m.path, m.start) for m in first}) == 40
    for mutation in first:
        ast.parse(mutation.apply(sources[mutation.path]))
        before, after = mutation.shown(sources[mutation.path])
        assert before != after
