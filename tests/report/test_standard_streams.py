"""Standard streams that are closed, full, without a reader, or without Unicode."""

import io
import os
import subprocess
import sys

import pytest

from hil.report.terminal.standard_streams import (
    ASCII_ERRORS,
    LastingStream,
    ascii_text,
    fitting_text,
    reader_has_gone,
)

SHOWN = "p50 5 µs ± 2 … ▁▂▃▄▅▆▇█ ┌─┬─┐ │ ≤ → °"
IN_ASCII = "p50 5 us +- 2 ... .:-=+*#@ +-+-+ | <= ->  deg"


class Failing(io.StringIO):
    encoding = "utf-8"

    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, text):
        raise self.error


def test_the_characters_of_tables_and_bars_have_an_ascii_form():
    assert ascii_text(SHOWN) == IN_ASCII
    assert ascii_text("☃") == "\\u2603"


@pytest.mark.parametrize("encoding", ["ascii", None, "no such encoding"])
def test_where_no_other_character_is_known(encoding):
    assert fitting_text(SHOWN, encoding) == IN_ASCII


def test_an_encoding_keeps_what_it_has():
    assert fitting_text("5 µs ± 2 … █─", "cp1252") == "5 µs ± 2 … @-"
    assert fitting_text(SHOWN, "utf-8") == SHOWN


def test_text_for_any_stream_by_the_error_handler():
    assert SHOWN.encode("ascii", ASCII_ERRORS).decode() == IN_ASCII
    assert "\udcff".encode("utf-8", ASCII_ERRORS) == b"\\udcff"


@pytest.mark.parametrize(
    "error", [BrokenPipeError(32, "Broken pipe"), OSError(28, "No space"), ValueError("closed")]
)
def test_a_stream_that_fails_is_written_to_without_an_error(error):
    stream = LastingStream(Failing(error))
    assert stream.write("lost") == 4
    stream.writelines(["more"])
    stream.flush()
    assert stream.failure is error
    assert reader_has_gone(stream.failure) == isinstance(error, BrokenPipeError)


def test_the_rest_is_that_of_the_stream():
    inner = io.TextIOWrapper(io.BytesIO(), "cp1252")
    stream = LastingStream(inner)
    stream.write("2 µs ≤ 3")
    stream.flush()
    assert stream.encoding == "cp1252"
    assert inner.buffer.getvalue() == b"2 \xb5s <= 3"


OPENS = (
    "from hil.report.terminal.standard_streams import reopen_closed_streams, settle_streams\n"
    "import os, sys\n"
    "reopen_closed_streams()\n"
    "file = open(sys.argv[1], 'w')\n"
    "assert file.fileno() > 2, file.fileno()\n"
    "print('lost'); print('lost', file=sys.stderr)\n"
    "settle_streams()\n"
    "file.write('ok')\n"
)


def test_a_closed_stream_is_no_file_of_somebody_elses(tmp_path):
    done = subprocess.run(
        [
            "sh",
            "-c",
            'exec "$@" <&- >&- 2>&-',
            "sh",
            sys.executable,
            "-c",
            OPENS,
            tmp_path / "file",
        ],
        env=os.environ,
        check=False,
    )
    assert done.returncode == 0
    assert (tmp_path / "file").read_text() == "ok"
