"""What is said of rows that cannot be used."""

import csv
import io

from symmetry_pl.core.bad_rows import BadRow, bad_rows_table, summarise_bad_rows


def test_a_summary_names_rows_and_reasons():
    bad = [BadRow(11, "C1CC", "unclosed ring"), BadRow(13, "", "empty", 20, "smiles")]
    assert summarise_bad_rows(bad) == (
        "2 unusable rows: row 11 ('C1CC'): unclosed ring; "
        "row 13 on line 20, column 'smiles' (''): empty"
    )


def test_a_row_of_two_faults_is_one_row():
    bad = [BadRow(1, "a", "no number", column=name) for name in "xy"]
    assert summarise_bad_rows(bad).startswith("1 unusable row: ")


def test_summary_of_many_rows_is_short_and_states_the_count():
    text = summarise_bad_rows([BadRow(i, "x", "syntax") for i in range(1000)])
    assert text.startswith("1000 unusable rows")
    assert text.endswith("and 997 more")
    assert len(text) < 200


def test_the_table_is_read_back_as_it_was():
    bad = [BadRow(0, 'a "b", c\nd', "α", 2, "x"), BadRow(1, "C", "no number", value="1,2")]
    rows = list(csv.DictReader(io.StringIO(bad_rows_table(bad), newline="")))
    assert [row["value"] for row in rows] == ['a "b", c\nd', "1,2"]
    assert [row["line"] for row in rows] == ["2", ""]
    assert rows[0]["reason"] == "α"
