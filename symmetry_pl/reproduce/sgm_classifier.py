"""What a canonicaliser is worth in front of a classifier of digits that has few labels."""

from __future__ import annotations

from symmetry_pl.reproduce.experiment import Experiment, System

__all__ = ["EXPERIMENT", "LABELS", "SYSTEMS"]

_NO_SGM = ("--model.sgm=null", "--model.front=none")
_BY_HAND = "--model.moves={rotation: 3.14159265, x-shift: 0.25, y-shift: 0.25}"
_LEARNED = "--model.augment=learned"

SYSTEMS: dict[str, tuple[str, bool, tuple[str, ...]]] = {
    "plain": ("CNN", False, _NO_SGM),
    "random": (
        "CNN, turned and shifted at random in training",
        False,
        (*_NO_SGM, "--model.augment=random", _BY_HAND),
    ),
    "learned": ("CNN trained with SGMAugment", False, ("--model.front=none", _LEARNED)),
    "prototype": ("CNN of prototypes", False, ("--model.front=prototype",)),
    "one_pose": ("CNN behind a gated canonicaliser, one pose", True, ("--model.votes=1",)),
    "gated": ("CNN behind a gated canonicaliser", True, ()),
    "gated_learned": (
        "the same, trained with SGMAugment of copies",
        True,
        (_LEARNED, "--model.copies=8"),
    ),
}
"""Name to label, whether it is ours, and options."""

LABELS = {1000: 30, 50_000: 3}
"""Labelled digits, the first of the training file, to epochs of batches of 50."""


def _system(name: str, labels: int) -> System:
    label, own, options = SYSTEMS[name]
    epochs = LABELS[labels]
    return System(
        name,
        label,
        "sgm/mnist_classifier.yaml",
        f"{labels}_labels",
        own=own,
        overrides=(
            *options,
            f"--data.num_train={labels}",
            f"--trainer.max_epochs={epochs}",
            f"--trainer.check_val_every_n_epoch={epochs}",
        ),
    )


EXPERIMENT = Experiment(
    name="sgm/classifier",
    title="Classifiers of upright digits, asked for turned and shifted ones",
    dataset="1000_labels",
    systems=tuple(_system(name, labels) for labels in LABELS for name in SYSTEMS),
    metrics=(
        *("accuracy", "accuracy_rotated", "accuracy_moved"),
        *("accuracy_noisy", "accuracy_rotated_noisy", "accuracy_moved_noisy"),
    ),
    notes=(
        "Accuracy on the first 2,000 test digits: the standard error of one run is .5 points at "
        "95 %. Turned: by any angle, the same for all systems; shifted by up to a quarter of half "
        "the image. Noise has a standard deviation of .2 of the range; nothing was trained on it.",
        "All have the same network, steps and schedule, and the first labelled digits of the "
        "training file, upright; seeds are those of the network. The SGM has seen 50,000 upright "
        "training digits without labels, once for all seeds: `mnist-rigid-sgm`, which comes with "
        "the package. What is chosen was chosen on validation digits.",
        "The gate leaves 99 % of 1,000 validation digits alone; of the others the mean of the "
        "network's outputs over the 8 most usual of 16 poses is taken.",
    ),
    summary="accuracy_moved",
)
