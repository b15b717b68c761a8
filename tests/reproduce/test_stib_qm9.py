"""Table 2 of STIB as data."""

import math

import pytest

from symmetry_pl.reproduce.experiments import load_experiment
from symmetry_pl.runs.folders import config_root

EXPERIMENT = load_experiment("stib/qm9")


def test_published_values_are_in_our_units():
    published = {s.name: s.published for s in EXPERIMENT.systems}
    assert published["stib"] == {
        "smiles_accuracy": 0.98,
        "mae_gap_ev": 0.27,
        "mae_polarisability_bohr3": 0.77,
        "mi_z0_y": pytest.approx(0.09 * math.log(2)),
    }
    assert published["vae"]["mi_z0_y"] == pytest.approx(1.067, abs=1e-3)
    assert "mae_gap_ev" not in published["cvae"]  # it is given Y
    assert not published["flow_stib"]


def test_systems_have_configs_and_columns_exist():
    keys = [s.key for s in EXPERIMENT.systems]
    assert len(set(keys)) == len(keys)
    names = set(EXPERIMENT.metrics)
    for system in EXPERIMENT.systems:
        assert (config_root() / system.config).is_file()
        assert set(system.published) <= names
    held_out = [s for s in EXPERIMENT.systems if "--data.test_fraction=0.2" in s.overrides]
    assert {s.config for s in held_out} == {"stib/isomers.yaml", "stib/isomers_flow.yaml"}
