"""CSV files as columns of text: gzipped or not, ragged rows reported."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symmetry_pl.molecules import BadRow

__all__ = ["CsvTable", "read_csv", "to_floats"]


@dataclass(frozen=True)
class CsvTable:
    """Some columns of a CSV file.

    Args:
        header: names of all columns of the file.
        columns: those asked for that it has, of equal length N; empty text in ragged rows.
        ragged: rows with more or fewer fields than the header.
    """

    header: tuple[str, ...]
    columns: dict[str, list[str]]
    ragged: tuple[BadRow, ...]


def read_csv(path: str | Path, wanted: Sequence[str], delimiter: str = ",") -> CsvTable:
    """Read columns of a CSV file with a header; blank lines count as no rows.

    Args:
        path: the file; its content decides whether it is gzipped.
        wanted: names of columns; those that the file lacks are left out of the result.
        delimiter: what stands between two fields.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not text in UTF-8, damaged, or has a column twice.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    raw = path.read_bytes()
    try:
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is a damaged gzip file") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8 (byte {error.start}): convert it") from error
    del raw
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = tuple(name.strip() for name in next(reader, []))
        for name in wanted:
            if header.count(name) > 1:
                raise ValueError(f"{path} has {header.count(name)} columns {name!r}")
        return _columns(reader, header, [name for name in wanted if name in header])
    except csv.Error as error:
        raise ValueError(f"{path}: line {reader.line_num} is not CSV ({error})") from error


def to_floats(texts: Sequence[str]) -> list[float]:
    """Numbers of a column; NaN where a text is none.

    Example:
        >>> to_floats(["1.5", "", "1e3"])
        [1.5, nan, 1000.0]
    """
    try:
        return list(map(float, texts))
    except ValueError:
        return [_to_float(text) for text in texts]


def _to_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _columns(reader: Any, header: tuple[str, ...], names: list[str]) -> CsvTable:
    places = {name: header.index(name) for name in names}
    columns: dict[str, list[str]] = {name: [] for name in names}
    ragged = []
    count = 0
    for fields in reader:
        if not fields:
            continue
        if len(fields) != len(header):
            reason = f"{len(fields)} fields, but the header has {len(header)}"
            ragged.append(BadRow(count, ",".join(fields), reason))
            fields = [""] * len(header)
        for name, place in places.items():
            columns[name].append(fields[place])
        count += 1
    return CsvTable(header, columns, tuple(ragged))
