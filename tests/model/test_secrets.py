"""A secret is given away by one method, and found however it is written."""

from __future__ import annotations

import base64
import copy
import html
import json
import pickle
import urllib.parse
from dataclasses import asdict, dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.model.secrets import KnownSecrets, Secret, masked_by

VALUE = "pl4nted/C@nary:\\7'\" %ü"


def test_it_is_shown_by_nothing():
    secret = Secret(VALUE)

    @dataclass
    class Holder:
        secret: Secret

    holder = Holder(secret)
    shown = [str(secret), repr(secret), f"{secret:>30}", f"{secret!r}", "%s" % secret, repr(holder)]  # noqa: UP031
    shown += [repr(asdict(holder)), repr(copy.deepcopy([secret]))]
    for text in shown:
        assert "pl4nted" not in text
    for write in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError):
            write(secret)
    assert secret.reveal() == VALUE
    assert secret == Secret(VALUE) != Secret("other")
    assert not hasattr(secret, "__dict__")


def spellings(value: str) -> dict[str, str]:
    data = value.encode()
    return {
        "as it is": value,
        "other case": value.swapcase(),
        "backwards": value[::-1],
        "repr": repr(value),
        "repr of a repr": repr(repr(value)),
        "ascii": ascii(value),
        "repr of bytes": repr(data),
        "json": json.dumps(value),
        "json of json": json.dumps(json.dumps(value)),
        "hex": data.hex(),
        "hex with colons": data.hex(":").upper(),
        "hex escapes": "".join(f"\\x{byte:02x}" for byte in data),
        "hex numbers": ", ".join(f"0x{byte:02X}" for byte in data),
        "numbers": str(list(data)),
        "url": urllib.parse.quote(value),
        "url, all": urllib.parse.quote_plus(value, safe=""),
        "html": html.escape(value),
        **{f"base64, {n} before": base64.b64encode(b"x" * n + data).decode() for n in range(3)},
        "base64 for urls": base64.urlsafe_b64encode(b"ab" + data + b"c").decode(),
    }


@pytest.mark.parametrize("spelling", spellings(VALUE))
def test_it_is_found_in_every_spelling(spelling):
    known = KnownSecrets()
    known.add(Secret(VALUE))
    text = spellings(VALUE)[spelling]
    masked = known.masked(f"before {text} behind")
    assert masked.startswith("before ")
    assert masked.endswith(" behind")
    left = masked.removeprefix("before ").removesuffix(" behind")
    assert "***" in left
    # of Base64 up to two characters at each end are decided by what stands beside it
    assert len(left.replace("***", "")) <= 8


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=5, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_any_text_is_found(value, before, behind):
    known = KnownSecrets()
    known.add(Secret(value))
    texts = spellings(value)
    if not value.isascii():
        del texts["other case"]  # what other letters become depends on those beside them
    for text in texts.values():
        assert text not in known.masked(f"{before}{text}{behind}")


def test_nothing_else_is_changed():
    known = KnownSecrets()
    assert known.masked("pl4nted") == "pl4nted"
    assert not known
    known.add(Secret("pl4nted"), Secret(""))
    text = "pl4nte lnted Pl4nt-ed [49, 50] aGVsbG8= 68656c6c6f"
    assert known.masked(text) == text
    known.clear()
    assert not known


def test_a_short_one_is_masked_where_it_is_known_to_stand():
    known = KnownSecrets()
    known.add(Secret("ab"))
    assert known.masked("table") == "table"
    assert masked_by([Secret("ab")], "login ab, table") == "login ***, t***le"
