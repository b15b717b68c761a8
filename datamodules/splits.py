"""Validation and test sets cut at random from rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

__all__ = ["check_fractions", "grouped_split", "random_split"]


def check_fractions(val_fraction: float, test_fraction: float) -> None:
    """Refuse shares that are no shares, or leave nothing to train on, in one sentence."""
    if not 0 < val_fraction < 1:
        raise ValueError(f"data.val_fraction must lie between 0 and 1, got {val_fraction}")
    if not 0 <= test_fraction < 1:
        raise ValueError(
            f"data.test_fraction must lie between 0 and 1, or be 0 for no test set, got "
            f"{test_fraction}"
        )
    if val_fraction + test_fraction >= 1:
        raise ValueError("data.val_fraction and data.test_fraction leave nothing to train on")


def random_split(
    rows: npt.NDArray[np.int64],
    val_fraction: float,
    test_fraction: float,
    seed: int,
    what: str,
) -> dict[str, npt.NDArray[np.int64]]:
    """Cut rows at random into three sets.

    Args:
        rows: row numbers ``(N,)``.
        val_fraction: share of the rows that is the validation set.
        test_fraction: share of the rows that is the test set; 0 for none.
        seed: decides which.
        what: where the rows are from and how few they are, for messages.

    Returns:
        ``"test"`` and ``"val"`` in ascending order, ``"train"`` in random order, and all rows as
        ``"all"``.

    Raises:
        ValueError: if a set is empty that should not be.

    Example:
        >>> sets = random_split(np.arange(10), 0.2, 0.1, 0, "d.npy has only 10 rows")
        >>> [len(sets[name]) for name in ("train", "val", "test", "all")]
        [7, 2, 1, 10]
    """
    generator = torch.Generator().manual_seed(seed)
    shuffled = rows[torch.randperm(len(rows), generator=generator).numpy()]
    n_test = round(test_fraction * len(rows))
    n_val = round(val_fraction * len(rows))
    sets = {
        "test": np.sort(shuffled[:n_test]),
        "val": np.sort(shuffled[n_test : n_test + n_val]),
        "train": shuffled[n_test + n_val :],
        "all": rows,
    }
    for name in ("train", "val", "test"):
        if not len(sets[name]) and (name != "test" or test_fraction):
            raise ValueError(
                f"the {name} set is empty: {what} for data.val_fraction={val_fraction} and "
                f"data.test_fraction={test_fraction}"
            )
    return sets


def grouped_split(
    rows: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    val_fraction: float,
    test_fraction: float,
    seed: int,
    where: str,
) -> dict[str, npt.NDArray[np.int64]]:
    """As ``random_split``, with all rows of one group in one set; shares are those of groups.

    Args:
        rows: row numbers ``(N,)``, ascending.
        groups: that of each row ``(N,)``, numbered from 0 without gaps.
        val_fraction: share of the groups that is the validation set.
        test_fraction: share of the groups that is the test set.
        seed: decides which.
        where: what the rows are from, for messages.

    Raises:
        ValueError: if a set is empty.

    Example:
        >>> sets = grouped_split(np.arange(20), np.arange(20) // 2, 0.2, 0.1, 0, "d.csv")
        >>> sets["test"].tolist(), len(sets["val"]), len(sets["train"])
        ([8, 9], 4, 14)
    """
    count = int(groups.max()) + 1
    few = f"{where} has only {count} usable rows that differ"
    sets = random_split(np.arange(count), val_fraction, test_fraction, seed, few)
    found = {"all": rows}
    place = np.empty(count, np.int64)  # of a group, in the order of its set
    for name in ("train", "val", "test"):
        place[sets[name]] = np.arange(len(sets[name]))
        within = np.isin(groups, sets[name])
        found[name] = rows[within][np.argsort(place[groups[within]], kind="stable")]
    return found
