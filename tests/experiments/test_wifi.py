"""Where the Wi-Fi is read from, and that nothing of it is ever quoted."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.agents.bundle import start_code
from hil.experiments.given_secrets import learn_secrets
from hil.experiments.wifi import wifi_config
from hil.model.errors import ConfigurationError, TransportError
from hil.model.secrets import KNOWN_SECRETS

GOOD = 'ssid = "attic-net"\npassword = "s3cret-word"\n'
SECRETS = ("attic-net", "s3cret-word", b"attic-net".hex(), b"s3cret-word".hex())


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in ("HIL_WIFI", "HIL_WIFI_SSID", "HIL_WIFI_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def wifi_file(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "net.toml"
    path.write_text(GOOD)
    monkeypatch.setenv("HIL_WIFI", str(path))
    return path


def check_config() -> None:
    config = wifi_config()
    assert not [secret for secret in SECRETS if secret in repr(config)]
    code = start_code({"technique": "timer_soft", "load": "idle", **config})
    assert f"'wifi':('{b'attic-net'.hex()}','{b's3cret-word'.hex()}',)" in code
    assert "attic-net" not in str(TransportError("joining attic-net"))


def test_it_comes_from_a_file(wifi_file):
    check_config()


def test_a_file_that_begins_with_a_byte_order_mark_is_read(wifi_file):
    wifi_file.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    check_config()


def test_it_comes_from_variables_before_any_file(wifi_file, monkeypatch):
    wifi_file.write_text("nonsense")
    monkeypatch.setenv("HIL_WIFI_SSID", "attic-net")
    monkeypatch.setenv("HIL_WIFI_PASSWORD", "s3cret-word")
    check_config()


def test_one_variable_of_two_is_refused(monkeypatch):
    monkeypatch.setenv("HIL_WIFI_PASSWORD", "s3cret-word")
    with pytest.raises(ConfigurationError, match="HIL_WIFI_SSID") as caught:
        wifi_config()
    assert "s3cret" not in str(caught.value)


def test_a_wrong_file_does_not_stop_what_needs_no_wifi(wifi_file, monkeypatch):
    wifi_file.write_text("nonsense")
    monkeypatch.setenv("FARM_PASSWORD", "pl4nted-canary")
    learn_secrets()
    assert KNOWN_SECRETS.masked("pl4nted-canary") == "***"


@pytest.mark.parametrize(
    "text",
    [
        'ssid = "attic-net\npassword = "s3cret-word"',
        'ssid = "attic-net"',
        'ssid = "attic-net"\npassword = 5',
        f'ssid = "attic-net"\npassword = "{"s3cret-word" * 9}"',
    ],
)
def test_a_bad_wifi_file_is_named_and_not_quoted(wifi_file, text):
    wifi_file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        wifi_config()
    assert str(wifi_file) in str(caught.value)
    assert "attic" not in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_no_wifi_file_is_no_wifi(tmp_path, monkeypatch):
    monkeypatch.delenv("HIL_WIFI", raising=False)
    monkeypatch.chdir(tmp_path)
    assert wifi_config() == {}
