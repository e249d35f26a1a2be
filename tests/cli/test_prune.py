"""``hil prune``: one policy for folders and history, as the keeper of a bench uses it."""

import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hil.cli.main import main
from hil.history.database import open_history
from hil.history.location import find_location
from hil.history.retention import set_baseline
from hil.history.run_writer import add_run
from hil.history.stored_records import make_history_run
from hil.model.results import ErrorRecord, Results, RunInfo
from hil.recording.latest_run import publish_latest
from hil.recording.run_folder import RunFolder, RunLog


@pytest.fixture(scope="module")
def two_months(tmp_path_factory):
    """Two months of one board, in folders and in the history."""
    out = tmp_path_factory.mktemp("bench") / "reports"
    with open_history(find_location(str(out / "history.db"), out)) as history:
        for age in range(60, -1, -1):
            moment = datetime.now(UTC) - timedelta(days=age, hours=1)
            name = f"{moment:%Y%m%dT%H%M%SZ}_pico"
            info = RunInfo(
                *(name, f"{moment:%Y-%m-%dT%H:%M:%SZ}", 1.0, "nightly"), *("0", "host", "hardware")
            )
            folder = RunFolder(out / name)
            folder.captures.mkdir(parents=True)
            RunLog(folder.captures, info).finish(1.0)
            os.utime(folder.captures / "run.jsonl", (moment.timestamp(),) * 2)
            errors = (ErrorRecord("-", "-", "-", "x"),)
            add_run(history, make_history_run(Results(info, (), (), (), errors), ()))
        publish_latest(folder.path)
        set_baseline(history, sorted(p.name for p in out.glob("2*"))[0])
    return out


@pytest.fixture
def bench(two_months, tmp_path, monkeypatch):
    """The same, pruned by nobody yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HIL_HISTORY", raising=False)
    return shutil.copytree(two_months, tmp_path / "reports", symlinks=True)


def folders(out):
    return sorted(path.name for path in out.glob("2*"))


def stored(out):
    location = find_location(None, out)
    with open_history(location) as history:
        from hil.history.queries import RunFilter, list_runs

        return sorted(run.run for run in list_runs(history, RunFilter()))


def said(capsys, *words):
    status = main(["prune", *words])
    return status, capsys.readouterr().out


def test_one_policy_for_folders_and_history(bench, capsys):
    before = folders(bench)
    keep = "--keep=all 30 days, then weekly, then monthly"
    status, out = said(capsys, keep, "--dry-run", "--json")
    told = json.loads(out)
    assert (status, told["removed"], told["folders_removed"]) == (0, 0, 0)
    assert folders(bench) == before
    status, out = said(capsys, keep)
    assert status == 0
    left = folders(bench)
    assert [Path(path).name for path in told["folders"]] == sorted(set(before) - set(left))
    assert left[0] == before[0]  # the baseline
    assert f"stays: reports/{before[0]}/ (baseline)" in out or len(told["stays"]) == 0
    assert 31 + 2 < len(left) < 31 + 9
    assert f"{len(before) - len(left)} folders removed" in out
    assert "MB freed" in out
    assert stored(bench) == left
    assert "nothing to remove" in said(capsys, keep)[1]


def test_the_policy_may_stand_beside_the_runs(bench, capsys):
    assert main(["prune"]) == 1
    assert "keep = … in reports/retention.toml" in capsys.readouterr().err
    (bench / "retention.toml").write_text('keep = "all 5d"\n')
    assert said(capsys, "--only=folders")[0] == 0
    assert len(folders(bench)) == 5 + 1  # and the baseline
    assert len(stored(bench)) == 61
    assert said(capsys, "--only=history")[0] == 0
    assert len(stored(bench)) == 5 + 1


@pytest.mark.parametrize(
    "text", ["keep = 5", "kept = 'all'", "keep = 'all 0d'", "keep = ", "", "\0", "keep = 'x'"]
)
def test_a_policy_that_is_none_is_one_line_and_removes_nothing(bench, capsys, text):
    (bench / "retention.toml").write_text(text)
    before = folders(bench)
    assert main(["prune"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("hil: reports/retention.toml")
    assert said.count("\n") == 1
    assert folders(bench) == before


@pytest.mark.parametrize("keep", ["-1", "1000001", "9" * 500])
def test_a_number_that_is_none(bench, capsys, keep):
    assert main(["prune", f"--keep={keep}"]) == 1
    assert "whole number from" in capsys.readouterr().err


def test_latest_stays_and_says_so(bench, capsys):
    newest = folders(bench)[-1]
    status, out = said(capsys, "--keep=0")
    assert status == 0
    assert f"stays: reports/{newest}/ (latest)" in out
    assert len(folders(bench)) == 2


def test_a_folder_that_stays_against_its_will_is_status_8(bench, capsys, monkeypatch):
    from hil.cli import prune
    from hil.model.errors import ConfigurationError

    def refuse(run):
        raise ConfigurationError(f"{run.path}: can't be removed (Permission denied)")

    monkeypatch.setattr(prune, "remove_run", refuse)
    status, out = said(capsys, "--keep=50", "--only=folders")
    assert status == 8
    assert "error: " in out
    assert "removed reports" not in out


def test_folders_without_a_history_and_a_history_without_folders(bench, capsys, tmp_path):
    (bench / "history.db").rename(tmp_path / "moved.db")
    assert said(capsys, "--keep=10")[0] == 0
    assert len(folders(bench)) == 10
    assert said(capsys, "--keep=1", "--history=moved.db", "--out=elsewhere")[0] == 0
    assert len(folders(bench)) == 10


def test_a_history_that_cannot_be_read_keeps_the_folders(bench, capsys):
    before = folders(bench)
    (bench / "history.db").write_text("no database, and so nobody knows the baselines")
    assert main(["prune", "--keep=0"]) == 1
    assert folders(bench) == before
