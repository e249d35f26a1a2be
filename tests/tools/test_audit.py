"""``tox -e audit``: a vulnerability fails; a service that does not answer is no clean answer."""

import json

import pytest

from tools.audit import main

SOUND = {"name": "rich", "version": "15.0.0", "vulns": []}
BAD = {
    "name": "pillow",
    "version": "9.0.0",
    "vulns": [{"id": "PYSEC-2022-8", "fix_versions": ["9.0.1"], "aliases": []}],
}
UNKNOWN = {"name": "hil", "skip_reason": "not on PyPI"}


@pytest.fixture
def audit(tmp_path, capsys):
    file = tmp_path / "constraints.txt"
    file.write_text("rich==15.0.0\n")

    def audit(*packages, printed=None, complaint="", options=()):
        text = json.dumps({"dependencies": packages}) if printed is None else printed
        status = main([*options, str(file)], ask=lambda path: (text, complaint))
        return status, capsys.readouterr().out

    return audit


def test_sound_packages(audit):
    assert audit(SOUND) == (0, "1 packages audited, 0 vulnerabilities\n")


def test_a_vulnerability_is_named_with_what_mends_it(audit):
    status, said = audit(SOUND, BAD)
    assert status == 1
    assert "pillow 9.0.0: PYSEC-2022-8, mended in 9.0.1" in said


@pytest.mark.parametrize(
    "answer",
    [
        {"printed": "", "complaint": "ERROR: a long story\nconnection refused\n"},
        {"printed": '{"dependencies": []}'},
        {"printed": json.dumps({"dependencies": [UNKNOWN]})},
        {"printed": "[]"},
    ],
)
def test_no_answer_is_told_and_never_taken_for_a_clean_one(audit, answer):
    status, said = audit(**answer)
    assert (status, said.startswith("skipped, nothing was audited: ")) == (0, True)
    assert said.count("\n") == 1
    assert audit(**answer, options=("--must-reach",))[0] == 1


def test_what_the_service_does_not_know_is_named(audit):
    status, said = audit(SOUND, UNKNOWN)
    assert status == 0
    assert "not known to the advisory service: hil" in said


def test_a_file_that_is_not_there(tmp_path, capsys):
    assert main([str(tmp_path / "absent.txt")]) == 1
    assert "tox -e lock" in capsys.readouterr().out
