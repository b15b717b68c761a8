"""Table 1 of the SymmetryLens paper, and the ring of its appendix D: how well G is found."""

from __future__ import annotations

from symmetry_pl.reproduce.experiment import Experiment, System

_SEEDS = (0, 1, 2, 3)
_SMALL = ("--data.dim=7", "--model.hidden=28")
_RING = (*_SMALL, "--model.topology=ring", "--data.topology=ring")

DATASETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "gaussian_translation": ("gaussian", ()),
    "gaussian_permuted": ("gaussian", ("--data.transform=permuted",)),
    "gaussian_frequency": ("gaussian", ("--data.transform=frequency",)),
    "legendre_translation": ("legendre", ()),
    "legendre_permuted": ("legendre", ("--data.transform=permuted",)),
    "legendre_frequency": ("legendre", ("--data.transform=frequency",)),
    "mnist_slices": ("mnist_slices", ()),
    "mnist_slices_center": ("mnist_slices", ("--data.rows=center",)),
    "mnist_columns_permuted": (
        "mnist_slices",
        ("--data.along=columns", "--data.transform=permuted"),
    ),
    "gaussian_translation_7": ("gaussian", _SMALL),
    "gaussian_circulant_7": ("gaussian", _RING),
}
"""Dataset to config and options."""

_IN_FULL = {
    "gaussian_translation_7": (
        "lens/paper/gaussian.yaml",
        ("--data.dim=7", "--data.batch_size=2520", "--data.samples=252000"),
    ),
    "gaussian_circulant_7": ("lens/paper/gaussian_circulant_7.yaml", ()),
}
"""Dataset to the paper's recipe as it stands, an hour and more a run."""

_AT_REST = ("--model.phases.estimate=100%", "--trainer.max_epochs=1")
_TRUTH = ("--model.compare_with_truth=true",)


def _systems() -> tuple[System, ...]:
    rows: list[System] = []
    for dataset, (name, options) in DATASETS.items():
        ours = f"lens/{name}.yaml"
        rows += [
            System(
                "symmetry_lens",
                "warm start + the paper's loss (ours)",
                ours,
                dataset,
                own=True,
                overrides=(*options, *_TRUTH),
                seeds=_SEEDS,
            ),
            System(
                "warm_start",
                "warm start alone (ours)",
                ours,
                dataset,
                own=True,
                overrides=(*options, *_AT_REST),
                seeds=_SEEDS,
            ),
            *_from_scratch(dataset, name, options),
        ]
    rows += [
        System(
            f"warm_start_{samples}",
            f"warm start alone (ours), {samples:,} samples",
            "lens/mnist_slices.yaml",
            "mnist_columns_permuted",
            own=True,
            overrides=(
                *DATASETS["mnist_columns_permuted"][1],
                *_AT_REST,
                f"--data.samples={samples}",
            ),
            seeds=_SEEDS,
        )
        for samples in (30_000, 15_000)
    ]
    rows += [
        System(
            "paper",
            "the paper's recipe in full, 400,000 steps",
            config,
            dataset,
            overrides=(*options, *_TRUTH),
            seeds=_SEEDS[:2],
        )
        for dataset, (config, options) in _IN_FULL.items()
    ]
    return tuple(rows)


def _from_scratch(dataset: str, name: str, options: tuple[str, ...]) -> list[System]:
    """The paper's recipe at a small budget, and ours without the warm start where it is short."""
    small = "--data.dim=7" in options
    paper = "mnist_slices" if name == "mnist_slices" else "gaussian"
    budget = (
        f"--trainer.max_epochs={20 if small else 5}",
        "--trainer.check_val_every_n_epoch=4",
        "--data.samples=66000",
        "--data.batch_size=660",
        "--model.players.symmetry.lr=2.0e-3",
        "--model.players.densities.lr=5.0e-3",
        *(() if small else ("--model.hidden=64",)),
    )
    waveform = ("--data.waveform=legendre",) if name == "legendre" else ()
    systems = [
        System(
            "scratch",
            "the paper's recipe, compressed",
            f"lens/paper/{paper}.yaml",
            dataset,
            overrides=(*options, *waveform, *budget),
            seeds=_SEEDS if small else _SEEDS[:1],
        )
    ]
    if small:
        systems.append(
            System(
                "scratch_em",
                "from scratch, EM densities (ours)",
                "lens/scratch.yaml",
                dataset,
                own=True,
                overrides=(
                    *(o for o in options if "hidden" not in o),
                    *(("--model.alignment=1",) if "--model.topology=ring" in options else ()),
                ),
                seeds=_SEEDS,
            )
        )
    return systems


EXPERIMENT = Experiment(
    name="lens/table1",
    title="SymmetryLens, Table 1: the learned generator",
    dataset="gaussian_translation",
    summary="generator_cosine",
    systems=_systems(),
    metrics=(
        "generator_cosine",
        "lifting_error",
        "filter_locality",
        "loss",
        "loss_refitted",
        "loss_of_truth",
        "confidence",
    ),
    notes=(
        "Cosine of the cropped generator with the ideal shift, the larger of both directions, as "
        "in the paper's Table 1, whose numbers our copy of the text has lost. On the ring the "
        "ideal closes; a chain reaches at most √(6/7) = .926 there.",
        "The paper trains for 400,000 steps, hours on a GPU. Its recipe is shown here compressed "
        "to 500 steps of 660 (2,000 at 7 pixels), with a larger learning rate: it shows what that "
        "budget gives, not what the recipe can do. That is the row in full, at 7 pixels.",
        "Losses are at full rank on the test set. Refitted: marginals by EM and conditional "
        "networks from the same start for both the learned and the true basis, as a loss with "
        "poorly fitted densities ranks solutions wrongly. From scratch on a chain our loss has no "
        "alignment, and does not compare with the others.",
    ),
)
