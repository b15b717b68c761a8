"""What is broken on purpose, what happens then, and the tests that see it: the table of the docs.

``python tests/faults.py`` writes it into docs/reliability.md.
"""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/reliability.md"
FIRST, LAST = "<!-- faults -->\n", "<!-- /faults -->"


class Fault(NamedTuple):
    """A row: what goes wrong, what the user meets, and where it is tested (file::test)."""

    what: str
    then: str
    tests: tuple[str, ...]


FAULTS = (
    Fault(
        "TERM, INT, HUP or USR1 (SLURM, Kubernetes, Ctrl-C)",
        "exit code 143, 130, 129 or 138; one sentence with the command that goes on from the last "
        "whole epoch; resumed, the weights are the same bit for bit",
        (
            "test_stops.py::test_a_stopped_fit_goes_on_as_if_it_had_not_been",
            "test_trials.py::test_twenty_stops_at_random_moments_change_nothing",
        ),
    ),
    Fault(
        "kill -9",
        "the last whole checkpoint stays; resumed bit for bit",
        ("test_runs.py::test_killed_and_resumed_is_uninterrupted",),
    ),
    Fault(
        "`reproduce` is interrupted, or killed",
        "its fits stop with it; the next call resumes them and writes the same table",
        ("test_trials.py::test_a_table_interrupted_anywhere_is_the_same_table",),
    ),
    Fault(
        "several fits of one name begin at once",
        "a folder each; a folder that is trained in is refused to others",
        (
            "test_trials.py::test_as_many_runs_as_fits_that_begin_at_once",
            "test_stops.py::test_folders_are_claimed_by_one_process_each",
            "test_stops.py::test_a_folder_is_trained_in_by_one_process",
        ),
    ),
    Fault(
        "one of several processes is killed",
        "the others end with exit code 1 and a sentence that says how to go on",
        ("test_stops.py::test_a_killed_process_ends_the_others_with_a_sentence",),
    ),
    Fault(
        "another number of processes, another size of batches",
        "the same figures to 1e-6 in float64; samples that are repeated to give equal shares are "
        "left out, and what is drawn for a sample depends on its place in the set",
        ("test_processes.py::test_figures_of_four_processes_are_those_of_one",),
    ),
    Fault(
        "a full disk, a quota, a limit of file sizes, a folder that is not ours",
        "exit code 2 and a sentence with the path and a remedy; figures are printed before they "
        "are written; no checkpoint is lost, no half file stays; goes on when there is room",
        (
            "test_disks.py::test_a_full_disk_at_any_write_of_a_run_costs_no_checkpoint",
            "test_disks.py::test_a_run_on_a_small_disk_goes_on_when_there_is_room",
            "test_disks.py::test_figures_are_printed_before_they_are_written",
            "test_disks.py::test_a_limit_of_file_sizes_is_named",
            "test_disks.py::test_folders_that_cannot_be_are_named",
        ),
    ),
    Fault(
        "a checkpoint is damaged while it is written",
        "it is read back before it replaces the older one, which stays",
        ("core/test_checkpoint_io.py",),
    ),
    Fault(
        "a loss or gradient that is not finite",
        "no step: player, batch and learning rate are named; such weights reach no checkpoint, and "
        "are refused where they are read",
        (
            "test_stops.py::test_an_absurd_learning_rate_is_one_sentence_and_spoils_nothing",
            "test_stops.py::test_weights_that_are_not_finite_are_refused",
        ),
    ),
    Fault(
        "`--trainer.logger false`, or another logger",
        "config, record and figures are in the run's folder all the same",
        ("training/test_command.py::test_a_run_is_the_same_with_any_logger",),
    ),
    Fault(
        "damaged checkpoints, foreign pickles, payloads",
        "refused in one sentence; nothing in them is executed",
        (
            "core/test_checkpoint.py::test_other_files_are_one_sentence_that_names_the_option",
            "core/test_checkpoint.py::test_damaged_parts_are_named",
        ),
    ),
    Fault(
        "SMILES that RDKit reads as something else (`C😀`, `[C+200]`), or for minutes",
        "refused with the reason and the row, in bounded time",
        ("test_inputs.py::test_smiles_are_read_as_they_stand_or_not_at_all",),
    ),
    Fault(
        "`1_000`, digits of other scripts, 1e-400, 1e308 in tables",
        "no numbers, or beyond all units: refused with row and column",
        (
            "test_inputs.py::test_only_numbers_of_the_format_are_numbers",
            "test_inputs.py::test_a_property_beyond_all_units_is_refused",
        ),
    ),
    Fault(
        "a table with cells that are no numbers, ragged rows, decimal points and commas, "
        "separators of thousands, another encoding",
        "refused, or left out where that is asked for, with row, line and column; all faults are "
        "in `bad_rows.csv`, which the sentence names; what could mean two things is never guessed",
        (
            "callbacks/test_refused_rows.py::"
            "test_refused_rows_are_one_sentence_and_a_file_that_it_names",
            "datamodules/vectors/test_table.py::test_what_cannot_be_used_is_one_sentence",
        ),
    ),
    Fault(
        "bombs (gzip, YAML), archives that announce terabytes, damaged files of every reader",
        "refused in one sentence of at most a thousand characters, within seconds",
        (
            "test_inputs.py::test_gzip_bombs_are_not_unpacked",
            "test_inputs.py::test_configs_that_are_none_are_refused_at_once",
            "test_inputs.py::test_arrays_that_lie_are_refused",
            "test_inputs.py::test_damaged_archives_are_refused",
            "test_fuzz.py::test_hostile_input_is_read_or_refused_in_one_sentence",
        ),
    ),
    Fault(
        "options of the wrong type or range, NaN, unknown names",
        "one sentence that names the option, before anything is computed; no folder is made",
        (
            "test_inputs.py::test_options_are_refused_in_one_sentence",
            "test_inputs.py::test_numbers_out_of_range_are_refused",
        ),
    ),
)


def table() -> str:
    """Markdown."""
    lines = ["| what goes wrong | what happens | seen by |", "|---|---|---|"]
    for fault in FAULTS:
        seen = ", ".join(f"`tests/{test}`" for test in fault.tests)
        lines.append(f"| {fault.what} | {fault.then} | {seen} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """docs/reliability.md with the table of now."""
    before, rest = PAGE.read_text(encoding="utf-8").split(FIRST)
    return f"{before}{FIRST}{table()}{LAST}{rest.split(LAST)[1]}"


def missing() -> list[str]:
    """Tests that the table names and there are not."""
    found = []
    for name in (test for fault in FAULTS for test in fault.tests):
        file, _, test = name.partition("::")
        path = ROOT / "tests" / file
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if not text or (test and not re.search(rf"^def {test}\(", text, re.MULTILINE)):
            found.append(name)
    return found


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
