"""A run that is told to stop: what clusters send ends it at once, with the exit code of a stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Stopped", "stops_raised"]

SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1")
    if hasattr(signal, name)
)


class Stopped(SystemExit):
    """Raised in the main thread by a signal; the exit code is 128 and the signal's number.

    Args:
        number: of the signal.

    >>> Stopped(signal.SIGTERM).code, str(Stopped(signal.SIGTERM))
    (143, 'stopped by SIGTERM')
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.signal = signal.Signals(number)
        self.told = False  # whether the user has been told what that means

    def __str__(self) -> str:
        return f"stopped by {self.signal.name}"


@contextmanager
def stops_raised(signals: tuple[signal.Signals, ...] = SIGNALS) -> Iterator[None]:
    """Let signals raise ``Stopped`` within the block; in the main thread alone.

    Only the first does, so that what cleans up after it is left alone; a second INT, Ctrl-C, ends
    that too. A signal that is ignored, as HUP under nohup, stays so.

    Args:
        signals: which; TERM, INT, HUP and USR1, where there are such.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in signals}

    def stop(number: int, frame: FrameType | None) -> None:
        for other in signals:
            signal.signal(other, signal.SIG_DFL if other == signal.SIGINT else signal.SIG_IGN)
        raise Stopped(number)

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)
