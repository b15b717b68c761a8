"""Where runs live: ``<log_root>/<run_name>/version_k``."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

LOG_ROOT = "lightning_logs"
"""Where runs live unless another folder is named."""

_VERSION = re.compile(r"version_(\d+)$")


def config_root() -> Path:
    """The folder of shipped configs: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parents[1]
    beside = package.parent / "configs"
    return beside if beside.is_dir() else package / "_configs"


def run_name_of(configs: list[str], log_root: str = LOG_ROOT) -> str:
    """Name of a run from its first config file: its path below ``configs``, without suffix.

    Args:
        configs: config files of the command.
        log_root: folder of all runs, below which a run's own config has the run's name.

    >>> run_name_of(["/a/configs/stib/paper/spiral.yaml", "over.yaml"])
    'stib/paper/spiral'
    >>> run_name_of(["lightning_logs/stib/spiral/version_3/config.yaml"])
    'stib/spiral'
    >>> run_name_of(["out/stib/spiral/version_3/config.yaml"], "out")
    'stib/spiral'
    >>> run_name_of([])
    'default'
    """
    if not configs:
        return "default"
    path = Path(configs[0])
    parts = path.with_suffix("").parts
    if path.stem == "config" and len(parts) > 2 and _VERSION.match(parts[-2]):
        runs = path.resolve().parents[1]
        root = Path(log_root).resolve()
        return runs.relative_to(root).as_posix() if root in runs.parents else runs.name
    for folder in ("configs", "_configs"):
        if folder in parts:
            return "/".join(parts[len(parts) - parts[::-1].index(folder) :])
    return path.stem


def _versions(folder: Path) -> list[tuple[int, Path]]:
    found = ((_VERSION.match(p.name), p) for p in folder.glob("version_*"))
    return sorted((int(m.group(1)), p) for m, p in found if m)


def next_run(folder: Path) -> Path:
    """The first free ``version_k`` of a run name."""
    taken = _versions(folder)
    return folder / f"version_{taken[-1][0] + 1 if taken else 0}"


def claim_run(folder: Path) -> list[Path]:
    """Make the next ``version_k`` of a run name, for this process alone.

    Making a folder decides: of processes that do so at the same moment, each gets one of its own.

    Returns:
        The run's folder, and those above it that had to be made, inner ones first.

    Raises:
        ValueError: where there can be no such folder.
        OSError: where there may not.
    """
    above = [path for path in (folder, *folder.parents) if not path.exists()]
    while True:  # ends: each failure means that another process has just made or withdrawn one
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError as error:  # of a file system that makes no folders, as /proc
            raise ValueError(f"--log_root: the folder {folder} cannot be made") from error
        run = next_run(folder)
        try:
            run.mkdir()
        except (FileExistsError, FileNotFoundError):
            continue
        return [run, *above]


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Keep a run's folder for this process while it trains in it.

    The lock is the system's (``flock``), so that it ends with the process, however that ends.

    Raises:
        ValueError: if another process has it, with where that runs.
    """
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        yield
        return
    path = run / ".running"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise ValueError(
                f"{run} is being trained in by {file.read().strip() or 'another process'}: wait "
                "for its end, or begin another run"
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def newest_run(folder: Path, checkpoint: str) -> Path:
    """The newest run of a name that has the checkpoint ``last`` or ``best``.

    Raises:
        FileNotFoundError: if there is none.
    """
    for _, run in reversed(_versions(folder)):
        if (run / "checkpoints" / f"{checkpoint}.ckpt").is_file():
            return run
    raise FileNotFoundError(
        f"--ckpt_path {checkpoint}: no run under {folder} has checkpoints/{checkpoint}.ckpt; "
        "give the path of a checkpoint, or the run's --run_name"
    )


def run_of_checkpoint(checkpoint: str) -> Path:
    """The run folder a checkpoint lies in."""
    parent = Path(checkpoint).resolve().parent
    return parent.parent if parent.name == "checkpoints" else parent


@contextmanager
def withdrawn_if_refused(
    made: list[Path], begun: Callable[[], bool], remove: Callable[[list[Path]], None]
) -> Iterator[None]:
    """Remove what a refused command made of a run's folder: bad input is no run.

    A folder that was there before, or one whose training had begun, stays. What ends with nothing
    in its folder, as a dry run, leaves none either.

    Args:
        made: the run's folder and those above it that were made for it; empty if it was there.
        begun: whether a batch has been seen.
        remove: ``remove_folders``, or that on one process of several.
    """
    try:
        yield
        if made and not any(made[0].iterdir()):
            remove(made)
    except (ValueError, FileNotFoundError):
        if made and not begun():
            remove(made)
        raise


def remove_folders(made: list[Path]) -> None:
    """Remove the first folder, and those above it unless another run is in them."""
    shutil.rmtree(made[0], ignore_errors=True)
    for folder in made[1:]:
        with suppress(OSError):
            folder.rmdir()


def keep_history(run: Path) -> None:
    """Set aside the metrics.csv of a run that is about to be continued (Lightning deletes it)."""
    history = run / "metrics.csv"
    if history.is_file():
        k = len(list(run.glob("metrics_until_resume_*.csv")))
        history.rename(run / f"metrics_until_resume_{k}.csv")


def validated_figures(run: Path) -> tuple[dict[str, float], int | None]:
    """Figures of the last validation of a run's fit, and after how many batches it was.

    Returns:
        ``val/<name>`` to value, empty if no fit has been recorded.

    Raises:
        ValueError: as ``read_record``.
    """
    record = read_record(run / "metrics.json")
    if "fit" not in record:
        return {}, None
    figures = {k: v for k, v in record.get("metrics", {}).items() if k.startswith("val/")}
    return figures, record["fit"].get("validated")


def read_record(path: Path) -> dict[str, Any]:
    """What a run's ``metrics.json`` says; empty where there is none.

    Raises:
        ValueError: if it was not written by ``RunRecord``, or damaged since.
    """
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}): move it away") from error
    metrics = record.get("metrics", {}) if isinstance(record, dict) else None
    numbers = isinstance(metrics, dict) and all(
        isinstance(value, (int, float)) for value in metrics.values()
    )
    if not numbers or not isinstance(record.get("fit", {}), dict):
        raise ValueError(f"{path} is no record of a run: move it away")
    found: dict[str, Any] = record
    return found
