"""Whether results are still those of the code, the configs and the data that there are now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from symmetry_pl.reproduce.evidence import Evidence, evidence_of, place, place_of
from symmetry_pl.reproduce.experiment import Experiment, System
from symmetry_pl.reproduce.experiments import load_experiment
from symmetry_pl.reproduce.history import History
from symmetry_pl.reproduce.jobs import data_homes, settings_digest
from symmetry_pl.reproduce.report import read_results, taken
from symmetry_pl.reproduce.sources import code_files, data_digests, files_digest
from symmetry_pl.runs.folders import config_root

__all__ = ["check", "findings", "report"]

_SEEDS = 3

# What a row may have to say of itself, in the words of the summary.
_KINDS = {
    "changed": "changed since",
    "unseen": "not to be compared here",
    "seeds": f"fewer than {_SEEDS} seeds",
    "missing": "seeds of the command missing",
    "mixed": "seeds of different code",
    "dirty": "made with uncommitted changes",
    "commit": "made without a commit",
    "copy": "no longer what they were taken from",
    "gone": "no such system any more",
}


@dataclass(frozen=True)
class _Row:
    """One system of one results file."""

    experiment: Experiment
    system: System
    evidence: Evidence
    history: History

    @property
    def config(self) -> Path:
        return config_root() / self.system.config

    @property
    def configs(self) -> list[Path]:
        return [config_root() / one.config for one in _chain(self.experiment, self.system)]

    @cached_property
    def code(self) -> dict[str, Path]:
        return code_files(self.config)

    @property
    def commit(self) -> str | None:
        """The commit of the row's first seed that has one."""
        return next((commit.rstrip("+") for commit in self.evidence.commits if commit), None)

    @cached_property
    def known(self) -> bool:
        """Whether the commit can be compared with what is here."""
        return self.commit is not None and self.history.knows(self.commit)

    def since(self, files: list[Path]) -> list[Path]:
        """Which files have changed since the commit."""
        return self.history.changed(self.commit or "", files) if self.known else []

    def changes(self) -> list[str]:
        """What is not as it was: code, config and options, data."""
        found = []
        if self.code_changed():
            count = len(self.since(list(self.code.values())))
            found.append(f"code ({count} of {len(self.code)} files)" if count else "code")
        if self.evidence.settings:
            if self.evidence.settings != _settings(self.experiment, self.system):
                found.append("config or options")
        elif self.since(self.configs):
            found.append("config")
        changed = [name for name, here in self.other_data().items() if here]
        return found + ([f"data ({', '.join(changed)})"] if changed else [])

    def code_changed(self) -> bool:
        """Whether the code is another than that of any seed."""
        if self.evidence.code:
            now = files_digest(self.code)
            return any(digest != now for seed in self.evidence.code for digest in seed)
        return bool(self.since(list(self.code.values())))

    def other_data(self) -> dict[str, bool]:
        """Data files that are not as they were, and whether they are here at all."""
        homes = data_homes()
        if self.evidence.code or self.evidence.data:
            paths = {name: _below(homes, name) for name in self.evidence.data}
            now = data_digests([path for path in paths.values() if path.is_file()], homes)
            then = self.evidence.data
            return {name: name in now for name in then if now.get(name) != then[name]}
        # without a record: the data that lie beside the code, where the code names them
        text = "".join(path.read_text(encoding="utf-8") for path in self.code.values())
        beside = [p for p in sorted(homes["datamodules"].glob("*.*")) if p.name in text]
        return {path.name: True for path in self.since(beside)}

    def facts(self, folder: Path) -> Iterator[tuple[str, str]]:
        """Kind and words of all there is to say; words may be empty."""
        e = self.evidence
        recorded = bool(e.settings and e.code)
        made = f"made at {(self.commit or '')[:9]}{' with uncommitted changes' * e.dirty}"
        if self.commit is None:
            yield "commit", "made without a commit"
        elif self.known or recorded:
            yield "made", made
        elif self.history.present:
            yield "unseen", f"{made}, which is not in this repository"
        else:
            yield "unseen", f"{made}, and here is no repository to compare with"
        if e.dirty:
            yield "dirty", ""
        changes = self.changes()
        if changes:
            yield "changed", f"since then changed: {', '.join(changes)}"
        absent = [name for name, here in self.other_data().items() if not here]
        if absent:
            yield "unseen", f"data not here: {', '.join(absent)}"
        if e.mixed:
            yield "mixed", "seeds made by different code"
        if len(e.seeds) < _SEEDS:
            yield "seeds", f"{len(e.seeds)} seed" + ("s" if len(e.seeds) > 1 else "")
        if e.missing:
            yield "missing", f"seeds {', '.join(map(str, e.missing))} of its command are missing"
        if self.system.taken_from is not None and not self.is_copy(folder):
            yield "copy", f"is not what is in {self.system.taken_from.experiment}"

    def is_copy(self, folder: Path) -> bool:
        """Whether a row that is taken from another experiment says so, and is a copy of it."""
        source = taken(self.experiment, self.system, "", folder)
        result = read_results(self.experiment, folder) or {"rows": []}
        where = place_of(self.experiment, self.system)
        mine = {row["metric"]: row["values"] for row in result["rows"] if place(row) == where}
        theirs = {row["metric"]: row["values"] for row in source[1]} if source else {}
        return self.evidence.taken_from == self.system.taken_from and mine == theirs


def findings(
    experiment: Experiment, folder: Path, history: History | None = None
) -> dict[str, list[tuple[str, str]]]:
    """What there is to say of each row of an experiment's results: kind and words.

    Args:
        experiment: whose results.
        folder: where results files lie.
        history: of the checkout.

    Returns:
        Key of the system to facts; none of a row that is what would be made now, by three seeds.
    """
    result: dict[str, Any] = read_results(experiment, folder) or {"rows": []}
    evidence = evidence_of(result)
    history = history or History()
    found: dict[str, list[tuple[str, str]]] = {}
    for system in experiment.systems:
        one = evidence.pop(place_of(experiment, system), None)
        if one is not None:
            facts = list(_Row(experiment, system, one, history).facts(folder))
            found[system.key] = facts if {kind for kind, _ in facts} != {"made"} else []
    for dataset, name in evidence:
        found[f"{dataset}/{name}"] = [("gone", "the experiment has no such system any more")]
    return found


def report(found: dict[str, dict[str, list[tuple[str, str]]]]) -> list[str]:
    """Lines to print: a row of results each, and a summary.

    Args:
        found: experiment to what `findings` gives.
    """
    lines = []
    kinds: Counter[str] = Counter()
    for name, rows in found.items():
        lines.append(name if rows else f"{name}: no results")
        for key, facts in rows.items():
            said = "; ".join(words for _, words in facts if words)
            lines.append(f"  {key}: {said or 'as it would be made now'}")
            kinds.update({kind for kind, _ in facts} - {"made"})
    total = sum(map(len, found.values()))
    fine = sum(not facts for rows in found.values() for facts in rows.values())
    sums = [f"{words}: {kinds[kind]}" for kind, words in _KINDS.items() if kinds[kind]]
    lines.append("; ".join([f"rows: {total}", f"as they would be made now: {fine}", *sums]))
    return lines


def check(experiments: list[Experiment], folder: Path) -> tuple[list[str], bool]:
    """The report of some experiments' results, and whether there is nothing to say against them.

    Raises:
        FileNotFoundError: if there is no results file at all.
    """
    if not any((folder / f"{e.slug}.json").is_file() for e in experiments):
        raise FileNotFoundError(f"--out: no results of {experiments[0].name} in {folder}")
    history = History()
    found = {e.name: findings(e, folder, history) for e in experiments}
    lines = report(found)
    unrecorded = sum(
        not one.settings
        for e in experiments
        for one in evidence_of(read_results(e, folder) or {"rows": []}).values()
    )
    if unrecorded:
        lines.append(
            f"made before options and data files were recorded: {unrecorded}; their configs are "
            "compared by git, changes of options beside them and of downloaded data are not seen"
        )
    return lines, not any(facts for rows in found.values() for facts in rows.values())


def _chain(experiment: Experiment, system: System) -> list[System]:
    """The systems whose runs a row is made of, in order: what it starts from, then itself."""
    if system.taken_from is not None:
        source = system.taken_from
        experiment = load_experiment(source.experiment)
        system = next(s for s in experiment.systems if source.system in (s.name, s.key))
    first = experiment.first_of(system)
    return [*([] if first is None else _chain(experiment, first)), system]


def _settings(experiment: Experiment, system: System) -> str:
    settings = ""
    for one in _chain(experiment, system):
        settings = settings_digest(one, settings)
    return settings


def _below(homes: dict[str, Path], name: str) -> Path:
    home, _, inner = name.partition("/")
    return homes[home] / inner if home in homes else Path(name)
