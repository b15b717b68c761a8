"""What a reproduction consists of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from symmetry_pl.metrics import MetricSpec

__all__ = ["LEAKAGE", "Analysis", "Experiment", "NeedsPackage", "System", "TakenFrom"]

LEAKAGE = ("mi_z0_y", "mi_z0_y_white", "mi_z0_y_probe", "mi_z0_y_probe_null95", "probe_r2_z0_y")
"""What Z0 of molecules tells of Y: as published, and as a probe reads it."""


class TakenFrom(NamedTuple):
    """The run of another experiment that a row is a copy of."""

    experiment: str
    system: str
    seed: int


@dataclass(frozen=True)
class System:
    """One row of a published table, or of ours.

    Args:
        name: key in the results file.
        label: what a reader sees.
        config: shipped config, below `configs`.
        dataset: key of the dataset in the results file, where an experiment has several.
        own: whether the recipe is ours.
        overrides: command-line options on top of the config.
        published: figure to published value, in our units.
        seeds: seeds it is run with unless told otherwise.
        after: name of the system of the same dataset whose weights of the same seed it starts
            from; its CPU seconds are then those on top.
        start: the option that takes the checkpoint of that system.
        tested: whether the last weights are tested, or those that were the best on validation data.
        taken_from: run of another experiment that is the same to the letter; it is copied from
            that experiment's results and not made twice.
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
    start: str = "--init_weights"
    tested: Literal["last", "best"] = "last"
    taken_from: TakenFrom | None = None

    @property
    def key(self) -> str:
        """Name that no other row of the experiment has.

        >>> System("vae", "VAE", "c.yaml").key, System("vae", "VAE", "c.yaml", "spiral").key
        ('vae', 'spiral/vae')
        """
        return f"{self.dataset}/{self.name}" if self.dataset else self.name


class NeedsPackage(ValueError):
    """An experiment needs a package that is not installed."""


class Analysis(NamedTuple):
    """What the rows of an experiment say together, such as the effects of what a plan varies.

    Args:
        compute: from the content of the results file to what is stored in it as `analysis`.
        table: Markdown of the content of the results file, the analysis with it. It stands above
            the rows, and where a page has the markers of the short table.
    """

    compute: Callable[[dict[str, Any]], dict[str, Any]]
    table: Callable[[dict[str, Any]], str]


@dataclass(frozen=True)
class Experiment:
    """A table: systems by figures, on one dataset or several.

    Args:
        name: `<family>/<experiment>`.
        title: heading of the generated page.
        dataset: name in the results file of the dataset of systems that name none.
        systems: rows.
        metrics: columns, by their names in the catalogue of figures.
        stored: further figures that the results file keeps, for the analysis.
        written: fields of the catalogue's entries that this table has otherwise, by figure.
        references: computes rows that no model gives, such as noise floors: label to figures.
        notes: what a reader must know to read the table.
        summary: figure of the short table, datasets by systems; None for no such table.
        analysis: what the rows say together, in place of a short table.
        figure: draws the experiment from the content of its results file, written beside the
            table; it returns None where there is too little to draw.
    """

    name: str
    title: str
    dataset: str
    systems: tuple[System, ...]
    metrics: tuple[str, ...]
    written: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    references: Callable[[], dict[str, dict[str, Any]]] | None = None
    notes: tuple[str, ...] = ()
    summary: str | None = None
    analysis: Analysis | None = None
    stored: tuple[str, ...] = ()
    figure: Callable[[dict[str, Any]], Figure | None] | None = None

    @property
    def slug(self) -> str:
        """Name of the result files.

        >>> Experiment("stib/spiral", "", "", (), ()).slug
        'stib_spiral'
        """
        return slug_of(self.name)

    def first_of(self, system: System) -> System | None:
        """The system whose weights another one starts from; None where it starts afresh."""
        where = (system.dataset, system.after)
        return next((s for s in self.systems if (s.dataset, s.name) == where), None)

    def column(self, name: str) -> MetricSpec:
        """A figure as this table writes it.

        >>> experiment = Experiment("", "", "", (), ("mae_x",), {"mae_x": {"digits": 1}})
        >>> experiment.column("mae_x").header, experiment.column("mae_x").digits
        ('MAE(X)', 1)
        """
        from symmetry_pl.metrics import spec  # imports torch, which a check does without

        return replace(spec(name), **self.written.get(name, {}))


def slug_of(name: str) -> str:
    """Name of an experiment's result files.

    >>> slug_of("lens/table1")
    'lens_table1'
    """
    return name.replace("/", "_")
