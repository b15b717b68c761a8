"""What TensorBoard shows of a run beside curves and pictures, by the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, cast

from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from torch.utils.tensorboard.summary import hparams

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
    logger: TensorBoardLogger,
    metrics: Mapping[str, Any],
    headline: Iterable[str],
    stage: Literal["val", "test"],
    step: int,
) -> None:
    """Put the headline figures beside the options, under HPARAMS.

    A board reads from the first file of a run which figures there are. The end of a fit names those
    of a later test too, for which there is then a column to fill.

    Args:
        logger: of the run.
        metrics: ``<stage>/<name>`` to value.
        headline: names of figures.
        stage: whose: a fit ends with those of its last validation.
        step: batches that were trained on.
    """
    names = list(headline)
    found = {n: float(metrics[f"{stage}/{n}"]) for n in names if f"{stage}/{n}" in metrics}
    if stage == "val" and found:
        columns = dict.fromkeys(
            [f"headline/{when}/{name}" for when in ("val", "test") for name in found], 0.0
        )
        options = dict(_flat(cast(dict[str, Any], logger.hparams)))
        for summary in hparams(options, columns):  # type: ignore[no-untyped-call]
            logger.experiment.file_writer.add_summary(summary)
    for name, value in found.items():
        logger.experiment.add_scalar(f"headline/{stage}/{name}", value, step)
    logger.experiment.flush()


def _flat(options: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Options within options by their path; what is no number and no text by its text."""
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}/")
        else:
            kept = isinstance(value, (bool, int, float, str))
            yield f"{above}{name}", value if kept else str(value)
