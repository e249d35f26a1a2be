"""Expected boards: which are missing, which are told, whatever the words fit."""

import itertools
import random

import pytest

from hil.model.board import BoardIdentity
from hil.model.errors import ConfigurationError
from hil.model.expected_boards import board_labels, match_boards, split_words


def board(name, unique_id=None, machine="Raspberry Pi Pico with RP2040"):
    return BoardIdentity(name, name, "hardware", "rp2", machine, "v1", 1 << 30, unique_id=unique_id)


def labels(*boards):
    return {each.name: board_labels(each, f"USB-{each.name[-1]}") for each in boards}


FIRST, SECOND = board("/dev/ttyACM0", "e661"), board("/dev/ttyACM1", "e662")


@pytest.mark.parametrize(
    "word",
    [
        *("/dev/ttyACM0", "e661", "E661", "id:e661", "id:USB-0", "USB-0"),
        *("Raspberry Pi Pico", "raspberry pi pico with rp2040"),
    ],
)
def test_a_board_goes_by_each_of_its_labels(word):
    match = match_boards([word], labels(FIRST))
    assert (match.missing, match.told) == ((), ())


@pytest.mark.parametrize("word", ["/dev/ttyACM9", "id:e66", "Raspberry Pi Pico W", "rp2040"])
def test_what_is_only_like_a_label_is_missing(word):
    match = match_boards([word], labels(FIRST))
    assert match.missing == (word,)
    assert [name for name, text in match.told if "not expected" in text] == ["/dev/ttyACM0"]


def test_a_machine_given_twice_expects_two():
    twice = ["Raspberry Pi Pico"] * 2
    assert match_boards(twice, labels(FIRST, SECOND)).missing == ()
    assert match_boards(twice, labels(FIRST)).missing == ("Raspberry Pi Pico",)


def test_a_particular_word_does_not_lose_its_board_to_a_machines_name():
    for words in itertools.permutations(["Raspberry Pi Pico", "id:e661"]):
        match = match_boards(words, labels(FIRST, SECOND))
        assert (match.missing, match.told) == ((), ())


def test_two_boards_that_claim_one_name_are_told():
    ((name, text),) = match_boards(["Raspberry Pi Pico"], labels(FIRST, SECOND)).told
    assert name == "/dev/ttyACM1"
    assert "two boards claim the name Raspberry Pi Pico, this one and /dev/ttyACM0" in text


def test_two_boards_of_one_id_are_told():
    match = match_boards(
        ["/dev/ttyACM0", "/dev/ttyACM1"], labels(FIRST, board("/dev/ttyACM1", "e661"))
    )
    assert match.missing == ()
    assert match.told == (
        (
            "/dev/ttyACM1",
            "it has the same id:e661 as /dev/ttyACM0: in the history they are one board",
        ),
    )


def most_with_a_board(words, known):
    """By trying everything."""
    if not words:
        return 0
    word, *rest = words
    best = most_with_a_board(rest, known)
    for name in [name for name, labels in known.items() if word in labels]:
        left = {other: labels for other, labels in known.items() if other != name}
        best = max(best, 1 + most_with_a_board(rest, left))
    return best


def test_as_many_words_have_a_board_as_can():
    drawn = random.Random(5)
    for _ in range(300):
        names = [f"b{number}" for number in range(drawn.randint(1, 5))]
        known = {name: {word for word in "abcde" if drawn.random() < 0.4} for name in names}
        words = [drawn.choice("abcde") for _ in range(drawn.randint(1, 5))]
        match = match_boards(words, known)
        assert len(words) - len(match.missing) == most_with_a_board(words, known)


def test_a_long_list_of_alike_boards_is_matched():
    many = {f"p{n}": {"pico"} for n in range(400)}
    assert match_boards(["pico"] * 401, many).missing == ("pico",)


def test_words_are_bounded():
    assert split_words(" a, b ,,c") == ["a", "b", "c"]
    assert split_words("sim:ppm=40,seed=2,pico-1") == ["sim:ppm=40,seed=2", "pico-1"]
    for text in ("a\nb", "x" * 401):
        with pytest.raises(ConfigurationError, match="no board is called that"):
            split_words(text)
