"""Every number that a user can give: infinite, absurd or none, it is one line and no traceback.

The options are listed by the parsers themselves, so that a new one can't be forgotten here.
"""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import pytest

from hil.boards.backends.pico_options import parse_pico
from hil.boards.backends.registry import parse_board
from hil.boards.backends.sim_knobs import SimKnobs, parse_sim_knobs
from hil.boards.fault_injection import FaultSpec, parse_faults
from hil.cli.main import COMMANDS, main, make_parser
from hil.cli.number_arguments import whole_number
from hil.experiments.program_header import read_header
from hil.model.edge_sources import parse_rate
from hil.model.errors import ConfigurationError
from hil.pytest_plugin.measuring import read_options
from hil.pytest_plugin.night_outputs import read_night_outputs
from hil.pytest_plugin.number_options import NUMBER_OPTIONS
from hil.pytest_plugin.options import add_options

ABSURD = (
    *("inf", "-inf", "nan", "-1", "-0.5", "1e308", "-1e308", "1e400", "1e-400", "", "1_000 us"),
    *("9" * 400, "9" * 5000, "-" + "9" * 5000, "0." + "0" * 400 + "1", "true", "0x10", "1;2"),
)
TEXTS = {"--hil-out", "--hil-history", "--hil-compare", "--hil-expect", "--hil-openmetrics"}
"""Options whose text may be anything: a folder, an address, a run, a board."""
LIST_OPTIONS = {"--hil-board", "--hil-edges", "--hil-notify"}


def declared() -> dict[str, dict]:
    """The options of a run with what pytest's parser is told of each."""
    options: dict[str, dict] = {}
    group = SimpleNamespace(addoption=lambda name, **more: options.update({name: more}))
    add_options(SimpleNamespace(getgroup=lambda *_: group, addini=lambda *_, **__: None))
    return options


def config(tmp_path: Path, given: dict[str, str]) -> SimpleNamespace:
    def getoption(name: str, default: object = None) -> object:
        value = given.get(name)
        return [value] if name in LIST_OPTIONS and value is not None else value

    return SimpleNamespace(getoption=getoption, getini=lambda _: [], rootpath=tmp_path)


def read_all(given: SimpleNamespace) -> None:
    read_night_outputs(given)
    read_options(given)


def one_line(error: ConfigurationError, name: str) -> None:
    said = str(error)
    assert "\n" not in said
    assert len(said) < 700
    assert name.strip("-") in said or name.rpartition("-")[2] in said


def test_the_options_that_are_numbers_are_those_with_a_range() -> None:
    numbers = {name for name, told in declared().items() if told.get("metavar") == "N"}
    assert numbers == set(NUMBER_OPTIONS)


@pytest.mark.parametrize("name", [name for name in declared() if name not in TEXTS])
def test_an_option_of_a_run(tmp_path, monkeypatch, name) -> None:
    monkeypatch.chdir(tmp_path)
    for value in ABSURD:
        usual = value == "" and name not in NUMBER_OPTIONS  # an empty text: as if not given
        if usual or (value == "true" and name == "--hil-wiring"):
            continue
        with pytest.raises(ConfigurationError) as caught:
            read_all(config(tmp_path, {name: value}))
        if name in NUMBER_OPTIONS:
            one_line(caught.value, name)
            assert "from" in str(caught.value), "what is allowed is said"
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "text"), [("--hil-history", "{}"), ("--hil-board", "replay:{}")])
def test_a_name_that_no_file_can_have(tmp_path, monkeypatch, name, text) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="File name too long") as caught:
        read_options(config(tmp_path, {name: text.format("9" * 5000)}))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("name", NUMBER_OPTIONS)
def test_the_ends_of_each_range_are_allowed(tmp_path, name) -> None:
    allowed = NUMBER_OPTIONS[name]
    most = f"{allowed.most:.0f}"
    more = {"--hil-period-ms": {"--hil-duration-s": "1000"},
            "--hil-duration-s": {"--hil-period-ms": "60000"}}.get(name, {})  # fmt: skip
    read_options(config(tmp_path, {name: most, **more}))
    with pytest.raises(ConfigurationError, match=name):
        read_options(config(tmp_path, {name: f"{allowed.most + 1:.0f}"}))


def numbers_of(knobs: type) -> list[str]:
    return [field.name for field in fields(knobs) if field.type in ("int", "float")]


@pytest.mark.parametrize("name", numbers_of(SimKnobs))
def test_a_knob_of_the_embedded_board(name) -> None:
    for value in ABSURD:
        if value in ("-1", "-0.5") and name in ("ppm", "step_us"):
            continue
        with pytest.raises(ConfigurationError) as caught:
            parse_sim_knobs(f"clock=virtual,{name}={value}")
        one_line(caught.value, name)


@pytest.mark.parametrize("name", numbers_of(FaultSpec))
def test_a_fault(name) -> None:
    for value in ABSURD:
        with pytest.raises(ConfigurationError) as caught:
            parse_faults(f"drop=0.1,{name}={value}" if name != "drop" else f"{name}={value}")
        one_line(caught.value, name)


@pytest.mark.parametrize(
    "form", ["/dev/ttyS0?baud={}", "/dev/ttyS0?slow={}", "pico:x.uf2?ppm={}", "pico:x.uf2?pace={}"]
)
def test_a_number_of_a_board(form) -> None:
    parse = parse_pico if form.startswith("pico") else parse_board
    for value in ABSURD:
        if value in ("-1", "-0.5") and "ppm" in form:
            continue
        with pytest.raises(ConfigurationError) as caught:
            parse(form.format(value))
        assert "\n" not in str(caught.value)


def test_a_rate_and_a_period_in_a_program() -> None:
    for value in ABSURD:
        with pytest.raises(ConfigurationError) as caught:
            parse_rate("--hil-edges=x", value)
        one_line(caught.value, "rate")
        if value in ("", "1;2", "true", "0x10", "1_000 us"):
            continue  # no header at all, or one that is told as such
        with pytest.raises(ConfigurationError) as caught:
            read_header(f"# hil: period_ms={value}\n")
        one_line(caught.value, "period_ms")


def numbers_of_commands() -> list[tuple[str, str]]:
    """Command and option of each argument that the command ``hil`` converts to a number."""
    listed = []
    for action in make_parser()._actions:
        if not isinstance(action, argparse._SubParsersAction):
            continue
        for command, parser in action.choices.items():
            for option in parser._actions:
                assert option.type not in (int, float), f"{command} {option.dest}: give a range"
                if getattr(option.type, "__qualname__", "").startswith(whole_number.__name__):
                    listed.append((command, option.option_strings[0]))
    return listed


def test_the_numbers_of_the_command_are_known() -> None:
    assert {command for command, _ in numbers_of_commands()} == {"fleet", "history", "trend"}
    assert set(COMMANDS) >= {"fleet", "history", "trend"}


@pytest.mark.parametrize(("command", "option"), numbers_of_commands())
def test_a_number_of_the_command(capsys, command, option) -> None:
    more = ["lateness_p99_us"] if command == "trend" else []
    for value in (*ABSURD, "1.5", "1000001"):
        with pytest.raises(SystemExit) as left:
            main([command, *more, f"{option}={value}", "--history=none"])
        assert left.value.code == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "whole number from" in said
        assert len(said) < 300


@pytest.mark.parametrize("option", ["--since", "--older-than"])
def test_an_age_of_the_command(capsys, option) -> None:
    command = "prune" if option == "--older-than" else "history"
    for value in ("inf", "nan", "-1", "9" * 400, "9" * 5000 + "d", "999999d", "1e308d", "0x10"):
        assert main([command, f"{option}={value}", "--history=x.db"]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "an age in days" in said
        assert len(said) < 300
