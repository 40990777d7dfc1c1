"""The tutorial on a new response: its file is short and runs by itself, and the numbers are those of the text."""

from __future__ import annotations

import doctest
import re
import sys
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "new_response.md"
LONGEST = 40


def test_a_reader_adds_a_response_in_one_short_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    assert len(blocks[0].splitlines()) <= LONGEST
    (tmp_path / "valley_hall.py").write_text(blocks[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    failed, attempted = doctest.testfile(str(TUTORIAL), module_relative=False, encoding="utf-8")
    sys.modules.pop("valley_hall", None)
    assert attempted > 8
    assert failed == 0
