"""The lint for retired words: what it refuses, what it must let pass, and its list of words."""

import pytest

from tools.wording import __main__ as lint
from tools.wording.words import WORDS_FILE, name_parts, read_words

WORDING = read_words(WORDS_FILE.read_text(encoding="utf-8"))


def refused(source, path="hil/somewhere.py"):
    return [word.word for _, _, word in lint.check_code(WORDING, path, source)]


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("one = rows[0]", "one"),
        ("_one: int = 1", "one"),
        ("values = [one.value for one in rows]", "one"),
        ("text = f'{[one for one in rows]}'", "one"),
        ("for k, (found, _) in rows: pass", "found"),
        ("def f(mine): pass", "mine"),
        ("async def place(): pass", "place"),
        ("def f(*, kept_rows): pass", "kept"),
        ("self.kept = 1", "kept"),
        ("class KeptRun: pass", "kept"),
        ("class Board:\n    lives: int", "lives"),
        ("import hil.analysis.activations as act", "act"),
        ("try: pass\nexcept OSError as void: pass", "void"),
        ("with f() as strays: pass", "strays"),
        ("match x:\n    case [*one]: pass", "one"),
        ("def put_right(x): pass", "put_right"),
        ("HOW_SURE = 1", "sure"),
        ('"""How sure the figures are."""', "sure"),
        ("x = 'the capture is void'", "void"),
        ("x = f'{n} lives ended'", "lives"),
        ("# climbs the ladder of recovery", "climb"),
        ('"""Figures of a cut\n    capture."""', "cut"),
        ("# the board puts\n# right what was wrong", "put_right"),
        ("def test_a_clock_that_jumps_voids_the_capture(): pass", "void"),
        ("x = 'survival'", None),
        ("x = 'survival/kill'", None),
        ("x = 'its survival'", "survival"),
    ],
)
def test_what_is_refused(source, word):
    assert refused(source) == ([] if word is None else [word])


@pytest.mark.parametrize(
    "source",
    [
        '"""One board is found in place of another; no one is kept; it is cut in two."""',
        "# make sure that the absent key stays in its place",
        "one_shot = BoardNotFoundError('one board found, none kept')",
        "found_at = not_found = replace = placed = everyone = 1",
        "x = rows.one; f(one=1); del rows.found",
        "# a pointer `void *` of C",
        "def test_a_capture_cut_at_every_byte_is_one_line_or_found(): pass",
        "alive = lived = avoid = assured = 1",
        "x = counters['strays']",
    ],
)
def test_what_is_no_retired_word(source):
    assert refused(source) == []


def test_a_permission_holds_in_its_files_only():
    assert refused("def f(place): pass", "hil/boards/backends/labgrid.py") == []
    assert refused("def f(place): pass", "hil/history/labgrid.py") == ["place"]


def test_the_permissions_that_were_needed_are_known():
    wording = read_words(
        """[words.one]\nuse = "x"\nnames = "alone"\ntext = ["sure"]
        [[allowed]]\nnames = ["one"]\nwhy = "a"
        [[allowed]]\ntext = "sure thing"\nwhy = "b"
        [[allowed]]\ntext = "fine"\nwhy = "c"
        """
    )
    assert lint.check_code(wording, "a.py", "one = 1  # a sure thing") == []
    assert lint.check_code(wording, "b.py", "# fine") == []
    assert {entry.why for entry in wording.needed} == {"a", "b"}


def test_a_files_name_is_looked_at():
    assert refused("", "hil/recording/void.py") == ["void"]
    assert refused("", "hil/recording/validity.py") == []


def test_texts_are_told_by_paragraph():
    page = "First.\n\nIt says\nhow sure it is.\n\nMake\nsure.\n"
    (finding,) = lint.check_text(WORDING, "docs/page.md", page)
    assert finding[:2] == (3, "It says how sure it is.")


def test_the_line_of_a_finding():
    source = '"""Fine."""\n\nx = 1\n# fine\n# void\n\n\nfound = 2\n'
    assert [(line, word.word) for line, _, word in lint.check_code(WORDING, "a.py", source)] == [
        (4, "void"),
        (8, "found"),
    ]


def test_a_project_is_read_whole_and_nothing_beside_it(tmp_path):
    for name, text in (
        ("hil/a.py", "one = 1\n"),
        ("hil/page.html.j2", "<p>void</p>\n"),
        ("tools/b.py", "found = 1\n"),
        ("docs/c.md", "no sure thing\n"),
        ("README.md", "fine\n"),
        ("elsewhere/d.py", "one = 1\n"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found_in = [(path, word.word) for path, _, _, word in lint.check_project(tmp_path, WORDING)]
    assert found_in == [
        ("hil/a.py", "one"),
        ("tools/b.py", "found"),
        ("hil/page.html.j2", "void"),
        ("docs/c.md", "sure"),
    ]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("readURL_of2", ["read", "url", "of", "2"]),
        ("KeptRun", ["kept", "run"]),
        ("_MAX_KEPT", ["max", "kept"]),
        ("HTTPServer", ["http", "server"]),
    ],
)
def test_the_words_of_a_name(name, parts):
    assert name_parts(name) == parts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[words.x]\nuse = 'y'\nname = 'part'\n", "x: unknown: name"),
        ("[words.x]\nnames = 'part'\n", "x: `use` must say"),
        ("[words.x]\nuse = 'y'\nnames = 'whole'\n", "x: `names` is"),
        ("[[allowed]]\nnames = ['x']\n", "`why` must give the reason"),
        ("[[allowed]]\nname = 'x'\nwhy = 'y'\n", "allowed: unknown: name"),
        ("[word.x]\nuse = 'y'\n", "unknown: word"),
    ],
)
def test_a_mistake_in_the_list_is_said(text, message):
    with pytest.raises(ValueError, match=message):
        read_words(text)
