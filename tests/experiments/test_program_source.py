import pytest

from hil.experiments.program_source import examine_source
from hil.model.errors import ConfigurationError

TIMER = "from machine import Timer\nfrom hil_agent import stamp\n"


def facts(source, tasks=1):
    return examine_source(source, "program.py", tasks)


@pytest.mark.parametrize(
    ("source", "tasks", "said"),
    [
        ("x = 1\n", 1, "marks no activation; put `from hil_agent import stamp`"),
        ("# hil_agent\n", 1, "marks no activation"),
        ("from hil_agent import asked\nasked(0)\n", 1, "asks for activations and marks none"),
        ("from hil_agent import stmap\n", 1, "line 1: .* no stmap; did you mean stamp?"),
        ("import hil_agent as h\nh.stamp()\nh.begin()\n", 1, "line 3: .* no begin"),
        ("from hil_agent import *\n", 1, "line 1: name what you import"),
        ("from hil_agent import stamp\nif:\n", 1, "syntax error in line 2"),
        (TIMER + "t = Timer(-1, callback=stamp())\n", 1, r"line 3: callback=stamp\(\) calls it"),
        (
            "from hil_agent import stamps as s\npin.irq(handler=s[0]())\n",
            1,
            r"line 2: handler=s\[0\]\(\) calls it once, now; write handler=s\[0\]",
        ),
        (
            "from hil_agent import stamps\nstamps[1]()\n",
            1,
            r"line 2: stamps\[1\] needs 2 periods, there is 1; .*`# hil: period_ms=20,50`",
        ),
        ("from hil_agent import stamp, asked\nasked(2, 5)\n", 2, r"asked\(2\) needs 3 periods"),
        ("from hil_agent import stamp\nstamp()\n", 2, "names 2 periods, and stamp.. marks"),
    ],
)
def test_what_can_t_be_measured_is_refused_with_what_to_do(source, tasks, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        facts(source, tasks)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "tasks"),
    [
        ("import hil_agent\nhil_agent.stamp()\n", 1),
        ("from hil_agent import stamps, asked\nasked(1)\nfor k in (0, 1):\n stamps[k]()\n", 2),
        ("def f():\n from hil_agent import stamp as mark\n mark()\n", 1),
        ('from hil_agent import stamp\nstamp()\nx = "\\d"\n', 1),
    ],
)
def test_every_way_to_mark_is_taken(source, tasks):
    assert facts(source, tasks).unkept_timers == ()


def test_timers_that_no_name_refers_to_are_found():
    source = TIMER + (
        "Timer(-1).init(period=20, callback=stamp)\n"
        "kept = Timer(-1)\nkept.init(period=20)\n"
        "import machine\nmachine.Timer(0, period=5)\n"
        "timers.append(Timer(1))\n"
    )
    assert facts(source).unkept_timers == (3, 7)
    assert facts(source).uses_timer
    assert not facts("from hil_agent import stamp\nstamp()\n").uses_timer


def test_handlers_that_swallow_ctrl_c_are_found():
    body = " try:\n  stamp()\n except{}:\n  {}\n"
    source = "from hil_agent import stamp\nwhile True:\n" + "".join(
        body.format(*pair)
        for pair in (
            ("", "pass"),
            (" Exception", "pass"),
            (" (ValueError, KeyboardInterrupt)", "print()"),
            (" BaseException", "raise"),
            (" KeyboardInterrupt", "break"),
        )
    )
    assert facts(source).catches_interrupt == (5, 13)


NAMED = "from hil_agent import asked, stamp, stamps\n"


@pytest.mark.parametrize(
    ("source", "names", "said"),
    [
        (NAMED + 'stamp("sensor")\n', (), 'stamp."sensor".: .* `# hil: period_ms=sensor:20`'),
        (NAMED + 'stamp()\nstamp("motr")\n', ("sensor", "motor"), "line 3: .*did you mean motor"),
        (NAMED + 'stamps["x"]()\n', ("sensor", "motor"), 'stamps."x".: unknown task'),
        (NAMED + 'stamp()\nasked("x")\n', ("sensor", "motor"), 'asked."x".: unknown task'),
    ],
)
def test_a_name_that_the_header_does_not_give_is_refused(source, names, said):
    with pytest.raises(ConfigurationError, match=said):
        examine_source(source, "program.py", max(1, len(names)), names)


def test_tasks_are_marked_by_their_names():
    source = 'from hil_agent import stamp\nstamp("sensor")\nstamp("motor")\n'
    examine_source(source, "program.py", 2, ("sensor", "motor"))


@pytest.mark.parametrize(
    ("source", "where"),
    [
        (
            "from machine import Timer\nt = Timer()\ndef tick(timer):\n    led.toggle()\n"
            "t.init(freq=2, callback=tick)\n",
            "stamp() at the start of tick(), line 3",
        ),
        ("t.init(freq=2, callback=lambda t: 1)\n", "stamp() in what it calls back in line 1"),
        ("import time\nwhile True:\n    time.sleep(1)\n", "at the start of the loop in line 2"),
        ("x = 1\n", "call stamp() at each activation"),
    ],
)
def test_a_program_from_a_page_is_told_where_to_put_the_mark(source, where):
    with pytest.raises(ConfigurationError) as caught:
        facts(source)
    assert "marks no activation; put `from hil_agent import stamp` into it" in str(caught.value)
    assert where in str(caught.value)


def test_lines_that_take_the_board_away_are_known():
    known = facts(TIMER + "import machine\nstamp()\nmachine.disable_irq()\nmachine.reset()\n")
    assert known.interrupts_off == (5,)
    assert known.resets == (6,)
