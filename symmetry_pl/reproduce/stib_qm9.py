"""Table 2 of the STIB paper: the isomers C7H10O2 of QM9."""

from __future__ import annotations

import math

from symmetry_pl.reproduce.experiment import LEAKAGE, Experiment, System

_HELD_OUT = ("--data.test_fraction=0.2",)
_NARROW = "{width: 384, hidden: 768}"
_OWN = {
    "flow_stib": ("FlowSTIB on the latent (ours)", "stib/isomers_flow.yaml"),
    "stib": ("STIB, our recipe", "stib/isomers.yaml"),
}


def _published(
    accuracy: float, bits: float, gap: float | None = None, polarisability: float | None = None
) -> dict[str, float]:
    """A row of Table 2 with its information in nats: it says nats and means bits (docs/stib.md)."""
    values = {"smiles_accuracy": accuracy, "mi_z0_y": bits * math.log(2.0)}
    errors = {"mae_gap_ev": gap, "mae_polarisability_bohr3": polarisability}
    return values | {name: error for name, error in errors.items() if error is not None}


_PAPER = _published(0.98, 0.09, 0.27, 0.77)

EXPERIMENT = Experiment(
    name="stib/qm9",
    title="STIB, Table 2: the isomers C7H10O2 of QM9",
    dataset="qm9",
    systems=(
        *(
            System(name, label, config, own=True, published=_PAPER if name == "stib" else {})
            for name, (label, config) in _OWN.items()
        ),
        System("vae", "VAE", "stib/isomers_vae.yaml", published=_published(0.98, 1.54, 0.28, 0.75)),
        System(
            "no_adversary",
            "STIB without adversary",
            "stib/isomers.yaml",
            overrides=("--model.mi_weight=0",),
            published=_published(0.98, 0.66, 0.28, 0.70),
        ),
        System("cvae", "CVAE", "stib/isomers_cvae.yaml", published=_published(0.91, 0.56)),
        System("cvib", "CVIB", "stib/isomers_cvib.yaml", published=_published(0.76, 0.03)),
        *(
            System(f"{name}_20", f"{label}, 20 % held out", config, own=True, overrides=_HELD_OUT)
            for name, (label, config) in _OWN.items()
        ),
        System(
            "flow_stib_narrow",
            "FlowSTIB on the latent (ours), three quarters as wide",
            "stib/isomers_flow.yaml",
            own=True,
            overrides=(f"--model.autoencoder_options={_NARROW}",),
        ),
    ),
    summary="mi_z0_y_probe",
    metrics=(
        "smiles_accuracy",
        "validity",
        "mae_gap_ev",
        "mae_polarisability_bohr3",
        *LEAKAGE,
    ),
    notes=(
        "All systems have the same network, data and steps of the autoencoder: all of QM9 but the "
        "held-out isomers first, then 5,500 isomers; FlowSTIB's flow comes on top. Raw KSG is the "
        "paper's protocol and misses much in 14 dimensions; the probe decides, beside what it "
        "reads where there is nothing.",
        "Everything is measured on 305 held-out isomers (1,219 where 20 % are held out), decoded "
        "from the posterior mean; one molecule is .003. The paper measures I(Z0;Y) on all "
        "isomers, those it trained on included.",
        "Information is in nats. The paper's numbers are taken as bits, as in its Table 1 and "
        "in its appendix, and converted here.",
        "Three quarters as wide: the model that comes with the package as `qm9-isomers`.",
        "CVAE and CVIB are given Y and have 14 dimensions of Z0, as in the paper. CVIB's pairwise "
        "bound has the weight .05: with 1, that of the artificial experiment's code, no molecule "
        "was decoded right after three epochs (.05: 43 %).",
    ),
)
