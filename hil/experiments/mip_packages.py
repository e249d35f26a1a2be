"""Packages for a user's program, by name from an index, as MicroPython's ``mip`` installs them.

The index has the format of micropython-lib's: ``package/py/NAME/VERSION.json`` names files by their
hash, ``file/AB/ABCDEF12`` has their content. It is an address or a folder. Only sources are taken:
they suit any board, and an error in one has a line. Beside names there are ``github:``,
``gitlab:`` and ``codeberg:`` repositories, addresses, and paths of a ``package.json``.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.model.codec import check_plain
from hil.model.errors import CaptureError, ConfigurationError
from hil.model.numbers import shown_text
from hil.model.program_files import MAX_FILES, MAX_PROGRAM_BYTES, ProgramFile, is_safe_path
from hil.model.redaction import redacted_url
from hil.model.schema import parse_json
from hil.recording.stored_file import read_given

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_INDEX = "https://micropython.org/pi/v2"
INDEX_VARIABLE = "HIL_MIP_INDEX"
"""The environment's variable that names another index."""
_NETWORK = ("https://", "http://")
_HOSTS = {
    "github:": "https://raw.githubusercontent.com/{0}/{1}/{2}/{3}",
    "gitlab:": "https://gitlab.com/{0}/{1}/-/raw/{2}/{3}",
    "codeberg:": "https://codeberg.org/api/v1/repos/{0}/{1}/raw/{3}?ref={2}",
}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}")
_HASH = re.compile(r"[0-9a-f]{8,64}")
_MAX_JSON, _TIMEOUT_S, _MOST_PACKAGES = 100_000, 20.0, 40
_FOLDER = "lib"
"""Where packages are installed, in the program's own folder."""


def fetch_packages(
    requires: Sequence[str],
    index: str,
    *,
    folder: Path,
    described: bytes | None = None,
) -> tuple[ProgramFile, ...]:
    """The files of packages and of what these depend on, below ``lib/``.

    ``requires`` are ``NAME`` or ``NAME@VERSION``, as for ``mip install``; paths are relative to
    ``folder``. Of ``described``, a ``package.json``, the ``deps`` are taken. Raises
    :class:`~hil.model.errors.ConfigurationError`, one line that says what to do.
    """
    installer = _Installer(index.rstrip("/"))
    for text in requires:
        name, _, version = text.partition("@")
        installer.install(name, version, str(folder))
    if described is not None:
        document = _document(described, "package.json")
        for name, version in _pairs(document, "deps", "package.json"):
            installer.install(name, version, str(folder))
    return tuple(installer.files.values())


@dataclass(slots=True)
class _Installer:
    index: str
    files: dict[str, ProgramFile] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _bytes: int = 0

    def install(self, name: str, version: str, base: str) -> None:
        """Take a package; ``base`` is where a path in it begins."""
        if name in self._seen:
            return
        self._seen.add(name)
        if len(self._seen) > _MOST_PACKAGES:
            raise ConfigurationError(f"package {name}: more than {_MOST_PACKAGES} packages")
        if name.startswith((*_NETWORK, *_HOSTS)) or name.endswith(".json") or "/" in name:
            self._from_address(name, version, base)
            return
        if not _NAME.fullmatch(name) or (version and not _NAME.fullmatch(version)):
            text = shown_text(f"{name}@{version}" if version else name)
            raise ConfigurationError(
                f"package {text}: no name of a package; write `# hil: require=NAME` or NAME@VERSION"
            )
        where = f"{self.index}/package/py/{name}/{version or 'latest'}.json"
        document = _document(self._read(where, _MAX_JSON, f"package {name}"), name)
        self._take(document, name, version, where)

    def _from_address(self, name: str, version: str, base: str) -> None:
        """A repository, an address or a path: of a file, or of a ``package.json``."""
        address = _resolved(_address(name, version), base)
        if address.endswith((".py", ".mpy")):
            path = address.rpartition("/")[2]
            self._add(path, self._read(address, MAX_PROGRAM_BYTES, f"package {name}"), name)
            return
        if not address.partition("?")[0].endswith(".json"):
            address = _resolved(_address(f"{name.rstrip('/')}/package.json", version), base)
        document = _document(self._read(address, _MAX_JSON, f"package {name}"), name)
        self._take(document, name, version, address)

    def _take(self, document: dict[str, Any], name: str, version: str, address: str) -> None:
        given = document.get("version")
        label = f"{name}@{version or (given if isinstance(given, str) else 'latest')}"[:100]
        base = address.rpartition("/")[0]
        for path, digest in _pairs(document, "hashes", name):
            if not _HASH.fullmatch(digest):
                raise ConfigurationError(f"package {name}: {path} has no proper hash")
            where = f"{self.index}/file/{digest[:2]}/{digest}"
            content = self._read(where, MAX_PROGRAM_BYTES, f"package {name}: {path}")
            if not hashlib.sha256(content).hexdigest().startswith(digest):
                raise ConfigurationError(
                    f"package {name}: {path} is not what its hash {digest} says; the index is "
                    "damaged"
                )
            self._add(path, content, label)
        for path, url in _pairs(document, "urls", name):
            where = _resolved(_address(url, version), base)
            self._add(path, self._read(where, MAX_PROGRAM_BYTES, f"package {name}: {path}"), label)
        for other, its_version in _pairs(document, "deps", name):
            self.install(other, "" if its_version == "latest" else its_version, base)

    def _add(self, path: str, content: bytes, label: str) -> None:
        if not is_safe_path(path):
            raise ConfigurationError(
                f"package {label}: {shown_text(path)} is no path that a file may have"
            )
        self._bytes += len(content)
        if self._bytes > MAX_PROGRAM_BYTES or len(self.files) >= MAX_FILES:
            raise ConfigurationError(
                f"package {label}: more than {MAX_PROGRAM_BYTES:,} bytes or {MAX_FILES} files of "
                "packages go to no board"
            )
        self.files[path] = ProgramFile(f"{_FOLDER}/{path}", content, label)

    def _read(self, where: str, most: int, what: str) -> bytes:
        network = where.startswith(_NETWORK)
        try:
            if not network:
                return read_given(Path(where), most)
            with urllib.request.urlopen(where, timeout=_TIMEOUT_S) as response:
                data: bytes = response.read(most + 1)
        except urllib.error.HTTPError as error:
            error.close()
            answer = "there is none" if error.code == 404 else f"answer {error.code}"
            raise ConfigurationError(f"{what}: {answer} at {redacted_url(where)}") from None
        except FileNotFoundError:
            raise ConfigurationError(f"{what}: there is no {where}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
            raise ConfigurationError(
                f"{what}: can't read {redacted_url(where)} ({reason}); without a network name a "
                f"folder that has the index: {INDEX_VARIABLE}=FOLDER"
                if network
                else f"{what}: can't read {where} ({reason})"
            ) from None
        except CaptureError as error:
            raise ConfigurationError(f"{what}: {error}") from None
        if len(data) > most:
            raise ConfigurationError(f"{what}: larger than {most:,} bytes")
        return data


def _address(text: str, version: str) -> str:
    """The address of a file in a repository; anything else as it is."""
    for prefix, form in _HOSTS.items():
        if text.startswith(prefix):
            owner, _, rest = text.removeprefix(prefix).partition("/")
            repository, _, path = rest.partition("/")
            return form.format(owner, repository, version or "HEAD", path)
    return text


def _resolved(address: str, base: str) -> str:
    """``address`` from ``base`` on; what a package names lies at or below its own place.

    Raises :class:`~hil.model.errors.ConfigurationError` for a path out of it.
    """
    if address.startswith(_NETWORK):
        return address
    if base.startswith(_NETWORK):
        if not all(part not in ("", "..") for part in address.split("/")):
            raise ConfigurationError(f"package: {shown_text(address)} is no path below {base}")
        return f"{base}/{address}"
    root = Path(base).resolve()
    path = (root / address).resolve()
    if not path.is_relative_to(root):
        raise ConfigurationError(f"package: {shown_text(address)} is no path below {base}")
    return str(path)


def _document(raw: bytes, name: str) -> dict[str, Any]:
    try:
        document = parse_json(raw)
        check_plain(document, longest_text=1000, bits=63)
    except CaptureError as error:
        raise ConfigurationError(f"package {name}: {error}") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"package {name}: its description is no JSON object")
    return document


def _pairs(document: dict[str, Any], key: str, name: str) -> list[tuple[str, str]]:
    rows = document.get(key) or []
    texts = isinstance(rows, list) and all(
        isinstance(row, list) and len(row) == 2 and all(isinstance(text, str) for text in row)
        for row in rows
    )
    if not texts:
        raise ConfigurationError(f"package {name}: `{key}` is no list of pairs of texts")
    return [(row[0], row[1]) for row in rows]
