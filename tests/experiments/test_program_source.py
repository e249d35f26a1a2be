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
