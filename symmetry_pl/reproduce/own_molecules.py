"""A few thousand molecules of one's own: with and without a model of others to start from."""

from __future__ import annotations

from typing import Any

from symmetry_pl.reproduce.experiment import LEAKAGE, Experiment, System

_CONFIG = "stib/own_molecules.yaml"
_DATA = "--data=ExampleMoleculesDataModule"
_SEEDS = (0, 1, 2)
_ERROR = "mae_logp_rdkit"


def reference_rows() -> dict[str, dict[str, Any]]:
    """What regressions on Morgan fingerprints make of the same molecules, over the same splits."""
    import numpy as np
    from rdkit.Chem import MolFromSmiles, rdFingerprintGenerator
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import RidgeCV

    from symmetry_pl.datamodules import ExampleMoleculesDataModule

    fingerprint = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    errors: dict[str, list[float]] = {}
    for seed in _SEEDS:
        data = ExampleMoleculesDataModule(
            representation="selfies", split_seed=seed, on_invalid="drop"
        )
        data.prepare_data()
        data.setup()
        columns = data.columns().columns
        molecules = [MolFromSmiles(text) for text in columns["smiles"]]
        x = np.stack([fingerprint.GetCountFingerprintAsNumPy(m) for m in molecules]).astype(float)
        y = np.array(columns["logp_rdkit"], dtype=float)
        train, test = (data.split(name).rows.numpy() for name in ("train", "test"))
        models = {
            "always the mean": None,
            "ridge regression on Morgan counts": RidgeCV(np.logspace(-1, 4, 11)),
            "gradient boosting on Morgan counts": HistGradientBoostingRegressor(random_state=0),
        }
        for name, model in models.items():
            found = (
                y[train].mean() if model is None else model.fit(x[train], y[train]).predict(x[test])
            )
            errors.setdefault(name, []).append(float(np.abs(found - y[test]).mean()))
    return {name: {_ERROR: float(np.mean(found))} for name, found in errors.items()}


EXPERIMENT = Experiment(
    name="own_molecules",
    title="Molecules of one's own",
    dataset="zinc_3000",
    systems=(
        System(
            "transfer",
            "TokenFlowSTIB, from zinc-token-flow",
            _CONFIG,
            own=True,
            overrides=(_DATA,),
            seeds=_SEEDS,
        ),
        System(
            "alone",
            "TokenFlowSTIB, from nothing",
            _CONFIG,
            own=True,
            overrides=(_DATA, "--init_from=null", "--data.representation=selfies"),
            seeds=_SEEDS,
        ),
    ),
    metrics=(_ERROR, "smiles_accuracy", "validity", "nll_x", *LEAKAGE),
    references=reference_rows,
    notes=(
        "3,000 molecules of ZINC250k that the checkpoint was not trained on, with log P as RDKit "
        "computes it: 2,100 to train on, 300 to validate, 600 to test. A seed is that of the split "
        "and of the training.",
        "The checkpoint knows no log P: it was trained on QED. From nothing, molecules are spelled "
        "in single symbols, without its 800 fragments: sequences are longer, and take longer.",
        "−log p is that of a held-out molecule given its predicted log P, with its end, in the "
        "vocabulary of the model; what differs by a vocabulary is how many symbols it has, not "
        "what the sum means.",
    ),
)
