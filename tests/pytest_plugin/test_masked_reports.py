"""What pytest tells of a run has no secret in it, whatever a test or a fault of ours shows."""

from __future__ import annotations

import pytest

KEY = "pl4nted-canary/@1"
SUITE = """
import logging, os, warnings
import pytest

KEY = open(os.environ["HIL_WIFI"]).read().partition('password = "')[2].partition('"')[0]

def test_locals(figures, record_property):
    word = KEY
    print("out", word)
    logging.getLogger("hil").warning("log %s", word)
    logging.getLogger("other").warning("log %r", [word])
    record_property("key", word)
    warnings.warn(UserWarning(word))
    assert word == word.upper()

@pytest.fixture
def broken():
    raise OSError(KEY)

def test_fixture(figures, broken):
    pass

def test_skip(figures):
    pytest.skip(KEY)

def test_crash(figures, monkeypatch):
    password = KEY
    raise KeyError(password.encode().hex(), password[::-1])
"""


@pytest.mark.parametrize("more", [("-l", "-vv", "-rA"), ("--tb=native",), ("-l", "--tb=short")])
def test_no_report_has_it(pytester, run_here, monkeypatch, more):
    pytester.makepyfile(SUITE)
    monkeypatch.setenv("GIT_URL", f"https://ci:{KEY}@forge.example/farm.git")  # of Jenkins
    wifi = pytester.path / "wifi.toml"
    wifi.write_text(f'ssid = "attic-net"\npassword = "{KEY}"\n')
    monkeypatch.setenv("HIL_WIFI", str(wifi))
    result = run_here(
        *("--board=sim", "--hil-technique=timer_soft", "--hil-load=idle", "--hil-duration-s=0.3"),
        *("--hil-out=out", "-W", "default", "-p", "no:cacheprovider", *more),
    )
    result.assert_outcomes(failed=2, errors=1, skipped=1)
    shown = [result.stdout.str(), result.stderr.str()]
    files = [path for path in (pytester.path / "out").rglob("*") if path.is_file()]
    assert {"junit.xml", "report.html"} <= {path.name for path in files}
    shown += [path.read_bytes().decode("latin-1") for path in files]
    forms = (KEY, KEY[::-1], KEY.encode().hex(), KEY.upper(), "pl4nted-canary")
    assert not [form for text in shown for form in forms if form in text]
    assert "***" in shown[0]
    assert "https://ci:***@forge.example" in (pytester.path / "out/latest/report.html").read_text()


def test_a_fault_of_a_plugin_is_masked(pytester, run_here, monkeypatch):
    pytester.makepyfile("def test_it(figures):\n    pass\n")
    pytester.makeconftest(
        f"def pytest_runtestloop(session):\n    key = {KEY!r}\n    raise ValueError(key)\n"
    )
    monkeypatch.setenv("HIL_WIFI_SSID", "attic-net")
    monkeypatch.setenv("HIL_WIFI_PASSWORD", KEY)
    result = run_here("--board=sim", "--hil-technique=timer_soft", "--hil-out=out", "-l")
    shown = result.stdout.str() + result.stderr.str()
    assert "INTERNALERROR" in shown
    assert "ValueError: ***" in shown
