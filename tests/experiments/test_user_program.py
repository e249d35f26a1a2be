from dataclasses import replace
from types import SimpleNamespace

import pytest

from hil.experiments.plan import PROFILES, agent_case, make_cases
from hil.experiments.program_reader import read_user_program
from hil.experiments.workloads.user_program import UserProgramRun
from hil.model.board import SMALL_HEAP
from hil.model.captures import CapturePlan
from hil.model.errors import (
    BoardResetError,
    BoardTimeoutError,
    CapabilityMissing,
    CaptureError,
    ConfigurationError,
    LinkLostError,
)
from hil.model.user_programs import ProgramOptions
from tools.synthetic_captures import board as synthetic_board

PROGRAM = "from hil_agent import stamp\nstamp()\n"


def program(tmp_path, text, name="my blink.py"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_file_is_the_name_and_its_first_line_may_tell_the_periods(tmp_path):
    two = "# hil: period_ms=20, 2.5\nfrom hil_agent import stamps\n"
    agent = read_user_program(program(tmp_path, two))
    assert agent.name == "my_blink"
    assert agent.file == "my blink.py"
    assert agent.periods_us == (20_000, 2_500)
    assert read_user_program(program(tmp_path, PROGRAM)).periods_us == ()


def test_the_pieces_rebuild_the_text_whatever_is_in_it(tmp_path):
    text = PROGRAM + "s = '''é\\n\"quotes\" {} %d'''\n" * 60
    hil_program = ["left over"]
    for piece in read_user_program(program(tmp_path, text)).pieces:
        assert piece.isascii()
        assert "\n" not in piece
        exec(piece)
    assert "".join(hil_program) == text


@pytest.mark.parametrize("start", ["\ufeff", "# coding: utf-8\r\n"])
def test_marks_and_line_ends_of_other_systems_are_no_obstacle(tmp_path, start):
    text = start + "# hil: period_ms=20\r\n" + PROGRAM.replace("\n", "\r\n")
    agent = read_user_program(program(tmp_path, text))
    assert agent.periods_us == (20_000,)
    assert "\r" not in agent.source
    assert "\ufeff" not in agent.source


def test_a_program_called_like_a_technique_is_none(tmp_path):
    assert read_user_program(program(tmp_path, PROGRAM, "thread.py")).name == "thread_program"


def test_what_is_known_of_it_comes_back_from_the_plan(tmp_path):
    text = (
        "# hil: period_ms=20\nfrom machine import Timer\nfrom hil_agent import stamp\n"
        "Timer(-1).init(period=20, callback=stamp)\ntry:\n  f()\nexcept:\n  pass\n"
    )
    agent = read_user_program(program(tmp_path, text, "blinkér.py"))
    case = agent_case(agent, PROFILES["quick"])
    known = ProgramOptions.of_plan(case.plan)
    assert known == ProgramOptions("blink?r.py", "header", (4,), True, (7,))
    plain = make_cases(PROFILES["quick"], ["timer_soft"], ["idle"])[0].plan
    assert ProgramOptions.of_plan(plain) is None


@pytest.mark.parametrize(
    ("header", "period_ms", "source", "periods"),
    [
        ("# hil: period_ms=20\n", None, "header", [20_000]),
        ("# hil: period_ms=20\n", 50, "option", [50_000]),
        ("", 50, "option", [50_000]),
        ("", None, "profile", [10_000]),
    ],
)
def test_where_the_period_comes_from_is_kept(tmp_path, header, period_ms, source, periods):
    agent = read_user_program(program(tmp_path, header + PROGRAM))
    plan = agent_case(agent, PROFILES["quick"], period_ms=period_ms).plan
    assert ProgramOptions.of_plan(plan).periods_from == source
    assert [task.period_us for task in plan.tasks] == periods


@pytest.mark.parametrize(
    ("periods", "given", "said"),
    [
        ("20,50", {"period_ms": 10}, "--hil-period-ms=10: my blink.py names its own periods"),
        ("20,5000", {}, "window of 5 s is too short for three periods of 5000 ms"),
    ],
)
def test_options_that_do_not_fit_the_header_are_refused(tmp_path, periods, given, said):
    text = f"# hil: period_ms={periods}\nfrom hil_agent import stamps\n"
    with pytest.raises(ConfigurationError, match=said):
        agent_case(read_user_program(program(tmp_path, text)), PROFILES["quick"], **given)


LATE, PROMPT = BoardTimeoutError("late", received=b"x"), BoardTimeoutError("", received=b"\n>>> ")
RESET = BoardResetError("it said 'MPY: soft reboot'")


@pytest.mark.parametrize(
    ("error", "lines", "said"),
    [
        (LATE, {"catches_interrupt": (7,)}, "line 7 catches it: write `except Exception:`"),
        (LATE, {}, "does it switch it off (micropython.kbd_intr(-1))"),
        (LATE, {"interrupts_off": (4,)}, "switches interrupts off in line 4, and a board without"),
        (PROMPT, {"catches_interrupt": (7,)}, "does program.py reset the board, take its port"),
        (RESET, {}, "does program.py reset the board"),
        (RESET, {"resets": (3, 9)}, "program.py resets the board, in lines 3, 9: leave that out"),
        (RESET, {"interrupts_off": (4,)}, "switches interrupts off in line 4"),
        (LinkLostError("gone"), {}, "does program.py reset the board"),
        (CaptureError("other"), {"resets": (3,)}, ""),
    ],
)
def test_a_capture_that_fails_hints_at_the_program(error, lines, said):
    options = ProgramOptions("program.py", "header", **lines).as_options()
    plan = CapturePlan("program", "idle", (), 0, options=options)
    hint = UserProgramRun().hint(error, plan)
    assert said in hint
    assert bool(said) == bool(hint)
    assert UserProgramRun().hint(error, CapturePlan("thread", "idle", (), 0)) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("print(1)\n", "hil_agent"),
        (b"from hil_agent\xff import", "not a text file"),
        ("from hil_agent import stamp\nif:\n", "line 2"),
        ("# hil: period_ms=0.2\n" + PROGRAM, "period_ms"),
        ("# hil: period_ms=1,,2\n" + PROGRAM, "line 1: .*did you mean"),
        (PROGRAM + "#" * 300_000, "no such file is longer than 256 kB"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(tmp_path, text, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        read_user_program(program(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="can't read"):
        read_user_program(tmp_path / "none.py")


def test_a_board_with_little_memory_says_so(tmp_path):
    identity = replace(synthetic_board(), capabilities=(SMALL_HEAP,), free_bytes=9456)
    case = agent_case(read_user_program(program(tmp_path, PROGRAM)), PROFILES["quick"])
    with pytest.raises(CapabilityMissing, match=r"too little memory .* \(9,456 bytes free\)"):
        UserProgramRun().setup(SimpleNamespace(identity=identity), case)
