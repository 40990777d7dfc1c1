"""The examples of this room draw all their figures."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import matplotlib.pyplot as plt
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(autouse=True)
def _no_window() -> None:
    plt.switch_backend("agg")


def load(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"{name}_example", EXAMPLES / name / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    example = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(example)
    return example


def test_soft_boundary(tmp_path: Path) -> None:
    figures = load("soft_boundary").figures(cells=16, mesh=8, lengths=(8, 12), side=9)
    assert set(figures) == {"profiles", "source", "convergence", "circulation"}
    for name, figure in figures.items():
        figure.savefig(tmp_path / f"{name}.png", dpi=40)
        assert (tmp_path / f"{name}.png").stat().st_size > 2000
        plt.close(figure)


def test_hofstadter(tmp_path: Path) -> None:
    figures = load("hofstadter").figures(flux=5, mesh=8, couplings=2, levels=5)
    assert set(figures) == {"hofstadter"}
    figures["hofstadter"].savefig(tmp_path / "hofstadter.png", dpi=40)
    assert (tmp_path / "hofstadter.png").stat().st_size > 2000
    plt.close(figures["hofstadter"])
