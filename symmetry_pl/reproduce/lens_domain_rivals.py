"""Hidden grids by LensDomain, by embeddings and by assignment, on the same samples."""

from __future__ import annotations

from symmetry_pl.reproduce.experiment import Experiment, System

_SEEDS = (0, 1, 2, 3)
_METHODS = {
    "scaling": "multidimensional scaling",
    "isomap": "Isomap",
    "umap": "UMAP",
    "spectral": "Laplacian eigenmaps",
    "quadratic": "quadratic assignment",
    "lasso": "graphical lasso, quadratic assignment",
    "topographic": "topographic independent components",
}
_SMALL = ("lasso", "topographic")  # methods that take minutes and more at 28 x 28
_CASES: dict[str, tuple[str, int, int | None]] = {
    "bumps_8": ("bumps", 8, None),
    "bumps": ("bumps", 28, None),
    "bumps_1000": ("bumps", 28, 1000),
    "patches": ("patches", 28, None),
    "patches_1000": ("patches", 28, 1000),
    "shifted_mnist": ("shifted_mnist", 28, None),
    "shifted_mnist_1000": ("shifted_mnist", 28, 1000),
    "mnist": ("mnist", 28, None),
}
"""Dataset in the results file: source, side, and number of samples where it is not the usual."""


def _systems() -> tuple[System, ...]:
    rows = []
    for dataset, (source, side, samples) in _CASES.items():
        data = (
            f"--data.source={source}",
            f"--data.height={side}",
            f"--data.width={side}",
            *([f"--data.samples={samples}"] if samples else []),
            "--trainer.max_epochs=1",
        )
        rows.append(
            System(
                "lens_domain",
                "LensDomain",
                "lens/domain_mnist.yaml",
                dataset,
                own=True,
                overrides=data,
                seeds=_SEEDS,
            )
        )
        told = (f"--model.height={side}", f"--model.width={side}")
        rows.extend(
            System(
                name,
                f"{label}, told the shape",
                "lens/domain_rivals.yaml",
                dataset,
                overrides=(*data, *told, f"--model.method={name}"),
                seeds=_SEEDS,
            )
            for name, label in _METHODS.items()
            if name not in _SMALL or side < 10
        )
    return tuple(rows)


EXPERIMENT = Experiment(
    name="lens/domain_rivals",
    title="Hidden grids: LensDomain and embeddings that are told the shape",
    dataset="bumps",
    systems=_systems(),
    metrics=(
        "exact_places",
        "exact_places_chance",
        "generator_cosine",
        "generator_cosine_ceiling",
        "lattice_found",
        "stencil_error",
    ),
    notes=(
        "28 x 28 pixels in a secret order (bumps 8: 8 x 8), 20,000 "
        "images, 55,000 of MNIST as it is, or 1,000. Places are up to the symmetries of the grid.",
        "Embeddings lay their points on the grid by an assignment after the best turn and affine "
        "maps; they and the quadratic assignment are told its shape. The verdict is LensDomain's "
        "on what each finds in all samples and in either half, so that its share says how often a "
        "method is believed. Topographic components (Hyvärinen and Hoyer 2001) are ours, of 5,000 "
        "samples, and pixels are laid where the component is that they are most correlated with. "
        "UMAP is of the same distances and neighbours as Isomap (umap-learn, extra `rivals`; its "
        "CPU-seconds include compiling).",
        "Rows of UMAP and of quadratic assignments that have one seed are so for want of time; "
        "UMAP ran on a machine that was busy with other work.",
    ),
)
