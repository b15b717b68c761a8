"""torch's global generators, lent to one thread at a time and given back as they were."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch

__all__ = ["global_generators_kept"]

_LENT = threading.RLock()


@contextmanager
def global_generators_kept(devices: Iterable[int] = ()) -> Iterator[None]:
    """Leave the global generators as they were, and to this thread alone within the block.

    Networks draw their first weights from them, and there is one of them a process: where one
    thread trains and another loads what it has trained, each would take numbers out of the other's
    sequence. Whoever seeds or draws and then restores does it in here; the second thread waits.

    Args:
        devices: GPUs whose generators are kept too.

    >>> before = torch.get_rng_state()
    >>> with global_generators_kept():
    ...     _ = torch.manual_seed(3), torch.rand(2)
    >>> torch.equal(torch.get_rng_state(), before)
    True
    """
    with _LENT, torch.random.fork_rng(devices):
        yield
