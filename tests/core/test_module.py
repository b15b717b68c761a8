"""Players, phases, noise, evaluation and checkpoints, on a game of two parameters."""

import math
from types import SimpleNamespace

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from symmetry_pl.core import DataDescription, Evaluator, Player, SymmetryModule
from symmetry_pl.core.noise import mix_seed


class Loss(Evaluator):
    """Mean of (a + b)² and the number of samples, over all processes alike."""

    def reset(self):
        super().reset()
        self.squares, self.thorough = [], None

    def update(self, model, batch, index, stage):
        self.squares.append((model.a(batch[0]) + model.b(batch[0])).square())
        self.show(7, x=batch[0])

    def compute(self, model, stage):
        self.thorough = stage.thorough
        squares = torch.cat(self.squares)
        return {"objective": squares.mean(), "samples": torch.tensor(float(len(squares)))}


class Game(SymmetryModule):
    """min over a, max over b of (a − x)² − (b − a − noise)²."""

    phase_names = ("hold", "play", "end")
    rest = "play"
    default_phases = {"hold": "50 %"}  # noqa: RUF012
    headline = ("objective",)

    def __init__(self, names: str = "ab", **kwargs) -> None:
        super().__init__(**kwargs)
        self.a, self.b = nn.Linear(1, 1), nn.Linear(1, 1)
        self.names = names
        self.seen = []

    def configure_players(self):
        first, second = self.names
        return {
            first: Player([self.a], {"lr": 0.1, "schedule": "cosine"}),
            second: Player([self.b], {"lr": 0.1}),
        }

    def configure_evaluator(self, stage):
        return Loss()

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
    cosine = [0.05 * (1 + math.cos(math.pi * i / 16)) for i in range(16)]
    assert [s[1] for s in game.seen] == pytest.approx(cosine)


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

    game = Together(players={"a": {"clip_norm": 1e-3}})
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

    game = Clipped(players={"a": {"clip_norm": 1e-3}})
    trainer(tmp_path, epochs=1).fit(game, loader())
    assert game.batches_seen == 4


def test_players_who_share_a_parameter_are_refused(tmp_path):
    class Shared(Game):
        def configure_players(self):
            return {name: Player([self.a], {"lr": 0.1}) for name in "ab"}

    with pytest.raises(ValueError, match="'a' and 'b' share a parameter"):
        trainer(tmp_path).fit(Shared(), loader())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"phases": {"warm": "2 epochs"}}, r"model\.phases has no phase 'warm'"),
        ({"phases": {"play": "2 epochs"}}, "takes what the others leave"),
        ({"phases": {"hold": "2"}}, "'2 epochs', '500 batches' or '30 %'"),
        ({"players": {"a": {"rate": 1.0}}}, r"model\.players\.a has no option 'rate'"),
        ({"players": {"a": {"lr": -0.1}}}, r"model\.players\.a\.lr must be a positive number"),
        (
            {"players": {"a": {"lr": float("nan")}}},
            r"players\.a\.lr must be a finite number",
        ),
        ({"players": {"a": {"optimizer": "lion"}}}, "must be one of .*adamw"),
        ({"players": {"a": {"schedule": "linear"}}}, "must be one of .*cosine"),
        ({"players": {"a": {"in_phase": {"hold": {"optimizer": "sgd"}}}}}, "has no option"),
        ({"thorough_every": -1}, "must not be negative"),
    ],
)
def test_options_that_make_no_training_are_refused_at_once(options, message):
    with pytest.raises(ValueError, match=message):
        Game(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"players": {"c": {"lr": 1.0}}}, "no player 'c'; Game has"),
        ({"players": {"a": {"in_phase": {"warm": {"lr": 1.0}}}}}, "no phase 'warm'"),
        ({"phases": {"hold": "9 epochs"}}, "take 36 batches and training has 16"),
    ],
)
def test_options_that_do_not_fit_the_game_are_refused_before_the_first_batch(
    options, message, tmp_path
):
    game = Game(**options)
    with pytest.raises(ValueError, match=message):
        trainer(tmp_path).fit(game, loader())
    assert game.batches_seen == 0


def test_a_config_changes_single_options_of_a_player(tmp_path):
    options = {"a": {"schedule": "geometric", "end": 0.01, "in_phase": {"hold": {"lr": 0.4}}}}
    game = fitted(tmp_path, players=options, phases={"hold": "1 epoch"})
    rates = [s[1] for s in game.seen]
    expected = [(0.4 if i < 4 else 0.1) * 0.01 ** (i / 16) for i in range(16)]
    assert rates == pytest.approx(expected)
    optimisers = [type(o.optimizer).__name__ for o in map(game.player_optimizer, "ab")]
    assert optimisers == ["Adam", "Adam"]


def test_one_loop_evaluates_and_says_when_it_is_thorough(tmp_path):
    game, thorough = Game(thorough_every=2), []

    class Look(Callback):
        def on_validation_end(self, trainer, pl_module):
            thorough.append(pl_module.evaluator("val").thorough)

    fit = trainer(tmp_path, epochs=5, callbacks=[Look()], num_sanity_val_steps=0)
    fit.fit(game, loader(), loader())
    assert thorough == [False, True, False, True, True]
    assert fit.callback_metrics["val/samples"] == 20
    assert len(game.evaluator("val").shown["x"]) == 7
    assert not [key for key in game.state_dict() if "evaluator" in key]
    found = fit.validate(game, loader(), verbose=False)[0]
    assert set(found) == {"val/objective", "val/samples"}
    assert game.evaluator("val").thorough


def test_checkpoint_loads_weights_only_and_resume_is_bit_identical(tmp_path):
    whole = fitted(tmp_path)
    torch.manual_seed(0)
    first = Game()
    stop = trainer(tmp_path, callbacks=[_StopAfter(2)])
    stop.fit(first, loader())
    stop.save_checkpoint(tmp_path / "half.ckpt")
    saved = torch.load(tmp_path / "half.ckpt", weights_only=True)
    assert saved["symmetry_pl"]["batches_seen"] == 8
    assert saved["symmetry_pl"]["format"] == 2
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


def test_a_checkpoint_of_the_first_format_is_refused_with_one_sentence(tmp_path):
    game = fitted(tmp_path)
    game.trainer.save_checkpoint(tmp_path / "game.ckpt")
    saved = torch.load(tmp_path / "game.ckpt", weights_only=True)
    del saved["symmetry_pl"]["format"]
    torch.save(saved, tmp_path / "old.ckpt")
    with pytest.raises(ValueError, match="has format 1, and this version of symmetry_pl reads"):
        trainer(tmp_path).fit(Game(), loader(), ckpt_path=tmp_path / "old.ckpt")


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


def inputs(**extra):
    scales = {"columns": ["a", "b"], "mean": [1.0, 2.0], "scale": [1.0, 0.5]}
    return DataDescription("vector", (2,), extra=scales | extra)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"mean": [1.0, 3.0]}, r"\('b' = 3 ± 0\.5 instead of 2 ± 0\.5\)"),
        ({"scale": [2.0, 0.5]}, r"\('a' = 1 ± 2 instead of 1 ± 1\)"),
        ({"columns": ["a", "c"]}, r"\('c' instead of 'b'\)"),
        ({"mean": 1.0, "scale": 1.0}, r"\('b' = 1 ± 1 instead of 2 ± 0\.5\)"),
    ],
)
def test_inputs_that_mean_something_else_are_warned_of(extra, words):
    game = Game()
    game.describe_data(inputs())
    with pytest.warns(UserWarning, match=f"was trained on other inputs .*{words}"):
        game.describe_data(inputs(**extra))


def test_inputs_of_the_same_scale_are_the_same(recwarn):
    game = Game()
    game.describe_data(inputs())
    game.describe_data(inputs(mean=[1.0 + 1e-9, 2.0], rows=7))
    game = Game()
    game.describe_data(DataDescription("vector", (2,)))
    game.describe_data(DataDescription("vector", (2,), extra={"mean": 0.0, "columns": ["a", "b"]}))
    assert not recwarn.list
