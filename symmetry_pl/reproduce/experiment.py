"""What a reproduction consists of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure


@dataclass(frozen=True)
class System:
    """One row of a published table, or of ours.

    Args:
        name: key in the results file.
        label: what a reader sees.
        config: shipped config, below ``configs``.
        dataset: key of the dataset in the results file, where an experiment has several.
        own: whether the recipe is ours.
        overrides: command-line options on top of the config.
        published: metric to published value, in our units.
        seeds: seeds it is run with unless told otherwise.
        after: name of the system of the same dataset whose weights of the same seed it starts
            from; its CPU seconds are then those on top.
    """

    name: str
    label: str
    config: str
    dataset: str = ""
    own: bool = False
    overrides: tuple[str, ...] = ()
    published: Mapping[str, float] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0, 1, 2)
    after: str | None = None

    @property
    def key(self) -> str:
        """Name that no other row of the experiment has.

        >>> System("vae", "VAE", "c.yaml").key, System("vae", "VAE", "c.yaml", "spiral").key
        ('vae', 'spiral/vae')
        """
        return f"{self.dataset}/{self.name}" if self.dataset else self.name


@dataclass(frozen=True)
class MetricColumn:
    """One column of the table.

    Args:
        name: key in a run's metrics, without the stage.
        label: what a reader sees.
        unit: e.g. ``"nats"``; empty for none.
        digits: decimals shown.
        exponent: whether a mean that these decimals show as zero is shown as a power of ten.
    """

    name: str
    label: str
    unit: str = ""
    digits: int = 3
    exponent: bool = False


LEAKAGE_COLUMNS = (
    MetricColumn("mi_z0_y", "I(Z0;Y) raw", "nats"),
    MetricColumn("mi_z0_y_white", "whitened", "nats"),
    MetricColumn("mi_z0_y_probe", "probe", "nats"),
    MetricColumn("mi_z0_y_probe_null95", "its null, 95 %", "nats"),
    MetricColumn("probe_r2_z0_y", "probe R²", "", 3),
)
"""What Z0 of molecules tells of Y: as published, and as a probe reads it."""


@dataclass(frozen=True)
class Experiment:
    """A table: systems by metrics, on one dataset or several.

    Args:
        name: ``<family>/<experiment>``.
        title: heading of the generated page.
        dataset: name in the results file of the dataset of systems that name none.
        systems: rows.
        metrics: columns.
        references: computes rows that no model gives, such as noise floors: label to metrics.
        notes: what a reader must know to read the table.
        summary: metric of the short table, datasets by systems; None for no such table.
        figure: draws the experiment from the content of its results file, written beside the
            table; it returns None where there is too little to draw.
    """

    name: str
    title: str
    dataset: str
    systems: tuple[System, ...]
    metrics: tuple[MetricColumn, ...]
    references: Callable[[], dict[str, dict[str, Any]]] | None = None
    notes: tuple[str, ...] = ()
    summary: str | None = None
    figure: Callable[[dict[str, Any]], Figure | None] | None = None

    @property
    def slug(self) -> str:
        """Name of the result files.

        >>> Experiment("stib/spiral", "", "", (), ()).slug
        'stib_spiral'
        """
        return self.name.replace("/", "_")
