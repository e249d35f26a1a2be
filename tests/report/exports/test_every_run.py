"""Every export of every kind of run: a file that its own reader takes, or one line that says why.

The readers are other people's where there is one: Prometheus' client, junitparser, pyarrow, pyvcd,
Perfetto's schema.
"""

from __future__ import annotations

import csv
import io
import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.cli.main import main
from hil.model.metrics import METRICS
from hil.model.results import Measurement, Results
from hil.model.techniques import LOADS, TECHNIQUES
from hil.recording.run_folder import write_results
from hil.report.exports.registry import EXPORTS

from .conftest import HOSTILE, figure, identity, make_results

RUNS = Path(__file__).parents[2] / "replay" / "runs"
STAGES = ("isr", "defer")


def read_openmetrics(raw: bytes) -> int:
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    families = list(parser.text_string_to_metric_families(raw.decode("utf-8")))
    samples = [sample for family in families for sample in family.samples]
    keys = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in samples]
    assert len(keys) == len(set(keys))
    return sum(sample.labels.get("stat") == "value" for sample in samples)


def read_bmf(raw: bytes) -> int:
    document = json.loads(raw, parse_constant=pytest.fail)
    return sum(len(measures) for measures in document.values())


def read_action(raw: bytes) -> int:
    entries = json.loads(raw, parse_constant=pytest.fail)
    names = [entry["name"] for entry in entries]
    assert len(names) == len(set(names))
    return len(names)


def read_junit(raw: bytes) -> int:
    junitparser = pytest.importorskip("junitparser")
    count = 0
    for suite in junitparser.JUnitXml.fromstring(raw):
        for case in suite:
            properties = [p for group in case.iterchildren(junitparser.Properties) for p in group]
            names = [p.name for p in properties]
            assert len(names) == len(set(names))
            ends = (".lo", ".hi", ".budget", ".verdict")
            count += sum(not n.endswith(ends) and not n.startswith("absent.") for n in names)
    return count


def read_csv(raw: bytes) -> int:
    return sum(1 for _ in csv.DictReader(io.StringIO(raw.decode("utf-8"), newline="")))


def read_parquet(raw: bytes) -> int:
    table = pytest.importorskip("pyarrow.parquet").read_table(io.BytesIO(raw))
    return int(table.num_rows)


def read_vcd(raw: bytes) -> int:
    reader = pytest.importorskip("vcd.reader")
    wires, count = {}, 0
    for token in reader.tokenize(io.BytesIO(raw)):
        if token.kind is reader.TokenKind.VAR:
            wires[token.var.id_code] = token.var.reference
        elif token.kind is reader.TokenKind.CHANGE_SCALAR:
            count += wires[token.scalar_change.id_code].rpartition("_")[2].startswith("task")
    return count - sum(name.rpartition("_")[2].startswith("task") for name in wires.values())


def read_perfetto(raw: bytes) -> int:
    schema = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
    trace = schema.Trace.FromString(raw)
    return sum(packet.track_event.type == schema.TrackEvent.TYPE_INSTANT for packet in trace.packet)


def read_pdf(raw: bytes) -> int:
    assert raw.startswith(b"%PDF-")
    assert raw.rstrip().endswith(b"%%EOF")
    return raw.count(b"/Type /Page ")


def read_badge(raw: bytes) -> int:
    assert ET.fromstring(raw).tag == "{http://www.w3.org/2000/svg}svg"
    return 1


def read_shields(raw: bytes) -> int:
    document = json.loads(raw)
    assert document.keys() == {"schemaVersion", "label", "message", "color", "isError"}
    assert document["schemaVersion"] == 1
    return 1


READERS: dict[str, Callable[[bytes], int]] = {
    **{"openmetrics": read_openmetrics, "bmf": read_bmf, "gab": read_action},
    **{"gab-bigger": read_action, "junit": read_junit, "csv": read_csv, "pdf": read_pdf},
    "summary": read_pdf,
    **{"parquet": read_parquet, "vcd": read_vcd, "perfetto": read_perfetto},
    **{"badge": read_badge, "shields": read_shields},
}
OF_FIGURES = ("openmetrics", "bmf", "junit", "gab", "gab-bigger")


def test_every_format_has_a_reader() -> None:
    assert READERS.keys() == EXPORTS.keys()


def exported(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    """All formats at once, each file given to its reader; the counts agree with what was said."""
    assert main(["export", str(folder), "--to", "all", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert "failed" not in said
    counts = {entry["format"]: entry["count"] for entry in said["written"]}
    read = {name: READERS[name]((folder / EXPORTS[name].file).read_bytes()) for name in counts}
    assert read == counts
    return counts


class OnlyFigures:
    """A run as an export sees it, without captures."""

    captures = ()

    def __init__(self, results: Results) -> None:
        self.results = results


def figures_in(name: str, results: Results) -> int:
    """How many figures of ``results`` the reader of this format finds."""
    out = io.StringIO()
    count = EXPORTS[name].write(out, OnlyFigures(results))
    read = READERS[name](out.getvalue().encode("utf-8"))
    assert read == count or name == "junit"  # there a metric's own name may end in a bound's
    return read


def every_case() -> Results:
    """Every metric of every technique under every load, of two boards and an instrument.

    With tasks, methods of programs of a user's own, both stages of events, and reruns.
    """
    figures: list[Measurement] = []
    for board in ("sim", HOSTILE):
        for technique in (*TECHNIQUES, HOSTILE):
            for number, metric in enumerate((*METRICS.values(),)):
                load = list(LOADS)[number % len(LOADS)]
                of = {"board": board, "technique": technique, "load": load}
                base = figure(metric.name, metric.unit, 1.5, task=None, **of)
                figures += [base, replace(base, task=0), replace(base, task=1, source="la")]
    events = [
        figure("missed", "count", 1.0, method=f"loopback/{kind}", task=None, note=f"{stage} events")
        for kind in ("hard", "soft", HOSTILE)
        for stage in STAGES
    ]
    rates = [
        figure(name, "us", 9.0, method=f"web/{server}/{rate}", load="web", task=None)
        for name in ("request_latency_p99_us", "lateness_p99_us")
        for server in ("threads", "asyncio")
        for rate in ("5", "max")
    ]
    forms = (("adev_{}", "1"), ("tdev_{}_us", "us"), ("mtie_{}_us", "us"))
    taus = ("10ms", "2p5s")
    times = [figure(form.format(tau), unit, 2.0) for tau in taus for form, unit in forms]
    whole = make_results()
    return replace(whole, measurements=(*figures, *events, *rates, *times))


@pytest.mark.parametrize("name", OF_FIGURES)
def test_a_run_with_everything(name: str) -> None:
    results = every_case()
    whole = len(results.measurements)
    if name.startswith("gab"):
        both = sum(figures_in(format, results) for format in ("gab", "gab-bigger"))
        neither = sum(
            METRICS[m.metric].sense == "none" for m in results.measurements if m.metric in METRICS
        )
        assert both == whole - neither
    else:
        assert figures_in(name, results) == whole


@pytest.mark.parametrize("name", OF_FIGURES)
def test_runs_with_little_in_them(name: str) -> None:
    whole = make_results()
    empty = replace(whole, measurements=(), skipped=(), errors=(), boards=())
    assert figures_in(name, empty) == 0
    assert figures_in(name, replace(whole, measurements=())) == 0


@pytest.mark.parametrize("name", OF_FIGURES)
def test_what_is_not_finite_is_left_out(name: str) -> None:
    good = figure("missed", "count", 1.0)
    odd = [
        replace(good, lo=-math.inf, hi=math.inf, budget=math.inf, task=1),
        replace(good, lo=math.nan, hi=None, budget=math.nan, task=2),
        replace(good, value=math.nan, task=3),
        replace(good, value=-math.inf, task=4),
    ]
    results = replace(make_results(), measurements=(good, *odd))
    assert figures_in(name, results) == (0 if name == "gab-bigger" else 3)


TEXT = st.text(st.characters(), max_size=6) | st.sampled_from(["sim", "a/b", "b", HOSTILE])
FIGURES = st.builds(
    Measurement,
    board=TEXT,
    technique=TEXT,
    load=TEXT,
    task=st.none() | st.integers(0, 3),
    metric=st.sampled_from([*METRICS, "unknown"]),
    unit=st.sampled_from(["us", "s", "ppm", "1", "count", "hz", "bytes"]),
    value=st.floats(),
    lo=st.none() | st.floats(),
    hi=st.none() | st.floats(),
    n=st.integers(0, 1 << 40),
    method=st.none() | TEXT,
    note=st.none() | TEXT,
    source=TEXT,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(FIGURES, max_size=6))
def test_whatever_a_run_holds_is_read(figures: list[Measurement]) -> None:
    twice = tuple(figures + figures[:2])
    finite = sum(math.isfinite(figure.value) for figure in twice)
    results = replace(make_results(), measurements=twice)
    for name in OF_FIGURES:
        count = figures_in(name, results)
        assert name not in ("openmetrics", "bmf") or count == finite


def test_all_formats_of_a_run_with_events_and_two_boards(run_folder, capsys) -> None:
    both = [
        figure("missed", "count", 2.0, method="loopback/hard", task=None, note=f"{stage} events")
        for stage in STAGES
    ]
    results = make_results()
    write_results(
        run_folder / "results.json",
        replace(results, measurements=(*results.measurements, *both)),
    )
    counts = exported(run_folder, capsys)
    assert counts["openmetrics"] == len(results.measurements) + 2


@pytest.mark.parametrize("name", ["lossy", "truncated", "user_program", "workloads"])
def test_stored_runs(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs that the embedded board sent; ``workloads`` has every method of ``event_irq``."""
    for format in ("openmetrics", "bmf", "junit", "vcd"):
        out = tmp_path / format
        command = ["export", str(RUNS / name), "--to", format, "--out", str(out), "--json"]
        assert main(command) == 0
        (entry,) = json.loads(capsys.readouterr().out)["written"]
        assert READERS[format](out.read_bytes()) == entry["count"] > 0


def test_one_format_that_fails_costs_no_other_its_file(run_folder, capsys, monkeypatch) -> None:
    (run_folder / "pins.vcd").mkdir()  # no file can be put there

    def broken(out: object, run: object) -> int:
        raise ZeroDivisionError("made to fail")

    monkeypatch.setitem(EXPORTS, "bmf", replace(EXPORTS["bmf"], write_text=broken))
    assert main(["export", str(run_folder), "--to", "all", "--json"]) == 3, "a fault of our own"
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert set(document["failed"]) == {"vcd", "bmf"}
    assert {entry["format"] for entry in document["written"]} == set(EXPORTS) - {"vcd", "bmf"}
    told = said.err.splitlines()
    assert len(told) == 2
    assert any("pins.vcd" in line for line in told)
    assert any("bmf" in line and "made to fail" in line for line in told)
    assert not (run_folder / "bmf.json").exists()
    assert main(["export", str(run_folder), "--to", "vcd,csv"]) == 1


def test_a_run_without_captures_gives_its_figures(tmp_path, capsys) -> None:
    write_results(tmp_path / "results.json", replace(make_results(), boards=(identity(),)))
    assert main(["export", str(tmp_path), "--to", "all", "--json"]) == 1
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert {entry["format"] for entry in document["written"]} == {*OF_FIGURES, "badge", "shields"}
    assert len(said.err.splitlines()) == len(document["failed"])
    assert "Traceback" not in said.err
