"""A bad start is recognised from training batches alone, and training begins again."""

import itertools

import pytest
import torch
from pytorch_lightning import Callback, Trainer

from symmetry_pl import STIB
from symmetry_pl.datamodules import SpiralDataModule


def model(**options):
    torch.manual_seed(0)
    small = {"autoencoder_options": {"width": 8}, "critic_width": 8}
    defaults = {"phases": {"target": "50 %"}, "restart_above": 1e-9, "max_restarts": 2}
    rates = {"players": {"model": {"lr": 1e-3}, "adversary": {"lr": 1e-3}}}
    return STIB(**(small | defaults | rates | options))


def fit(module, folder, *callbacks, ckpt_path=None):
    trainer = Trainer(
        default_root_dir=folder,
        max_epochs=4,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        limit_val_batches=0,
        callbacks=list(callbacks),
    )
    data = SpiralDataModule(batch_size=16, samples_per_epoch=64, eval_samples=50)
    trainer.fit(module, data, ckpt_path=ckpt_path)
    return trainer


class Starts(Callback):
    """The weights that each start begins with."""

    def __init__(self):
        self.weights = []

    def on_train_batch_start(self, trainer, pl_module, *args):
        if pl_module.clock == 0:
            drawn = {n: p.detach().clone() for n, p in pl_module.named_parameters()}
            self.weights.append(drawn)


class SaveAfter(Callback):
    def __init__(self, epoch, path):
        self.epoch, self.path = epoch, path

    def on_train_epoch_end(self, trainer, pl_module):
        if trainer.current_epoch + 1 == self.epoch:
            trainer.save_checkpoint(self.path)


def test_lost_batches_are_given_back(tmp_path):
    module = model()
    starts = Starts()
    trainer = fit(module, tmp_path, starts)
    # four epochs of four batches; the target phase is half of it, and fails twice
    assert module.restarts == 2
    assert module.batches_seen == 16 + 2 * 8
    assert module.clock == 16
    assert trainer.max_epochs == 4 + 2 * 2
    assert (module.phase, module.progress) == ("play", 1.0)
    # every start has networks of its own: no weight is that of an earlier one
    assert len(starts.weights) == 3
    for name in starts.weights[0]:
        drawn = [weights[name] for weights in starts.weights]
        if drawn[0].dim() > 1:
            assert not any(torch.equal(a, b) for a, b in itertools.combinations(drawn, 2)), name


def test_a_good_start_is_kept(tmp_path):
    module = model(restart_above=1e9)
    fit(module, tmp_path)
    assert (module.restarts, module.batches_seen) == (0, 16)
    assert 0 < module.target_error < 1e9


def test_without_a_bound_every_start_is_kept(tmp_path):
    module = model(restart_above=None)
    fit(module, tmp_path)
    assert module.restarts == 0


@pytest.mark.parametrize("epoch", [1, 3, 4, 7])
def test_resume_repeats_the_decisions(tmp_path, epoch):
    whole = model()
    fit(whole, tmp_path, SaveAfter(epoch, tmp_path / "part.ckpt"))
    resumed = model(lambda_start=1.0)
    fit(resumed, tmp_path, ckpt_path=tmp_path / "part.ckpt")
    assert resumed.restarts == whole.restarts == 2
    assert resumed.batches_seen == whole.batches_seen
    for (name, p), q in zip(whole.named_parameters(), resumed.parameters(), strict=True):
        assert torch.equal(p, q), name


def test_the_target_phase_has_its_own_rate_and_no_adversary(tmp_path):
    class Rates(Callback):
        def __init__(self):
            self.seen = []

        def on_train_batch_end(self, trainer, pl_module, *args):
            rates = [
                pl_module.player_optimizer(p).param_groups[0]["lr"] for p in ("model", "adversary")
            ]
            steps = pl_module.player_optimizer("adversary").optimizer.state
            self.seen.append((pl_module.phase, *rates, len(steps)))

    rates = Rates()
    options = {"lr": 1e-3, "in_phase": {"target": {"lr": 0.5}}}
    players = {"model": options, "adversary": {"lr": 2e-3}}
    fit(model(restart_above=None, players=players), tmp_path, rates)
    assert [s[0] for s in rates.seen[:9]] == ["target"] * 8 + ["play"]
    assert rates.seen[0][1:] == (0.5, 2e-3, 0)
    assert rates.seen[8][1:3] == (1e-3, 2e-3)
    assert rates.seen[8][3] > 0
