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
