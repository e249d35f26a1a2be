"""Without the extra ``labgrid`` a farm's board is one clear line, and nothing else changes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hil.boards.backends import labgrid
from hil.boards.backends.registry import parse_board
from hil.cli.main import main
from hil.model.errors import ConfigurationError
from hil.model.install_hints import install_line


@pytest.fixture
def missing(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_: None)


def test_the_line_says_what_to_install_and_where(missing):
    with pytest.raises(ConfigurationError) as caught:
        labgrid.LabgridPlace("pico-1")
    assert f"`{install_line('labgrid')}`" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_doctor_says_it_too(missing, capsys):
    assert main(["doctor", "--board=labgrid:pico-1"]) == 1
    assert "labgrid>=24.0" in capsys.readouterr().out


def test_a_place_is_named_without_labgrid(missing):
    assert parse_board("labgrid:pico-1").target == "pico-1"


def test_nothing_imports_labgrid_until_a_place_is_asked_for():
    modules = "hil.experiments.session, hil.boards.backends.labgrid"
    code = f"import sys, {modules}; print('labgrid' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
