"""A run that is told to stop: what clusters send ends it at once, with the exit code of a stop."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Stopped", "stops_raised"]

SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1")
    if hasattr(signal, name)
)
_CAREFUL = {"queue", "threading", "logging", "tensorboard"}  # modules that hold locks
_PATIENCE = 1.0  # seconds that a stop waits for them
_AGAIN = 0.01


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
    that too. A signal that is ignored, as HUP under nohup, stays so. One that comes while a lock
    of other threads is held, as TensorBoard's queue is while something is put into it, waits until
    it is not, for a second at most: threads that were never woken would keep the process from
    ending.

    Args:
        signals: which; TERM, INT, HUP and USR1, where there are such.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in signals}
    first: float | None = None  # when a signal came

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal first
        first = time.monotonic() if first is None else first
        if _busy(frame) and time.monotonic() - first < _PATIENCE:
            again = threading.Timer(_AGAIN, _to_the_main_thread, (number,))
            again.daemon = True
            again.start()
            return
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


def _busy(frame: FrameType | None) -> bool:
    """Whether an exception raised here might leave a lock held, or be swallowed."""
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] in _CAREFUL:
            return True
        if frame.f_code.co_name == "__del__":  # what is raised there is printed and forgotten
            return True
        frame = frame.f_back
    return False


def _to_the_main_thread(number: int) -> None:
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, number)
