"""A suite may have a package ``hil`` of its own, and measure boards beside it."""

import sys

import pytest

PRODUCT = {
    "hil/__init__.py": "from hil.errors import code\n",
    "hil/errors.py": "def code():\n    return 1\n",
}
TEST = "import hil\ndef test_x():\n    assert hil.code() == 1\n"
SAID = "hil: in this suite `import hil` is {}, not the installed package hil; rename it*"


@pytest.fixture
def repository(pytester):
    """Files by their path; returns a function that runs the suite in a process of its own."""
    pytester.plugins.append("no:hypothesispytest")

    def write(files):
        for name, text in files.items():
            path = pytester.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return lambda *args: pytester.runpytest_subprocess("-Werror", *args)

    return write


def said(result):
    return [line for line in result.outlines if "not the installed package hil" in line]


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_a_folder_of_tests_called_hil(repository, mode):
    run = repository(
        {
            "tests/hil/__init__.py": "",
            "tests/hil/conftest.py": "x = 1\n",
            "tests/hil/test_a.py": "from .conftest import x\ndef test_a():\n    assert x\n",
        }
    )
    run(f"--import-mode={mode}").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("files", "settings", "where"),
    [
        (PRODUCT, "", "hil/__init__.py"),
        ({"hil.py": "def code():\n    return 1\n"}, "", "hil.py"),
        (
            {f"src/{name}": text for name, text in PRODUCT.items()},
            "pythonpath = src",
            "src/hil/__init__.py",
        ),
        ({**PRODUCT, "conftest.py": "import hil\n"}, "", "hil/__init__.py"),
    ],
    ids=["package", "module", "pythonpath", "conftest"],
)
def test_a_package_called_hil(repository, files, settings, where):
    result = repository({"pytest.ini": f"[pytest]\n{settings}\n", "test_a.py": TEST, **files})()
    result.assert_outcomes(passed=1)
    assert len(said(result)) == 1
    result.stdout.fnmatch_lines([SAID.format(where)])


def test_the_working_folder_is_the_first_to_be_searched(repository, pytester):
    """As with ``python -m pytest``: the entry point may not be an import of ``hil``."""
    repository({"test_a.py": TEST, **PRODUCT})
    result = pytester.run(sys.executable, "-m", "pytest", "-Werror")
    result.assert_outcomes(passed=1)
    assert len(said(result)) == 1


def test_workers_tell_of_it(repository):
    result = repository({"test_a.py": TEST, **PRODUCT})("-n1")
    result.assert_outcomes(passed=1)
    assert len(said(result)) == 1


def test_without_another_one_it_is_the_plugins_own(repository):
    run = repository(
        {
            "test_a.py": "import sys\n"
            "def test_a(pytestconfig):\n"
            "    assert 'hil' not in sys.modules\n"
            "    import hil, hil.pytest_plugin.own_name\n"
            "    plugin = pytestconfig.pluginmanager.get_plugin('hil.pytest_plugin.plugin')\n"
            "    assert plugin.OWN_NAME is hil.pytest_plugin.own_name.OWN_NAME\n"
            "    assert sys.modules[plugin.__name__] is plugin\n"
            "    assert hil.__spec__.name == 'hil' and hil.__spec__.loader is hil.__loader__\n"
        }
    )
    result = run()
    result.assert_outcomes(passed=1)
    assert said(result) == []


@pytest.mark.parametrize("beside", ["a module that asks", "a conftest"])
def test_boards_are_measured_beside_it(repository, pytester, beside):
    files = {
        "tests/hil/__init__.py": "who = 'theirs'\n",
        "tests/hil/test_a.py": "import hil\n"
        "def test_a(figures):\n"
        "    assert hil.who == 'theirs'\n"
        "    figures.check('lateness_p50_us')\n",
    }
    if beside == "a conftest":
        files["tests/hil/conftest.py"] = ""
    result = repository(files)(
        *("tests/hil", "--board=sim", "--hil-technique=timer_hard", "--hil-duration-s=0.2"),
        "--hil-out=out",
    )
    result.assert_outcomes(passed=1)
    assert len(said(result)) == 1
    assert (pytester.path / "out" / "latest" / "report.html").exists()


def test_the_embedded_board_starts_in_such_a_folder(repository, pytester):
    repository({"test_a.py": "def test_a(figures):\n    figures.all('missed')\n", **PRODUCT})
    result = pytester.run(
        *(sys.executable, "-m", "pytest", "--board", "sim", "--hil-out=out"),
        *("--hil-technique=timer_hard", "--hil-duration-s=0.2"),
    )
    result.assert_outcomes(passed=1)
