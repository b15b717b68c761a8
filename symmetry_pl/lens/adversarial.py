"""The game of methods that look for a group whose elements a discriminator cannot notice."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from symmetry_pl.core import DataDescription, Player, PlayerOptions
from symmetry_pl.lens.cloud_elements import as_vectors
from symmetry_pl.lens.element_evaluation import ElementEvaluator
from symmetry_pl.lens.generator_module import GeneratorModule
from symmetry_pl.nn.mlp import MLP

__all__ = ["AdversarialGenerator", "apply_blocks"]

Pair = tuple[Tensor, Tensor]
"""Inputs ``(B, d)`` and targets ``(B, t)``, which may have no columns."""


class AdversarialGenerator(GeneratorModule):
    r"""Random elements g of a parametrised group that leave the law of the data as it is.

    .. math:: \min_G \max_D\; E \log D(x, y) + E \log(1 - D(g x, \pi(g) y))

    with π(g) = g where targets are vectors and 1 where they are not. The generator minimises
    −E log D(g x, π(g) y) instead, as published, and the penalty of its method. The law of x alone
    is asked where there are no targets.

    A subclass gives ``configure_group``, ``elements`` and ``generators``.

    Args:
        blocks: b: a sample is b vectors of n = d / b numbers that move alike, such as particles,
            or the points of a cloud in a fixed order.
        widths: of the hidden layers of the discriminator; those of the paper if null.
        activation: of the discriminator.
        moves_target: whether targets are vectors as well, of n numbers each.
        batch_split: ``shared``: the generator moves first, then the discriminator sees the batch
            and the same moved one (LieGAN). ``dealt``: the discriminator moves first, on a quarter
            that is real and a quarter that is moved; the other half is the generator's
            (SymmetryGAN, in the authors' code and in that of SymmetryLens).
        separate_updates: one step of the discriminator on what is real, another on what is moved,
            each with its own mean (SymmetryGAN in the authors' code), instead of one on both.
        kwargs: options of ``GeneratorModule``; ``topology`` is not used.

    Raises:
        ValueError: for samples that are not b vectors, or batches that cannot be dealt.
    """

    least_dim = 2
    default_widths: ClassVar[tuple[int, ...]] = (512, 512)
    headline: ClassVar[tuple[str, ...]] = (
        "objective",
        "generator_cosine",
        "algebra_cosine",
        "subgroup_cosine",
    )

    def __init__(
        self,
        blocks: int = 1,
        widths: list[int] | None = None,
        activation: str = "leaky_relu",
        moves_target: bool = False,
        batch_split: Literal["shared", "dealt"] = "shared",
        separate_updates: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if blocks < 1:
            raise ValueError(f"model.blocks must be at least 1, got {blocks}")
        self.blocks = blocks
        self.moves_target = moves_target
        self.favoured: Tensor

    # -- what a subclass says --------------------------------------------------------------------

    @abstractmethod
    def configure_group(self, n: int) -> nn.Module:
        """What the player ``generator`` moves: a group of n × n matrices."""

    @abstractmethod
    def elements(self, normal: Tensor) -> Tensor:
        """Elements ``(B, n, n)``, or one ``(1, n, n)`` for all, of normal numbers ``(B, c)``."""

    @property
    def coefficients(self) -> int:
        """c, the normal numbers that an element is drawn from; 0 where there is but one."""
        return 0

    @property
    def acted_dim(self) -> int:
        """n, the numbers of a vector that an element acts on."""
        return self.block_dim

    @property
    def game_weight(self) -> float:
        """Of the discriminator's verdict in the generator's loss."""
        return 1.0

    def seen(self, pair: Pair) -> Pair:
        """What elements act on and the discriminator sees: samples and targets as they are."""
        return pair

    def penalty(self, x: Tensor, seen: Tensor, moved: Tensor) -> dict[str, Tensor]:
        """Terms that the generator's loss has besides, by name; none by default.

        Args:
            x: samples.
            seen: what the discriminator sees of them.
            moved: that after g.
        """
        return {}

    # -- networks, players and figures -----------------------------------------------------------

    def describe_data(self, data: DataDescription, source: str = "the checkpoint") -> None:
        """Take clouds of n points as samples of n vectors."""
        super().describe_data(as_vectors(data, self.blocks, type(self).__name__), source)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Flatten clouds ``(B, n, d)``."""
        return (batch[0].flatten(1), *batch[1:])

    def check_data(self, data: DataDescription) -> None:
        """Refuse what is not b vectors of one length, with targets that move if they shall."""
        super().check_data(data)
        d, t = data.x_shape[0], len(data.target_names)
        if d % self.blocks:
            raise ValueError(f"samples of {d} numbers are not model.blocks {self.blocks} vectors")
        if self.moves_target and (not t or t % (d // self.blocks)):
            raise ValueError(
                f"model.moves_target needs targets that are vectors of {d // self.blocks} numbers, "
                f"and the data have {t} columns"
            )

    def configure_networks(self, data: DataDescription) -> None:
        """The group and the discriminator of (x, y)."""
        n, t = self.acted_dim, len(data.target_names)
        self.group = self.configure_group(n)
        given = self.hparams["widths"] or list(self.default_widths)
        inputs = self.blocks * n + t
        self.discriminator = MLP(inputs, 1, given, activation=self.hparams["activation"])
        self.register_buffer("favoured", torch.full((2,), float("nan")))

    def configure_players(self) -> dict[str, Player]:
        """The group and its critic, with the rates of LieGAN."""
        ours = PlayerOptions(lr=1e-3, betas=[0.5, 0.999])
        return {
            "generator": Player([self.group], ours),
            "discriminator": Player([self.discriminator], PlayerOptions(lr=2e-4)),
        }

    def configure_evaluator(self, stage: Literal["val", "test"]) -> ElementEvaluator:
        """How far moved samples are from others, and elements from the true ones."""
        return ElementEvaluator()

    def learned(self) -> dict[str, Tensor]:
        """Elements, and the Lie algebra they are of."""
        algebra = self.algebra()
        return super().learned() | ({} if algebra is None else {"algebra": algebra.detach()})

    def predict_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Row numbers, and samples moved by the first generator."""
        return {"row": batch[2], "moved": apply_blocks(self.generators()[:1], batch[0])}

    def act(self, seen: Pair, normal: Tensor) -> Pair:
        """What is seen of samples, under random elements of normal numbers ``(B, c)``."""
        x, y = seen
        g = self.elements(normal)
        return apply_blocks(g, x), apply_blocks(g, y) if self.moves_target else y

    def move(self, pair: Pair, normal: Tensor) -> Pair:
        """Samples and targets under random elements, of normal numbers ``(B, c)``."""
        return self.act(pair, normal)

    def still(self, x: Tensor) -> Tensor:
        """Samples under the identity."""
        return x

    # -- one step --------------------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """Refuse batches too small to be dealt."""
        super().setup(stage)
        size = getattr(getattr(self.trainer, "datamodule", None), "batch_size", 4)
        if self.hparams["batch_split"] == "dealt" and size % 4:
            raise ValueError(
                f"data.batch_size {size} is not dealt by quarters: take a multiple of 4"
            )

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """A turn of each player, in the order and on the shares of ``batch_split``."""
        x, y = batch[0], batch[1]
        if self.hparams["batch_split"] == "shared":
            losses, seen, moved = self._generate((x, y))
            losses |= self._discriminate(seen, moved)
        else:
            cut = len(x) // 4
            real, fake, ours = (
                (x[a:b], y[a:b]) for a, b in ((0, cut), (cut, 2 * cut), (2 * cut, 4 * cut))
            )
            with torch.no_grad():
                normal = self.noise(cut, self.coefficients, dtype=x.dtype)
                seen, moved = self.seen(real), self.act(self.seen(fake), normal)
            losses = self._discriminate(seen, moved)
            losses |= self._generate(ours)[0]
        if self.log_now:
            self.log_training(losses, len(x))

    def _generate(self, pair: Pair) -> tuple[dict[str, Any], Pair, Pair]:
        """A step of the generator; what it was taken on, and that moved."""
        x = pair[0]
        normal = self.noise(len(x), self.coefficients, dtype=x.dtype)
        with self.turn("generator"):
            seen = self.seen(pair)
            moved = self.act(seen, normal)
            fooled = self._entropy(moved, real=True)
            terms = self.penalty(x, seen[0], moved[0])
            self.minimise(self.game_weight * fooled + sum(terms.values()))
        losses = {"generator_loss": fooled, **terms}
        return losses, (seen[0].detach(), seen[1]), (moved[0].detach(), moved[1].detach())

    def _discriminate(self, real: Pair, moved: Pair) -> dict[str, Any]:
        """A step of the discriminator on what is real and what is moved, or one on each."""
        with self.turn("discriminator"):
            if self.hparams["separate_updates"]:
                parts = []
                for pair, known in ((real, True), (moved, False)):
                    parts.append(self._entropy(pair, real=known))
                    self.minimise(parts[-1])
                return {"discriminator_loss": (parts[0] + parts[1]) / 2}
            loss = (self._entropy(real, real=True) + self._entropy(moved, real=False)) / 2
            self.minimise(loss)
        return {"discriminator_loss": loss}

    def _entropy(self, pair: Pair, real: bool) -> Tensor:
        """Cross-entropy of the discriminator's verdict with what is so, in nats."""
        logit = self.discriminator(torch.cat(pair, 1))
        return cross_entropy(logit, torch.full_like(logit, float(real)))


def apply_blocks(g: Tensor, x: Tensor) -> Tensor:
    """Matrices ``(B, n, n)``, or one ``(1, n, n)``, on samples of b vectors each, ``(B, b n)``.

    >>> turn = torch.tensor([[[0.0, -1.0], [1.0, 0.0]]])
    >>> apply_blocks(turn, torch.tensor([[1.0, 0.0, 0.0, 2.0]])).tolist()
    [[0.0, 1.0, -2.0, 0.0]]
    """
    vectors = x.view(len(x), -1, g.shape[-1])
    moved: Tensor = vectors @ g.mT
    return moved.flatten(1)
