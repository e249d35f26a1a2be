"""``hil run`` measures in any folder, whatever stands there; it lists no option of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hil.cli import main as command
from hil.cli.run import pytest_arguments, pytest_environment
from hil.experiments.budget_files import default_budgets_path
from hil.model.errors import ConfigurationError
from hil.model.run_options import RUN_OPTIONS

STORED = Path(__file__).parents[1] / "replay" / "runs" / "loads"
HOSTILE = "raise SystemExit('what is in the current folder was run')\n"


def parsed(*words: str):
    parser = command.make_parser(["run"])
    return parser.parse_args(["run", *command._positional_first(words)])


def arguments(*words: str) -> list[str]:
    return [word for word in pytest_arguments(parsed(*words)) if word.startswith("--hil-")]


@pytest.fixture
def hostile(tmp_path, monkeypatch) -> Path:
    for name in ("conftest.py", "random.py", "hil/__init__.py", "tests/conftest.py", "pytest.py"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(HOSTILE)
    tmp_path.joinpath("pytest.ini").write_text("[pytest]\naddopts = --nonsense\n")
    tmp_path.joinpath("pyproject.toml").write_text("[tool.pytest.ini_options]\nhil_board = 'x'\n")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--nonsense")
    monkeypatch.setenv("PYTEST_PLUGINS", "nowhere")
    return tmp_path


def measured(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    words = (sys.executable, "-P", "-m", "hil", "run", f"replay:{STORED}", *words)
    return subprocess.run(
        words, cwd=folder, env=dict(os.environ), capture_output=True, text=True, timeout=120
    )


def test_it_measures_in_a_folder_where_everything_is_in_its_way(hostile):
    done = measured(hostile, "--budgets=strict.toml", "--history=none")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR  # no such file: said by the plugin
    assert "strict.toml" in done.stderr
    assert not hostile.joinpath("reports", "latest").exists()

    hostile.joinpath("strict.toml").write_text("[budgets.any.any]\nlateness_max_us = 0.001\n")
    done = measured(
        hostile, "--budgets=strict.toml", "--history=none", "--", "-q", "-k", "lateness"
    )
    assert done.returncode == 1, done.stdout + done.stderr  # as the suite's: out of budget
    assert HOSTILE[18:50] not in done.stdout + done.stderr
    assert "note:" not in done.stdout  # the page has pytest's list of tests
    results = json.loads(hostile.joinpath("reports/latest/results.json").read_text())
    assert results["measurements"]
    assert not list(default_budgets_path().parent.glob(".pytest_cache"))


class TestArguments:
    def test_every_option_of_the_plugin_with_and_without_its_prefix(self, capsys):
        for option in RUN_OPTIONS:
            for name in (f"--{option.name}", option.flag):
                value = f"{option.flag}=7"
                given = arguments("sim", name, "7")
                assert value in given if option.name != "board" else "--hil-board=7" in given
                assert arguments("sim", f"{name}=7") == given
        with pytest.raises(SystemExit):
            command.make_parser(["run"]).parse_args(["run", "--help"])
        shown = capsys.readouterr().out
        assert all(f"\n  --{option.name} " in shown for option in RUN_OPTIONS)
        assert "--hil-period-ms" not in shown  # listed once

    def test_without_a_board_it_is_the_variables_or_the_embedded_one(self, monkeypatch):
        monkeypatch.delenv("HIL_BOARD", raising=False)
        assert "--hil-board=sim" in arguments()
        monkeypatch.setenv("HIL_BOARD", "a0 u0")
        assert not any(word.startswith("--hil-board") for word in arguments())
        assert "--hil-board=sim:ppm=3" in arguments("sim:ppm=3")

    def test_boards_and_a_program_stand_anywhere(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        tmp_path.joinpath("mine").mkdir()
        given = arguments("/dev/ttyACM0", "--windows", "2", "blink.py", "a0")
        assert [word for word in given if "board" in word] == [
            "--hil-board=/dev/ttyACM0",
            "--hil-board=a0",
        ]
        assert "--hil-agent=blink.py" in given
        assert "--hil-agent=mine" in arguments("mine")

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["nowhere"], "neither a board nor a program"),
            (["a.py", "b.py"], "one program at a time"),
            (["a.py", "--agent=b.py"], "one program at a time"),
        ],
    )
    def test_what_is_neither_is_one_line(self, words, said):
        with pytest.raises(ConfigurationError, match=said) as caught:
            arguments(*words)
        assert "\n" not in str(caught.value)

    def test_what_stands_behind_two_dashes_is_pytests(self, monkeypatch):
        seen = []
        monkeypatch.setattr("hil.cli.run.run", lambda args: seen.append(args.passed_on) or 0)
        assert command.main(["run", "sim", "--", "-k", "drift", "--", "x"]) == 0
        assert seen == [["-k", "drift", "--", "x"]]

    def test_runs_land_in_this_folder_unless_told_otherwise(self):
        assert "--hil-out=reports" in arguments()
        assert "--hil-out=x" in arguments("--out=x")


def test_of_the_environment_what_is_for_a_suite_of_ones_own_is_left_out():
    given = pytest_environment({"PYTEST_ADDOPTS": "-x", "PYTEST_PLUGINS": "y", "HIL_BOARD": "a0"})
    assert given["HIL_BOARD"] == "a0"
    assert not {"PYTEST_ADDOPTS", "PYTEST_PLUGINS"} & given.keys()
    assert given["PYTHONSAFEPATH"] == given["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] == "1"
