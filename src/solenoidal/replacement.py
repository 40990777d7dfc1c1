"""Outputs that replace earlier ones only when they are complete; needs nothing that is slow to import."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from solenoidal.errors import OutputExistsError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; what is written there takes its place once it is complete.

    Raises ``OSError`` that names ``path`` when it cannot be written, for example on a full disk; what was there before
    is left as it was, and nothing half-written stays behind.
    """
    partial = path.with_name(f"{path.stem}.part{path.suffix}")
    partial.unlink(missing_ok=True)
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        raise named(error, path) from None
    finally:
        partial.unlink(missing_ok=True)


def named(error: OSError, path: Path) -> OSError:
    """``error`` in the name of the file the user knows."""
    if error.errno is None:
        return OSError(f"{path}: cannot be written: {error}")
    return OSError(error.errno, error.strerror, str(path))


def write_text(text: str, path: Path) -> None:
    """Save ``text``; raises ``OSError`` as ``replacing`` does."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def require_absent(paths: Iterable[Path], *, overwrite: bool) -> None:
    """Raise ``OutputExistsError`` if one of the ``paths`` exists and may not be overwritten."""
    present = [path for path in paths if path.exists()]
    if present and not overwrite:
        more = f" and {len(present) - 1} more" if len(present) > 1 else ""
        raise OutputExistsError(
            f"{present[0]}{more}: exists and is not overwritten; choose another place with --output or add --overwrite"
        )
