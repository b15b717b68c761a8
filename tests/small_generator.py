"""A generator of chains of at most four carbons and oxygens, untrained, for tests."""

import torch

from symmetry_pl import PropertyGenerator
from symmetry_pl.core import DataDescription


def short_chains():
    """Of chains of at most four carbons and oxygens."""
    return DataDescription(
        kind="tokens",
        x_shape=(4,),
        target_names=("logp_rdkit", "weight_rdkit", "psa_rdkit"),
        target_units=("", "Da", "Å²"),
        target_mean=(0.3, 50.0, 10.0),
        target_scale=(0.7, 15.0, 9.0),
        symbols=("", "C", "O"),
        representation="smiles",
    )


def small_generator(**options):
    torch.manual_seed(0)
    asked = ["logp_rdkit", "weight_rdkit"]
    model = PropertyGenerator(asked=asked, width=8, not_additive=[], **options)
    model.describe_data(short_chains())
    return model.eval()
