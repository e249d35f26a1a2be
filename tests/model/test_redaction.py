"""What a command line, an address, a message and an environment say when others may read them."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from hil.model.redaction import (
    environment_secrets,
    harmless_environment,
    redacted_command,
    redacted_text,
    redacted_url,
    redacted_words,
    without_credentials,
)

PASSWORDS = ("pw1pw1", "p/w1pw1", "p@w1pw1", "p:w1pw1", "p#w1pw1", "p?w1pw1", "p%w1pw1", "p w1pw1")
PASSWORDS += ("p'w1pw1", 'p"w1pw1', "p%2Fw1pw1", "p&x=w1pw1", "//w1pw1")


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(
    "words",
    [
        ["--hil-history=postgresql://me:{}@host/db"],
        ["--hil-history", "postgresql://me:{}@host/db"],
        ["--history", "postgres://me:{}@host/db?sslmode=require"],
        ["-o", "hil_history=postgresql://me:{}@host/db"],
        ["-o", "addopts=-q --hil-history=postgresql://me:{}@host/db"],
        ["HIL_HISTORY=postgresql://me:{}@host/db"],
        ["--hil-hist=me:{}@host/db"],
        ["--board", "rfc2217://me:{}@host:4000"],
        ["--hil-board=port:socket://me:{}@host:4000?baud=9600"],
        ["--proxy", "http://me:{}@proxy:3128"],
        ["--password", "{}"],
        ["--wifi-password={}"],
        ["PGPASSWORD={}"],
        ["bash", "-c", "pytest --hil-history=postgresql://me:{}@host/db -q"],
    ],
)
def test_no_password_is_in_a_command_line(words, password):
    command = redacted_command(["pytest", "-q", *(word.format(password) for word in words)])
    assert "w1pw1" not in command
    assert command.startswith("pytest -q ")


@pytest.mark.parametrize("password", ["pw1pw1", "p/w1pw1", "p@w1pw1", "p%26w1pw1"])
@pytest.mark.parametrize("key", ["password", "sslpassword", "PASSWORD", "passfile", "token"])
def test_no_password_is_left_in_a_query(key, password):
    url = f"postgresql://host/db?user=me&{key}={password}&sslmode=require"
    assert "w1pw1" not in redacted_url(url)
    assert "w1pw1" not in redacted_command([f"--hil-history={url}"])
    assert "w1pw1" not in redacted_text(f"could not connect to {url}")


def test_what_is_no_secret_stays():
    words = ["pytest", "--board=/dev/ttyUSB0", "--hil-out=a@b", "tests/test_a.py::test[x=1]"]
    words += ["-k", "passed or key", "--board", "socket://host:4000", "--hil-history=farm.db"]
    assert redacted_words(words) == words
    assert redacted_url("postgresql://host/db?sslmode=on") == "postgresql://host/db?sslmode=on"
    assert without_credentials("socket://me:p/w@host:1") == "socket://host:1"


def test_a_process_that_needs_no_secrets_gets_none():
    secret = {"PGPASSWORD": "x", "GITHUB_TOKEN": "x", "HIL_HISTORY": "y", "LG_PROXY": "a://b:c@d"}
    assert harmless_environment({**secret, "PATH": "/bin", "HIL_WIFI": "net.toml"}) == {
        "PATH": "/bin"
    }


@pytest.mark.parametrize("password", ["pw1pw1pw1", "p/w1pw1@x", "p:w#1pw?1", "p%2Fw1pw1%40"])
def test_what_is_secret_in_the_variables_is_known(password):
    texts = {
        "HIL_HISTORY": f"postgresql://me:{password}@host/farm",
        "LG_COORDINATOR": f"me:{password}@[::1]:20408",
        "ANY": f"https://host/hook?user=me&access_token={password}&x=1",
        "PGPASSWORD": password,
        "CI_JOB_TOKEN": password,
    }
    for name, value in texts.items():
        known = {secret.reveal() for secret in environment_secrets({name: value})}
        assert {password, unquote(password)} <= known, name


def test_what_is_no_secret_in_the_variables_stays():
    plain = {"PATH": "/bin:/usr/bin", "TOKEN_FILE": "/run/token", "URL": "https://host:80/a"}
    plain |= {"SSH_AUTH_SOCK": "/tmp/agent", "PASSWORD_MIN": "8", "DISPLAY": ":0", "MAIL": "a@b.c"}
    assert not [secret.reveal() for secret in environment_secrets(plain)]
