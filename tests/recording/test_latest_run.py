"""``latest`` is the newest run, or says by a text file which it is; never an earlier one."""

from pathlib import Path

import pytest

from hil.model.errors import CaptureError
from hil.recording.latest_run import newest_run, publish_latest


@pytest.fixture
def runs(tmp_path):
    folders = [tmp_path / "1_sim", tmp_path / "2_sim"]
    for folder in folders:
        folder.mkdir()
    return folders


def no_links(self, *args, **more):
    raise OSError(1, "Operation not permitted")


def test_a_link_where_links_can_be(runs, tmp_path):
    for run in runs:
        assert publish_latest(run) is None
    assert (tmp_path / "latest").resolve() == runs[1].resolve()
    assert newest_run(tmp_path / "latest") == tmp_path / "latest"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1_sim", "2_sim", "latest"]


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_something_of_that_name_is_in_the_way(runs, tmp_path, kind):
    latest = tmp_path / "latest"
    if kind == "folder":
        latest.mkdir()
        (latest / "results.json").write_text("old")
    else:
        latest.write_text("old")
    for run in runs:
        said = publish_latest(run)
        assert said is not None
        assert f"latest is a {kind} of its own" in said
        assert "latest.txt" in said
        assert newest_run(latest) == run
    assert (tmp_path / "latest.txt").read_text() == "2_sim\n"
    assert not latest.is_symlink()


def test_a_host_that_refuses_links(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "symlink_to", no_links)
    said = publish_latest(runs[0])
    assert said is not None
    assert "can't be a link here (Operation not permitted)" in said
    assert newest_run(tmp_path / "latest") == runs[0]
    assert newest_run(tmp_path / "latest").name in (tmp_path / "latest.txt").read_text()


def test_a_link_that_can_no_longer_be_moved_does_not_show_an_earlier_run(
    runs, tmp_path, monkeypatch
):
    publish_latest(runs[0])
    monkeypatch.setattr(Path, "symlink_to", no_links)
    publish_latest(runs[1])
    assert not (tmp_path / "latest").is_symlink()
    assert newest_run(tmp_path / "latest") == runs[1]


def test_a_link_that_can_not_be_removed_either_is_told(runs, tmp_path, monkeypatch):
    publish_latest(runs[0])
    monkeypatch.setattr(Path, "symlink_to", no_links)
    unlink = Path.unlink
    monkeypatch.setattr(
        Path,
        "unlink",
        lambda self, **more: no_links(self) if self.name == "latest" else unlink(self, **more),
    )
    assert "still leads to 1_sim" in (publish_latest(runs[1]) or "")


def test_where_a_folder_can_not_be_replaced_the_old_link_goes_first(runs, tmp_path, monkeypatch):
    """As on Windows, where a link to a folder is not replaced."""
    publish_latest(runs[0])
    replace = Path.replace

    def refuse(self, target):
        if Path(target).name == "latest":
            raise PermissionError(13, "Access is denied")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    assert publish_latest(runs[1]) is None
    assert (tmp_path / "latest").resolve() == runs[1].resolve()


def test_a_link_that_works_again_ends_the_text_file(runs, tmp_path):
    (tmp_path / "latest.txt").write_text("1_sim\n")
    assert publish_latest(runs[1]) is None
    assert not (tmp_path / "latest.txt").exists()


def test_nothing_can_be_written(runs, tmp_path, monkeypatch):
    (tmp_path / "latest.txt").write_text("1_sim\n")
    monkeypatch.setattr(Path, "symlink_to", no_links)
    monkeypatch.setattr(Path, "write_text", no_links)
    assert "nor can" in (publish_latest(runs[1]) or "")
    assert not (tmp_path / "latest.txt").exists()


@pytest.mark.parametrize(
    "text", ["", "..", "../1_sim", "/etc", "gone", "latest", "a\x1bb", "x" * 900]
)
def test_a_text_that_names_no_run_beside_it(runs, tmp_path, text):
    (tmp_path / "latest.txt").write_text(text)
    with pytest.raises(CaptureError, match=r"latest\.txt"):
        newest_run(tmp_path / "latest")


def test_what_is_not_called_latest_means_itself(runs, tmp_path):
    (tmp_path / "latest.txt").write_text("1_sim\n")
    assert newest_run(runs[1]) == runs[1]
