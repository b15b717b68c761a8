"""Files that are whole or not there."""

import os
import stat

import pytest

from symmetry_pl.core.files import atomic_file, atomic_write


def test_text_and_bytes_are_written_as_they_are(tmp_path):
    atomic_write(tmp_path / "a/b/text", "α\r\nβ\n")
    assert (tmp_path / "a/b/text").read_bytes() == "α\r\nβ\n".encode()
    atomic_write(str(tmp_path / "bytes"), b"\x00\xff")
    assert (tmp_path / "bytes").read_bytes() == b"\x00\xff"
    assert stat.S_IMODE((tmp_path / "bytes").stat().st_mode) == 0o644


@pytest.mark.parametrize("where", ["while writing", "at the move"])
def test_an_error_leaves_the_older_file_and_nothing_else(tmp_path, where, monkeypatch):
    path = tmp_path / "table.csv"
    path.write_text("old")

    def refuse(*args):
        raise OSError("no space")

    if where == "at the move":
        monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="no space"), atomic_file(path) as file:  # noqa: PT012
        file.write(b"half")
        file.flush()
        assert [p.name for p in tmp_path.iterdir() if p != path]  # beside its place
        if where == "while writing":
            refuse()
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]
    assert path.read_text() == "old"
