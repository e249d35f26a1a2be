import pytest

from hil.experiments.program_header import read_header
from hil.model.errors import ConfigurationError

REST = "from hil_agent import stamp\nstamp()\n"


@pytest.mark.parametrize(
    "header",
    [
        "# hil: period_ms=20",
        "#hil:period_ms=20",
        "##  HIL :  Period_MS = 20  ",
        "#! /usr/bin/micropython\n# hil: period_ms=20",
        '"""A blinker."""\n\n\n\n# hil: period_ms=20',
        "import time  # hil: period_ms=20",
    ],
)
def test_the_header_stands_in_one_of_the_first_lines_in_any_spelling(header):
    assert read_header(f"{header}\n{REST}").periods_us == (20_000,)


def test_it_names_a_period_for_each_task():
    assert read_header("# hil: period_ms=20, 2.5,60000\n" + REST).periods_us == (
        20_000,
        2_500,
        60_000_000,
    )


@pytest.mark.parametrize("comment", ["# hil is a harness", "# a period of 20 ms", "# chills: 20"])
def test_other_comments_are_none(comment):
    assert read_header(f"{comment}\n{REST}").periods_us == ()
    assert read_header(f"{comment}\n# hil: period_ms=20\n{REST}").periods_us == (20_000,)


def test_text_in_a_string_is_none():
    assert read_header(f'text = "# hil: period_ms=20"\n{REST}').periods_us == ()


@pytest.mark.parametrize(
    ("header", "line", "meant"),
    [
        ("# hil: period=20", 1, "20"),
        ("# hil period_ms=20", 1, "20"),
        ("# hil; period_ms=20", 1, "20"),
        ("# hill: period_ms=20", 1, "20"),
        ("# period_ms=20", 1, "20"),
        ("# hil: perod_ms=20", 1, "20"),
        ("# hil: period_ms: 20,50", 1, "20,50"),
        ("# hil: period_ms=20 ms", 1, "20"),
        ("# hil: period_ms=20 duration_s=5", 1, "20"),
        ("\n\n# hil: period_us=20000", 3, "20"),
        ("# hil: period_s=0.02", 1, "20"),
        ("# hil: freq=50", 1, "20"),
        ("# hil: period_ms=1,,2", 1, "1,2"),
        ("# hil: period_ms=", 1, "20"),
    ],
)
def test_a_wrong_header_is_an_error_with_its_line_and_what_was_meant(header, line, meant):
    with pytest.raises(ConfigurationError) as caught:
        read_header(f"{header}\n{REST}")
    text = str(caught.value)
    assert text.startswith(f"line {line}: `")
    assert text.endswith(f"did you mean `# hil: period_ms={meant}`?")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("# hil: period_ms=0.5", "line 1: period_ms=0.5: each must be a number from 1 to 60000"),
        ("# hil: period_ms=20,70000", "from 1 to 60000"),
        ("# hil: period_ms=1.2.3", "a number"),
        ("# hil: period_ms=" + ",".join("123456789"), "names 9 tasks, 8 at most"),
        ("\n\n\n\n\n# hil: period_ms=20", "line 6: .* first 5 lines"),
        ("# hil: period_ms=20\n# hil: period_ms=50", "line 2: a second .* first one is in line 1"),
        ("# hil: period_ms=20\n# hil: period=50", "line 2: .* is no header"),
    ],
)
def test_periods_that_can_t_be_and_a_header_in_the_wrong_place(header, said):
    with pytest.raises(ConfigurationError, match=said):
        read_header(f"{header}\n{REST}")


def test_a_comment_of_thousands_of_signs_takes_no_time():
    assert read_header("#" * 60_000 + "\n# hil: period_ms=20\n" + REST).periods_us == (20_000,)


def test_tasks_may_have_names():
    header = read_header("# hil: period_ms = sensor : 20, motor:2.5\n" + REST)
    assert header.periods_us == (20_000, 2_500)
    assert header.names == ("sensor", "motor")
    assert read_header("# hil: period_ms=20,50\n" + REST).names == ()


def test_packages_and_their_index_have_lines_of_their_own():
    header = read_header(
        "# hil: period_ms=20\n# hil: require=a, github:x/y@1.0\n#hil:mip_index=./pi\n" + REST
    )
    assert header.requires == ("a", "github:x/y@1.0")
    assert header.mip_index == "./pi"
    assert header.periods_us == (20_000,)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("# hil: period_ms=sensor:20,50", "a name, or none: `.*sensor:20,task1:50`"),
        ("# hil: period_ms=a:20,a:50", "two tasks are called a"),
        ("# hil: period_ms=a b:20", "line 1: .* is no header"),
        ("# hil: period_ms=" + "x" * 25 + ":20", "line 1: .* is no header"),
        ("# hil: require=a\n# hil: require=b", "line 2: a second `# hil: require=`"),
        ("\n\n\n\n\n# hil: require=a", "line 6: .* first 5 lines"),
    ],
)
def test_names_and_packages_that_can_t_be(header, said):
    with pytest.raises(ConfigurationError, match=said):
        read_header(f"{header}\n{REST}")
