"""The tutorial's notebook runs from its first cell to its last; its own assertions hold."""

import shutil
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[3] / "docs" / "tutorial" / "notebook.ipynb"
INSTALL = "needs nbclient, ipykernel and pandas: `tox -e notebook`"
nbformat = pytest.importorskip("nbformat", reason=INSTALL)
nbclient = pytest.importorskip("nbclient", reason=INSTALL)


def test_the_notebook_runs_and_shows_what_it_says(tmp_path):
    pytest.importorskip("ipykernel", reason=INSTALL)
    pytest.importorskip("pandas", reason=INSTALL)
    shutil.copy(NOTEBOOK, tmp_path)
    notebook = nbformat.read(tmp_path / NOTEBOOK.name, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    shown = [
        output.data
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "execute_result"
    ]
    tables = [data["text/html"] for data in shown if "text/html" in data]
    assert any("timer_hard" in table and "<caption>cases</caption>" in table for table in tables)
    assert any("lateness_p99_us" in table for table in tables)
    assert sum("image/png" in data for data in shown) == 2
    nbformat.write(notebook, tmp_path / "executed.ipynb")
