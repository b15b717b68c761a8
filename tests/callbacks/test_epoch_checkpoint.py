"""An epoch in which no optimiser moves is kept all the same."""

import torch

from symmetry_pl.cli import main


def test_what_is_learned_without_a_step_is_kept(tmp_path):
    options = ["--data.dim=7", "--data.samples=2000", "--data.eval_samples=60"]
    options += ["--data.batch_size=1000", "--trainer.max_epochs=2", "--model.init_options.effort=0"]
    options += [f"--log_root={tmp_path}"]
    assert main(["fit", "--config=lens/laws.yaml", *options]) == 0
    (last,) = tmp_path.rglob("last.ckpt")
    content = torch.load(last, weights_only=True)
    assert content["global_step"] == 0
    assert content["epoch"] == 1
    assert content["state_dict"]["confidence"].isfinite()
