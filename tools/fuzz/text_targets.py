"""What reads a person's texts and a database's: addresses, command lines, names, packed stamps.

See :mod:`tools.fuzz.targets`.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from hil.history.location import find_location
from hil.history.stamp_packing import unpack_stamps, unpack_values
from hil.model.errors import HilError
from hil.model.redaction import redacted_command, redacted_text, redacted_url
from hil.model.secrets import KNOWN_SECRETS
from hil.model.toml_text import parse_toml
from hil.recording.latest_run import newest_run

PASSWORD = "Canary4711"


def redaction(data: bytes) -> None:
    """Addresses with a password in them, wherever they stand: it is never shown."""
    text = data.decode("utf-8", "surrogateescape")
    address = f"postgresql://user:{PASSWORD}{text}@host/database"
    shown = [
        redacted_url(address),
        redacted_command(["pytest", f"--hil-history={address}"]),
        redacted_command(["pytest", "--hil-history", address]),
        redacted_command(["pytest", f"--password={PASSWORD}{text}"]),
    ]
    if "\n" not in text:
        shown.append(redacted_text(f"could not connect to {address}"))
    for words in shown:
        if PASSWORD in words:
            raise AssertionError(f"a password is shown: {words!r}")


def history_address(data: bytes) -> None:
    """What ``--hil-history`` is given: never shown with its password."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        for given in (text, f"postgresql://user:{PASSWORD}{text}"):
            with contextlib.suppress(HilError):
                location = find_location(given, Path("reports"))
                if location is not None and "@" in text and PASSWORD in location.shown:
                    raise AssertionError(f"a password is shown: {location.shown!r}")
    finally:
        KNOWN_SECRETS.clear()


def toml_text(data: bytes) -> None:
    """A file of the user's in TOML, also with a byte order mark."""
    for raw in (data, b"\xef\xbb\xbf" + data):
        try:
            parse_toml(Path("x.toml"), raw, "a file")
        except HilError as error:
            if len(str(error).splitlines()) > 1:
                raise AssertionError("an error of more than one line") from error


def latest_name(data: bytes) -> None:
    """``latest.txt``: what it names is beside it, or it is refused."""
    from tools.fuzz.targets import temporary_file

    with temporary_file(data, "latest.txt") as path, contextlib.suppress(HilError):
        latest = path.with_name("latest")
        run = newest_run(latest)
        if run != latest and run.parent != path.parent:
            raise AssertionError(f"it leads to {run}")


def packed_stamps(data: bytes) -> None:
    """Stamps out of a history's row."""
    with contextlib.suppress(HilError):
        stamps, index, joined, _ = unpack_stamps(data, 1000.0)
        if not len(stamps) == len(index) == len(joined) + (len(stamps) > 0):
            raise AssertionError("stamps and what belongs to them have different lengths")
    with contextlib.suppress(HilError):
        unpack_values(data)
