"""Which database is meant, and that its password is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy

from hil.history.location import VARIABLE, find_location
from hil.model.errors import ConfigurationError

OUT = Path("reports")


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def test_the_file_in_the_folder_of_runs_unless_something_else_is_said(monkeypatch):
    assert find_location(None, OUT).file == OUT / "history.db"
    assert find_location("farm.db", OUT).file == Path("farm.db")
    assert find_location("sqlite:///a/b.db", OUT).file == Path("a/b.db")
    assert find_location("sqlite:////a/b.db", OUT).file == Path("/a/b.db")
    assert find_location("none", OUT) is None
    monkeypatch.setenv(VARIABLE, "elsewhere.db")
    assert find_location(None, OUT).file == Path("elsewhere.db")
    assert find_location("farm.db", OUT).file == Path("farm.db")
    monkeypatch.setenv(VARIABLE, "none")
    assert find_location(None, OUT) is None


@pytest.mark.parametrize(
    ("given", "shown", "secrets"),
    [
        ("postgresql://host/farm", "postgresql://host/farm", []),
        ("postgresql://me:pw1@host:99/farm", "postgresql://me@host:99/farm", ["pw1"]),
        ("postgres://me:p%40w%2F2@host/farm", "postgresql://me@host/farm", ["p%40w%2F2", "p@w/2"]),
        (
            "postgresql://host/farm?user=me&password=pw3&sslmode=require",
            "postgresql://host/farm?user=me&sslmode=require",
            ["pw3"],
        ),
        ("postgresql:///farm?host=/run/pg", "postgresql:///farm?host=/run/pg", []),
        ("postgresql://me:pw4@[::1]:5432/farm", "postgresql://me@[::1]:5432/farm", ["pw4"]),
        ("postgresql://me:p/w5@host/farm", "postgresql://me@host/farm", ["p/w5"]),
        ("postgresql://me:p@w6@host/farm?a=b@c", "postgresql://me@host/farm?a=b%40c", ["p@w6"]),
        ("postgresql://me:p?w#7:%@host:5/farm", "postgresql://me@host:5/farm", ["p?w#7:%"]),
        ("postgresql://me:p w'8@/farm?host=/run", "postgresql://me@/farm?host=/run", ["p w'8"]),
        (
            "postgresql://host/farm?user=me&PassWord=p/w9@x&sslpassword=pwA",
            "postgresql://host/farm?user=me",
            ["p/w9@x", "pwA"],
        ),
    ],
)
def test_a_password_is_never_shown(given, shown, secrets):
    location = find_location(given, OUT)
    assert location.shown == shown
    for secret in secrets:
        assert secret not in repr(location) + str(location)
        assert secret not in location.clean(f"could not\nconnect as {secret} to {given}")
    assert "\n" not in location.clean("two\nlines")


@pytest.mark.parametrize("password", ["p/w", "p@w", "p:w", "p#w", "p?w", "p%w", "p w", "p%2Fw"])
def test_a_password_with_any_character_reaches_the_database(password):
    location = find_location(f"postgresql://me:{password}@host:99/farm?sslmode=on", OUT)
    url = sqlalchemy.make_url(location.url.reveal())
    assert url.password == password.replace("%2F", "/")
    assert (url.username, url.host, url.port, url.database) == ("me", "host", 99, "farm")
    assert dict(url.query) == {"sslmode": "on"}


@pytest.mark.parametrize(
    "given",
    [
        *("mysql://me:pw@host/farm", "http://host", "postgresql://me:pw@host:port/farm"),
        *("postgresql://me:pw@host", "sqlite://", "", "postgresql://[me:pw/x"),
        *("postgresql:/me:pw@host/farm", "host=h password=pw dbname=x", "me:pw@host/farm"),
        *("me:pw://host/farm", "postgresql://me:p/w/pw@ho st/farm"),
    ],
)
def test_what_is_no_location_is_refused_without_its_password(given):
    with pytest.raises(ConfigurationError, match="--hil-history") as caught:
        find_location(given, OUT)
    assert "pw" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_database(tmp_path):
    with pytest.raises(ConfigurationError, match="not a database"):
        find_location(str(tmp_path), OUT)
