"""Laws of the source tree itself: arrows between rooms, sizes, no print, no assert, no relative import."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "solenoidal"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_MODULE = 420
LONGEST_FUNCTION = 60
OPTIONAL = {"dask", "distributed", "dask_jobqueue", "plotly", "pythtb", "tbmodels", "sisl", "kwant"}

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def module_id(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def body_length(node: FunctionNode) -> int:
    """Lines of the body without its docstring."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.fixture(params=MODULES, ids=module_id)
def module(request: pytest.FixtureRequest) -> Path:
    path = request.param
    assert isinstance(path, Path)
    return path


def test_imports_between_rooms_follow_the_arrows() -> None:
    command = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    run = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Contracts:" in run.stdout, run.stdout + run.stderr
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_module_fits_in_one_reading(module: Path) -> None:
    lines = len(module.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_MODULE, f"{module_id(module)} has {lines} lines; split it along its concepts"


def test_a_function_fits_on_one_screen(module: Path) -> None:
    functions = [n for n in ast.walk(parsed(module)) if isinstance(n, FunctionNode)]
    long = {n.name: body_length(n) for n in functions if body_length(n) > LONGEST_FUNCTION}
    assert not long, f"{module_id(module)}: {long} lines; at most {LONGEST_FUNCTION}"


def test_the_library_neither_prints_nor_asserts(module: Path) -> None:
    tree = parsed(module)
    prints = [
        n.lineno
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "print"
    ]
    asserts = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Assert)]
    assert not prints, f"{module_id(module)} prints at lines {prints}; log, or show it in the command line"
    assert not asserts, f"{module_id(module)} asserts at lines {asserts}; raise a SolenoidalError"


def test_imports_are_absolute(module: Path) -> None:
    relative = [n.lineno for n in ast.walk(parsed(module)) if isinstance(n, ast.ImportFrom) and n.level > 0]
    assert not relative, f"{module_id(module)} imports relatively at lines {relative}"


def test_a_module_states_its_purpose_and_defers_annotations(module: Path) -> None:
    tree = parsed(module)
    if not tree.body:
        return
    assert ast.get_docstring(tree), f"{module_id(module)} has no docstring"
    futures = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    code = [n for n in tree.body[1:] if not isinstance(n, ast.Import | ast.ImportFrom)]
    assert futures or not code, f"{module_id(module)} lacks 'from __future__ import annotations'"


def test_each_optional_package_is_imported_in_one_file() -> None:
    where: dict[str, set[str]] = defaultdict(set)
    for path in MODULES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            for name in names:
                if name.split(".")[0] in OPTIONAL:
                    where[name.split(".")[0]].add(module_id(path))
    scattered = {name: sorted(files) for name, files in where.items() if len(files) > 1}
    assert not scattered


def test_the_installed_package_is_the_one_in_this_tree() -> None:
    import solenoidal.errors

    assert Path(solenoidal.errors.__file__).resolve() == PACKAGE / "errors.py"


def loaded(statement: str, *names: str) -> list[str]:
    """Which of the modules ``names`` a fresh process has loaded after ``statement``."""
    program = (
        f"import sys; {statement}; print(*[name for name in sys.argv[1:] if name in sys.modules], file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", program, *names], capture_output=True, text=True, check=True)
    return run.stderr.split()


LATE = (
    "numba",
    "llvmlite",
    "scipy",
    "xarray",
    "pandas",
    "matplotlib",
    "pydantic",
    "h5py",
    "h5netcdf",
    "spglib",
    "seekpath",
    "dask",
    "distributed",
    "plotly",
)


def test_importing_the_package_loads_no_library() -> None:
    """Half of the time a short run takes is the start of the program."""
    assert loaded("import solenoidal, solenoidal.models, solenoidal.responses", *LATE, "numpy", "typer", "rich") == []


def test_the_help_of_the_command_line_loads_no_library_that_computes_or_draws() -> None:
    statement = "from solenoidal.cli.app import app; app(['--help'], standalone_mode=False)"
    assert loaded(statement, *LATE, "numpy") == []


def test_building_a_model_needs_neither_the_compiler_nor_files_nor_figures() -> None:
    statement = "from solenoidal.models.library import rashba_square; rashba_square(alpha=0.5)"
    assert loaded(statement, "numba", "xarray", "matplotlib", "pydantic", "h5py", "spglib") == []


def rooms() -> list[str]:
    """Every package below the top one, and that one."""
    folders = sorted(path.parent.relative_to(PACKAGE) for path in PACKAGE.rglob("__init__.py"))
    return [".".join(("solenoidal", *folder.parts)) for folder in folders]


@pytest.mark.parametrize("room", rooms())
def test_a_room_says_what_it_is_and_each_of_its_public_names_resolves(room: str) -> None:
    package = importlib.import_module(room)
    assert package.__doc__
    assert package.__all__
    assert len(set(package.__all__)) == len(package.__all__)
    assert set(package.__all__) <= set(dir(package))
    modules = [name for name in package.__all__ if isinstance(getattr(package, name), ModuleType)]
    assert not modules, f"{room} names the modules {modules}"
    with pytest.raises(AttributeError, match="has no attribute 'unheard_of'"):
        _ = package.unheard_of


@pytest.mark.parametrize("room", rooms())
def test_type_checkers_see_the_names_that_a_room_has_at_run_time(room: str) -> None:
    """Rooms whose names load when they are used write them twice, the others import what they name."""
    body = parsed(PACKAGE.joinpath(*room.split(".")[1:], "__init__.py")).body
    branch = next((node for node in body if isinstance(node, ast.If)), None)
    imports = [node for node in (body if branch is None else branch.body) if isinstance(node, ast.ImportFrom)]
    seen = {(n.module, alias.name) for n in imports for alias in n.names if n.module != "__future__"}
    if branch is None:
        assert {name for _, name in seen} == set(importlib.import_module(room).__all__)
        return
    assert all(alias.asname == alias.name for n in imports for alias in n.names), "write: import name as name"
    mapping = next(node for node in ast.walk(branch.orelse[0]) if isinstance(node, ast.Dict))
    homes = {(place, name) for place, names in ast.literal_eval(mapping).items() for name in names}
    assert seen == homes
    # Where it is defined, not where somebody else imports it.
    found = [(name, getattr(importlib.import_module(place), name)) for place, name in homes]
    defined = {(value.__module__, name) for name, value in found if isinstance(value, type | FunctionType)}
    assert defined <= homes, f"{room}: {defined - homes}"


def test_a_public_name_is_the_same_whatever_was_imported_before() -> None:
    """``solve`` is a function, and the module in which it is defined has the same name."""
    before, after = "import solenoidal.integrate.solve", "from solenoidal.integrate import solve"
    for statement in (f"{before}; {after}", f"{after}; {before}; {after}"):
        assert loaded(f"{statement}; sys.modules['called'] = solve if callable(solve) else None", "called") == [
            "called"
        ]


def test_only_the_decorator_of_this_package_compiles(module: Path) -> None:
    """Numba's own ends the program where its cache cannot be written."""
    attributes = [n for n in ast.walk(parsed(module)) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)]
    used = [n.lineno for n in attributes if isinstance(n.value, ast.Name) and n.value.id == "numba"]
    assert not used or module_id(module) == "compiled.py", f"{module_id(module)}: write @compiled at lines {used}"
