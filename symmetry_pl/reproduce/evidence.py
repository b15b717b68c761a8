"""What a row of a table was made from, as its results file says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from symmetry_pl.reproduce.experiment import Experiment, System, TakenFrom

__all__ = ["Evidence", "evidence_of", "place", "place_of"]


@dataclass(frozen=True)
class Evidence:
    """What one system's row was made from; digests are empty in files older than them.

    Args:
        dataset: the row's.
        system: the row's.
        command: that wrote the row.
        date: when.
        cores: of the machine.
        asked: seeds that the command asked for; empty where that is not known.
        seeds: that there are.
        commits: one a seed, or one for all; `+` after one with uncommitted changes; None without a
            repository.
        settings: digest of config and options, the same for all seeds.
        code: digests of the code that each seed's run was made by: several where a run that was
            interrupted went on with other code.
        data: digests of the data files, by name.
        versions: of packages.
        taken_from: run of another experiment that the row is a copy of.
    """

    dataset: str
    system: str
    command: str
    date: str
    cores: int | None = None
    asked: tuple[int, ...] = ()
    seeds: tuple[int, ...] = ()
    commits: tuple[str | None, ...] = (None,)
    settings: str = ""
    code: tuple[tuple[str, ...], ...] = ()
    data: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    taken_from: TakenFrom | None = None

    @property
    def dirty(self) -> bool:
        """Whether code had changes that were in no commit."""
        return any(commit is not None and commit.endswith("+") for commit in self.commits)

    @property
    def mixed(self) -> bool:
        """Whether its seeds were not all made by the same code."""
        if self.code:
            return len({digest for one in self.code for digest in one}) > 1
        return len(set(self.commits)) > 1

    @property
    def missing(self) -> tuple[int, ...]:
        """Seeds that the command asked for and that are not there."""
        return tuple(seed for seed in self.asked if seed not in self.seeds)

    def to_json(self) -> dict[str, Any]:
        """As it stands in a results file."""
        taken = None if self.taken_from is None else self.taken_from._asdict()
        return asdict(self) | {"taken_from": taken}

    @staticmethod
    def from_json(entry: Mapping[str, Any]) -> Evidence:
        """Of what `to_json` gave."""
        taken = entry["taken_from"]
        return Evidence(
            **{
                **entry,
                **{name: tuple(entry[name]) for name in ("asked", "seeds", "commits")},
                "code": tuple(map(tuple, entry["code"])),
                "taken_from": None if taken is None else TakenFrom(**taken),
            }
        )


def place(row: Mapping[str, Any]) -> tuple[str, str]:
    """Dataset and system of a row of a results file."""
    return row["dataset"], row["system"]


def place_of(experiment: Experiment, system: System) -> tuple[str, str]:
    """Dataset and system as they stand in results files."""
    return system.dataset or experiment.dataset, system.name


def evidence_of(result: Mapping[str, Any]) -> dict[tuple[str, str], Evidence]:
    """What each row of a results file was made from.

    Files written before rows had their own evidence say one command, date and machine for all of
    them, and one commit a row.
    """
    found = {place(entry): Evidence.from_json(entry) for entry in result.get("evidence", ())}
    for row in result["rows"]:
        if place(row) not in found:
            asked = re.search(r"--seeds ([\d,]+)", result["command"])
            found[place(row)] = Evidence(
                *place(row),
                command=result["command"],
                date=result["date"],
                cores=result["cores"],
                asked=tuple(map(int, asked[1].split(","))) if asked else (),
                seeds=tuple(row["seeds"]),
                commits=(row.get("commit"),),
                versions=result.get("versions") or {},
            )
    return found
