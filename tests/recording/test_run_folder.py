from datetime import UTC, datetime

import pytest

from hil.model.errors import ConfigurationError
from hil.recording.run_folder import create_run_folder

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def test_the_name_is_utc_time_and_board(tmp_path):
    folder = create_run_folder(tmp_path / "out", "sim", now=NOON)
    assert folder.id == "20260102T120000Z_sim"
    assert folder.captures.is_dir()


def test_latest_points_at_the_newest(tmp_path):
    create_run_folder(tmp_path, "sim", now=NOON).publish()
    second = create_run_folder(tmp_path, "sim", now=NOON)
    second.publish()
    assert second.id == "20260102T120000Z_sim-2"
    assert (tmp_path / "latest").resolve() == second.path.resolve()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_run_that_never_began_leaves_nothing(tmp_path):
    first, second = (create_run_folder(tmp_path, "sim", now=NOON) for _ in range(2))
    (second.captures / "000_x.hilcap").write_bytes(b"stamps")
    first.discard()
    first.discard()  # a run that did not begin does it twice
    second.discard()
    assert [p.name for p in tmp_path.iterdir()] == [second.id]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(ConfigurationError, match="--hil-out") as caught:
        create_run_folder(blocker / "out", "sim")
    assert "\n" not in str(caught.value)


def test_a_clock_that_was_set_back_overwrites_nothing_and_the_last_run_is_the_latest(tmp_path):
    first = create_run_folder(tmp_path, "sim", now=NOON)
    first.publish()
    year_before = create_run_folder(tmp_path, "sim", now=NOON.replace(year=2025))
    year_before.publish()
    assert (tmp_path / "latest").resolve() == year_before.path.resolve()
    again = create_run_folder(tmp_path, "sim", now=NOON)  # the same second once more
    again.publish()
    assert (tmp_path / "latest").resolve() == again.path.resolve()
    assert len({first.id, year_before.id, again.id}) == 3
