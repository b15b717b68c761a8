"""Tables with a target, drawn or shipped with scikit-learn, to try a method for tables on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_diabetes, load_digits, make_friedman1

from symmetry_pl.datamodules.options import check_choice
from symmetry_pl.datamodules.vectors.table import TableDataModule
from symmetry_pl.datamodules.vectors.table_memory import table_in_memory

__all__ = ["TABLES", "ExampleTableDataModule"]

Array = npt.NDArray[np.float64]


class ExampleTableDataModule(TableDataModule):
    """A table of ``TABLES`` as if it were your own.

    A fifth of the rows is the test set, as the least of the tables has 442 and a probe needs 50.

    Args:
        table: ``ball``, x uniform in the 3-ball, y = |x| + .1 noise; ``sine``, four normal columns,
            y = sin x0 + x1² + .1 noise; ``diabetes``, 442 patients, in their own units;
            ``houses``, 20,000 blocks of houses drawn like those of California: skewed, correlated
            and integer columns, noise that grows with income; ``digits``, 1,797 images of 8 x 8
            pixels, of which the last row's ink is told from the 56 integers above; ``friedman``,
            the first law of Friedman (1991) on 5,000 rows of ten columns, of which five matter.
        val_fraction: share of the different rows that is the validation set.
        test_fraction: share of the different rows that is the test set.
        samples_per_epoch: as of ``TableDataModule``.
        batch_size: samples a step and process.
        eval_batch_size: samples a step in evaluation.
        kwargs: options of ``SymmetryDataModule``.

    Raises:
        ValueError: for another table.

    >>> data = ExampleTableDataModule("diabetes")
    >>> data.setup()
    >>> data.description.x_shape, data.description.extra["rows"]
    ((10,), 288)
    """

    def __init__(
        self,
        table: str = "ball",
        val_fraction: float = 0.15,
        test_fraction: float = 0.2,
        samples_per_epoch: int | None = 51_200,
        batch_size: int = 512,
        eval_batch_size: int = 10_000,
        **kwargs: Any,
    ) -> None:
        check_choice("table", table, tuple(TABLES))
        x, y = TABLES[table]()
        names: list[str | int] = [f"x{i}" for i in range(x.shape[1])]
        super().__init__(
            inputs=names,
            targets=["target"],
            val_fraction=val_fraction,
            test_fraction=test_fraction,
            samples_per_epoch=samples_per_epoch,
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            **kwargs,
        )
        columns = {f"x{i}": column for i, column in enumerate(x.T)} | {"target": y}
        self._memory = table_in_memory(table, columns, None)


def _ball() -> tuple[Array, Array]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(10_000, 3))
    x *= rng.random((10_000, 1)) ** (1 / 3) / np.linalg.norm(x, axis=1, keepdims=True)
    return x, np.linalg.norm(x, axis=1) + 0.1 * rng.normal(size=10_000)


def _sine() -> tuple[Array, Array]:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(10_000, 4))
    return x, np.sin(x[:, 0]) + x[:, 1] ** 2 + 0.1 * rng.normal(size=10_000)


def _diabetes() -> tuple[Array, Array]:
    x, y = load_diabetes(return_X_y=True, scaled=False)
    return x, y


def _houses() -> tuple[Array, Array]:
    n, rng = 20_000, np.random.default_rng(3)
    normal = rng.normal
    south = rng.random(n) < 0.6
    latitude = np.where(south, 34 + 0.5 * normal(size=n), 37.7 + 0.9 * normal(size=n)).round(2)
    longitude = (-119.5 - 0.8 * (latitude - 36) + 0.5 * normal(size=n)).round(2)
    wealth = normal(size=n) - 0.15 * (latitude - 36)
    income = np.exp(1.25 + 0.45 * wealth)
    age = np.clip(np.round(29 + 12 * normal(size=n) - 4 * wealth), 1, 52)
    rooms = np.exp(1.65 + 0.25 * wealth + 0.2 * normal(size=n))
    bedrooms = np.exp(0.08 * normal(size=n)) * (0.6 + 0.09 * rooms)
    people = np.round(np.exp(7 + 0.7 * normal(size=n) - 0.2 * wealth))
    household = np.exp(1.05 + 0.25 * normal(size=n) - 0.1 * wealth)
    inland = np.abs(longitude + 119.5 + 0.8 * (latitude - 36) + 0.4)
    price = (
        (0.9 + 0.25 * np.tanh(2 * (latitude - 36))) * np.log(income)
        + 0.5 * np.exp(-2 * inland)
        - 0.3 * np.log(household)
        + 0.006 * age * (income > 4)
        + 0.2 * np.sin(rooms)
        + 0.3 * (1 + 0.3 * np.log(income)) * normal(size=n)
    )
    columns = [income, age, rooms, bedrooms, people, household, latitude, longitude]
    return np.stack(columns, axis=1), price


def _digits() -> tuple[Array, Array]:
    images = load_digits().images
    return images[:, :7].reshape(len(images), -1), images[:, 7].sum(axis=1)


def _friedman() -> tuple[Array, Array]:
    x, y = make_friedman1(5000, 10, noise=1.0, random_state=0)
    return x, y


TABLES: dict[str, Callable[[], tuple[Array, Array]]] = {
    "ball": _ball,
    "sine": _sine,
    "diabetes": _diabetes,
    "houses": _houses,
    "digits": _digits,
    "friedman": _friedman,
}
"""Inputs ``(N, d)`` and target ``(N,)`` of each table."""
