"""A table of predictions is whole or is not there."""

import pytest

from symmetry_pl.callbacks.prediction_writer import _whole


def interrupted(path):
    with _whole(path, "w") as file:
        file.write("half")
        raise RuntimeError("no space left")


def test_half_a_file_is_no_file(tmp_path):
    path = tmp_path / "run" / "predictions.csv"
    with pytest.raises(RuntimeError, match="no space"):
        interrupted(path)
    assert list(path.parent.iterdir()) == []
    with _whole(path, "w") as file:
        file.write("whole")
        assert not path.exists()
    with pytest.raises(RuntimeError, match="no space"):
        interrupted(path)
    assert [p.name for p in path.parent.iterdir()] == ["predictions.csv"]
    assert path.read_text() == "whole"
