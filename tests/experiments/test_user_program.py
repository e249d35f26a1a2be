import pytest

from hil.experiments.workloads.user_program import read_user_program
from hil.model.errors import ConfigurationError

PROGRAM = "from hil_agent import stamp\nstamp()\n"


def program(tmp_path, text, name="my blink.py"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_file_is_the_name_and_its_first_line_may_tell_the_periods(tmp_path):
    agent = read_user_program(program(tmp_path, "# hil: period_ms=20, 2.5\n" + PROGRAM))
    assert agent.name == "my_blink"
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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("print(1)\n", "hil_agent"),
        (b"from hil_agent\xff import", "not a text file"),
        ("from hil_agent import stamp\nif:\n", "line 2"),
        ("# hil: period_ms=0.2\n" + PROGRAM, "period_ms"),
        ("# hil: period_ms=1,,2\n" + PROGRAM, "period_ms"),
        (PROGRAM + "#" * 70_000, "larger"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(tmp_path, text, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        read_user_program(program(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="can't read"):
        read_user_program(tmp_path / "none.py")
