"""The ``hil`` command itself: help without a wait, and complaints that say where to read on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hil.cli.main import COMMANDS, load_command, main, make_parser

HEAVY = ("numpy", "matplotlib", "rich", "sqlalchemy", "jinja2", "pyarrow", "perfetto", "serial")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["nonsense"]])
def test_help_imports_nothing_heavy(words):
    code = f"""
import sys
from hil.cli.main import main
try:
    main({words})
except SystemExit:
    pass
print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr.splitlines()[-1] == "[]"


def test_every_command_of_the_table_has_a_module_with_help(capsys):
    parser = make_parser()
    for name in COMMANDS:
        assert load_command(name).run.__doc__
        with pytest.raises(SystemExit) as left:
            parser.parse_args([name, "--help"])
        assert left.value.code == 0
        assert f"usage: hil {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "see `hil --help`"),
        (["nonsense"], "see `hil --help`"),
        (["export"], "see `hil export --help`"),
        (["doctor", "--what"], "see `hil doctor --help`"),
    ],
)
def test_a_wrong_command_line_is_one_line_that_says_where_to_read_on(capsys, words, told):
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    err = capsys.readouterr().err
    assert err.endswith(f"{told}\n")
    assert err.count("\n") == 1


class Fails:
    """A command that fails as none should."""

    error: Exception = ZeroDivisionError("of our own\n\x1b[2J")

    @staticmethod
    def add_arguments(parser):
        pass

    @classmethod
    def run(cls, args):
        raise cls.error


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (
            Fails.error,
            3,
            "hil: internal failure: ZeroDivisionError: of our own \\x1b[2J; HIL_TRACE",
        ),
        (
            OSError(28, "No space left on device"),
            3,
            "hil: can't read or write: OSError: [Errno 28]",
        ),
        (BrokenPipeError(32, "Broken pipe"), 141, ""),
    ],
)
def test_what_fails_inside_is_one_line_and_no_verdict(capsys, monkeypatch, error, status, told):
    monkeypatch.setattr(Fails, "error", error)
    monkeypatch.setattr("hil.cli.main.load_command", lambda name: Fails)
    monkeypatch.delenv("HIL_TRACEBACK", raising=False)
    assert main(["doctor"]) == status
    err = capsys.readouterr().err
    assert err.startswith(told)
    assert err.count("\n") == bool(told)


def test_the_traceback_can_be_asked_for(capsys, monkeypatch):
    monkeypatch.setattr("hil.cli.main.load_command", lambda name: Fails)
    monkeypatch.setenv("HIL_TRACEBACK", "1")
    assert main(["doctor"]) == 3
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("its traceback is above\n")


@pytest.mark.parametrize(
    ("redirection", "status"), [("| true", 0), (">&-", 0), (">/dev/full", 1), ("2>&1 | true", 0)]
)
def test_whatever_becomes_of_the_output(redirection, status):
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m hil export --list {redirection}; exit $PIPESTATUS"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status
    assert b"Error" not in done.stderr.replace(b"[Errno", b"")
    assert done.stderr.count(b"\n") == status
