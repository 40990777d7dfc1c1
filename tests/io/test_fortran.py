"""Unformatted records in both byte orders, split records, and damage that is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from solenoidal.errors import InputFileError
from solenoidal.io.fortran import BinaryRecords, TextRecords, is_text


@pytest.mark.parametrize("order", ["<", ">"])
def test_records_read_back_in_both_byte_orders(tmp_path: Path, make_records: Any, order: str) -> None:
    path = tmp_path / "x"
    z = np.array([1 + 2j, -3.5j])
    path.write_bytes(
        make_records(
            b"header    ",
            np.array([1, -2, 3], dtype=f"{order}i4").tobytes(),
            b"",
            z.astype(f"{order}c16").tobytes(),
            order=order,
        )
    )
    assert not is_text(path)
    with BinaryRecords(path) as records:
        assert records.text("header") == "header"
        assert records.integers(3, "numbers").tolist() == [1, -2, 3]
        assert records.integers(0, "nothing").size == 0
        np.testing.assert_array_equal(records.complexes(2, "values"), z)
        records.finish()


def test_record_split_in_parts_is_joined(tmp_path: Path) -> None:
    def marker(n: int) -> bytes:
        return np.array(n, dtype="<i4").tobytes()

    values = np.arange(5.0)
    raw = values.tobytes()
    # A part that continues has a negative length in front, the last part a positive one.
    body = marker(-24) + raw[:24] + marker(24) + marker(16) + raw[24:] + marker(-16)
    path = tmp_path / "x"
    path.write_bytes(marker(2) + b"ab" + marker(2) + body)
    with BinaryRecords(path) as records:
        records.text("header")
        np.testing.assert_array_equal(records.reals(5, "values"), values)


def test_closing_length_that_differs_is_damage(tmp_path: Path, make_records: Any) -> None:
    content = bytearray(make_records(b"header", b"12345678"))
    content[-4] = 9
    (tmp_path / "x").write_bytes(content)
    with BinaryRecords(tmp_path / "x") as records:
        records.text("header")
        with pytest.raises(
            InputFileError, match=r"record 2 \(value\) is damaged: opens with length 8 and closes with 9"
        ):
            records.reals(1, "value")


def test_file_without_records_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff" * 64)
    with BinaryRecords(tmp_path / "x") as records, pytest.raises(InputFileError, match="not a Fortran unformatted"):
        records.text("header")
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(InputFileError, match="the file is empty"):
        is_text(tmp_path / "x")


def test_text_values_may_share_lines_and_use_fortran_exponents(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("title\n 1 2\n 3\n\n 1.5D+01 2.0-101\n 1 0\n")
    with TextRecords(path) as records:
        assert records.text("title") == "title"
        assert records.integers(3, "numbers").tolist() == [1, 2, 3]
        assert records.reals(2, "values").tolist() == [15.0, 2.0e-101]
        assert records.logicals(2, "flags").tolist() == [True, False]
        records.finish()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t\n1 2 3\n", "found 3 values up to line 2 for numbers; expected 2"),
        ("t\n1\n", "truncated: ends at line 2 while reading numbers"),
        ("t\n1 2.5\n", r"found 2\.5 for numbers; expected whole numbers"),
        ("t\n1 x\n", "found 'x' while reading numbers"),
        ("title\n1 2", "its last line has no end"),
        ("t\n1 2\n3\n", "holds 1 lines after its last expected value, the first is '3'"),
    ],
)
def test_text_that_does_not_fit_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x").write_text(text)

    def read() -> None:
        with TextRecords(tmp_path / "x") as records:
            records.text("title")
            records.integers(2, "numbers")
            records.finish()

    with pytest.raises(InputFileError, match=message):
        read()


def test_binary_data_in_a_text_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe\n")
    with pytest.raises(InputFileError, match="found binary data where a text file was expected"):
        TextRecords(tmp_path / "x")
