"""What TensorBoard shows of a run beside curves and pictures, by the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from symmetry_pl.metrics.catalogue import catalogue, spec


def logger_of(trainer: Trainer) -> TensorBoardLogger | None:
    """The first TensorBoard logger, None where there is none."""
    found = (logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger))
    return next(found, None)


def layout(names: Iterable[str]) -> dict[str, dict[str, list[Any]]]:
    """A category for each group of figures, with one chart a stage.

    Args:
        names: ``<stage>/<name>``; what has no group has no chart.

    >>> layout(["val/mi_z0_y", "val/mi_z0_y_probe", "train/mi_critic", "lr/model"])
    {'leakage': {'val': ['Multiline', ['val/mi_z0_y', 'val/mi_z0_y_probe']]}, \
'game': {'train': ['Multiline', ['train/mi_critic']]}}
    """
    order = {entry.name: i for i, entry in enumerate(catalogue())}
    staged = [(*name.split("/", 1), name) for name in names if "/" in name]
    staged.sort(key=lambda parts: (order.get(parts[1], len(order)), parts))
    charts: dict[str, dict[str, list[Any]]] = {}
    for stage, figure, name in staged:
        group = spec(figure).group
        if group:
            chart = charts.setdefault(group, {}).setdefault(stage, ["Multiline", []])
            chart[1].append(name)
    return charts


def write_layout(logger: TensorBoardLogger, names: Iterable[str]) -> None:
    """Lay out the custom scalars."""
    logger.experiment.add_custom_scalars(layout(names))


def write_headline(
    logger: TensorBoardLogger, metrics: Mapping[str, Any], headline: Iterable[str]
) -> None:
    """Put the headline figures of the last validation beside the options, under HPARAMS."""
    values = {
        f"headline/{n}": float(metrics[f"val/{n}"]) for n in headline if f"val/{n}" in metrics
    }
    if values:
        logger.log_hyperparams(dict(logger.hparams), values)
