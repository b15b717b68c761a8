"""Players, phases, noise and checkpoints, on a game of two parameters."""

from types import SimpleNamespace

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from symmetry_pl.core import Phase, Player, SymmetryModule
from symmetry_pl.core.module import mix_seed


class Game(SymmetryModule):
    """min over a, max over b of (a − x)² − (b − a − noise)²."""

    monitor = "train/loss"

    def __init__(self, lr: float = 0.1, clip_norm: float | None = None, names: str = "ab") -> None:
        super().__init__()
        self.save_hyperparameters()
        self.a, self.b = nn.Linear(1, 1), nn.Linear(1, 1)
        self.lr, self.clip_norm, self.names = lr, clip_norm, names
        self.seen = []

    def configure_players(self):
        first, second = self.names
        return {
            first: Player([self.a], self.lr, lambda p: 1 - p, clip_norm=self.clip_norm),
            second: Player([self.b], self.lr),
        }

    def configure_phases(self):
        return [Phase("hold", 0.5), Phase("play", 1.0)]

    def training_step(self, batch, batch_idx):
        (x,) = batch
        first, second = self.names
        noise = self.noise(len(x), 1, dtype=x.dtype)
        with self.turn(first):
            before = [None if p.grad is None else p.grad.clone() for p in self.b.parameters()]
            self.minimise((self.a(x) + self.b(x) + noise).square().mean())
            untouched = all(
                p.grad is old or torch.equal(p.grad, old)
                for p, old in zip(self.b.parameters(), before, strict=True)
            )
        with self.turn(second):
            self.minimise((self.b(x) - self.a(x).detach()).square().mean())
        rate = self.player_optimizer(first).param_groups[0]["lr"]
        self.seen.append((self.phase, rate, noise[0].item(), untouched))
        if self.log_now:
            self.log_training({"loss": noise.mean()}, len(x))


def loader():
    return DataLoader(TensorDataset(torch.linspace(-1, 1, 20)[:, None]), batch_size=5)


def trainer(tmp_path, epochs=4, **options):
    defaults = {
        "default_root_dir": tmp_path,
        "max_epochs": epochs,
        "accelerator": "cpu",
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
    }
    return Trainer(**(defaults | options))


def fitted(tmp_path, **options):
    torch.manual_seed(0)
    game = Game(**options)
    trainer(tmp_path).fit(game, loader())
    return game


def test_counter_counts_batches_and_phases_follow_it(tmp_path):
    game = fitted(tmp_path)
    assert game.batches_seen == 16
    assert [s[0] for s in game.seen] == ["hold"] * 8 + ["play"] * 8
    assert [s[1] for s in game.seen] == pytest.approx([0.1 * (1 - i / 16) for i in range(16)])


def test_noise_depends_on_seed_and_batch_alone(tmp_path):
    first, second = fitted(tmp_path), fitted(tmp_path)
    noise = [s[2] for s in first.seen]
    assert noise == [s[2] for s in second.seen]
    assert len(set(noise)) == len(noise)
    other = Game()
    other.noise_seed = 1
    trainer(tmp_path).fit(other, loader())
    assert set(noise).isdisjoint(s[2] for s in other.seen)


def test_a_turn_leaves_the_other_player_without_gradients(tmp_path):
    assert all(s[3] for s in fitted(tmp_path).seen)


def test_players_who_share_a_loss_take_one_turn_together(tmp_path):
    class Together(Game):
        def training_step(self, batch, batch_idx):
            with self.turn(*self.names):
                self.minimise((self.a(batch[0]) + self.b(batch[0])).square().mean())

    game = Together(lr=0.1, clip_norm=1e-3)
    before = {name: p.detach().clone() for name, p in game.named_parameters()}
    fit = trainer(tmp_path, epochs=1, limit_train_batches=1)
    fit.fit(game, loader())
    for name, p in game.named_parameters():
        assert not torch.equal(p, before[name]), name
        # only the first player clips
        norm = torch.stack([q.grad.norm() for q in getattr(game, name[0]).parameters()]).norm()
        assert (norm <= 1.01e-3) == (name[0] == "a"), name


def test_turns_do_not_nest_and_minimise_needs_one(tmp_path):
    game = fitted(tmp_path)
    with pytest.raises(RuntimeError, match=r"inside 'with self\.turn"):
        game.minimise(torch.zeros(()))
    with pytest.raises(ValueError, match="no player 'c'"), game.turn("c"):
        pass


def test_clipping_bounds_the_step(tmp_path):
    class Clipped(Game):
        def training_step(self, batch, batch_idx):
            super().training_step(batch, batch_idx)
            norm = nn.utils.get_total_norm([p.grad for p in self.a.parameters()])
            assert norm <= 1e-3 * (1 + 1e-4)

    game = Clipped(clip_norm=1e-3)
    trainer(tmp_path, epochs=1).fit(game, loader())
    assert game.batches_seen == 4


def test_shared_parameters_and_bad_optimisers_are_refused():
    game = Game()
    game.configure_players = lambda: {"a": Player([game.a], 0.1), "b": Player([game.a], 0.1)}
    with pytest.raises(ValueError, match="'a' and 'b' share a parameter"):
        game.configure_optimizers()
    with pytest.raises(ValueError, match="optimizer must be one of"):
        Player([game.a], 0.1, optimizer="lion").build()
    with pytest.raises(ValueError, match="learning rate must be positive"):
        Player([game.a], -0.1).build()


def test_checkpoint_loads_weights_only_and_resume_is_bit_identical(tmp_path):
    whole = fitted(tmp_path)
    torch.manual_seed(0)
    first = Game()
    stop = trainer(tmp_path, callbacks=[_StopAfter(2)])
    stop.fit(first, loader())
    stop.save_checkpoint(tmp_path / "half.ckpt")
    saved = torch.load(tmp_path / "half.ckpt", weights_only=True)
    assert saved["symmetry_pl"]["batches_seen"] == 8
    resumed = Game()
    trainer(tmp_path).fit(resumed, loader(), ckpt_path=tmp_path / "half.ckpt")
    assert resumed.batches_seen == 16
    for (name, p), q in zip(whole.named_parameters(), resumed.parameters(), strict=True):
        assert torch.equal(p, q), name
    assert resumed.seen == whole.seen[8:]


class _StopAfter(Callback):
    def __init__(self, epochs):
        self.epochs = epochs

    def on_train_epoch_end(self, trainer, pl_module):
        trainer.should_stop = trainer.current_epoch + 1 >= self.epochs


def test_other_players_are_refused_with_one_sentence(tmp_path):
    game = fitted(tmp_path)
    game.trainer.save_checkpoint(tmp_path / "game.ckpt")
    with pytest.raises(ValueError, match=r"players \['a', 'b'\], Game has \['x', 'y'\]"):
        trainer(tmp_path).fit(Game(names="xy"), loader(), ckpt_path=tmp_path / "game.ckpt")


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    class Broken(Game):
        def training_step(self, batch, batch_idx):
            super().training_step(batch, batch_idx)
            self.log_training({"loss": torch.tensor(float("nan"))}, 5)

    with pytest.raises(FloatingPointError, match="train/loss became nan at batch 0"):
        trainer(tmp_path).fit(Broken(), loader())


def test_half_precision_is_refused():
    game = Game()
    game._trainer = SimpleNamespace(precision="16-mixed")  # a CPU trainer would not keep it
    with pytest.raises(ValueError, match="use bf16-mixed"):
        game.setup("fit")


def test_schedules_need_a_finite_training(tmp_path):
    with pytest.raises(ValueError, match="max_epochs"):
        trainer(tmp_path, epochs=-1, max_steps=4).fit(Game(), loader())


def test_mixed_seeds_do_not_collide():
    seeds = {mix_seed(s, c) for s in range(50) for c in range(200)}
    assert len(seeds) == 50 * 200
    assert all(0 <= s < 2**63 for s in seeds)
