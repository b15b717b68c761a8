"""Samplers: an endless stream, epochs of a fixed size, and from a wide pool to rows of interest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DistributedSampler

__all__ = ["CurriculumSampler", "PassSampler", "StreamSampler", "endless_permutation"]

_POOL, _FOCUS, _MIX = 0, 1, 2


class StreamSampler(DistributedSampler[Any]):
    """Never the same index twice: epoch e of an endless dataset is e·n … (e+1)·n − 1.

    Args:
        samples: n, the samples that count as one epoch, over all processes.
        world_size: number of processes W.
        rank: this process; it takes every W-th index.
    """

    def __init__(self, samples: int, world_size: int = 1, rank: int = 0) -> None:
        super().__init__(
            range(samples),  # type: ignore[arg-type]
            num_replicas=world_size,
            rank=rank,
            shuffle=False,
            drop_last=True,
        )

    def __iter__(self) -> Iterator[int]:
        first = self.epoch * self.total_size
        return iter(range(first + self.rank, first + self.total_size, self.num_replicas))


class CurriculumSampler(DistributedSampler[Any]):
    """Epochs of a wide pool first, then epochs that mix a share of focus rows into it.

    Each of the two sets is visited in an endless sequence of random permutations, so every row
    comes once before any comes twice, however many samples an epoch has. What an epoch visits is
    a function of (seed, epoch) alone; process r of W takes positions r, r + W, … of it. Lightning
    calls ``set_epoch``.

    Args:
        pool: row numbers of the wide pool.
        focus: row numbers of interest (may be part of the pool).
        samples_per_epoch: samples that count as one epoch, over all processes; what is not
            divisible by W is left out.
        pretrain_epochs: epochs on the pool alone.
        focus_fraction: share of focus rows in the epochs after that, 0 … 1.
        seed: seed of the order.
        world_size: number of processes W.
        rank: this process.

    Example:
        >>> sampler = CurriculumSampler(torch.arange(10), torch.tensor([3, 7]), 4, 1, 1.0)
        >>> sampler.set_epoch(1)
        >>> sorted(sampler)
        [3, 3, 7, 7]
    """

    def __init__(
        self,
        pool: Tensor,
        focus: Tensor,
        samples_per_epoch: int,
        pretrain_epochs: int,
        focus_fraction: float = 1.0,
        seed: int = 0,
        world_size: int = 1,
        rank: int = 0,
    ) -> None:
        super().__init__(
            range(samples_per_epoch),  # type: ignore[arg-type]
            num_replicas=world_size,
            rank=rank,
            seed=seed,
            drop_last=True,
        )
        self.pool = pool
        self.focus = focus
        self.pretrain_epochs = pretrain_epochs
        self.focus_samples = round(focus_fraction * self.total_size)

    def __iter__(self) -> Iterator[int]:
        rows: list[int] = self.epoch_rows(self.epoch).tolist()
        return iter(rows[self.rank :: self.num_replicas])

    def epoch_rows(self, epoch: int) -> Tensor:
        """Rows that all processes together visit in an epoch, ``(samples,)``, in order."""
        late = max(0, epoch - self.pretrain_epochs)
        from_focus = self.focus_samples if epoch >= self.pretrain_epochs else 0
        from_pool = self.total_size - from_focus
        pool_start = epoch * self.total_size - late * self.focus_samples
        rows = torch.cat(
            [
                endless_permutation(self.pool, pool_start, from_pool, (self.seed, _POOL)),
                endless_permutation(
                    self.focus, late * self.focus_samples, from_focus, (self.seed, _FOCUS)
                ),
            ]
        )
        if from_focus == 0 or from_pool == 0:
            return rows
        mix = _generator(self.seed, _MIX, epoch)
        return rows[torch.randperm(len(rows), generator=mix)]


class PassSampler(CurriculumSampler):
    """Epochs of a fixed size, however many rows there are.

    Passes over all rows follow each other, each in a new random order, and an epoch goes on where
    the one before it ended: a ``CurriculumSampler`` of a pool alone.

    Args:
        rows: how many there are, n.
        samples_per_epoch: samples that count as one epoch, over all processes; what is not
            divisible by W is left out.
        seed: seed of the order.
        world_size: number of processes W.
        rank: this process.

    Example:
        >>> sampler = PassSampler(3, 6)
        >>> epoch = list(sampler)
        >>> sorted(epoch[:3]), sorted(epoch[3:])
        ([0, 1, 2], [0, 1, 2])
    """

    def __init__(
        self, rows: int, samples_per_epoch: int, seed: int = 0, world_size: int = 1, rank: int = 0
    ) -> None:
        every = torch.arange(rows)
        super().__init__(every, every[:0], samples_per_epoch, 0, 0.0, seed, world_size, rank)


def endless_permutation(items: Tensor, start: int, count: int, seed: tuple[int, int]) -> Tensor:
    """Positions start … start + count − 1 of random permutations of ``items``, one after another.

    Args:
        items: ``(N,)``.
        start: first position.
        count: how many.
        seed: numbers that fix all permutations.
    """
    if count == 0:
        return items[:0]
    size = len(items)
    first, last = start // size, (start + count - 1) // size
    passes = [
        items[torch.randperm(size, generator=_generator(*seed, number))]
        for number in range(first, last + 1)
    ]
    offset = start - first * size
    return torch.cat(passes)[offset : offset + count]


def _generator(seed: int, stream: int, number: int) -> torch.Generator:
    """A generator for (seed, stream, number), well mixed: neighbours must not share draws."""
    key = seed & (2**64 - 1)
    for value in (stream, number):
        key = ((key ^ value) * 0x9E3779B97F4A7C15 + 0xD1B54A32D192ED03) % 2**64
        key ^= key >> 29
    return torch.Generator().manual_seed(key % 2**63)
