"""What a run was made with: code, packages and memory."""

from __future__ import annotations

import platform
import re
import resource
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["CODE", "git_commit", "package_version", "package_versions", "peak_rss_mb"]

CODE = ("symmetry_pl", "datamodules", "configs")
"""Folders of a checkout that figures come from."""

_PACKAGES = (
    "torch",
    "pytorch-lightning",
    "torchmetrics",
    "numpy",
    "scipy",
    "scikit-learn",
    "rdkit",
)


def package_version() -> str:
    """Version of symmetry_pl; ``0+source`` for a source tree that is on the path only."""
    try:
        return version("symmetry_pl")
    except PackageNotFoundError:
        return "0+source"


def package_versions() -> dict[str, str]:
    """Versions of the packages that figures depend on, and of Python."""
    return {name: version(name) for name in _PACKAGES} | {"python": platform.python_version()}


def git_commit(root: Path | None = None) -> str | None:
    """Commit of a checkout, ``+`` where its code differs from it; None outside of one.

    Code is what lies in the package, in datamodules or in configs; a file that is in no commit
    counts if it is Python or YAML.

    Args:
        root: of the checkout; by default that of this package.
    """
    root = Path(__file__).resolve().parents[2] if root is None else root
    if not (root / ".git").exists():
        return None
    status = ("status", "--porcelain", "--untracked-files=all", "-z", "--", *CODE)
    try:
        head, listed = (
            subprocess.run(
                ["git", "-C", str(root), *command], capture_output=True, text=True, check=True
            ).stdout
            for command in (("rev-parse", "HEAD"), status)
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    changes = [
        line
        for line in listed.split("\0")
        if line and (not line.startswith("??") or line.endswith((".py", ".yaml")))
    ]
    return head.strip() + "+" * bool(changes)


def peak_rss_mb() -> float:
    """Peak resident memory of this process.

    Linux counts into ``ru_maxrss`` the peak of the process that started this one; what
    ``/proc/self/status`` says does not. On macOS ``ru_maxrss`` is in bytes.
    """
    status = Path("/proc/self/status")
    own = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    if own is not None:
        return int(own[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
