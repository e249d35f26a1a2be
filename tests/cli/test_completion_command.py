"""``hil completion``: the scripts, sourced and asked by the shells themselves."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hil.cli.main import COMMANDS, main
from hil.report.exports.registry import EXPORTS


@pytest.fixture
def script(tmp_path, capsys):
    def write(shell: str) -> Path:
        assert main(["completion", shell]) == 0
        path = tmp_path / f"hil.{shell}"
        path.write_text(capsys.readouterr().out)
        return path

    return write


def completed(script: Path, *words: str, folder: Path | None = None) -> set[str]:
    """What bash offers for the last word, asked in the way bash itself does."""
    quoted = " ".join(f"'{word}'" for word in ("hil", *words))
    code = f"""
        source {script}
        COMP_WORDS=({quoted}); COMP_CWORD={len(words)}
        COMP_LINE="${{COMP_WORDS[*]}}"; COMP_POINT=${{#COMP_LINE}}
        $(complete -p hil | sed 's/.*-F \\([^ ]*\\).*/\\1/') hil '{words[-1]}' ''
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", code], capture_output=True, text=True, timeout=60, cwd=folder
    )
    assert not done.stderr, done.stderr
    return {line.strip() for line in done.stdout.splitlines()} - {""}


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_bash_completes_commands_options_formats_and_folders(script, tmp_path):
    path = script("bash")
    assert completed(path, "") >= set(COMMANDS)
    assert completed(path, "exp") == {"export"}
    assert completed(path, "export", "--") >= {"--to", "--out", "--json", "--list"}
    assert completed(path, "export", "--to", "") == {*EXPORTS, "all"}
    assert completed(path, "export", "--to", "par") == {"parquet"}
    assert completed(path, "completion", "f") == {"fish"}
    (tmp_path / "reports").mkdir()
    (tmp_path / "report.html").touch()
    paths = completed(path, "report", "rep", folder=tmp_path)
    assert {path.rstrip("/") for path in paths} == {"reports"}


@pytest.mark.skipif(not shutil.which("fish"), reason="apt-get install fish")
def test_fish_completes(script):
    code = f"source {script('fish')}; complete -C 'hil exp'"
    said = subprocess.check_output(["fish", "--no-config", "-c", code], text=True, timeout=60)
    assert [line.split("\t")[0] for line in said.splitlines()] == ["export"]


@pytest.mark.skipif(not shutil.which("zsh"), reason="apt-get install zsh")
def test_zsh_takes_the_script(script):
    path = script("zsh")
    assert path.read_text().startswith("#compdef hil")
    subprocess.run(["zsh", "-n", str(path)], check=True, timeout=60)


def test_the_help_says_where_the_script_goes(capsys):
    with pytest.raises(SystemExit):
        main(["completion", "--help"])
    assert "source <(hil completion bash)" in capsys.readouterr().out
