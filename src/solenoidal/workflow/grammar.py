"""What the input files of all commands have in common: sections, and errors that say what to write.

A section is a model whose fields are its keys; the first ``examples`` entry of a field is what the error message of a
missing key tells the user to write. A ``Grammar`` names the sections of one kind of file.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, ValidationInfo

from solenoidal.errors import ConfigError

AXES = ("x", "y", "z")
Entry = TypeVar("Entry")


class Section(BaseModel):
    """One section of an input file: unknown keys are refused, and nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _beside_input_file(path: Path, info: ValidationInfo) -> Path:
    base = (info.context or {}).get("base")
    return path if base is None or path.is_absolute() else Path(base) / path


def tensor_component(value: str) -> str:
    """The three letters of a tensor element; raises ``ValueError`` for anything else."""
    if len(value) != 3 or any(letter not in AXES for letter in value):
        raise ValueError("expected three of the letters x, y, z in the order current, field, spin, for example 'xyz'")
    return value


def not_empty(values: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """``values``; raises ``ValueError`` if there are none."""
    if not values:
        raise ValueError("the list is empty; write at least one entry")
    return values


InputPath = Annotated[Path, AfterValidator(_beside_input_file)]
Component = Annotated[str, AfterValidator(tensor_component)]

File = TypeVar("File", bound=Section)
Table = type[Section] | Mapping[str, type[Section]]
"""Entries of a list of tables: all of one kind, or of the kind that their key ``kind`` names."""


@dataclass(frozen=True)
class Grammar(Generic[File]):
    """One kind of input file: its whole, ``sections`` [name], and lists of ``tables`` [[name]] or [[section.name]]."""

    root: type[File]
    sections: Mapping[str, type[Section]]
    tables: Mapping[str, Table] = field(default_factory=dict)

    def parse(self, source: str, path: Path) -> File:
        """The validated content of ``source``, text of the file at ``path``, to whose folder paths are relative.

        Raises ``ConfigError`` with one line for each problem: the file, the key, what was found, what to write.
        """
        content = parse_toml(source, path)
        try:
            return self.root.model_validate(content, context={"base": path.parent})
        except ValidationError as error:
            problems = list(dict.fromkeys(self._describe(problem) for problem in error.errors()))
            raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems)) from None

    def _describe(self, problem: Mapping[str, Any]) -> str:
        """One line for one problem found by pydantic."""
        place, section, key, entry = self._locate(problem["loc"])
        kind, found = problem["type"], problem["input"]
        message = str(problem["msg"]).removeprefix("Value error, ")
        if kind == "extra_forbidden":
            what = "key" if place else "section"
            return f"{place}unknown {what} '{key}'; {nearest_hint(key, list(section.model_fields))}"
        if kind == "missing" and entry:
            return f"{place}{key} has no entry {entry}; write {self._example(section, key)}"
        if kind == "missing":
            what = f"'{key}' is missing" if place else f"section [{key}] is missing"
            return f"{place}{what}; write {self._example(section, key)}"
        if kind in ("union_tag_not_found", "union_tag_invalid"):
            return f"{place}{self._wrong_kind(str(problem['loc'][0]), found)}"
        if kind == "value_error" and not place:
            return f"[{key}] {message}"
        if kind == "value_error" and not key:
            return f"{place}{message}"
        if not place:
            return f"'{key}' is not a section; write {self._example(section, key)}"
        which = f"{key}, entry {entry}," if entry else key
        return f"{place}{which} is {found!r}; {message[:1].lower() + message[1:]}"

    def _wrong_kind(self, table: str, found: Mapping[str, Any]) -> str:
        entries = self.tables[table]
        kinds = list(entries) if isinstance(entries, Mapping) else []
        if "kind" not in found:
            return f"'kind' is missing; write one of {_choices(kinds)}"
        tag = str(found["kind"])
        return f"unknown kind '{tag}'; {nearest_hint(tag, kinds)}"

    def _locate(self, location: Sequence[str | int]) -> tuple[str, type[Section], str, int]:
        """Readable place ('' for the file itself), the section model, the key, the entry from 1 or 0."""
        for name, table in self.tables.items():
            parts = name.split(".")
            if list(location[: len(parts)]) == parts and len(location) > len(parts):
                number, *rest = location[len(parts) :]
                place = f"[[{name}]] number {int(number) + 1}: "
                if isinstance(table, Mapping):
                    tag, *rest = rest or [next(iter(table))]
                    return place, table[str(tag)], *_key(rest)
                return place, table, *_key(rest)
        head, *rest = location
        if head in self.sections and rest:
            return f"[{head}] ", self.sections[str(head)], *_key(rest)
        return "", self.root, str(head), 0

    def _example(self, section: type[Section], key: str) -> str:
        """What to write for a missing key or section: the first example of each field that has no default."""
        examples = section.model_fields[key].examples
        if examples:
            return str(examples[0])
        required = [field for field in self.sections[key].model_fields.values() if field.examples]
        return f"[{key}] with " + ", ".join(str(field.examples[0]) for field in required if field.examples)


def _key(location: Sequence[str | int]) -> tuple[str, int]:
    """The key and the number of its entry, from 1, or 0 for the whole."""
    key = str(location[0]) if location else ""
    return key, int(location[1]) + 1 if len(location) > 1 and isinstance(location[1], int) else 0


def read_source(path: Path, kind: str = "input file") -> str:
    """The text of the TOML file at ``path``, called a ``kind`` in messages; ``ConfigError`` if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such {kind}; write the path of a TOML file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as {kind}: {error}") from None


def parse_toml(source: str, path: Path) -> dict[str, Any]:
    """Content of ``source``, text of the TOML file at ``path``; raises ``ConfigError`` if it is not TOML."""
    try:
        return tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from None


def read_toml(path: Path, kind: str) -> dict[str, Any]:
    """Content of the TOML file at ``path``, called a ``kind`` in messages; ``ConfigError`` if it cannot be read."""
    return parse_toml(read_source(path, kind), path)


def nearest_hint(found: str, valid: Sequence[str]) -> str:
    """A question naming the nearest of the ``valid`` names, or all of them if none is near."""
    near = _near(found, valid)
    return f"did you mean '{near}'?" if near else f"valid are {_choices(valid)}"


def nearest_question(found: str, valid: Sequence[str]) -> str:
    """What follows a list of the ``valid`` names, empty if none is near."""
    near = _near(found, valid)
    return f"; did you mean '{near}'?" if near else ""


def _near(found: str, valid: Sequence[str]) -> str | None:
    return next(iter(difflib.get_close_matches(found, valid, n=1, cutoff=0.5)), None)


def _choices(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
