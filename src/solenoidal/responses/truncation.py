"""Outputs with, without and from what a model's space leaves out (see ``geometry.space``)."""

from __future__ import annotations

from collections.abc import Mapping

from solenoidal.responses.response import Part

INSIDE, TRUNCATION = "_inside", "_truncation"
"""Endings of the outputs that leave the curvature of the space out, and of what it adds."""

Outputs = dict[str, tuple[Part, ...]]


def with_truncation(inside: Mapping[str, tuple[Part, ...]], gained: Mapping[str, tuple[Part, ...]]) -> Outputs:
    """Each output of ``inside`` completed by what it has ``gained``, if anything, with both parts beside it."""
    found: Outputs = {}
    for name, parts in inside.items():
        added = gained.get(name, ())
        found[name] = parts + added
        if added:
            found[f"{name}{INSIDE}"] = parts
            found[f"{name}{TRUNCATION}"] = added
    return found
