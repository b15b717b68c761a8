"""TensorBoard figures of what a bottleneck method has learned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from matplotlib.figure import Figure
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor

from symmetry_pl.callbacks import plots
from symmetry_pl.core import DataDescription
from symmetry_pl.stib.invariance import InvarianceModule

_GAME = ("mi_critic", "mi_adversary")
_LEAKAGE = ("mi_z0_y", "mi_z0_y_white", "mi_z0_y_probe")
_STEPS = 5


class Figures(Callback):
    """Draw the latent plane, reconstructions, targets, molecules and the game over time.

    Figures are made on process 0 from the last evaluation, at the x-axis of the batch counter:
    in a fit after every ``every`` validations and at its end, and in every test.

    Args:
        every: validations between two sets of figures; None draws eight sets a fit.
    """

    def __init__(self, every: int | None = None) -> None:
        self.every = every
        self._validations = 0
        self._curves: dict[str, tuple[list[float], list[float]]] = {}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *args: Any, **kwargs: Any
    ) -> None:
        """Remember the game's losses at the batches that are logged."""
        if isinstance(pl_module, InvarianceModule) and pl_module.log_now:
            self._remember(trainer, pl_module, "train", _GAME)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw where a set is due."""
        fitting = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if not isinstance(pl_module, InvarianceModule) or not fitting:
            return
        self._remember(trainer, pl_module, "val", _LEAKAGE)
        self._validations += 1
        epochs = (trainer.max_epochs or 1) / (trainer.check_val_every_n_epoch or 1)
        every = self.every or max(1, round(epochs / 8))
        if self._validations % every == 0 or trainer.current_epoch + 1 == trainer.max_epochs:
            self._draw(trainer, pl_module, "val")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the test set."""
        if isinstance(pl_module, InvarianceModule):
            self._draw(trainer, pl_module, "test")

    def _remember(
        self, trainer: Trainer, module: InvarianceModule, stage: str, names: tuple[str, ...]
    ) -> None:
        for name in names:
            value = trainer.callback_metrics.get(f"{stage}/{name}")
            if value is not None:
                batches, values = self._curves.setdefault(name, ([], []))
                batches.append(module.batches_seen)
                values.append(float(value))

    def _draw(self, trainer: Trainer, module: InvarianceModule, stage: str) -> None:
        loggers = [g for g in trainer.loggers if isinstance(g, TensorBoardLogger)]
        if not trainer.is_global_zero or not loggers or "x" not in module.shown:
            return
        board, step = loggers[0].experiment, module.batches_seen
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        colours = data.colours(module.shown["x"], module.shown["y"])
        with torch.no_grad():
            for name, picture in evaluation_figures(module, colours):
                if isinstance(picture, Figure):
                    board.add_figure(f"{stage}/{name}", picture, step, close=False)
                else:
                    board.add_image(f"{stage}/{name}", picture, step, dataformats="HWC")
        if stage == "val":
            for name, keys, label in (
                ("leakage", _LEAKAGE, "I(Z0;Y) [nats]"),
                ("game", _GAME, "Gaussian I(a(z0); h(y)) [nats]"),
            ):
                curves = {k: self._curves[k] for k in keys if k in self._curves}
                if curves:
                    board.add_figure(f"{stage}/{name}", plots.history(curves, label), step)
        board.flush()


def evaluation_figures(
    module: InvarianceModule, colours: dict[str, Tensor]
) -> Iterator[tuple[str, Any]]:
    """Names and pictures (figures, or RGB arrays) of a module's last evaluation.

    Args:
        module: after a validation or a test.
        colours: what to colour points by, each ``(N,)``, in the order of the evaluation.
    """
    data, shown = module.data, module.shown
    assert data is not None
    hues = {k: v.double().numpy() for k, v in colours.items()}
    z1 = shown["z1"].double().numpy() if "z1" in shown else None
    yield "latent_plane", plots.latent_plane(shown["z0"].double().numpy(), z1, hues)
    if "y_hat" in shown and data.physical:
        names = [f"{n} [{u}]" for n, u in zip(data.target_names, data.target_units, strict=True)]
        truth, predicted = (module.physical(shown[k]).double().numpy() for k in ("y", "y_hat"))
        yield "targets", plots.targets(truth, predicted, names)
    if data.kind == "vector" and data.x_shape == (2,):
        points = {k: v.double().numpy() for k, v in shown.items()}
        pairs = [("X", points["x"], points["x_hat"]), ("Y", points["y"], points.get("y_hat"))]
        yield "reconstructions", plots.reconstructions(pairs, next(iter(hues.items())))
    if data.kind == "tokens":
        yield from _molecule_figures(module, data)


def _molecule_figures(module: InvarianceModule, data: DataDescription) -> Iterator[tuple[str, Any]]:
    from symmetry_pl.molecules import (
        Vocabulary,
        draw_predictions,
        draw_reconstructions,
        representation,
    )

    vocabulary, language = Vocabulary(data.symbols), representation(data.representation)
    shown = module.shown

    def smiles(ids: Tensor) -> list[str | None]:
        return [language.decode(symbols) for symbols in vocabulary.decode(ids)]

    inputs = [s or "" for s in smiles(shown["x"][:12])]
    yield "molecules", draw_reconstructions(inputs, smiles(shown["x_hat"][:12]))
    if "z1" not in shown:
        return
    walk_x, walk_y = walk(module, shown["z0"], shown["z1"])
    units = dict(zip(data.target_names, data.target_units, strict=True))
    properties: list[dict[str, tuple[float, float | None]]] = [
        {n: (float(v), None) for n, v in zip(data.target_names, row, strict=True)}
        for row in module.physical(walk_y)
    ]
    yield "z0_moves_z1_stays", draw_predictions(smiles(walk_x), properties, units, columns=_STEPS)


def walk(module: InvarianceModule, z0: Tensor, z1: Tensor, rows: int = 3) -> tuple[Tensor, Tensor]:
    """Inputs decoded while Z0 moves and Z1 stays, and their targets.

    A row starts from a sample; then its Z0 becomes that of the samples whose Z1 is nearest, one
    after the other, where a straight line in Z0 would cross regions without data. The targets are
    those that the model predicts after encoding the decoded input again, so that they test the
    symmetry instead of repeating g(z1).

    Args:
        module: a method with a Z1.
        z0: ``(N, d0)``.
        z1: ``(N, d1)``.
        rows: starting samples.

    Returns:
        Inputs ``(rows · 5, …)`` and targets ``(rows · 5, t)``, standardised.
    """
    distance = torch.cdist(z1[:rows].float(), z1.float())
    visited = distance.topk(min(_STEPS, len(z1)), largest=False).indices  # itself first
    start = torch.arange(len(visited)).repeat_interleave(visited.shape[1])
    path = z0[visited.flatten()]
    device = module.device
    moved, kept = path.to(device), z1[start].to(device)
    x = module.decode(moved, kept)
    y_hat = module.evaluate(x, kept).y_hat
    assert y_hat is not None
    return x.cpu(), y_hat.cpu()
