"""``hil verify``: files against their digests, figures against the captures, to the last digit."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import hil
from hil.cli.main import main
from hil.recording.run_evidence import Evidence, file_digest, write_evidence
from hil.recording.run_folder import RunFolder

RUNS = Path(__file__).parents[1] / "replay" / "runs"
CAPTURE = "capture/001_thread_gc.hilcap"


@pytest.fixture(scope="module")
def verified(tmp_path_factory):
    """A run's folder that holds, with evidence; ``hil report`` made its digests."""
    folder = tmp_path_factory.mktemp("verified") / "run"
    shutil.copytree(RUNS / "loads" / "capture", folder / "capture")
    packages = {"numpy": np.__version__}
    write_evidence(folder / "capture", Evidence(hil.__version__, "3.11", packages, {"a.py": "0"}))
    assert main(["report", str(folder), "--json"]) == 0
    return folder


@pytest.fixture
def folder(verified, tmp_path):
    shutil.copytree(verified, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def verify(folder, capsys):
    """Exit status, and the document of ``--json``."""

    def run():
        capsys.readouterr()
        status = main(["verify", str(folder), "--json"])
        return status, json.loads(capsys.readouterr().out)

    return run


def edit(folder, change):
    path = folder / "results.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def states(document):
    return {n: f["state"] for n, f in document["files"].items() if f["state"] != "same"}


def test_a_run_that_is_what_was_stored(folder, verify, capsys):
    status, document = verify()
    assert (status, document["holds"], document["differences"]) == (0, True, [])
    names = {"capture/run.jsonl", "capture/000_calibrate_idle.hilcap", CAPTURE}
    assert set(document["files"]) == names | {"capture/evidence.json"}
    assert document["figures"] == len(
        json.loads((folder / "results.json").read_text())["measurements"]
    )
    assert main(["verify", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "files:   4 of 4 as they were stored" in said
    assert "follow from the captures, to the last digit" in said
    assert "board sim:clock=virtual" in said
    assert "verdict: verified" in said


def test_files_that_are_changed_missing_or_added_are_named(folder, verify):
    path = folder / CAPTURE
    path.write_bytes(path.read_bytes() + b"\0")
    (folder / "capture" / "000_calibrate_idle.hilcap").unlink()
    (folder / "capture" / "009_more.hilcap").write_bytes(b"x")
    (folder / "budgets.toml").write_text("[budgets.any.any]\nmissed = 0\n")
    status, document = verify()
    assert status == 8
    assert states(document) == {
        CAPTURE: "changed",
        "capture/000_calibrate_idle.hilcap": "missing",
        "capture/009_more.hilcap": "extra",
        "budgets.toml": "extra",
    }


@pytest.mark.parametrize(
    ("key", "value"), [("value", 1.0), ("lo", -5.0), ("verdict", "pass"), ("n", 7), ("unit", "s")]
)
def test_a_figure_that_does_not_follow_from_the_captures_is_named(folder, verify, key, value):
    def change(document):
        index = next(i for i, m in enumerate(document["measurements"]) if m["lo"] is not None)
        document["measurements"][index][key] = value

    edit(folder, change)
    status, document = verify()
    assert status == 8
    assert states(document) == {}
    assert [d["what"].split()[0] for d in document["differences"]] == [key]


def test_a_figure_that_was_taken_out_is_named(folder, verify, capsys):
    edit(folder, lambda document: document["measurements"].pop(3))
    status, document = verify()
    assert (status, len(document["differences"])) == (8, 1)
    assert document["differences"][0]["stored"] is None
    assert main(["verify", str(folder)]) == 8
    assert "NOT verified" in capsys.readouterr().out


def test_another_board_than_the_captures_name_is_told(folder, verify):
    edit(folder, lambda document: document["boards"][0].update(micropython="9.9"))
    status, document = verify()
    assert status == 8
    assert document["differences"][0]["what"].startswith("micropython of board sim")


def test_another_version_may_round_otherwise_and_is_named(folder, verify):
    evidence = Evidence("0.0.1", "3.11", {"numpy": "1.0"}, {})
    write_evidence(folder / "capture", evidence)

    def change(document):
        name = "capture/evidence.json"
        document["run"]["hashes"][name] = file_digest(folder / name)
        for figure in document["measurements"]:
            figure["value"] *= 1 + 1e-12

    edit(folder, change)
    status, document = verify()
    assert status == 0
    assert document["differences"]
    assert "computed by hil 0.0.1" in document["other"][0]
    assert "computed with numpy 1.0" in document["other"][1]
    edit(folder, lambda document: document["measurements"][0].update(value=1e9))
    assert verify()[0] == 8


def test_a_run_without_digests_is_told_as_such(folder, verify):
    shutil.copy(RUNS / "loads" / "results.json", folder / "results.json")  # of schema 1
    status, document = verify()
    assert status == 8
    assert "results.json has no digests of its files" in document["problem"]


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "capture/../../secret", "link/secret", "C:/x", "a\\b", ""]
)
def test_no_path_of_a_hostile_run_is_followed_out_of_it(folder, verify, tmp_path, name):
    (tmp_path / "secret").write_text("s3cr3t")
    (folder / "link").symlink_to(tmp_path)
    edit(folder, lambda document: document["run"]["hashes"].update({name: "0" * 64}))
    status, document = verify()
    assert status == 8
    assert states(document) == {name: "refused"}


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_is_no_file_is_refused_and_waited_for_by_nobody(folder, verify, tmp_path, kind):
    path = folder / "capture" / "run.jsonl"
    shutil.move(path, tmp_path / "log")
    if kind == "link":
        path.symlink_to(tmp_path / "log")
    else:
        os.mkfifo(path)
    status, document = verify()
    assert status == 8
    assert states(document) == {"capture/run.jsonl": "refused"}
    assert kind in document["files"]["capture/run.jsonl"]["detail"]


def test_a_folder_without_a_run_is_one_line(tmp_path, capsys):
    for path in (tmp_path, tmp_path / "none"):
        assert main(["verify", str(path)]) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_report_made_again_says_what_has_changed(folder, capsys):
    evidence = folder / "capture" / "evidence.json"
    evidence.write_text(evidence.read_text() + "\n")
    changed = RunFolder(folder).hashes()["capture/evidence.json"]
    main(["report", str(folder), "--json"])
    assert "capture/evidence.json is not what it was" in capsys.readouterr().err
    stored = json.loads((folder / "results.json").read_text())["run"]["hashes"]
    assert stored["capture/evidence.json"] == changed
