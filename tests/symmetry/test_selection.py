"""The verdict on candidate operations, whatever the evidence."""

from __future__ import annotations

import numpy as np
import pytest

from solenoidal.models.library import rashba_square
from solenoidal.symmetry.selection import lattice_candidates, select


def test_only_operations_that_are_allowed_and_within_every_limit_are_accepted() -> None:
    candidates = lattice_candidates(rashba_square(alpha=0.5))
    calm = np.zeros(candidates.size)
    every = select(candidates, {"energies": calm}, {"energies": 1e-5})
    assert every.accepted.all()
    unitary = select(candidates, {"energies": calm}, {"energies": 1e-5}, allowed=~candidates.time_reversal)
    np.testing.assert_array_equal(unitary.accepted, ~candidates.time_reversal)
    proper = np.linalg.det(candidates.rotations) > 0
    rates = np.where(proper, 2e-4, 3e-3)
    found = select(candidates, {"energies": calm, "rates": rates}, {"energies": 1e-5, "rates": 1e-3})
    # The identity is always there; the rotations among the rest are a group of their own.
    np.testing.assert_array_equal(found.accepted, proper)
    worst = int(np.flatnonzero(~proper)[0])
    assert found.worst(worst) == ("rates", pytest.approx(3e-3))
    lines = "\n".join(found.evidence_lines(found.accepted))
    assert "rates 2.0e-04 (1e-03)" in lines
    assert "rates 3.0e-03" in lines
    assert "dropped because" not in lines


def test_what_generates_operations_out_of_the_limits_is_dropped_and_named() -> None:
    candidates = lattice_candidates(rashba_square(alpha=0.5))
    every = select(candidates, {"x": np.zeros(candidates.size)}, {"x": 1.0})
    violation = np.full(candidates.size, 2.0)
    for name in ("1", "4[0,0,1]"):
        violation[every.names.index(name)] = 0.1
    found = select(candidates, {"x": violation}, {"x": 1.0})
    assert [found.names[g] for g in np.flatnonzero(found.accepted)] == ["1"]
    lines = found.evidence_lines(found.accepted)
    assert lines[-1] == "within the limits, but dropped because they generate operations that are not: 4[0,0,1]"
