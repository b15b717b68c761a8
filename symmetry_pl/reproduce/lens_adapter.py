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

_ROTATED = (
    "--data.source=shifted_mnist",
    "--data.height=20",
    "--data.width=20",
    "--data.shift=4",
    "--data.samples=55000",
    "--data.scramble=orthogonal",
    "--model.mixing=orthogonal",
    "--model.size=[20,20]",
)
"""The middle of digits that are moved by up to 4 pixels, behind a random rotation."""


def _system(name: str, labels: int, dataset: str, data: tuple[str, ...] = ()) -> System:
    label, own, options = SYSTEMS[name]
    epochs = LABELS[labels]
    return System(
        name,
        label,
        "lens/domain_adapter.yaml",
        dataset,
        own=own,
        overrides=(
            *data,
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
    systems=(
        *(_system(name, n, f"{n:,}_labels") for n in LABELS for name in SYSTEMS),
        *(_system(name, n, f"rotated_{n}_labels", _ROTATED) for n in LABELS for name in SYSTEMS),
    ),
    metrics=("accuracy", "cross_entropy", "exact_places", "generator_cosine"),
    notes=(
        "Accuracy on the 10,000 test digits. One network, one schedule, no choice by validation; "
        "each seed is another order of the pixels, other labelled digits and another start. The "
        "layer is found in all 55,000 training digits, of which so many have labels.",
        "Rotated: digits moved by up to 4 pixels, their middle 20 x 20 pixels, 55,000 of them "
        "behind a random orthogonal matrix. What is scrambled there are mixtures, not an order.",
    ),
    summary="accuracy",
)
