"""Classifiers of digits whose pixels are in a secret order, behind the found layer and without."""

from __future__ import annotations

from symmetry_pl.reproduce.experiment import Experiment, System

_SEEDS = (0, 1, 2, 3)
_NONE = "--model.layer=none"

SYSTEMS: dict[str, tuple[str, bool, tuple[str, ...]]] = {
    "true": ("CNN, true images", False, (_NONE, "--data.scramble=none")),
    "found": ("CNN behind the found layer", True, ()),
    "scrambled": ("CNN, scrambled images", False, (_NONE,)),
    "mlp": ("MLP, scrambled vectors", False, (_NONE, "--model.network=mlp")),
}
"""Name to label, whether it is ours, and options."""

LABELS = {1000: 67, 5000: 13, 55_000: 2}
"""Labelled digits to epochs: about 1,000 steps of 64, of the most 1,718."""


def _system(name: str, labels: int) -> System:
    label, own, options = SYSTEMS[name]
    epochs = LABELS[labels]
    return System(
        name,
        label,
        "lens/domain_adapter.yaml",
        f"{labels:,}_labels",
        own=own,
        overrides=(
            *options,
            f"--data.labelled={labels}",
            f"--trainer.max_epochs={epochs}",
            f"--trainer.check_val_every_n_epoch={epochs}",
        ),
        seeds=_SEEDS,
    )


EXPERIMENT = Experiment(
    name="lens/adapter",
    title="Digits in a secret order: classifiers behind the found layer",
    dataset="5,000_labels",
    systems=tuple(_system(name, labels) for labels in LABELS for name in SYSTEMS),
    metrics=("accuracy", "cross_entropy", "exact_places"),
    notes=(
        "Accuracy on the 10,000 test digits. One network, one schedule, no choice by validation; "
        "each seed is another order of the pixels, other labelled digits and another start. The "
        "layer is found in all 55,000 training digits, of which so many have labels.",
    ),
    summary="accuracy",
)
