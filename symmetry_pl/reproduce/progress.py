"""What of an experiment is running, done and failed, and how long is left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

__all__ = ["Progress", "span"]

_EVERY = 60.0  # seconds between two tables while nothing ends
_NAMED = 4


class Progress:
    """Lines for people and for log files: one a run that ends, and a table a minute.

    Args:
        names: of all runs.
        seconds: what some of them are known to take.
        tell: prints a line.
        clock: seconds from anywhere.
    """

    def __init__(
        self,
        names: Sequence[str],
        seconds: Mapping[str, float],
        tell: Callable[[str], None] = lambda line: print(line, flush=True),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._waiting = dict.fromkeys(names)
        self._running: dict[str, float] = {}
        self._total, self._ended, self._failed = len(names), 0, 0
        self._seconds, self._tell, self._clock = seconds, tell, clock
        self._lock, self._over = threading.Lock(), threading.Event()
        self._known_done = self._took = 0.0
        self._table = threading.Thread(target=self._each_minute, daemon=True)

    def __enter__(self) -> Progress:
        """Tables come from now on."""
        self._table.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """No more tables."""
        self._over.set()
        self._table.join()

    def begin(self, name: str) -> None:
        """A run begins."""
        with self._lock:
            self._waiting.pop(name, None)
            self._running[name] = self._clock()

    def end(self, name: str, line: str) -> None:
        """A run has ended: print its line, and how far all of them are."""
        with self._lock:
            begun = self._running.pop(name, None)
            self._waiting.pop(name, None)
            self._ended += 1
            self._failed += "FAILED" in line
            if begun is not None and name in self._seconds and "CPU-s" in line:
                self._took += self._clock() - begun
                self._known_done += self._seconds[name]
            rest = self._left()
            more = f"; {rest}" if rest and self._ended < self._total else ""
            self._tell(f"[{self._ended}/{self._total}] {line}{more}")

    def table(self) -> str:
        """Counts, what runs since when, and how long is left."""
        with self._lock:
            now = self._clock()
            named = [
                f"{name} ({span(now - t)})" for name, t in list(self._running.items())[:_NAMED]
            ]
            more = len(self._running) - len(named)
            parts = [
                f"running {', '.join(named)}" + (f" and {more} more" if more else ""),
                f"done {self._ended - self._failed}",
                f"failed {self._failed}",
                f"waiting {len(self._waiting)}",
            ]
            rest = self._left()
            return "; ".join([*parts, *([rest] if rest else [])])

    def _left(self) -> str:
        """How long what is known takes, at the pace so far; empty where nothing is known."""
        pace = self._took / self._known_done if self._known_done else 1.0
        now = self._clock()
        known = [pace * self._seconds[n] for n in self._waiting if n in self._seconds]
        known += [
            max(0.0, pace * self._seconds[n] - (now - begun))
            for n, begun in self._running.items()
            if n in self._seconds
        ]
        unknown = len(self._waiting) + len(self._running) - len(known)
        if not known:
            return ""
        least = f", and {unknown} of which it is not known" if unknown else ""
        return f"about {span(sum(known) / max(1, len(self._running)))} left{least}"

    def _each_minute(self) -> None:
        while not self._over.wait(_EVERY):
            if self._running:
                self._tell(self.table())


def span(seconds: float) -> str:
    """A time as people say it.

    >>> span(42), span(170), span(5000)
    ('42 s', '3 min', '1 h 23 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
