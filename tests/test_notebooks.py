"""The notebooks run from top to bottom, without a network, and are small."""

import ast
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs/notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LARGEST = 150_000  # bytes, outputs included


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_small_and_has_its_outputs(path):
    assert path.stat().st_size < LARGEST
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    kinds = [out["output_type"] for cell in cells for out in cell.get("outputs", [])]
    assert "error" not in kinds
    assert {"stream"} <= {*kinds} <= {"stream", "display_data", "execute_result"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_code_of_a_notebook_is_python(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(sources) > 1
    for source in sources:
        assert ast.parse(source, path.name).body


def test_the_start_page_leads_to_every_notebook():
    text = (FOLDER.parent / "index.md").read_text(encoding="utf-8")
    assert [p.name for p in NOTEBOOKS if f"notebooks/{p.name}" not in text] == []
    assert {"digits", "hidden_domain", "molecules"} <= {path.stem for path in NOTEBOOKS}


def kinds_of(cell):
    """What a cell shows: text, pictures, values; not how often text was flushed."""
    return {output["output_type"] for output in cell.get("outputs", [])}


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="notebooks need nbclient: the extra dev")
    client = pytest.importorskip("nbclient", reason="notebooks need nbclient: the extra dev")
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    shown = [kinds_of(cell) for cell in notebook.cells]
    client.NotebookClient(notebook, timeout=240, resources=resources).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    assert [kinds_of(cell) for cell in notebook.cells] == shown
