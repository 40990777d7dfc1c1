"""The copy in which mistakes are made: the checkout stays as it is, and the copy is whole again afterwards."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mutations.runner import Tree, in_fork


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    (project / "src" / "a.py").write_text("x = 1\n")
    (project / ".gitignore").write_text("ignored\n")
    (project / "ignored").write_text("large")
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    made = Tree(project, tmp_path / "copy")
    made.refresh()
    return made


def test_mistakes_are_made_in_the_copy_and_undone(tree: Tree) -> None:
    original, copy = tree.project / "src" / "a.py", tree.place / "src" / "a.py"
    before = copy.stat().st_mtime_ns
    times = set()
    for text in ("x = 2\n", "x = 3\n", "x = 4\n"):
        tree.write("src/a.py", text)
        assert copy.read_text() == text
        assert original.read_text() == "x = 1\n"
        times.add(int(copy.stat().st_mtime))
        tree.restore("src/a.py")
        assert copy.read_text() == "x = 1\n"
        assert copy.stat().st_mtime_ns == before
    assert len(times) == 3
    assert not (tree.place / "ignored").exists()


def test_the_copy_follows_the_checkout(tree: Tree) -> None:
    (tree.project / "src" / "b.py").write_text("y = 1\n")
    (tree.project / "src" / "a.py").unlink()
    tree.refresh()
    assert [path.name for path in (tree.place / "src").iterdir()] == ["b.py"]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_run_that_fails_ends_or_never_ends_is_told_apart(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    assert in_fork(lambda: ("", 3), log, limit=5, core=None).data == 3
    assert in_fork(lambda: ("test_x", None), log, limit=5, core=None).noticed == "test_x"

    def forever() -> None:
        while True:
            pass

    assert in_fork(forever, log, limit=0.2, core=None).noticed.startswith("killed after")
