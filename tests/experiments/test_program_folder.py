"""A program of several files: what comes along, what is refused."""

import pytest

from hil.experiments.program_reader import read_user_program
from hil.experiments.workloads.program_upload import explain_upload, file_pieces
from hil.model.errors import ConfigurationError, RemoteCodeError
from hil.model.program_files import MAX_FILES, ProgramFile, is_safe_path

MAIN = "# hil: period_ms=20\nfrom hil_agent import stamp\nimport helper\nstamp()\n"


@pytest.fixture
def folder(tmp_path):
    app = tmp_path / "blinker"
    for name, text in {
        "main.py": MAIN,
        "helper.py": "X = 1\n",
        "lib/tools.py": "Y = 2\n",
        "data/config.json": "{}",
        ".git/config": "no",
        "__pycache__/main.cpython-311.pyc": "no",
        ".hidden.py": "no",
    }.items():
        path = app / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return app


def test_a_folder_is_its_main_and_what_lies_beside_it(folder):
    program = read_user_program(folder)
    assert program.name == "blinker"
    assert program.file == "main.py"
    assert program.periods_us == (20_000,)
    assert [file.path for file in program.files] == [
        *("main.py", "helper.py", "data/config.json", "lib/tools.py"),
    ]


def test_a_single_file_brings_nothing_along(folder):
    assert [file.path for file in read_user_program(folder / "main.py").files] == ["main.py"]
    assert file_pieces(read_user_program(folder / "main.py").files[1:]) == ()


def test_a_module_may_mark_the_activations(folder):
    (folder / "main.py").write_text("# hil: period_ms=20\nimport helper\n")
    (folder / "helper.py").write_text("from hil_agent import stamp\nstamp()\n")
    assert read_user_program(folder).periods_us == (20_000,)


def _remove_main(app):
    (app / "main.py").unlink()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_remove_main, "there is no main.py in it"),
        (lambda app: (app / "a b.py").write_text(""), "a b.py: a board's file may have letters"),
        (lambda app: (app / "big.bin").write_bytes(b"x" * 255_990), "256,000 at most"),
        (lambda app: (app / "huge.bin").write_bytes(b"x" * 300_000), "huge.bin is 300 kB long"),
        (lambda app: (app / "lib/x.py").write_text("if:\n"), "lib/x.py: syntax error in line 1"),
        (
            lambda app: [(app / f"f{n}.txt").write_text("") for n in range(MAX_FILES)],
            "more than 100 files",
        ),
        (
            lambda app: (app / "lib/x.py").write_text("from hil_agent import stmap\n"),
            "lib/x.py: line 1: hil_agent has .* no stmap",
        ),
    ],
)
def test_what_can_t_go_to_a_board_is_refused_in_one_line(folder, change, said):
    change(folder)
    with pytest.raises(ConfigurationError, match=said) as caught:
        read_user_program(folder)
    assert str(caught.value).startswith(f"--hil-agent={folder}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "path", ["../x.py", "/etc/passwd", "a//b", "a/../b", "", "a\\b", "-x", "ü.py", "a/" * 60 + "b"]
)
def test_a_path_out_of_the_folder_is_no_path(path):
    assert not is_safe_path(path)


@pytest.mark.parametrize("path", ["main.py", "lib/a-b_c.mpy", "data/1.0+2/x", "__init__.py"])
def test_usual_paths_are(path):
    assert is_safe_path(path)


FILES = (ProgramFile("helper.py", b"x" * 10_000), ProgramFile("lib/fast.mpy", b"M\x06\x1a\x1f"))


@pytest.mark.parametrize(
    ("board_says", "said"),
    [
        (
            "raised ValueError: hil:free 20480",
            "what comes beside the program needs about 52,004 bytes, the board has 20,480 free",
        ),
        ("raised MemoryError: memory allocation failed", "more than the board has free"),
        (
            # an RP2040 (armv6m, 6.3) is given code for a Cortex-M4F
            f"raised ValueError: hil:mpy {6 | (3 | 4 << 2) << 8}",
            "lib/fast.mpy is for format 6.2 (armv7em), this board takes format 6.3 (armv6m): "
            "compile it with the mpy-cross of the board's MicroPython",
        ),
        (
            "raised AttributeError: 'module' object has no attribute 'mount'",
            "this board can't import from memory, so a program has to be one file there",
        ),
        ("raised ValueError: other", ""),
    ],
)
def test_a_board_that_does_not_take_the_files_says_why(board_says, said):
    text = explain_upload(RemoteCodeError(board_says), FILES)
    assert said in text
    assert bool(said) == bool(text)
    assert "\n" not in text


def test_the_files_arrive_as_they_are():
    content = bytes(range(256)) * 9
    made = {}
    pieces = file_pieces([ProgramFile("a.bin", content), ProgramFile("empty.py", b"")])

    class Files:
        def need(self, size):
            assert size >= len(content)

        def add(self, path, text):
            import base64

            made[path] = made.get(path, b"") + base64.b64decode(text)

    names = {"hil_files": Files()}
    for piece in pieces[next(i for i, p in enumerate(pieces) if ".need(" in p) :]:
        assert piece.isascii()
        exec(piece, names)
    assert made == {"a.bin": content, "empty.py": b""}
