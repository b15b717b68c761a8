"""What SymmetryLens needs of sizes, asked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symmetry_pl.core.clock import ClockedModule
from symmetry_pl.core.phases import Phases, parse_length

__all__ = ["check_numbers", "check_options", "check_phases", "check_rows"]


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse numbers of ``SymmetryLens`` that make no model.

    Raises:
        ValueError: naming the option.
    """
    padding = options["padding"]
    if options["topology"] != "chain" and padding:
        raise ValueError(
            "a ring has no ends: model.padding must be null or 0 with model.topology "
            f"{options['topology']}"
        )
    if options["topology"] == "auto" and options["init"] != "blind_source":
        raise ValueError(
            "model.topology auto is what the warm start finds: set model.init blind_source, or "
            "model.topology chain or ring"
        )
    check_numbers(options)
    for length in options["straighten"] or []:
        parse_length(length, "model.straighten")


def check_numbers(options: Mapping[str, Any]) -> None:
    """Refuse numbers that every ``LensModule`` has.

    Raises:
        ValueError: naming the option.
    """
    padding = options["padding"]
    if padding is not None and padding < 0:
        raise ValueError(f"model.padding must not be negative, got {padding}")
    for name in ("components", "hidden", "conditional_rows"):
        if options[name] is not None and options[name] < 1:
            raise ValueError(f"model.{name} must be at least 1, got {options[name]}")
    if not 0 < options["em_rate"] <= 1:
        raise ValueError(f"model.em_rate must be above 0 and at most 1, got {options['em_rate']}")
    for name in ("alignment", "uniformity", "resolution", "init_scale"):
        if (options[name] or 0) < 0:
            raise ValueError(f"model.{name} must not be negative, got {options[name]}")
    if (options["resolution"] or 0) + (options["information"] or 0) < 0:
        raise ValueError(
            "model.resolution + model.information is the weight of the joint entropy and must not "
            f"be negative, got {options['resolution']} + {options['information']}"
        )
    if options["filter_noise"] < 0 or not options["filter_noise_batches"] > 0:
        raise ValueError(
            "model.filter_noise must not be negative, and model.filter_noise_batches be positive"
        )


def check_phases(model: ClockedModule, batches: int) -> None:
    """Refuse phases that are longer than training, before its batches are known to the trainer.

    Args:
        model: attached to a trainer.
        batches: of an epoch, as the data give them.

    Raises:
        ValueError: if the phases do not fit.
    """
    trainer = model.trainer
    limit = trainer.limit_train_batches
    per_epoch = min(batches, limit) if isinstance(limit, int) else int(batches * (limit or 1.0))
    if trainer.max_epochs and trainer.max_epochs > 0 and per_epoch:
        total = trainer.max_epochs * per_epoch
        Phases(model.phase_names, model.rest, model.lengths, total, per_epoch)


def check_rows(
    source: Any, stage: str, dim: int, conditional: bool = True, validated: bool = True
) -> None:
    """Refuse batches that the data cannot fill, and what leaves a pixel without a row.

    Args:
        source: the datamodule.
        stage: ``fit``, ``validate``, ``test`` or ``predict``.
        dim: d.
        conditional: whether densities condition on each of d pixels in every batch and set.
        validated: whether a fit is validated.

    Raises:
        ValueError: naming the options of the data that decide.
    """
    if stage == "fit":
        loader = source.train_dataloader()  # refuses a batch that is larger than the set
        rows = loader.batch_size * source.world_size
        if conditional and rows < dim:
            raise ValueError(
                f"a batch of {rows} rows leaves some of {dim} pixels without a row to condition "
                "on: choose a larger data.batch_size, or model.conditional false"
            )
    if conditional and (stage == "validate" or (stage == "fit" and validated)):
        _check_set(source.val_dataloader(), dim, "validation", "val_fraction")
    if conditional and stage == "test":
        _check_set(source.test_dataloader(), dim, "test", "test_fraction")


def _check_set(loader: Any, dim: int, name: str, share: str) -> None:
    rows = len(loader.dataset)
    if rows < dim:
        raise ValueError(
            f"the {name} set has {rows} rows for {dim} columns, and the conditional densities need "
            f"one for each: give more data, a larger data.{share} (or data.eval_samples), fewer "
            "columns, or model.conditional false"
        )
