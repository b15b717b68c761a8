"""What was computed is not computed again, and never mixed up."""

from __future__ import annotations

import gzip

import pytest

import symmetry_pl.datamodules.files.derived as derived
from symmetry_pl.datamodules.files.derived import DerivedColumns, cache_root


class Computer:
    def __init__(self):
        self.rows = []

    def __call__(self, row):
        self.rows.append(row)
        return f"text {row}"


def column(folder, rows, checksum="a" * 64, count=5, name="upper"):
    compute = Computer()
    values = DerivedColumns(folder, checksum, count).column(name, rows, compute)
    return values, compute.rows


def test_only_what_is_missing_is_computed(tmp_path):
    assert column(tmp_path, [1, 3]) == (["", "text 1", "", "text 3", ""], [1, 3])
    assert column(tmp_path, [1, 2]) == (["", "text 1", "text 2", "text 3", ""], [2])
    assert column(tmp_path, [3, 1])[1] == []
    assert [p.name for p in tmp_path.iterdir()] == ["aaaaaaaaaaaaaaaa.upper.txt.gz"]


def test_other_content_other_names_and_other_sizes_are_apart(tmp_path):
    column(tmp_path, [0])
    assert column(tmp_path, [0], checksum="b" * 64)[1] == [0]
    assert column(tmp_path, [0], name="lower")[1] == [0]
    assert column(tmp_path, [0], count=6)[1] == [0]


@pytest.mark.parametrize(
    "damage",
    [b"", b"junk", gzip.compress(b"text\n" * 5, mtime=0)[:20]],
    ids=["empty", "junk", "cut"],
)
def test_a_damaged_file_is_computed_again(tmp_path, damage):
    column(tmp_path, [0])
    path = next(tmp_path.iterdir())
    path.write_bytes(damage)
    assert column(tmp_path, [0])[1] == [0]
    assert column(tmp_path, [0])[1] == []


def test_where_nothing_can_be_written_it_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match=r"cannot keep upper in .*file.*set data\.cache"):
        values, computed = column(tmp_path / "file" / "folder", [0])
    assert (values[0], computed) == ("text 0", [0])


def test_an_error_leaves_nothing_behind(tmp_path):
    def broken(row):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        DerivedColumns(tmp_path, "a" * 64, 5).column("upper", [0], broken)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_stopped_goes_on_from_there(tmp_path, monkeypatch):
    monkeypatch.setattr(derived, "_SAVE_EVERY", -1.0)

    def stopped(row):
        if row == 3:
            raise KeyboardInterrupt
        return f"text {row}"

    with pytest.raises(KeyboardInterrupt):
        DerivedColumns(tmp_path, "a" * 64, 5).column("upper", range(5), stopped)
    assert column(tmp_path, range(5))[1] == [3, 4]


def test_the_folder_is_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_root() == tmp_path / "symmetry_pl" / "derived"
    assert cache_root("/given").as_posix() == "/given"
