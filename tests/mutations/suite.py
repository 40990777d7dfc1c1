"""Which tests call which functions, kept from one run to the next, and the order in which they look at a mistake."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mutations.runner import Setting, digest, in_fork
from mutations.sites import Mutation

PACKAGE = "src/solenoidal/"
NEAR = {
    "geometry": ("tests/geometry", "tests/evaluate", "tests/responses", "tests/test_laws.py"),
    "evaluate": ("tests/evaluate", "tests/geometry", "tests/responses", "tests/test_laws.py"),
    "responses": ("tests/responses", "tests/results", "tests/geometry", "tests/test_laws.py"),
    "results": (
        "tests/results",
        "tests/report",
        "tests/integrate/test_solve.py",
        "tests/cli/test_superconductor_runs.py",
    ),
    "sampling": ("tests/sampling", "tests/results", "tests/integrate", "tests/accuracy"),
    "integrate": ("tests/integrate", "tests/accuracy", "tests/cli/test_tetrahedra_run.py"),
    "disorder": ("tests/disorder", "tests/cli/test_disorder_command.py"),
}
"""Tests of each room, by the beginning of their names; those of the other rooms are asked too when they are traced."""
BUCKETS = (0.2, 1.0, 4.0)
"""Tests of up to so many seconds come before longer ones; among equals those of one file follow one another."""


@dataclass
class Suite:
    """What is known about the tests; ``files`` name → {"hash", "tests"}."""

    tree: Path
    store: Path
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def refresh(self, setting: Setting, log: Path, rooms: Iterable[str], *, wide: bool, core: int | None) -> None:
        """Trace every file of tests of the ``rooms``, or all if ``wide``, that is new or changed."""
        near = tuple(name for room in rooms for name in NEAR[room])
        known = json.loads(self.store.read_text()) if self.store.is_file() else {}
        names = sorted(str(path.relative_to(self.tree)) for path in self.tree.glob("tests/**/test_*.py"))
        for name in names:
            current = digest((self.tree / name).read_bytes())
            found = known.get(name)
            if found is None or found["hash"] != current:
                if name.startswith("tests/mutations") or not (wide or name.startswith(near)):
                    continue
                sys.stdout.write(f"tracing {name}\n")
                sys.stdout.flush()
                before = setting.functions()
                outcome = in_fork(lambda name=name: setting.traced(name), log, limit=900, core=core)  # type: ignore[misc]
                if setting.functions() != before:
                    # What was compiled now is there the next time, and tests are chosen by how long they take.
                    outcome = in_fork(lambda name=name: setting.traced(name), log, limit=900, core=core)  # type: ignore[misc]
                if outcome.data is None:
                    raise RuntimeError(f"the tests of {name} do not run: {outcome.noticed}; see {log}")
                found = {"hash": current, "tests": outcome.data}
                known[name] = found
                self.store.write_text(json.dumps(known))
            self.files[name] = found
            for nodeid, test in found["tests"].items():
                if test.get("failed"):
                    sys.stdout.write(f"left out, since it fails without any mistake: {nodeid}\n")

    def tests(self) -> dict[str, dict[str, Any]]:
        """Every test that passes without mistakes."""
        return {
            nodeid: test
            for file in self.files.values()
            for nodeid, test in file["tests"].items()
            if not test.get("failed") and "calls" in test
        }

    def tiers(self, mutation: Mutation, budget: float) -> Iterable[list[str]]:
        """Tests that call the function itself, others that call its file, and others of its room.

        Of each not more than ``budget`` s; of the last, which call the file in another process if at all, a third.
        """
        tests = self.tests()
        path = mutation.path.removeprefix(PACKAGE)
        direct = {n for n, t in tests.items() if f"{path}::{mutation.owner}" in t["calls"]}
        file = {n for n, t in tests.items() if any(c.startswith(f"{path}::") for c in t["calls"])}
        near = {n for n in tests if n.startswith(NEAR[path.split("/")[0]])}
        asked: set[str] = set()
        for tier, allowed in ((direct, budget), (file, budget), (near, budget / 3)):
            chosen = self._ordered(tier - asked, tests, allowed)
            asked |= tier
            if chosen:
                yield chosen

    def seconds(self, nodeids: Iterable[str]) -> float:
        """How long these tests take without mistakes."""
        tests = self.tests()
        return sum(tests[nodeid]["seconds"] for nodeid in nodeids)

    @staticmethod
    def _ordered(nodeids: set[str], tests: dict[str, dict[str, Any]], budget: float) -> list[str]:
        def rank(nodeid: str) -> tuple[int, str, float]:
            seconds = tests[nodeid]["seconds"]
            return sum(seconds > limit for limit in BUCKETS), nodeid.split("::")[0], seconds

        chosen, spent = [], 0.0
        for nodeid in sorted(nodeids, key=rank):
            spent += tests[nodeid]["seconds"]
            if spent > budget:
                break
            chosen.append(nodeid)
        return chosen


def compiled_modules(tree: Path) -> dict[str, set[str]]:
    """Modules with compiled functions, by path, and the package modules that each imports, directly or not."""
    imports: dict[str, set[str]] = {}
    compiled: set[str] = set()
    for path in sorted((tree / PACKAGE).rglob("*.py")):
        name, text = str(path.relative_to(tree)), path.read_text()
        if "numba" in text or "llvmlite" in text:
            compiled.add(name)
        imports[name] = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("solenoidal"):
                base = f"src/{(node.module or '').replace('.', '/')}"
                imports[name] |= {f"{base}.py", *(f"{base}/{alias.name}.py" for alias in node.names)}
    reached: dict[str, set[str]] = {}
    for name in compiled:
        todo, seen = [name], set()
        while todo:
            for other in imports.get(todo.pop(), set()) - seen:
                seen.add(other)
                todo.append(other)
        reached[name] = seen
    return reached
