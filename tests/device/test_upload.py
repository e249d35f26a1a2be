"""Code on its way to the board, damaged in every way: told, sent once more, never executed."""

from __future__ import annotations

import random
import zlib

import pytest

from hil.agents import bundle, upload
from hil.agents.upload import execute_checked, load_upload, start_checked
from hil.model.errors import BoardTimeoutError, RemoteCodeError, TransportError
from hil.recording.interfaces import END_OF_OUTPUT

CODE = "def hil_probe():\n return 'it''s \\'here\\'\\n'\nhil_seen=1\n" + "hil_x=12345\n" * 20


class LossyPrompt:
    """A prompt that damages what is sent; ``damages`` are applied one after the other."""

    def __init__(self, prompt, *damages):
        self._prompt = prompt
        self._damages = list(damages)
        self.sent = 0

    def __getattr__(self, name):
        return getattr(self._prompt, name)

    def start(self, code):
        self.sent += 1
        if "hil_take(" in code and self._damages:
            code = self._damages.pop(0)(code)
        self._prompt.start(code)

    def exec(self, code, *, timeout_s=10.0):
        self.start(code)
        return self._prompt.finish(self._prompt.deadline(timeout_s))


@pytest.fixture
def prompt(runner):
    runner.repl.enter()
    load_upload(runner.repl)
    yield runner.repl
    runner.repl.enter()


def seen(prompt) -> bytes:
    return prompt.exec("print('hil_seen' in globals())").strip()


def without(*places):
    return lambda code: "".join(c for at, c in enumerate(code) if at not in places)


def stuck(code):
    raise BoardTimeoutError("the board stopped answering while code was sent")


def middle(change):
    return lambda code: code[:100] + change + code[100 + len(change) :]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without(100, 101, 130), f"3 of {len(CODE)} bytes missing"),
        (middle("hil_y"), f"{len(CODE)} bytes came as others"),
        (lambda code: code[:100] + "hil" + code[100:], f"{len(CODE) + 3} bytes came for"),
        (lambda code: "!" + code, "what is no code (SyntaxError"),
        (lambda code: code[:-2], "what is no code (SyntaxError"),
        (without(3), "what is no code (NameError"),
        (without(10), "missing|came as others|no code"),
        (stuck, "not all of it got through"),
    ],
)
def test_damage_is_told_and_the_code_sent_once_more(prompt, caplog, damage, said):
    lossy = LossyPrompt(prompt, damage)
    assert execute_checked(lossy, CODE) == b""
    assert prompt.exec("print(hil_seen,hil_x,hil_probe())").split() == [
        b"1",
        b"12345",
        b"its",
        b"'here'",
    ]
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{prompt.port}: upload damaged: ")
    assert any(part in record.getMessage() for part in said.split("|"))


def test_a_second_damage_is_an_error_and_nothing_was_executed(prompt):
    lossy = LossyPrompt(prompt, without(100), without(100, 101))
    with pytest.raises(TransportError) as caught:
        execute_checked(lossy, CODE)
    size = len(CODE)
    assert f"upload damaged twice: 1 of {size} bytes missing, then 2 of {size}" in str(caught.value)
    assert "cable" in str(caught.value)
    assert seen(prompt) == b"False"


@pytest.mark.parametrize("seed", range(4))
def test_no_damage_is_ever_executed(prompt, seed):
    """Some characters are lost, changed or doubled, anywhere in what is sent."""
    chance = random.Random(seed)

    def damage(code):
        text = list(code)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(text))
            text[at] = chance.choice(("", text[at] * 2, chance.choice("0123456789,'()x\n")))
        return "".join(text)

    for _ in range(25):
        statement = f"hil_seen={chance.randrange(10**9)}"
        once = LossyPrompt(prompt, damage)
        prompt.exec("hil_seen=-1")
        execute_checked(once, statement)
        assert prompt.exec("print(hil_seen)").strip().decode() == statement.partition("=")[2]


def test_what_was_done_already_is_not_done_again(prompt):
    """The board took it, and only the answer was lost."""
    prompt.exec("hil_list=[]")

    class Deaf(LossyPrompt):
        def start(self, code):
            super().start(code)
            if self.sent == 1:
                self._prompt.finish(self._prompt.deadline(5))
                raise BoardTimeoutError("the answer was lost")

    execute_checked(Deaf(prompt), "hil_list.append(1)")
    assert prompt.exec("print(hil_list)").strip() == b"[1]"


def test_a_damaged_number_is_not_taken_for_one_that_is_done(prompt):
    execute_checked(prompt, "hil_x=1")
    done = int(prompt.exec("print(hil_uploaded[0])"))

    def same_number(code):
        return code.replace(f"hil_take({done + 1},", f"hil_take({done},")

    lossy = LossyPrompt(prompt, same_number)
    execute_checked(lossy, "hil_x=2")
    assert lossy.sent == 2
    assert prompt.exec("print(hil_x)").strip() == b"2"


def test_an_error_of_the_code_itself_is_its_own(prompt, caplog):
    for code in ("1/0", "import hil_nothing", "hil_take_it()", "def f(:", "x='"):
        with pytest.raises(RemoteCodeError):
            execute_checked(LossyPrompt(prompt), code)
    assert not caplog.records


def test_a_board_without_the_function_gets_it(runner, caplog):
    runner.repl.enter()
    assert execute_checked(runner.repl, "print(7)") == b"7\n"
    assert not caplog.records
    runner.repl.enter()


def test_a_board_that_was_reset_meanwhile_is_told(prompt):
    def reset(code):
        prompt.enter()
        return stuck(code)

    with pytest.raises(TransportError, match="was reset while code was sent"):
        execute_checked(LossyPrompt(prompt, reset), CODE)


def test_a_program_is_started_whole_and_what_it_says_is_unread(prompt, caplog):
    start_checked(LossyPrompt(prompt, without(60)), "print('abcdefghijklmnop' * 9)\nprint(2)")
    assert prompt.finish(prompt.deadline(5)) == b"abcdefghijklmnop" * 9 + b"\n2\n"
    assert len(caplog.records) == 1
    start_checked(prompt, "hil_x=1")
    assert prompt.finish(prompt.deadline(5)) == b""
    assert prompt.exec("print(3)") == b"3\n"
    with pytest.raises(RemoteCodeError, match="ZeroDivisionError"):
        start_checked(prompt, "1/0")
    assert END_OF_OUTPUT not in prompt.exec("print(4)")


def test_a_board_without_crc_has_a_sum_of_places(runner):
    runner.repl.enter()
    for piece in bundle.pieces(upload.UPLOAD_FILE):
        runner.repl.exec(piece)
    runner.repl.exec("hil_crc32=None")
    for text in ("", "a", "hil", CODE):
        for number in (0, 1, 65520):
            said = runner.repl.exec(f"print(hil_place_sum({text!r},{number}))")
            assert int(said) == zlib.adler32(text.encode(), number << 16 | 1) >> 16
    execute_checked(runner.repl, CODE)
    assert seen(runner.repl) == b"True"
    with pytest.raises(TransportError, match="damaged twice"):
        execute_checked(LossyPrompt(runner.repl, middle("7"), middle("8")), CODE)
    runner.repl.enter()


def test_the_check_is_small():
    assert bundle.size_bytes(upload.UPLOAD_FILE) < 600
    piece = "x=1\n" * 150
    assert len(upload._statement(piece, 65520)) < len(piece) + 60
