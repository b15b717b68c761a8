"""What git knows of the checkout that this package lies in."""

from __future__ import annotations

import subprocess
from functools import cached_property, lru_cache
from pathlib import Path

from symmetry_pl.runs.provenance import CODE, git_commit

__all__ = ["History"]


class History:
    """Commits of a checkout, and what has changed since.

    Args:
        root: the checkout; by default the folder that the package lies in.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = (root or Path(__file__).resolve().parents[2]).resolve()
        self._since = lru_cache(maxsize=None)(self._find_changes)

    @cached_property
    def present(self) -> bool:
        """Whether there is a repository here, and a git to read it."""
        return (self.root / ".git").exists() and self._git("rev-parse", "HEAD") is not None

    def commit(self) -> str | None:
        """The commit that is checked out, `+` where code differs from it; None outside of one."""
        return git_commit(self.root)

    def knows(self, commit: str) -> bool:
        """Whether a commit is in this repository; in a shallow clone older ones are not."""
        return self.present and self._git("cat-file", "-e", f"{commit}^{{commit}}") is not None

    def changed(self, commit: str, files: list[Path]) -> list[Path]:
        """Which files are not as they were at a commit; one that only moved is."""
        return [path for path in files if self._below(path) in self._since(commit)]

    def _below(self, path: Path) -> str:
        return path.resolve().relative_to(self.root).as_posix()

    def _find_changes(self, commit: str) -> frozenset[str]:
        """Files of now that are not as they were, below the root."""
        listed = self._git("diff", "--name-status", "-M", "-z", commit, "--", *CODE)
        changed: set[str] = set()
        words = iter((listed or "").split("\0"))
        for status in words:
            if not status:
                continue
            path = next(words)
            if status[0] in "RC":
                path = next(words)
            if status != "R100":
                changed.add(path)
        untracked = self._git("ls-files", "--others", "--exclude-standard", "-z", "--", *CODE)
        return frozenset(changed | set((untracked or "").split("\0")) - {""})

    def _git(self, *command: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(self.root), *command], capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout
