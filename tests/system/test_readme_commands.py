"""What continuous integration runs of the README is everything that it shows."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def readme_run():
    spec = importlib.util.spec_from_file_location("readme_run", ROOT / ".ci" / "readme_run.py")
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    sys.modules["readme_run"] = module
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path[:] = before
        for name in ("readme_run", "readme_commands"):
            sys.modules.pop(name, None)


def test_every_command_of_the_readme_is_run(readme_run):
    given = readme_run.steps(README)
    shown = [code for language, code in readme_run.blocks(README) if language == "sh"]
    run = [step.command for step in given]
    assert len(shown) == len(run) + 2  # and the two that install tox
    for name in (
        "pip install -e .",
        "hil run sim:clock=virtual",
        "blink.py --duration-s=",
    ):
        assert any(name in command for command in run)
    assert not any("/dev/tty" in command for command in run)
    files = [step.file[0] for step in given if step.file]
    assert files == ["blink.py", "test_readme.py"]


def test_the_script_stops_at_the_first_that_fails(readme_run, tmp_path):
    text = readme_run.script(readme_run.steps(README), tmp_path)
    assert text.startswith("set -e\n")
    assert (tmp_path / "2" / "blink.py").read_text().startswith("# hil: ")
    assert "def test_" in (tmp_path / "3" / "test_readme.py").read_text()


def test_continuous_integration_runs_it():
    assert ".ci/readme_run.py README.md" in (ROOT / ".ci" / "run").read_text("utf-8")


@pytest.mark.parametrize(
    "left", ["```python\nx = 1\n```\n", "```python\na\n```\n```python\nb\n```\n"]
)
def test_a_file_that_no_command_uses_is_refused(readme_run, left):
    with pytest.raises(ValueError, match="no command uses this"):
        readme_run.steps(README + left)
