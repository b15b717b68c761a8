"""The table of rows that could not be used, beside the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities import rank_zero_only

from symmetry_pl.core.bad_rows import BadRow, RefusedRows, bad_rows_table
from symmetry_pl.core.files import atomic_write


class BadRows(Callback):
    """Write ``bad_rows.csv`` into the run's folder, wherever rows of the data are left out.

    It has one line a fault: row, line of the file, column, value and reason. What is left out of a
    prediction is in ``bad_rows_<name of the predictions>.csv``, beside that of the fit.

    Args:
        path: where.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the rows, which are known when a datamodule has been set up."""
        bad: Sequence[BadRow] = getattr(getattr(trainer, "datamodule", None), "bad_rows", ())
        dry = getattr(trainer, "fast_dev_run", False)
        if bad and trainer.is_global_zero and not dry:
            _write(self.path, bad)
            print(_listed(len(bad), self.path))


@contextmanager
def listed_if_refused(path: Path) -> Iterator[None]:
    """Write the faults of data that are refused, and have the refusal say where they are.

    Args:
        path: where; not in a folder that a refused command leaves none of.

    Raises:
        ValueError: for the data, in one sentence.
    """
    try:
        yield
    except RefusedRows as error:
        _write(path, error.rows)
        raise ValueError(f"{error}; {_listed(len(error.rows), path)}") from error


def _listed(count: int, path: Path) -> str:
    faults = "1 fault is" if count == 1 else f"all {count} faults are"
    return f"{faults} listed in {path}"


@rank_zero_only
def _write(path: Path, bad: Sequence[BadRow]) -> None:
    atomic_write(path, bad_rows_table(bad))
