"""Text files as editors leave them: a byte order mark and CRLF are read, other encodings told."""

import shutil
from pathlib import Path

import pytest

from hil.boards.wiring import load_wiring
from hil.experiments.budget_files import load_budgets
from hil.experiments.program_reader import read_user_program
from hil.model.errors import CaptureError, ConfigurationError
from hil.recording.edge_files.recorded_file import read_recorded_file
from hil.recording.run_folder import read_results, read_run_log
from tests.recording.edge_files.recorded import FORMS, some_samples

MARK = b"\xef\xbb\xbf"
STORED = Path(__file__).parents[1] / "replay" / "runs" / "loads"
TEXTS = {
    "budgets": (load_budgets, "[budgets.any.idle]\nmissed = 1\n"),
    "wiring": (load_wiring, "outputs = [2, 3]\nloopback = [4, 5]\n"),
    "program": (
        read_user_program,
        "# hil: period_ms=20\nfrom hil_agent import stamp\nstamp()  # µ\n",
    ),
}
RECORDED = [form for form in FORMS if "vcd" in form or "csv" in form]


@pytest.mark.parametrize("kind", TEXTS)
def test_a_mark_and_crlf_change_nothing(tmp_path, kind):
    read, text = TEXTS[kind]
    path = tmp_path / "mine"
    path.write_bytes(text.encode())
    plain = read(path)
    path.write_bytes(MARK + text.replace("\n", "\r\n").encode())
    marked = read(path)
    if kind == "program":
        assert (marked.source, marked.periods_us) == (plain.source, plain.periods_us)
    else:
        assert marked == plain


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("kind", TEXTS)
def test_another_encoding_is_one_line_with_the_remedy(tmp_path, kind, encoding):
    read, text = TEXTS[kind]
    path = tmp_path / "mine"
    path.write_bytes(f"# µ\n{text}".encode(encoding))
    with pytest.raises(ConfigurationError) as caught:
        read(path)
    assert "save it as UTF-8" in str(caught.value) or "malformed TOML" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", RECORDED)
def test_a_recording_with_a_mark_has_the_same_edges(tmp_path, form):
    data = FORMS[form](some_samples(600))
    path = tmp_path / "a"

    def times():
        lines = read_recorded_file(path, "la", lambda names: dict(enumerate(names)), 1e6).lines
        return [line.times_ns.tolist() for line in lines]

    path.write_bytes(data)
    plain = times()
    path.write_bytes(MARK + data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    assert times() == plain
    path.write_bytes("a".encode("utf-16"))
    with pytest.raises(CaptureError, match="save it as UTF-8"):
        times()


def test_a_run_s_files_with_a_mark(tmp_path):
    run = shutil.copytree(STORED, tmp_path / "run")
    results, log = read_results(run / "results.json"), read_run_log(run / "capture")
    for path in (run / "results.json", run / "capture" / "run.jsonl"):
        path.write_bytes(MARK + path.read_bytes())
    assert read_results(run / "results.json") == results
    assert read_run_log(run / "capture") == log
