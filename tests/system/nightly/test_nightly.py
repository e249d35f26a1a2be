"""What runs at night: the workflow's steps and the service's command, literally, on `sim`."""

import contextlib
import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from hil.pytest_plugin.run_end import OUT_OF_BUDGET

ROOT = Path(__file__).parents[3]
WORKFLOW = ROOT / ".github" / "workflows" / "nightly.yml"
UNITS = ROOT / "contrib" / "systemd"
SHORT = "--hil-technique=timer_hard --hil-load=idle --hil-duration-s=0.4"
SUITE = 'def test_lateness(figures):\n    figures.check("lateness_max_us")\n'
FAKE_GH = """#!/bin/sh
echo "$@" >> calls
case "$1 $2" in
  "run download")
    mkdir -p hosts/timing-bench-1
    printf '%s' '{"text": "hil: broken\\n- missing: pico\\n```\\n[x](evil)"}' \
      > hosts/timing-bench-1/message.json ;;
  "issue list") echo "$OPEN_ISSUE" ;;
esac
"""
TOO_STRICT = "[budgets.any.idle]\nlateness_max_us = 0.001\n"


@pytest.fixture(scope="module")
def workflow():
    return YAML(typ="safe").load(WORKFLOW)


@pytest.fixture(scope="module")
def steps(workflow):
    return {
        step.get("name", step.get("uses")): step for step in workflow["jobs"]["measure"]["steps"]
    }


@pytest.mark.parametrize("file", sorted(WORKFLOW.parent.glob("*.yml")), ids=lambda file: file.stem)
def test_the_workflow_fits_the_servers_schema(file):
    command = [sys.executable, "-m", "check_jsonschema"]
    done = subprocess.run(
        [*command, "--builtin-schema", "vendor.github-workflows", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nobody_else_s_code_runs_on_a_host_with_boards(workflow):
    assert set(workflow["on"]) == {"schedule", "workflow_dispatch"}  # no pull requests
    assert workflow["permissions"] == {"contents": "read"}
    job = workflow["jobs"]["measure"]
    assert job["concurrency"] == {"group": "hil-${{ matrix.host }}", "cancel-in-progress": False}
    assert job["runs-on"][0] == "self-hosted"
    assert not any("${{" in step.get("run", "") for step in job["steps"])  # only by variables


def test_the_emulated_pico_is_tested_with_the_oldest_firmware_and_a_newer_one():
    (job,) = YAML(typ="safe").load(WORKFLOW.with_name("emulated.yml"))["jobs"].values()
    oldest, newest = job["strategy"]["matrix"]["include"]
    assert oldest["version"] == "1.20.0"
    for firmware in (oldest, newest):
        assert firmware["file"].endswith(f"-v{firmware['version']}.uf2")
    assert not any("${{" in step.get("run", "") for step in job["steps"])
    assert any("HIL_PICO_UF2" in step.get("env", {}) for step in job["steps"])


def test_report_and_history_are_kept_whatever_happened(steps):
    for name in ("History", "Keep the report and the history"):
        assert steps[name]["if"] == "always()"
    assert steps["Keep the report and the history"]["with"]["path"].split() == [
        "nightly/",
        "!nightly/latest",
    ]


@pytest.mark.skipif(shutil.which("bash") is None, reason="the steps are for bash")
class TestSteps:
    @pytest.fixture
    def checkout(self, tmp_path):
        """A checkout with a suite of one test, and the programs where the step installs them."""
        folder = tmp_path / "checkout"
        (folder / ".venv" / "bin").mkdir(parents=True)
        for program, module in (("pytest", "pytest"), ("hil", "hil")):
            path = folder / ".venv" / "bin" / program
            path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {module} "$@"\n')
            path.chmod(0o755)
        (folder / "test_it.py").write_text(SUITE)
        (folder / "strict.toml").write_text(TOO_STRICT)
        (folder / "pytest.ini").write_text("[pytest]\n")
        return folder

    @pytest.fixture
    def run(self, checkout, steps, tmp_path):
        def run(name, options=SHORT, board="sim:clock=virtual"):
            files = {
                "GITHUB_OUTPUT": tmp_path / "output",
                "GITHUB_STEP_SUMMARY": tmp_path / "summary.md",
            }
            script = tmp_path / "step.sh"
            script.write_text(steps[name]["run"])
            done = subprocess.run(  # as the server calls it for `shell: bash`
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
                cwd=checkout,
                env={
                    **os.environ,
                    **{key: str(path) for key, path in files.items()},
                    "HOME": str(tmp_path / "home"),
                    "HIL_BOARD": board,
                    "HIL_OPTIONS": options,
                    "HIL_HISTORY": "",
                },
                capture_output=True,
                text=True,
                check=False,
            )
            return done.returncode, done.stdout + done.stderr

        return run

    @pytest.mark.parametrize("issue", ["", "7"])
    @pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq: apt install jq")
    def test_a_failed_night_is_told_in_an_issue_and_a_pull_request(self, tmp_path, workflow, issue):
        (step,) = workflow["jobs"]["tell"]["steps"]
        (tmp_path / "gh").write_text(FAKE_GH)
        (tmp_path / "gh").chmod(0o755)
        script = tmp_path / "step.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=tmp_path,
            env={
                **os.environ,
                "PATH": f"{tmp_path}:{os.environ['PATH']}",
                **{"OPEN_ISSUE": issue, "FAILED": "failure", "ISSUE": "yes", "LINK": "https://run"},
                **{"RUN": "1", "PULL_REQUEST": "12"},
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        calls = (tmp_path / "calls").read_text().splitlines()
        told = f"issue comment {issue}" if issue else "issue create --label hil-nightly"
        assert [call for call in calls if call.startswith(told)]
        assert [call for call in calls if call.startswith("pr comment 12 ")]
        body = (tmp_path / "comment.md").read_text()
        assert body.startswith("https://run\n\ntiming-bench-1\n")
        assert "    - missing: pico\n" in body
        assert "    [x](evil)" in body  # in a block of code
        assert "`" not in body

    def test_two_nights(self, run, checkout, tmp_path):
        status, said = run("Measure")
        assert status == 0, said
        assert (tmp_path / "output").read_text() == "status=0\n"
        assert (checkout / "nightly" / "latest" / "report.html").exists()
        assert "timer&#95;hard" in (tmp_path / "summary.md").read_text()
        assert "::error" not in said

        status, said = run("Measure", f"{SHORT} --hil-budgets=strict.toml")
        assert status == OUT_OF_BUDGET, said
        assert "::error title=Timing::" in said
        assert (tmp_path / "output").read_text() == "status=0\nstatus=1\n"

        status, said = run("History")
        assert status == 0, said
        history = json.loads((checkout / "nightly" / "history.json").read_text())
        assert len(history["runs"]) == 2
        copy = f"{(checkout / 'nightly' / 'history.db').as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(copy, uri=True)) as database:
            assert database.execute("SELECT count(*) FROM runs").fetchone() == (2,)

    @pytest.mark.parametrize(
        ("status", "said"),
        [(8, "Bench::something is broken"), (9, "Timing and bench::"), (4, "(status 4)")],
    )
    def test_what_the_status_means_is_said_and_passed_on(self, run, checkout, status, said):
        program = checkout / ".venv" / "bin" / "pytest"
        program.write_text(f"#!/bin/sh\nexit {status}\n")
        code, output = run("Measure")
        assert code == status
        assert said in output

    def test_a_history_that_can_not_be_read_hides_nothing(self, run, checkout):
        (checkout / ".venv" / "bin" / "hil").write_text("#!/bin/sh\nexit 1\n")
        assert run("History")[0] == 0


def service():
    lines = (UNITS / "hil-nightly.service").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line and line[0] not in "#[")
    settings: dict[str, list[str]] = {}
    for key, _, value in pairs:
        settings.setdefault(key, []).append(value)
    return settings


def test_the_services_command_is_one_that_pytest_takes(tmp_path):
    (command,) = service()["ExecStart"]
    assert service()["KillSignal"] == ["SIGINT"]
    words = []
    for word in command.split():
        if word == "$HIL_OPTIONS":  # systemd splits this form into words, and not ${HIL_BOARD}
            words += SHORT.split()
        else:
            words.append(word.replace("${HIL_BOARD}", "sim").replace("/var/lib/hil", "kept"))
    assert words[0] == "/srv/hil/.venv/bin/pytest"
    (tmp_path / "test_it.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words[1:], "--collect-only", "-q"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_lateness[sim-timer_hard-idle]" in done.stdout


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze: apt install systemd"
)
def test_systemd_takes_the_units(tmp_path):
    program = Path(sys.executable).with_name("pytest")
    names = []
    for path in sorted(UNITS.glob("hil-nightly*.*")):
        text = path.read_text().replace("/srv/hil/.venv/bin/pytest", str(program))
        (tmp_path / path.name).write_text(text)
        names.append(str(tmp_path / path.name))
    assert len(names) == 3
    done = subprocess.run(
        ["systemd-analyze", "verify", *names], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
