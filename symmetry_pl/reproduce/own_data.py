"""Data of one's own: the recipes for tables at their defaults, on tables nobody tuned them for."""

from __future__ import annotations

from symmetry_pl.reproduce.experiment import Experiment, System

_TABLES = ("ball", "sine", "diabetes", "houses", "digits", "friedman")
_CONTROL = "--model.control=true"  # measures, and changes nothing


def _table(name: str) -> System:
    return System(
        "flow_stib",
        "FlowSTIB at its defaults",
        "stib/table.yaml",
        dataset=name,
        own=True,
        overrides=("--data=ExampleTableDataModule", f"--data.table={name}", _CONTROL),
        seeds=tuple(range(10)),
    )


EXPERIMENT = Experiment(
    name="own_data",
    title="Data of one's own",
    dataset="ball",
    systems=tuple(map(_table, _TABLES)),
    metrics=(
        "mae_y",
        "mae_y_boosting",
        "mae_y_ridge",
        "mae_x",
        "mi_z0_y_probe",
        "mi_z0_y_probe_null95",
        "probe_r2_z0_y",
        "probe_r2_z0_y_null95",
        "visible_leak",
        "mi_z0_z1_probe",
        "mi_z0_z1_probe_null95",
        "probe_r2_z0_z1",
        "probe_r2_z0_z1_null95",
    ),
    notes=(
        "Six tables, drawn or shipped with scikit-learn (`ExampleTableDataModule`), one recipe "
        "(`stib/table.yaml`), nothing tuned per table. A seed is that of the split and of the "
        "training.",
        "Errors are those of the test rows, in deviations of the training rows: of Y from Z1; "
        "of gradient boosting on X (scikit-learn's `HistGradientBoostingRegressor` at its "
        "defaults) and of ridge regression, from the same training rows; of X, summed over "
        "columns.",
        "The positive control is the least t of .05, .1, .2, .4, .8 at which the probe of Y sees "
        "Z1 mixed into Z0 on the same test rows (1.6: none). What leaks less than that is not "
        "seen.",
    ),
)
