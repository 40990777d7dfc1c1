"""Two plugins of pytest: which functions of the package each test calls, and chosen tests in a chosen order."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest


class Tracer:
    """Records for every test its duration, its outcome and the functions of ``source`` it calls.

    What a fixture shared by several tests calls counts for all of them. Compiled functions and other processes are
    not seen.
    """

    def __init__(self, source: Path) -> None:
        self._source = f"{source}/"
        self._owner: dict[CodeType, str] = {}
        self._seen: set[str] = set()
        self._shared: dict[str, set[str]] = {}
        self.tests: dict[str, dict[str, Any]] = {}

    def _trace(self, frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        name = self._owner.get(code)
        if name is None:
            path = code.co_filename
            inside = path.startswith(self._source)
            owner = code.co_qualname.replace(".<locals>", "").split(".<")[0]
            name = f"{path.removeprefix(self._source)}::{owner}" if inside else ""
            self._owner[code] = name
        if name:
            self._seen.add(name)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._seen = set()
        sys.settrace(self._trace)
        threading.settrace(self._trace)
        try:
            result = yield
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
        called = self._seen.union(*(self._shared.get(name, set()) for name in getattr(item, "fixturenames", ())))
        self.tests.setdefault(item.nodeid, {})["calls"] = sorted(called)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[Any]:
        before, self._seen = self._seen, set()
        try:
            result = yield
        finally:
            if fixturedef.scope != "function":
                self._shared.setdefault(fixturedef.argname, set()).update(self._seen)
            self._seen |= before
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        found = self.tests.setdefault(report.nodeid, {})
        found["seconds"] = found.get("seconds", 0.0) + report.duration
        if not report.passed:
            found["failed"] = not report.skipped


class Chosen:
    """Runs the tests ``nodeids`` in this order and no others; ``noticed`` is the first that fails."""

    def __init__(self, nodeids: Sequence[str]) -> None:
        self._rank = {nodeid: rank for rank, nodeid in enumerate(nodeids)}
        self.noticed = ""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((i for i in items if i.nodeid in self._rank), key=lambda item: self._rank[item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.noticed:
            self.noticed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.noticed:
            self.noticed = report.nodeid
