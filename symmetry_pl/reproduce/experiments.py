"""The experiments by name; nothing of them is imported before one is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from symmetry_pl.reproduce.experiment import Experiment

__all__ = ["EXPERIMENTS", "Entry", "load_experiment"]

_HERE = "symmetry_pl.reproduce"


class Entry(NamedTuple):
    """Where an experiment is defined (`module:NAME`), and what it is, in a line."""

    place: str
    line: str


EXPERIMENTS = {
    "lens/ablation": Entry(
        f"{_HERE}.lens_ablation:EXPERIMENT", "SymmetryLens, Figures 15-18: terms of the loss"
    ),
    "lens/adapter": Entry(
        f"{_HERE}.lens_adapter:EXPERIMENT", "Digits in a secret order: CNNs behind the found layer"
    ),
    "lens/commuting": Entry(
        f"{_HERE}.lens_commuting:EXPERIMENT", "Generators of hidden grids, learned by training"
    ),
    "lens/domain_rivals": Entry(
        f"{_HERE}.lens_domain_rivals:EXPERIMENT",
        "Hidden grids: LensDomain and embeddings that are told the shape",
    ),
    "lens/domains": Entry(
        f"{_HERE}.lens_domains:EXPERIMENT", "Hidden domains of permuted pixels, and false verdicts"
    ),
    "lens/groups": Entry(
        f"{_HERE}.lens_groups:EXPERIMENT",
        "Groups that are no shift: how many generators, and which",
    ),
    "lens/rivals": Entry(
        f"{_HERE}.lens_rivals:EXPERIMENT", "SymmetryLens and its rivals on the ring of appendix D"
    ),
    "lens/rivals_own": Entry(
        f"{_HERE}.lens_rivals:OWN_GROUND", "The rivals of SymmetryLens on tasks of their own"
    ),
    "lens/sensitivity": Entry(
        f"{_HERE}.lens_sensitivity:EXPERIMENT", "SymmetryLens, Table 5: elementary effects"
    ),
    "lens/significance": Entry(
        f"{_HERE}.lens_significance:EXPERIMENT", "SymmetryLens: how often its verdict is wrong"
    ),
    "lens/successor": Entry(
        f"{_HERE}.lens_successor:EXPERIMENT", "Waveforms of 63 pixels behind a sine transform"
    ),
    "lens/table1": Entry(
        f"{_HERE}.lens_table1:EXPERIMENT", "SymmetryLens, Table 1: the learned generator"
    ),
    "own_data": Entry(f"{_HERE}.own_data:EXPERIMENT", "Data of one's own, at the defaults"),
    "own_molecules": Entry(
        f"{_HERE}.own_molecules:EXPERIMENT", "Molecules of one's own, with and without others"
    ),
    "sgm/classifier": Entry(
        f"{_HERE}.sgm_classifier:EXPERIMENT",
        "Classifiers of upright digits, asked for turned ones: what a canonicaliser saves",
    ),
    "sgm/dsprites_affine": Entry(
        f"{_HERE}.sgm_prototypes:DSPRITES_AFFINE", "SGM on dSprites, affine transformations"
    ),
    "sgm/mnist_affine": Entry(
        f"{_HERE}.sgm_prototypes:MNIST_AFFINE", "SGM on MNIST, affine transformations"
    ),
    "sgm/mnist_color": Entry(
        f"{_HERE}.sgm_prototypes:MNIST_COLOR", "SGM on painted MNIST, colour transformations"
    ),
    "sgm/subgroups": Entry(
        f"{_HERE}.sgm_subgroups:EXPERIMENT", "SGM on clouds of points: which group has turned them"
    ),
    "sgm/vae": Entry(
        f"{_HERE}.sgm_vae:EXPERIMENT",
        "VAEs with and without an SGM: few images, many angles",
    ),
    "stib/qm9": Entry(f"{_HERE}.stib_qm9:EXPERIMENT", "STIB, Table 2: isomers of QM9"),
    "stib/qm9_dims": Entry(
        f"{_HERE}.stib_qm9_dims:EXPERIMENT", "STIB, Figure 5: latent dimensions of the isomers"
    ),
    "stib/spiral": Entry(
        f"{_HERE}.stib_spiral:EXPERIMENT", "STIB, Table 1: the artificial experiment"
    ),
    "stib/targeting": Entry(
        f"{_HERE}.stib_targeting:EXPERIMENT", "ZINC250k: molecules asked for log P, QED, weight"
    ),
    "stib/zinc": Entry(f"{_HERE}.stib_zinc:EXPERIMENT", "STIB, appendix: ZINC250k"),
}


def load_experiment(name: str) -> Experiment:
    """An experiment by name, or one's own by its place, ``package.module:NAME``.

    Raises:
        ValueError: if there is none of that name, or nothing at that place.
    """
    place = EXPERIMENTS[name].place if name in EXPERIMENTS else name
    module, colon, attribute = place.partition(":")
    if not colon:
        raise ValueError(
            f"no experiment {name!r}; there are {sorted(EXPERIMENTS)}, and one of your own is "
            "named by its place, package.module:NAME"
        )
    try:
        experiment: Experiment = getattr(importlib.import_module(module), attribute)
    except (ModuleNotFoundError, AttributeError) as error:
        raise ValueError(f"no experiment at {name!r}: {error}") from error
    return experiment
