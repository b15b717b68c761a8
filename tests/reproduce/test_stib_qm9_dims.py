"""Figure 5 of STIB: the experiment, and its figure from made-up results."""

import json

import pytest
import torch
import yaml

from symmetry_pl import LatentFlowSTIB
from symmetry_pl.cli import main
from symmetry_pl.core import DataDescription
from symmetry_pl.reproduce.experiments import EXPERIMENTS, load_experiment
from symmetry_pl.reproduce.jobs import Job
from symmetry_pl.reproduce.stib_qm9_dims import DIMENSIONS, figure
from symmetry_pl.runs.folders import config_root
from symmetry_pl.stib.code import Code

EXPERIMENT = load_experiment("stib/qm9_dims")
VALUES = {
    "smiles_accuracy": 0.9,
    "mi_z0_y": 0.02,
    "mi_z0_y_white": 0.03,
    "mi_z0_y_probe": 0.05,
    "mi_z0_y_probe_null95": 0.07,
    "probe_r2_z0_y": 0.01,
}


def finish(job, values):
    """Leave what a tested run leaves."""
    job.run.mkdir(parents=True)
    job.note("abc", data={})
    record = {
        "metrics": {f"test/{k}": v for k, v in values.items()},
        "fit": {"cpu_s": 2.0, "peak_rss_mb": 3.0},
        "test": {},
        "batches": 2,
        "versions": {},
    }
    (job.run / "metrics.json").write_text(json.dumps(record))


def test_every_dimension_makes_a_model():
    config = yaml.safe_load((config_root() / "stib/isomers_flow.yaml").read_text())
    options = config["model"]["init_args"]
    # the sizes of the networks of molecules play no part
    options |= {"autoencoder_options": {"width": 8, "hidden": 8}}
    options["flow_options"]["width"] = 8
    assert len(EXPERIMENT.systems) == len(DIMENSIONS)
    for system, dimensions in zip(EXPERIMENT.systems, DIMENSIONS, strict=True):
        (override,) = system.overrides
        option, value = override.split("=")
        assert (option, int(value)) == ("--model.latent_dim", dimensions)
        assert system.seeds == (0,)
        model = LatentFlowSTIB(**{**options, "latent_dim": dimensions}).eval()
        model.describe_data(
            DataDescription("tokens", (3,), ("a", "b"), symbols=("", "C", "N", "O"))
        )
        u = torch.randn(dimensions + 8, dimensions)
        model.flow.standardise(u, whiten=True)
        z0, z1, _ = model.split(u)
        assert (z0.shape[1], z1.shape[1]) == (dimensions - 2, 2)
        assert torch.equal(z1, u[:, :2])
        torch.testing.assert_close(model.join(Code(z0, z1)), u, atol=1e-4, rtol=1e-4)


def test_results_become_a_figure_beside_the_table(tmp_path, capsys):
    for i, system in enumerate(EXPERIMENT.systems[:3]):
        root = tmp_path / "logs" / EXPERIMENT.slug / system.key / "seed_0"
        finish(Job(system, 0, root), VALUES | {"smiles_accuracy": 0.5 + 0.1 * i})
    arguments = ["reproduce", "stib/qm9_dims", "--collect", "--log_root", "logs", "--out"]
    assert main([*arguments, "docs/results"]) == 0
    assert "docs/figures/stib_qm9_dims.png" in capsys.readouterr().out
    assert (tmp_path / "docs/figures/stib_qm9_dims.png").stat().st_size > 10_000
    result = json.loads((tmp_path / "docs/results/stib_qm9_dims.json").read_text())
    left, right = figure(result).axes
    x, y = left.lines[0].get_data()
    assert (list(x), list(y)) == ([*DIMENSIONS[:3]], [0.5, 0.6, 0.7])
    drawn = {tuple(line.get_ydata()) for line in right.lines}
    assert {(0.02,) * 3, (0.05,) * 3, (0.07,) * 3} <= drawn
    assert left.get_xlabel() == "latent dimensions, two of them Z1"
    assert right.get_ylabel() == "I(Z0;Y) [nats]"


def test_without_results_there_is_no_figure(tmp_path, capsys):
    assert main(["reproduce", "stib/qm9_dims", "--collect", "--out", "docs/results"]) == 0
    assert "png" not in capsys.readouterr().out
    assert not (tmp_path / "docs/figures").exists()


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_experiments_that_draw_can_do_so_before_they_are_finished(name):
    draw = load_experiment(name).figure
    assert draw is None or draw({"rows": []}) is None


def test_the_row_that_is_taken_from_another_experiment_is_the_same_run():
    (system,) = (s for s in EXPERIMENT.systems if s.taken_from)
    other = load_experiment(system.taken_from.experiment)
    (source,) = (s for s in other.systems if s.name == system.taken_from.system)
    assert (source.config, source.overrides) == (system.config, ())
    config = yaml.safe_load((config_root() / system.config).read_text())
    (override,) = system.overrides
    assert override == f"--model.latent_dim={config['model']['init_args']['latent_dim']}"
    assert system.taken_from.seed in source.seeds
