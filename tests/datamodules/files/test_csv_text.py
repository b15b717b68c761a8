"""Text of CSV files: encodings and line ends however a file is cut, and separators."""

import gzip

import pytest

from symmetry_pl.datamodules.files import gunzip
from symmetry_pl.datamodules.files.csv_text import open_csv
from symmetry_pl.datamodules.files.numbers import is_missing, to_floats


@pytest.mark.parametrize("chunk", [2, 3, 7, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_text_is_the_same_however_it_is_cut(tmp_path, monkeypatch, chunk, end, encoding):
    monkeypatch.setattr(gunzip, "_CHUNK", chunk)
    text = f'α,"b{end}€"{end}1,"😀, x"{end}{end}2,'
    raw = ("\ufeff" + text if encoding == "utf-16-be" else text).encode(encoding)
    for name, content in (("a.csv", raw), ("a.csv.gz", gzip.compress(raw))):
        (tmp_path / name).write_bytes(content)
        reader = open_csv(tmp_path / name, ",")
        found = [(cells, reader.line) for cells in reader]
        assert found == [
            (["α", f"b{end}€"], 2), (["1", "😀, x"], 3), (["2", ""], 5),
        ]  # fmt: skip


@pytest.mark.parametrize("chunk", [2, 3, 1 << 20])
def test_the_byte_that_is_no_utf8_is_the_files(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(gunzip, "_CHUNK", chunk)
    path = tmp_path / "a.csv"
    path.write_bytes("aα,b\n€\n".encode() + b"\xe4\n")
    with pytest.raises(ValueError, match=r"not text in UTF-8 \(byte 10\): .*CSV UTF-8"):
        list(open_csv(path, ","))
    path.write_bytes(b"a,b\n1,2\xe2\x82")  # cut within a character
    with pytest.raises(ValueError, match=r"not text in UTF-8 \(byte 7\)"):
        list(open_csv(path, ","))


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2", ","),
        ("a;b\n1,5;2,5", ";"),
        ("length, mm;mass, kg\n1,5;2,5\n3;4,5", ";"),
        ("a\tb\n1,5\t2", "\t"),
        ("a|b\n1|2", "|"),
        ('"a;b","c;d"\n1,2', ","),
        ('id,x\n"a;b",2', ","),
        ("x\n1,5\n2,5", ";"),  # one column of decimal commas
        ("a;b\n1;2;3\n4;5", ";"),  # ragged
        ("id;note;x\n1;a, b, c;2,5\n2;d;3,5", ";"),
        ("a\n1\n2", ","),
        ("", ","),
    ],
)
def test_separators_are_found(tmp_path, text, delimiter):
    (tmp_path / "a.csv").write_text(text)
    assert open_csv(tmp_path / "a.csv").delimiter == delimiter


def test_quotes_after_spaces_are_quotes_where_that_is_asked_for(tmp_path):
    (tmp_path / "a.csv").write_text('a, "b, c" ,d\n')
    assert list(open_csv(tmp_path / "a.csv", ",", lenient=True)) == [["a", "b, c ", "d"]]


def test_columns_with_faults_are_read_as_those_without():
    texts = ["1.5", "", " 2e3 ", "x", "0", "1e-400", "inf", "1_0", "-0.0"]
    found = to_floats(texts[:7]) + to_floats(texts[7:])
    assert str(found) == "[1.5, nan, 2000.0, nan, 0.0, nan, inf, nan, -0.0]"
    assert [is_missing(text) for text in ("#N/A", "None", "0")] == [True, True, False]
