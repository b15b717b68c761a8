"""Molecules with the properties one asks for: a model of p(x | y), told what is still to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor

from symmetry_pl.core import Batch, DataDescription, Evaluator, Player, SymmetryModule
from symmetry_pl.core.registry import check_choice
from symmetry_pl.molecules.prefix.features import WIDTH
from symmetry_pl.molecules.prefix.reader import Reading, read_prefixes
from symmetry_pl.molecules.prefix.symbols import SymbolTable
from symmetry_pl.nn.tokens.steered import SteeredTokenModel, budget_features
from symmetry_pl.stib.rows import first_rows
from symmetry_pl.stib.running_properties import RunningProperties
from symmetry_pl.stib.targeting_evaluation import TargetingEvaluator
from symmetry_pl.stib.targeting_protocol import TargetingProtocol

__all__ = ["PropertyGenerator"]


class PropertyGenerator(SymmetryModule):
    r"""An autoregressive model of SMILES given any of several properties.

    .. math:: \log p(x \mid y_m) = \sum_t \log p(x_t \mid x_{<t}, f(x_{<t}), m, m\,y,
        m\,(y - s(x_{<t})))

    m says which properties are asked for; in training it is drawn anew for each molecule. f are
    features of the prefix (``molecules.prefix``), and s its properties so far, as if it ended here:
    sums over atoms and bonds whose weights are learned from training molecules, and a network on
    these sums for what does not add up. So the model knows at every symbol what is still to do.
    Drawing asks a toolkit nothing; see ``guided_draws``.

    One player, ``model``: AdamW at 4e-3 with a warm-up of 200 steps' worth, half a cosine to 0. The
    optimiser takes a step for each ``minibatch`` of the batch, molecules of like length together.

    Args:
        asked: names of the targets that may be asked for; all if null.
        tasks: lists of these that are asked for together in training, equally often; each alone
            if null. ``dropout`` of the molecules are given nothing, and as many a random choice.
        estimates: ``additive``, or ``none`` for a model that is told the aim alone.
        not_additive: targets that are no sum over atoms and bonds.
        periods: lengths, by target and in its unit, in which distances from the aim are told as a
            phase besides, such as the mass of H2.
        width: of the recurrence.
        minibatch: molecules a step.
        dropout: share of molecules that are given no aim.
        fitted_on: training molecules that the running properties are learned from.
        code_dim: dimensions of a further condition, such as the Z0 of another model; 0 for none.
        protocol: options of the draws that a test asks for, see ``TargetingProtocol``; those on the
            command line of a test win over the checkpoint's.
        kwargs: options of ``SymmetryModule``.

    Raises:
        ValueError: for a size out of range.
    """

    headline = ("nll_conditional",)
    needs_targets = True
    test_options = ("protocol",)
    task_rows: Tensor
    phase_names = ("learn",)
    rest = "learn"

    def __init__(
        self,
        asked: list[str] | None = None,
        tasks: list[list[str]] | None = None,
        estimates: Literal["additive", "none"] = "additive",
        not_additive: list[str] = ["qed_rdkit"],  # noqa: B006 (jsonargparse shows it)
        periods: dict[str, list[float]] | None = None,
        width: int = 256,
        minibatch: int = 64,
        dropout: float = 0.1,
        fitted_on: int = 60_000,
        code_dim: int = 0,
        protocol: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("estimates", estimates, ("additive", "none"))
        for name, size in (("width", width), ("minibatch", minibatch), ("fitted_on", fitted_on)):
            if size < 1:
                raise ValueError(f"model.{name} must be at least 1, got {size}")
        if not 0 < dropout < 0.5:
            raise ValueError(f"model.dropout must be between 0 and 0.5, got {dropout}")
        self.asked_names, self.tasks = asked, tasks
        self.told = estimates == "additive"
        self.not_additive, self.periods = not_additive, periods or {}
        self.width, self.minibatch, self.dropout = width, minibatch, dropout
        self.fitted_on, self.code_dim = fitted_on, code_dim
        self.protocol = TargetingProtocol.of(protocol)

    # -- sizes ------------------------------------------------------------------------------------

    def check_data(self, data: DataDescription) -> None:
        """Refuse what is no SMILES, and names that are no target."""
        super().check_data(data)
        if data.kind != "tokens" or data.representation != "smiles":
            raise ValueError(
                "a PropertyGenerator writes SMILES: use data with data.representation smiles, such "
                "as ZINCTargetsDataModule"
            )
        SymbolTable.of(data.symbols)
        named = [*(self.asked_names or []), *self.not_additive, *self.periods]
        named += [name for task in self.tasks or [] for name in task]
        for name in named:
            if name not in data.target_names:
                raise ValueError(
                    f"model: {name!r} is no target of the data; there are "
                    f"{', '.join(data.target_names)}"
                )

    def configure_networks(self, data: DataDescription) -> None:
        """The model of symbols and what runs along with it, at the data's sizes."""
        names = list(data.target_names)
        self.columns = [names.index(name) for name in self.asked_names or names]
        chosen = [names[i] for i in self.columns]
        tasks = self.tasks or [[name] for name in chosen]
        rows = [[float(name in task) for name in chosen] for task in tasks]
        self.register_buffer("task_rows", torch.tensor(rows), persistent=False)
        scale = dict(zip(names, data.target_scale, strict=True))
        self._periods = [[p / scale[n] for p in self.periods.get(n, [])] for n in chosen]
        other = [names.index(name) for name in self.not_additive]
        features = WIDTH + 2 * len(chosen)
        if self.told:
            self.running = RunningProperties(data.symbols, len(names), other)
            features += len(names) + 6 * len(chosen) + 2 * sum(map(len, self._periods))
        self.model = SteeredTokenModel(
            len(data.symbols), features, self.width, code_dim=self.code_dim
        )

    def configure_players(self) -> dict[str, Player]:
        """The model of symbols alone learns by gradients."""
        return {
            "model": Player(
                [self.model],
                {
                    "lr": 4e-3,
                    "optimizer": "adamw",
                    "weight_decay": 0.01,
                    "clip_norm": 1.0,
                    "schedule": "cosine",
                    "warmup": "2 %",
                },
            )
        }

    def on_train_start(self) -> None:
        """Learn the running properties from training molecules, unless that was done."""
        super().on_train_start()
        if not self.told or self.batches_seen:
            return
        rows = first_rows(self.trainer, "train", self.fitted_on)
        assert rows is not None
        assert self.data is not None
        error = self.running.fit(*rows)
        scale = self.data.target_scale
        said = ", ".join(
            f"{name} {float(e) * s:.4f}"
            for name, e, s in zip(self.data.target_names, error, scale, strict=True)
        )
        rank_zero_info(f"errors of the running properties of whole molecules: {said}")

    # -- likelihood -------------------------------------------------------------------------------

    def reading(self, x: Tensor) -> Reading:
        """All prefixes of ``x`` ``(B, L)``."""
        assert self.data is not None
        table = self.running.table if self.told else None
        return read_prefixes(self.data.symbols, x.cpu().numpy(), table)

    def inputs(self, reading: Reading, aim: Tensor, asked: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the model of symbols is told.

        Args:
            reading: of prefixes ``(B, T)``.
            aim: standardised ``(B, C)``.
            asked: 1 where a property is asked for ``(B, C)``.

        Returns:
            Last symbols and symbols written at ``(B, T)``, and features ``(B, T, F)``.
        """
        features = [torch.from_numpy(reading.features).to(aim)]
        so_far = None
        if self.told:
            every = self.running.complete(torch.from_numpy(reading.sums).to(aim))
            features.append(every.clamp(-5, 5))
            so_far = every[..., self.columns]
        budget = budget_features(aim, asked, so_far, self._periods)
        features.append(budget.expand(-1, features[0].shape[1], -1))
        ids = [torch.from_numpy(part).to(aim.device) for part in (reading.last, reading.here)]
        return ids[0], ids[1], torch.cat(features, -1)

    def nll(self, x: Tensor, aim: Tensor, asked: Tensor, code: Tensor | None = None) -> Tensor:
        """−log p(x | y) in nats ``(B,)``, the end included.

        Args:
            x: ``(B, L)``.
            aim: standardised ``(B, C)``, in the order of ``asked``.
            asked: 1 where a property is asked for ``(B, C)``.
            code: a further condition ``(B, k)``.
        """
        with torch.no_grad():
            reading = self.reading(x)
            told = self.inputs(reading, aim, asked)
        return self._nll(x, told, code)

    def _nll(self, x: Tensor, told: Sequence[Tensor], code: Tensor | None = None) -> Tensor:
        length = int((x > 0).sum(1).max()) + 1
        log_p, _ = self.model(*(part[:, :length] for part in told), code=code)
        target = torch.nn.functional.pad(x, (0, 1))[:, :length]
        there = torch.arange(length, device=x.device) <= (x > 0).sum(1, keepdim=True)
        found: Tensor = -(log_p.gather(2, target[..., None])[..., 0] * there).sum(1)
        return found

    # -- training ---------------------------------------------------------------------------------

    def draw_asked(self, rows: int) -> Tensor:
        """Which properties each molecule of a batch is told ``(B, C)``."""
        width = self.task_rows.shape[1]
        u = torch.special.ndtr(self.noise(rows, 2 + width, dtype=torch.float64))
        task = (u[:, 0] * len(self.task_rows)).long().clamp(max=len(self.task_rows) - 1)
        found = self.task_rows[task].to(u)
        at_random = (u[:, 2:] < 0.5).to(u)
        kind = u[:, 1:2]
        found = torch.where(kind < 2 * self.dropout, at_random, found)
        return torch.where(kind < self.dropout, torch.zeros_like(found), found)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """A step of maximum likelihood for each minibatch, molecules of like length together."""
        x, y = batch[0], batch[1][:, self.columns]
        with torch.no_grad():
            asked = self.draw_asked(len(x)).to(y)
            told = self.inputs(self.reading(x), y, asked)
        order = (x > 0).sum(1).argsort(stable=True)
        parts = torch.split(order, self.minibatch)
        turns = self.shared_noise(len(parts)).argsort()
        total = x.new_zeros((), dtype=torch.float64)
        for i in turns.tolist():
            rows = parts[i]
            with self.turn("model"):
                loss = self._nll(x[rows], [part[rows] for part in told]).mean()
                self.minimise(loss)
            total += loss.detach() * len(rows)  # stays on the device, which is not waited for
        if self.log_now:
            self.log_training({"nll": total / len(x)}, len(x))

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Row numbers, molecules, and log p(x | y) in nats, given all properties asked for."""
        x, y = batch[0], batch[1][:, self.columns]
        return {"row": batch[2], "x": x, "log_prob": -self.nll(x, y, torch.ones_like(y))}

    def configure_evaluator(self, stage: Literal["val", "test"]) -> Evaluator:
        """Likelihoods; in a thorough look, draws for targets of the set."""
        assert self.data is not None
        return TargetingEvaluator(self.data, self.columns, self.task_rows.cpu(), self.protocol)
