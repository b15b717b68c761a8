"""CSV files as people have them."""

from __future__ import annotations

import gzip
import math

import pytest

from symmetry_pl.datamodules.files.csv_table import read_csv
from symmetry_pl.datamodules.files.numbers import to_floats


def test_columns_by_name_gzipped_or_not(tmp_path):
    text = '﻿smiles, gap ,other\nC,1,x\n\n"C\nC",2,y\n'
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    (tmp_path / "b.csv").write_bytes(gzip.compress(text.encode()))
    for name in ("a.csv", "b.csv"):
        table = read_csv(tmp_path / name, ["gap", "smiles", "absent"])
        assert table.header == ("smiles", "gap", "other")
        assert table.columns == {"gap": ["1", "2"], "smiles": ["C", "C\nC"]}
        assert table.ragged == ()


def test_rows_of_another_length_are_reported(tmp_path):
    (tmp_path / "a.csv").write_text("smiles;gap\nC;1\nCC\nCCC;3;4\nCO;5\n")
    table = read_csv(tmp_path / "a.csv", ["smiles"], delimiter=";")
    assert table.columns["smiles"] == ["C", "", "", "CO"]
    assert [(b.row, b.reason) for b in table.ragged] == [
        (1, "1 fields, but the header has 2"),
        (2, "3 fields, but the header has 2"),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(b"smiles\nC\n" * 99, mtime=0)[:20], "is a damaged gzip file"),
        (b"\x1f\x8bnot gzip", "is a damaged gzip file"),
        ("smiles\nCaf\xe9\n".encode("latin-1"), r"is not text in UTF-8 \(byte 10\)"),
        (b"smiles,smiles\nC,C\n", "has 2 columns 'smiles'"),
        (b"smiles\n" + b"C" * 200_000, "line 2 is not CSV"),
    ],
    ids=["cut", "junk", "latin", "twice", "endless"],
)
def test_what_is_not_csv(tmp_path, content, words):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ValueError, match=words) as refusal:
        read_csv(tmp_path / "a.csv", ["smiles"])
    assert "a.csv" in str(refusal.value)


def test_no_file_and_an_empty_one(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*a\.csv"):
        read_csv(tmp_path / "a.csv", ["smiles"])
    (tmp_path / "a.csv").write_text("")
    assert read_csv(tmp_path / "a.csv", ["smiles"]).header == ()


def test_numbers():
    values = to_floats(["1", " 2.5 ", "", "n/a", "-1e-3"])
    assert values[:2] == [1.0, 2.5]
    assert all(map(math.isnan, values[2:4]))
    assert values[4] == -1e-3
