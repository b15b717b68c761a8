"""Figures are those of the set, however many processes share it and however it is cut."""

import json
from pathlib import Path

import pytest
from processes import run_in_processes

from symmetry_pl.cli import main
from symmetry_pl.runs.folders import config_root

TWINS = Path(__file__).parent / "conf"
DOUBLE = "--data.dtype=float64"
# 203 samples: four processes repeat one of them to have equal shares
SETS = {
    "stib/paper/spiral_stib": ["--data.eval_samples=203", DOUBLE],
    "lens/paper/gaussian": ["--data.eval_samples=203", "--model.init_scale=0.3", DOUBLE],
    "lens/paper/domain_successor": ["--data.eval_samples=203", "--model.init_scale=0.3", DOUBLE],
    "sgm/paper/dsprites_affine": ["--data.eval_samples=203", "--model.orbit_images=50"],
}


@pytest.mark.ddp
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n == "lens/paper/gaussian" else pytest.mark.slow) for n in SETS],
)
def test_figures_of_four_processes_are_those_of_one(name, tmp_path):
    files = [f"--config={folder / name}.yaml" for folder in (config_root(), TWINS)]
    common = [*files, *SETS[name], "--trainer.precision=64-true"]
    fit = ["--trainer.max_epochs=1", "--trainer.limit_val_batches=0", "--run_name=fit"]
    assert main(["fit", *common, *fit, f"--log_root={tmp_path}"]) == 0
    checkpoint = tmp_path / "fit/version_0/checkpoints/last.ckpt"
    # the test of an untrained model has figures too; batches are cut otherwise
    test = ["test", *common, f"--ckpt_path={checkpoint}"]
    assert main([*test, "--data.eval_batch_size=64"]) == 0
    place = checkpoint.parents[1] / "metrics.json"
    alone = json.loads(place.read_text())
    place.unlink()
    ddp = ["--trainer.devices=4", "--trainer.strategy=ddp", "--data.eval_batch_size=30"]
    run_in_processes([*test, *ddp], count=4)
    shared = json.loads(place.read_text())
    one, four = (
        {k: v for k, v in record["metrics"].items() if k.startswith("test/")}
        for record in (alone, shared)
    )
    assert one
    assert one.keys() == four.keys()
    same = {k: pytest.approx(v, rel=1e-6, abs=1e-6, nan_ok=True) for k, v in one.items()}
    assert four == same
