"""A run's folder that somebody else made: nothing outside of it is read, and nothing is left out
without a word."""

from __future__ import annotations

import json
import os
import shutil
import struct
from pathlib import Path

import pytest

from hil.cli.main import main
from hil.recording.capture_file import MAX_FILE_BYTES, list_captures
from hil.recording.chunk_file import chunk_bytes

STORED = Path(__file__).parents[2] / "replay" / "runs" / "user_program" / "capture"
SECRET = "TOPSECRET"
SUITE = "def test_it(figures):\n    figures.check('missed')\n"
MEGABYTE = 1 << 20


@pytest.fixture
def folder(tmp_path) -> Path:
    """A stored run, and beside it a file that nobody has asked for."""
    shutil.copytree(STORED, tmp_path / "run" / "capture")
    (tmp_path / "secret").write_text(SECRET * 100)
    return tmp_path / "run"


def link(path: Path) -> None:
    path.symlink_to(path.parents[2] / "secret")


def sound_link(path: Path) -> None:
    """A link to a sound capture: as little as to anything else."""
    shutil.copy(list_captures(STORED)[-1], path.parents[2] / "elsewhere")
    path.symlink_to(path.parents[2] / "elsewhere")


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def ten_gigabytes(path: Path) -> None:
    shutil.copy(list_captures(STORED)[-1], path)
    os.truncate(path, 10 * 10**9)


def longer_than_its_end(path: Path) -> None:
    list_captures(path.parent)[-1].rename(path)
    os.truncate(path, path.stat().st_size + 3 * 10**9)


def another_stream_behind(path: Path) -> None:
    longer_than_its_end(path)
    os.truncate(path, list_captures(STORED)[-1].stat().st_size)
    with path.open("ab") as file:
        file.write(chunk_bytes("R", bytes(8) + b"~"))


NOT_READ = {
    "link": link,
    "sound_link": sound_link,
    "dangling": dangling,
    "device": device,
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "ten_gigabytes": ten_gigabytes,
    "longer_than_its_end": longer_than_its_end,
    "another_stream_behind": another_stream_behind,
}


ONE_CAPTURE_LESS = ("longer_than_its_end", "another_stream_behind")


def used(folder: Path) -> int:
    """Bytes that files claim, which a copy or a reader would have to go through."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_symlink())


@pytest.mark.parametrize("kind", NOT_READ)
def test_commands_name_what_they_do_not_read(folder, kind, capsys):
    bad = folder / "capture" / "900_x_y.hilcap"
    NOT_READ[kind](bad)
    for command in (["report"], ["show"], ["export", "--to", "csv,openmetrics"]):
        assert main([command[0], str(folder), *command[1:]]) == 8, command
        said = capsys.readouterr().err
        assert said.count("900_x_y.hilcap") == 1, said
    results = json.loads((folder / "results.json").read_text())
    assert sum("900_x_y.hilcap" in error["error"] for error in results["errors"]) == 1
    assert bool(results["measurements"]) == (kind not in ONE_CAPTURE_LESS)
    assert "900_x_y.hilcap" in (folder / "report.html").read_text()
    made = [path for path in folder.iterdir() if path.is_file()]
    assert all(SECRET not in path.read_text(errors="replace") for path in made)


@pytest.mark.parametrize("kind", ["link", "pipe", "ten_gigabytes"])
def test_a_replay_reads_and_copies_none_of_it(folder, kind, pytester, run_here):
    bad = folder / "capture" / "900_x_y.hilcap"
    NOT_READ[kind](bad)
    pytester.makepyfile(SUITE)
    result = run_here(f"--board=replay:{folder}", "--hil-out=out")
    assert result.ret == 8
    assert "900_x_y.hilcap" in "".join(result.stdout.lines)  # a long path is wrapped
    out = pytester.path / "out" / "latest"
    assert not (out / "capture" / bad.name).exists()
    assert used(out) < 20 * MEGABYTE
    errors = json.loads((out / "results.json").read_text())["errors"]
    assert ["900_x_y.hilcap" in error["error"] for error in errors].count(True) == 1
    assert "900_x_y.hilcap" in (out / "report.html").read_text()


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_comparing_and_keeping_a_run_name_it_too(folder, kind, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    NOT_READ[kind](folder / "capture" / "900_x_y.hilcap")
    for command in (["compare", str(folder), str(folder)], ["history", "add", str(folder)]):
        assert main([*command, "--history", "h.db"]) == 8, command
        said = capsys.readouterr().err
        assert said.count("900_x_y.hilcap") == 1, said


@pytest.mark.parametrize("name", ["wiring", "agent", "budgets"])
def test_a_file_of_the_user_s_is_no_pipe_and_no_device(name, tmp_path, pytester, run_here):
    os.mkfifo(tmp_path / "pipe")
    pytester.makepyfile(SUITE)
    for path in (tmp_path / "pipe", "/dev/zero"):
        result = run_here("--board=sim", f"--hil-{name}={path}", "--hil-out=out")
        assert result.ret == 4
        assert str(path) in result.stderr.str()


def test_a_capture_that_breaks_off_in_emptiness_is_copied_no_further(folder, pytester, run_here):
    """A crash may leave zeros at a file's end: what is before them counts, they do not."""
    path = list_captures(folder / "capture")[-1]
    whole = path.read_bytes()
    path.write_bytes(whole[:-11])  # its last chunk, the end, is 9 + 2 bytes
    os.truncate(path, MAX_FILE_BYTES)
    pytester.makepyfile(SUITE)
    result = run_here(f"--board=replay:{folder}", "--hil-out=out")
    assert result.ret == 8
    (copied,) = (pytester.path / "out").glob("2*")  # nothing was measured: not the latest
    copy = copied / "capture" / path.name
    assert copy.stat().st_size < len(whole) + 2 * MEGABYTE
    assert copy.read_bytes().startswith(whole[:-11])


@pytest.mark.parametrize("name", ["results.json", "changes.json", "budgets.toml"])
def test_documents_of_a_run_are_no_links_either(folder, name, tmp_path, capsys):
    (folder / name).symlink_to(tmp_path / "secret")
    assert main(["show", str(folder)]) == 1
    assert f"{name} is a link" in capsys.readouterr().err
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert main(["show", str(folder)]) == 1
    assert f"{name} is a pipe" in capsys.readouterr().err


@pytest.mark.parametrize("make", [link, os.mkfifo])
def test_a_log_that_is_none_is_named_and_the_captures_are_read(folder, make, capsys):
    (folder / "capture" / "run.jsonl").unlink()
    make(folder / "capture" / "run.jsonl")
    assert main(["report", str(folder)]) == 8
    assert "run.jsonl" in capsys.readouterr().err
    assert json.loads((folder / "results.json").read_text())["measurements"]


def test_captures_are_not_looked_for_in_another_folder(folder, tmp_path, capsys):
    (folder / "capture").rename(tmp_path / "elsewhere")
    (folder / "capture").symlink_to(tmp_path / "elsewhere")
    for command in (["report"], ["export", "--to", "csv"]):
        assert main([command[0], str(folder), *command[1:]]) == 1
        assert "capture is a link" in capsys.readouterr().err


def test_what_is_written_takes_a_link_s_place(folder, tmp_path, capsys):
    """Not the place of the file that it names."""
    theirs = tmp_path / "theirs"
    for name in ("report.html", "junit.xml", "results.json", "stamps.csv"):
        theirs.write_text("mine")
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(theirs)
    assert main(["report", str(folder), "--markdown", str(folder / "summary.md")]) == 0
    assert main(["export", str(folder), "--to", "csv"]) == 0
    assert theirs.read_text() == "mine"
    assert not (folder / "report.html").is_symlink()
    capsys.readouterr()


@pytest.mark.parametrize("text", ["[" * 10**6, '{"a":' * 10**6, "[" + "[]," * 3 * 10**6 + "0]"])
def test_a_document_of_deep_or_endless_json_is_one_line(folder, text, capsys):
    (folder / "results.json").write_text(text)
    assert main(["show", str(folder)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("hil: ")
    assert said.count("\n") == 1
    assert "results.json" in said
    if text.endswith("0]"):
        assert "not what was written: 3,000,001 lists and objects" in said


def test_a_document_of_ten_gigabytes_is_not_read(folder, capsys):
    (folder / "results.json").write_text("{}")
    os.truncate(folder / "results.json", 10 * 10**9)
    assert main(["show", str(folder)]) == 1
    assert "results.json is 10 GB long" in capsys.readouterr().err


def test_a_part_longer_than_its_file_is_not_awaited(folder, capsys):
    path = list_captures(folder / "capture")[-1]
    head = path.read_bytes()[:8]
    path.write_bytes(head + struct.pack("<cII", b"M", 1 << 31, 0) + b"x" * 100)
    assert main(["report", str(folder)]) in (1, 8)
    assert path.name in capsys.readouterr().err
