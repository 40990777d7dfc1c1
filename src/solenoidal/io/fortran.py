"""Sequential Fortran files, unformatted or formatted, plain or packed, read as one stream of checked values.

A reader class must offer ``text``, ``integers``, ``reals``, ``complexes``, ``logicals`` and ``finish``; file formats
that exist in both forms are then parsed by one function. Every method takes the name of what is being read, so that a
truncated or damaged file is reported by the quantity at which it breaks.
"""

from __future__ import annotations

import bz2
import gzip
import logging
import re
import zlib
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from solenoidal.arrays import BoolArray, ComplexArray, IntArray, RealArray
from solenoidal.errors import InputFileError

_Number = TypeVar("_Number", np.float64, np.complex128)

GZIP_MAGIC, BZIP2_MAGIC = b"\x1f\x8b", b"BZh"
DAMAGED = (EOFError, zlib.error, OSError)
"""What a packed file raises that is cut short or changed."""

logger = logging.getLogger(__name__)

# Fortran prints 1.0-100 for 1.0e-100 when the exponent needs three digits.
_BARE_EXPONENT = re.compile(r"(?<=[0-9.])([+-][0-9]{3})(?![0-9.])")


class RecordReader(Protocol):
    """What a file parser may ask of a formatted or unformatted file."""

    path: Path

    def text(self, what: str) -> str: ...
    def integers(self, count: int, what: str) -> IntArray: ...
    def reals(self, count: int, what: str) -> RealArray: ...
    def complexes(self, count: int, what: str) -> ComplexArray: ...
    def logicals(self, count: int, what: str) -> BoolArray: ...
    def finish(self) -> None: ...


def open_binary(path: Path) -> IO[bytes]:
    """Open a file for reading bytes; a packed one (gzip, bzip2) is recognised by its first bytes, whatever its name."""
    try:
        with path.open("rb") as probe:
            head = probe.read(3)
        if head[:2] == GZIP_MAGIC:
            return cast(IO[bytes], gzip.open(path, "rb"))
        return cast(IO[bytes], bz2.open(path, "rb")) if head == BZIP2_MAGIC else path.open("rb")
    except OSError as error:
        raise InputFileError(path, f"cannot be opened ({error.strerror or error})") from error


def read_lines(path: Path, *, whole: bool = False) -> list[str]:
    """All lines of a plain or packed text file; raises ``InputFileError`` when it is truncated or not text.

    ``whole`` asks for a last line that is complete: without a line end, which every program writes, it must be as long
    as the line before, since otherwise its last number is cut short.
    """
    try:
        with open_binary(path) as stream:
            content = stream.read()
    except DAMAGED as error:
        raise InputFileError(path, f"the packed file is truncated or damaged ({error}); copy it again") from error
    if whole and not content.endswith(b"\n"):
        _require_whole_line(path, content)
    try:
        return content.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputFileError(path, "found binary data where a text file was expected") from error


def _require_whole_line(path: Path, content: bytes) -> None:
    before, last = (b"\n" + content).rsplit(b"\n", 2)[-2:]
    if not last.strip():
        return
    if len(last) < len(before.rstrip(b"\r")) or not before:
        raise InputFileError(
            path,
            "truncated: its last line has no end and is shorter than the one before; copy the file again, or if it "
            "is complete, end it with a new line",
        )
    logger.warning("%s: its last line has no end, but is as long as the one before and taken for complete", path)


def is_text(path: Path) -> bool:
    """Whether the first bytes are text; a Fortran unformatted record starts with a four-byte length holding zeros."""
    try:
        with open_binary(path) as stream:
            head = stream.read(64)
    except DAMAGED as error:
        raise InputFileError(path, f"the packed file is truncated or damaged ({error}); copy it again") from error
    if not head:
        raise InputFileError(path, "the file is empty")
    return all(byte >= 32 or byte in b"\t\n\r\f" for byte in head)


def parse_reals(path: Path, tokens: list[str], what: str) -> RealArray:
    """Numbers of a formatted file, Fortran exponents (``D``, three digits without a letter) included."""
    try:
        return np.array(tokens, dtype=np.float64)
    except ValueError:
        pass
    values = np.empty(len(tokens))
    for position, token in enumerate(tokens):
        try:
            values[position] = float(_BARE_EXPONENT.sub(r"e\1", token.lower().replace("d", "e")))
        except ValueError as error:
            raise InputFileError(path, f"found {token!r} while reading {what}; expected a number") from error
    return values


def require_finite(path: Path, values: NDArray[_Number], what: str) -> NDArray[_Number]:
    """The values themselves; raises ``InputFileError`` naming the first one that is infinite or not a number."""
    finite = np.isfinite(values)
    if not finite.all():
        position = int(np.argmin(finite.ravel()))
        raise InputFileError(
            path,
            f"{what} contains {values.ravel()[position]} (value {position + 1} of {values.size}); expected finite "
            f"numbers",
        )
    return values


class BinaryRecords:
    """Records of a Fortran unformatted sequential file, either byte order, with split records of more than 2 GB."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream = open_binary(path)
        self._order: str | None = None
        self._count = 0

    def __enter__(self) -> BinaryRecords:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def _take(self, size: int, what: str) -> bytes:
        try:
            data = self._stream.read(size)
        except DAMAGED as error:
            raise InputFileError(
                self.path,
                f"truncated or damaged packed stream at record {self._count} ({what}): {error}; copy the file again",
            ) from error
        if len(data) < size:
            raise InputFileError(
                self.path,
                f"truncated: ends inside record {self._count} ({what}), {size - len(data)} bytes short; "
                "the calculation that wrote it did not finish or the copy is incomplete",
            )
        return data

    def _marker(self, what: str) -> int:
        raw = self._take(4, what)
        if self._order is None:
            # The first record of every file read here is a header of at most a few hundred bytes.
            sizes = {order: int(np.frombuffer(raw, dtype=f"{order}i4")[0]) for order in ("<", ">")}
            small = [order for order, size in sizes.items() if 0 < size < 4096]
            if not small:
                raise InputFileError(
                    self.path,
                    "not a Fortran unformatted sequential file (its first record has no plausible length)",
                )
            self._order = small[0]
        return int(np.frombuffer(raw, dtype=f"{self._order}i4")[0])

    def record(self, what: str) -> bytes:
        """The bytes of the next record; ``what`` names it in error messages."""
        self._count += 1
        parts: list[bytes] = []
        while True:
            size = self._marker(what)
            parts.append(self._take(abs(size), what))
            closing = self._marker(what)
            if abs(closing) != abs(size):
                raise InputFileError(
                    self.path,
                    f"record {self._count} ({what}) is damaged: opens with length {abs(size)} and closes with "
                    f"{abs(closing)}",
                )
            if size >= 0:  # a negative length announces that the record goes on
                return b"".join(parts)

    def _values(self, kind: str, count: int, what: str) -> NDArray[Any]:
        data = self.record(what)
        dtype = np.dtype(f"{self._order}{kind}")
        if len(data) != count * dtype.itemsize:
            raise InputFileError(
                self.path,
                f"record {self._count} ({what}) has {len(data)} bytes; expected {count * dtype.itemsize} "
                f"({count} values of {dtype.itemsize} bytes): the file is damaged or of another kind",
            )
        return np.frombuffer(data, dtype=dtype)

    def text(self, what: str) -> str:
        return self.record(what).decode("ascii", errors="replace").strip()

    def integers(self, count: int, what: str) -> IntArray:
        return self._values("i4", count, what).astype(np.int64)

    def reals(self, count: int, what: str) -> RealArray:
        return require_finite(self.path, self._values("f8", count, what).astype(np.float64), what)

    def complexes(self, count: int, what: str) -> ComplexArray:
        return require_finite(self.path, self._values("c16", count, what).astype(np.complex128), what)

    def logicals(self, count: int, what: str) -> BoolArray:
        flags: BoolArray = self._values("i4", count, what) != 0
        return flags

    def finish(self) -> None:
        if self._stream.read(1):
            raise InputFileError(
                self.path, f"holds data after its last expected record ({self._count}); it is of another kind"
            )


class TextRecords:
    """Values of a formatted file, in order; every request starts on a new line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines = read_lines(path, whole=True)
        self._next = 0

    def __enter__(self) -> TextRecords:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines = []

    def _truncated(self, what: str) -> InputFileError:
        return InputFileError(self.path, f"truncated: ends at line {len(self._lines)} while reading {what}")

    def text(self, what: str) -> str:
        if self._next >= len(self._lines):
            raise self._truncated(what)
        self._next += 1
        return self._lines[self._next - 1].strip()

    def _tokens(self, count: int, what: str) -> list[str]:
        tokens: list[str] = []
        while len(tokens) < count:
            # Numbers per line are constant inside one quantity, so its first line tells how many lines to take.
            while self._next < len(self._lines) and not self._lines[self._next].strip():
                self._next += 1
            if self._next >= len(self._lines):
                raise self._truncated(what)
            per_line = len(self._lines[self._next].split())
            step = max(1, (count - len(tokens)) // per_line)
            tokens += " ".join(self._lines[self._next : self._next + step]).split()
            self._next += step
        if len(tokens) != count:
            raise InputFileError(
                self.path, f"found {len(tokens)} values up to line {self._next} for {what}; expected {count}"
            )
        return tokens

    def integers(self, count: int, what: str) -> IntArray:
        values = self.reals(count, what)
        whole = np.rint(values)
        if np.any(whole != values):
            raise InputFileError(self.path, f"found {values[whole != values][0]} for {what}; expected whole numbers")
        return whole.astype(np.int64)

    def reals(self, count: int, what: str) -> RealArray:
        return require_finite(self.path, parse_reals(self.path, self._tokens(count, what), what), what)

    def complexes(self, count: int, what: str) -> ComplexArray:
        return self.reals(2 * count, what).view(np.complex128)

    def logicals(self, count: int, what: str) -> BoolArray:
        values = self.integers(count, what)
        if np.any((values != 0) & (values != 1)):
            raise InputFileError(
                self.path, f"found {values[(values != 0) & (values != 1)][0]} for {what}; expected 0 or 1"
            )
        return np.equal(values, 1)

    def finish(self) -> None:
        rest = [line for line in self._lines[self._next :] if line.strip()]
        if rest:
            raise InputFileError(
                self.path,
                f"holds {len(rest)} lines after its last expected value, the first is {rest[0].strip()!r}",
            )


def open_records(path: Path) -> BinaryRecords | TextRecords:
    """The reader that fits the file's content: formatted text or unformatted records."""
    return TextRecords(path) if is_text(path) else BinaryRecords(path)
