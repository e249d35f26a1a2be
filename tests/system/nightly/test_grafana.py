"""Dashboard and alert rules: whatever they ask Prometheus for is in what hil writes."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from hil.experiments.evaluation import results_in
from hil.model.results import ErrorRecord
from hil.report.exports.openmetrics import NightOutcome, openmetrics_text

ROOT = Path(__file__).parents[3]
DASHBOARD = ROOT / "contrib" / "grafana" / "hil.json"
ALERTS = ROOT / "contrib" / "prometheus" / "hil-alerts.yml"
STORED = ROOT / "tests" / "replay" / "runs" / "workloads"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="needs promtool: apt-get install prometheus"
)
OF_PROMETHEUS = {"instance", "job"}
FUNCTIONS = {"max", "sum", "by", "time", "abs", "ignoring", "on"}


@pytest.fixture(scope="module")
def exposition():
    """The metrics of a real run, of a night with a missing board."""
    results = results_in(STORED)
    gone = ErrorRecord("pico-2", "-", "-", "expected board is missing: no board answered")
    results = replace(results, errors=(*results.errors, gone))
    return openmetrics_text(results, NightOutcome(8, 0))


@pytest.fixture(scope="module")
def dashboard():
    return json.loads(DASHBOARD.read_text())


def expressions():
    """Every PromQL expression with a name, the dashboard's variables filled in."""
    board = json.loads(DASHBOARD.read_text())
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], re.sub(r"\$\w+", ".*", target["expr"])
    for rule in YAML(typ="safe").load(ALERTS)["groups"][0]["rules"]:
        yield rule["alert"], rule["expr"]


def queries(dashboard):
    """What the variables ask for: a metric and a label."""
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            match = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            yield match[1], match[2]


def known(exposition):
    """Each metric that is written, with the labels that it has."""
    metrics = {}
    for line in exposition.splitlines():
        if not line.startswith("#"):
            name, _, labels = line.partition("{")
            own = set(re.findall(r'(\w+)="', labels)) if labels else set()
            metrics.setdefault(name.split()[0], set()).update(own)
    return metrics


@pytest.mark.parametrize(("name", "expression"), list(expressions()))
def test_every_metric_and_label_is_one_that_hil_writes(exposition, name, expression):
    metrics = known(exposition)
    plain = re.sub(r'"[^"]*"', '""', expression)
    used = set(re.findall(r"hil_\w+", plain))
    assert used
    assert used <= metrics.keys()
    labels = set(re.findall(r"(\w+)(?==~?\"|!=)", plain))
    for group in re.findall(r"(?:by|ignoring) \(([^)]*)\)", plain):
        labels |= set(group.split(", "))
    allowed = set.union(*(metrics[metric] for metric in used)) | OF_PROMETHEUS
    assert labels <= allowed | {"source", "method"}  # which match where they are absent


def test_the_dashboard_variables_ask_for_labels_that_are_there(exposition, dashboard):
    metrics = known(exposition)
    asked = list(queries(dashboard))
    assert {label for _, label in asked} == {"instance", "board", "technique", "load"}
    for metric, label in asked:
        assert label in metrics[metric.partition("{")[0]] | OF_PROMETHEUS


def test_the_dashboard_is_one_that_grafana_imports(dashboard):
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert dashboard["schemaVersion"] >= 38
    taken = set()
    for panel in panels:
        position = panel["gridPos"]
        assert position["x"] + position["w"] <= 24
        cells = {
            (x, y)
            for x in range(position["x"], position["x"] + position["w"])
            for y in range(position["y"], position["y"] + position["h"])
        }
        assert not cells & taken
        taken |= cells
        assert panel["title"]
        assert panel["description"]
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${source}"}
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", DASHBOARD.read_text())) == variables


def promtool(*words, text=None):
    done = subprocess.run(
        [PROMTOOL, *map(str, words)], input=text, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@needs_promtool
def test_prometheus_reads_what_is_written(exposition):
    assert promtool("check", "metrics", text=exposition) == (0, "")


@needs_promtool
def test_prometheus_parses_every_expression(tmp_path):
    rules = [
        {"record": f"hil:expression_{number}", "expr": expression}
        for number, (_, expression) in enumerate(expressions())
    ]
    file = tmp_path / "rules.yml"
    YAML().dump({"groups": [{"name": "all", "rules": rules}]}, file)
    status, said = promtool("check", "rules", file)
    assert status == 0, said
    assert f"{len(rules)} rules found" in said
    rules[0]["expr"] = "max by ("
    YAML().dump({"groups": [{"name": "all", "rules": rules}]}, file)
    assert promtool("check", "rules", file)[0] != 0  # the control


@needs_promtool
def test_each_alert_fires_when_it_should_and_only_then(tmp_path):
    night = {
        "hil_run_started_timestamp_seconds": 0,
        "hil_exit_status": 9,
        "hil_out_of_budget": 2,
        "hil_worse": 3,
        'hil_board_up{board="pico-2"}': 0,
    }
    good = {
        "hil_run_started_timestamp_seconds": 0,
        "hil_exit_status": 0,
        "hil_out_of_budget": 0,
        "hil_worse": 0,
        'hil_board_up{board="pico-2"}': 1,
    }

    def series(values):
        for name, value in values.items():
            metric, _, labels = name.partition("{")
            inner = labels.rstrip("}")
            selector = ",".join(filter(None, ['instance="bench-1"', inner]))
            yield {"series": f"{metric}{{{selector}}}", "values": f"{value}x40"}

    def case(values, hours, fired):
        alerts = [rule["alert"] for rule in YAML(typ="safe").load(ALERTS)["groups"][0]["rules"]]
        return {
            "interval": "1h",
            "input_series": list(series(values)),
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{name}"}}) or vector(0)',
                    "eval_time": f"{hours}h",
                    "exp_samples": [{"labels": "{}", "value": int(name in fired)}],
                }
                for name in alerts
            ],
        }

    bad = {"HilBoardMissing", "HilBenchBroken", "HilOutOfBudget", "HilWorse"}
    tests = [case(night, 1, bad), case(good, 1, set()), case(good, 31, {"HilNightMissing"})]
    file = tmp_path / "tests.yml"
    document = {"rule_files": [str(ALERTS)], "evaluation_interval": "1h", "tests": tests}
    YAML().dump(document, file)
    status, said = promtool("test", "rules", file)
    assert status == 0, said
