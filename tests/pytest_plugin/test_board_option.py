"""``--board`` is a word that others use too; ``--hil-board`` is always ours."""

import pytest

from hil.pytest_plugin.options import asked_boards, short_form, shorten

ADD = "def pytest_addoption(parser):\n    parser.addoption({})\n"
TAKES_ONE = ADD.format("'--board', default='sandbox'")
FLAG = ADD.format("'--board', action='store_true'")
SUITE = "def test_x(request):\n    assert request.config.getoption('--board') == {!r}\n"
FIGURES = "def test_lateness(figures):\n    pass\n"


@pytest.fixture(autouse=True)
def lean(pytester):
    """Half of the time of a run that does nothing is hypothesis."""
    pytester.plugins.append("no:hypothesispytest")


@pytest.fixture
def parse(pytester):
    def parse(*args):
        return pytester.parseconfig("-p", "no:cacheprovider", *args)

    return parse


class TestNobodyElseHasIt:
    @pytest.mark.parametrize(
        "args", [["--board=sim"], ["--board", "sim"], ["--hil-board=sim"], ["--hil-board", "sim"]]
    )
    def test_both_names_with_and_without_an_equals_sign(self, parse, args):
        config = parse(*args)
        assert asked_boards(config) == ["sim"]
        assert short_form(config) == "--board"

    def test_several_keep_their_order(self, parse):
        args = ("--board=a0", "--hil-board", "u0", "--board", "c0", "--hil-board=sim")
        assert asked_boards(parse(*args)) == ["a0", "u0", "c0", "sim"]

    def test_what_stands_behind_two_dashes_is_a_file(self, parse):
        args = ["--board=sim", "--", "--board=x", "--board"]
        config = parse()
        shorten(config, config._parser, args)
        assert args == ["--hil-board=sim", "--", "--board=x", "--board"]

    @pytest.mark.parametrize("addopts", ["--board=sim", "--board sim"])
    def test_in_the_settings(self, parse, pytester, addopts):
        pytester.makeini(f"[pytest]\naddopts = {addopts}\n")
        assert asked_boards(parse()) == ["sim"]

    def test_in_the_variable_for_arguments(self, parse, monkeypatch):
        monkeypatch.setenv("PYTEST_ADDOPTS", "--board sim")
        assert asked_boards(parse("--board=a0")) == ["sim", "a0"]

    def test_defaults_from_the_ini_then_the_variable_then_the_command_line(
        self, parse, pytester, monkeypatch
    ):
        assert asked_boards(parse()) == []
        pytester.makeini("[pytest]\nhil_board = sim:ppm=1,seed=2 a0\n")
        assert asked_boards(parse()) == ["sim:ppm=1,seed=2", "a0"]
        monkeypatch.setenv("HIL_BOARD", "u0 c0")
        assert asked_boards(parse()) == ["u0", "c0"]
        assert asked_boards(parse("--board=sim")) == ["sim"]

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (["--board"], "expected one argument"),
            (["--board", "--collect-only"], "expected one argument"),
            (["--boar=sim"], "unrecognized arguments: --boar=sim"),
        ],
    )
    def test_what_is_written_wrongly_is_pytests_usual_error(self, parse, args, said):
        with pytest.raises(pytest.UsageError, match=said):
            parse(*args)

    @pytest.mark.parametrize(
        ("settings", "args"),
        [
            ("testpaths = suite", ["--board", "sim"]),
            ("", ["--board", "sim", "suite"]),
            ("", ["--board=sim", "suite"]),
        ],
    )
    def test_a_board_is_not_taken_for_the_folder_of_tests(self, parse, pytester, settings, args):
        """Else a conftest in that folder would not be there for its own options."""
        pytester.makeini(f"[pytest]\n{settings}\n")
        pytester.mkdir("suite").joinpath("conftest.py").write_text(
            ADD.format("'--slow', action='store_true'")
        )
        config = parse(*args, "--slow")
        assert asked_boards(config) == ["sim"]
        assert config.getoption("--slow")

    def test_the_variable_measures_a_board_like_the_option(self, pytester, monkeypatch):
        pytester.makepyfile(FIGURES)
        monkeypatch.setenv("HIL_BOARD", "sim:seed=5")
        result = pytester.runpytest_subprocess("--collect-only", "-q", "--hil-technique=thread")
        result.stdout.fnmatch_lines(["*sim:seed=5-thread-idle*"])

    def test_the_help_names_both(self, pytester):
        result = pytester.runpytest_inprocess("--help")
        text = " ".join(str(result.stdout).split())
        assert "--hil-board=BOARD" in text
        assert "--board=BOARD for short" in text
        assert "HIL_BOARD" in text


class TestPorts:
    """pytest looks for its settings beside the first path among the arguments that it knows."""

    @pytest.fixture
    def root(self, pytester):
        pytester.makeini("[pytest]\naddopts = --collect-only\n")
        pytester.makepyfile(FIGURES)
        return f"rootdir: {pytester.path}"

    @pytest.mark.parametrize("option", ["--board", "--hil-board"])
    def test_a_port_behind_the_option_keeps_the_suites_settings(
        self, pytester, root, silent, option
    ):
        result = pytester.runpytest_subprocess(option, silent, "--hil-technique=thread")
        result.stdout.fnmatch_lines([root, f"*{silent}-thread-idle*"])
        assert result.ret == 0

    def test_an_error_is_said_once(self, pytester, root, silent):
        result = pytester.runpytest_subprocess("--board", silent, "--hil-technique=zebra")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert len([line for line in result.errlines if line.startswith("ERROR")]) == 1


class TestSomebodyElseHasIt:
    @pytest.fixture
    def theirs(self, pytester, request):
        """Their option as a conftest, or a plugin that is loaded before or after ours."""
        pytester.syspathinsert()
        where = request.param
        if where == "conftest":
            pytester.makeconftest(TAKES_ONE)
        elif where == "of a conftest":
            pytester.makepyfile(theirs=TAKES_ONE)
            pytester.makeconftest("pytest_plugins = ['theirs']")
        elif where == "before":
            pytester.makepyfile(theirs=TAKES_ONE)
            return ("-p", "theirs")
        else:
            folder = pytester.mkdir("theirs-1.0.dist-info")
            folder.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: theirs\n")
            folder.joinpath("entry_points.txt").write_text("[pytest11]\ntheirs = theirs\n")
            pytester.makepyfile(theirs=TAKES_ONE)
        return ()

    @pytest.mark.parametrize(
        "theirs", ["conftest", "of a conftest", "before", "installed"], indirect=True
    )
    def test_theirs_stays_theirs_and_ours_has_its_long_name(self, parse, theirs):
        config = parse(*theirs, "--board=x")
        assert config.getoption("--board") == "x"
        assert asked_boards(config) == []
        config = parse(*theirs, "--board", "x", "--hil-board=sim")
        assert config.getoption("--board") == "x"
        assert asked_boards(config) == ["sim"]
        assert short_form(config) == "--hil-board"

    def test_a_flag_before_the_folder_whose_conftest_declares_it(self, parse, pytester):
        pytester.mkdir("suite").joinpath("conftest.py").write_text(FLAG)
        try:
            parse("-p", "no:hil", "--board", "suite")
        except pytest.UsageError:
            pytest.skip("this pytest does not find that conftest anyway")
        config = parse("--board", "suite")
        assert config.getoption("--board") is True
        assert config.args == ["suite"]

    def test_a_conftest_in_testpaths_behind_a_bare_word(self, parse, pytester):
        pytester.makeini("[pytest]\ntestpaths = suite\n")
        pytester.mkdir("suite").joinpath("conftest.py").write_text(TAKES_ONE)
        config = parse("--board", "x")
        assert config.getoption("--board") == "x"
        assert asked_boards(config) == []

    def test_their_suite_runs_and_one_line_says_what_clashes(self, pytester):
        pytester.makeconftest(TAKES_ONE)
        pytester.makepyfile(SUITE.format("sandbox"))
        result = pytester.runpytest_inprocess("-Werror")
        result.assert_outcomes(passed=1)
        said = [line for line in result.outlines if line.startswith("hil:")]
        assert said == [
            "hil: --board is declared by conftest.py; boards for hil: --hil-board=BOARD"
        ]

    def test_a_conftest_that_is_only_found_while_collecting(self, pytester):
        below = pytester.mkdir("below")
        below.joinpath("conftest.py").write_text(TAKES_ONE)
        below.joinpath("test_x.py").write_text(SUITE.format("sandbox"))
        pytester.runpytest_inprocess().assert_outcomes(passed=1)

    def test_their_workers_have_it_too(self, pytester):
        pytester.makeconftest(TAKES_ONE)
        pytester.makepyfile(SUITE.format("x"))
        pytester.runpytest_inprocess("-n1", "--board", "x").assert_outcomes(passed=1)

    def test_what_is_said_of_a_board_is_said_in_words_that_work(self, pytester):
        pytester.makeconftest(TAKES_ONE)
        pytester.makepyfile(FIGURES)
        result = pytester.runpytest_inprocess("-rs")
        result.stdout.fnmatch_lines(["SKIPPED*give one with --hil-board"])
        result = pytester.runpytest_subprocess("--hil-board=zebra")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["ERROR: --hil-board=zebra: not a board*"])


class TestOtherNames:
    def test_fixtures_parameters_and_markers_of_their_own(self, pytester):
        pytester.makeini("[pytest]\naddopts = --strict-markers\nmarkers = board: ours\n")
        pytester.makepyfile(
            """
            import pytest

            @pytest.fixture
            def board():
                return 1

            @pytest.fixture
            def figures():
                return 2

            @pytest.fixture
            def hil_case():
                return 3

            @pytest.mark.hil
            @pytest.mark.board
            def test_fixtures(board, figures, hil_case):
                assert (board, figures, hil_case) == (1, 2, 3)

            @pytest.mark.hil("rig 1")
            @pytest.mark.parametrize("hil_case", [4, (5, 6)])
            def test_parameter(hil_case):
                assert hil_case in (4, (5, 6))
            """
        )
        pytester.runpytest_inprocess("-Werror").assert_outcomes(passed=3)

    @pytest.mark.parametrize("kind", ["string", "linelist", "args"])
    def test_an_ini_key_of_theirs(self, parse, pytester, kind):
        pytester.makeconftest(
            f"def pytest_addoption(parser):\n    parser.addini('hil_board', '', type='{kind}')\n"
        )
        assert asked_boards(parse()) == []


@pytest.mark.parametrize("quiet", [(), ("-q",), ("-q", "-q")])
def test_what_clashes_is_one_line_however_quiet(pytester, quiet):
    pytester.makepyfile(SUITE.format("x"))
    pytester.makeconftest(TAKES_ONE)
    result = pytester.runpytest_inprocess("--board=x", *quiet)
    assert result.ret == 0
    lines = [line for line in result.outlines if "is declared by" in line]
    assert len(lines) == 1


class TestWaysToLoadThePlugin:
    @pytest.fixture
    def suite(self, pytester):
        pytester.makepyfile(FIGURES)
        return ("--board=sim", "--collect-only", "-q", "--hil-technique=thread")

    @pytest.mark.parametrize("name", ["hil.pytest_plugin.plugin", "pytest_hil", "hil"])
    @pytest.mark.parametrize("alone", ["", "1"])
    def test_by_name_with_and_without_the_entry_points(
        self, pytester, monkeypatch, suite, name, alone
    ):
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", alone)
        result = pytester.runpytest_subprocess("-p", name, *suite)
        assert result.ret == 0, str(result.stderr)
        result.stdout.fnmatch_lines(["*sim-thread-idle*"])

    def test_by_a_conftest_beside_the_entry_point(self, pytester, suite):
        pytester.makeconftest("pytest_plugins = ['hil.pytest_plugin.plugin']")
        result = pytester.runpytest_subprocess(*suite)
        result.stdout.fnmatch_lines(["*sim-thread-idle*"])

    @pytest.mark.parametrize("own", ["", TAKES_ONE])
    def test_by_a_conftest_alone(self, pytester, monkeypatch, suite, own):
        """Its ``--board`` is ours, unless it is theirs."""
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        pytester.makeconftest(f"pytest_plugins = ['pytest_hil']\n{own}")
        option = "--hil-board" if own else "--board"
        result = pytester.runpytest_subprocess(f"{option}=sim", *suite[1:])
        assert result.ret == 0, str(result.stderr)
        result.stdout.fnmatch_lines(["*sim-thread-idle*"])

    def test_not_at_all(self, pytester):
        pytester.makepyfile(SUITE.format("x"))
        pytester.makeconftest(TAKES_ONE)
        result = pytester.runpytest_inprocess("-p", "no:hil", "--board=x")
        result.assert_outcomes(passed=1)
        assert "hil:" not in str(result.stdout)
