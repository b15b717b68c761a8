"""Windows of one series are not dealt to both sides of a cut."""

import numpy as np
import pytest

from symmetry_pl.datamodules import ArrayDataModule

SERIES = np.random.default_rng(0).normal(size=2000)
WINDOWS = np.lib.stride_tricks.sliding_window_view(SERIES, 8)[::2]


def test_overlapping_windows_are_held_out_in_blocks():
    data = ArrayDataModule.from_arrays(WINDOWS)
    with pytest.warns(UserWarning, match="windows of one series, 4 of which share numbers"):
        data.setup()
    assert data.dependent_rows == 4
    train, test = (set(data.split(name).rows.tolist()) for name in ("train", "test"))
    assert all({4 * (row // 4) + k for k in range(4)} <= test for row in test if row < 996)
    assert not train & test
    # what is left of sharing is at the edges of blocks alone
    shared = sum(row + 1 in test for row in train)
    assert shared <= len(test) // 4 + 1


@pytest.mark.filterwarnings("error::UserWarning")
def test_other_rows_are_dealt_one_by_one_and_a_block_can_be_declared():
    rows = np.random.default_rng(1).normal(size=(300, 5))
    data = ArrayDataModule.from_arrays(rows)
    data.setup()
    assert data.dependent_rows is None
    declared = ArrayDataModule.from_arrays(rows, block=10)
    declared.setup()
    assert declared.dependent_rows == 10
    test = declared.split("test").rows.tolist()
    assert sorted(test) == sorted({10 * (row // 10) + k for row in test for k in range(10)})
    with pytest.raises(ValueError, match=r"data\.block must be at least 1"):
        ArrayDataModule.from_arrays(rows, block=0)
