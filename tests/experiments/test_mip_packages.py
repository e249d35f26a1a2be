"""Packages by name, from an index in a folder or behind an address."""

import hashlib
import http.server
import json
import threading
from functools import partial

import pytest

from hil.experiments.mip_packages import fetch_packages
from hil.experiments.program_reader import read_user_program
from hil.model.errors import ConfigurationError

SOURCE = b"def average(values):\n    return sum(values) / len(values)\n"
DIGEST = hashlib.sha256(SOURCE).hexdigest()[:8]


def publish(index, name, at="latest", **described):
    path = index / "package" / "py" / name / f"{at}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"v": 1, **described}))


@pytest.fixture
def index(tmp_path):
    folder = tmp_path / "index"
    file = folder / "file" / DIGEST[:2] / DIGEST
    file.parent.mkdir(parents=True)
    file.write_bytes(SOURCE)
    publish(folder, "stats", hashes=[["stats/__init__.py", DIGEST]], version="1.2")
    publish(folder, "stats", "1.1", hashes=[["stats.py", DIGEST]], version="1.1")
    publish(folder, "more", deps=[["stats", "latest"]], hashes=[["more.py", DIGEST]])
    return folder


def fetched(index, *names, folder=None, **more):
    files = fetch_packages(names, str(index), folder=folder or index, **more)
    return {file.path: (file.content, file.package) for file in files}


def test_a_package_is_named_and_its_files_are_below_lib(index):
    assert fetched(index, "stats") == {"lib/stats/__init__.py": (SOURCE, "stats@1.2")}
    assert fetched(index, "stats@1.1") == {"lib/stats.py": (SOURCE, "stats@1.1")}


def test_what_it_depends_on_comes_along_once(index):
    assert list(fetched(index, "more", "stats")) == ["lib/more.py", "lib/stats/__init__.py"]


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def test_the_index_may_be_an_address(index):
    handler = partial(QuietHandler, directory=str(index))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        try:
            assert next(iter(fetched(address, "more", folder=index))) == "lib/more.py"
            with pytest.raises(ConfigurationError, match="package nope: there is none at http"):
                fetched(address, "nope", folder=index)
        finally:
            server.shutdown()
            thread.join()


def test_without_a_network_one_line_says_what_to_do(index):
    with pytest.raises(ConfigurationError, match=r"can't read http.*HIL_MIP_INDEX=FOLDER") as told:
        fetched("http://127.0.0.1:9/pi", "stats", folder=index)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ({"hashes": [["../../x.py", DIGEST]]}, "is no path that a file may have"),
        ({"hashes": [["/etc/x.py", DIGEST]]}, "is no path that a file may have"),
        ({"hashes": [["x.py", "../../../etc/passwd"]]}, "x.py has no proper hash"),
        ({"hashes": [["x.py", DIGEST[:7] + ("0" if DIGEST[7] != "0" else "1")]]}, "there is no"),
        ({"hashes": "x"}, "`hashes` is no list of pairs"),
        ({"urls": [["x.py", "../../../../../../etc/hostname"]]}, "is no path below"),
        ({"urls": [["x.py", "/etc/hostname"]]}, "is no path below"),
        ({"deps": [["a b", "latest"]]}, "no name of a package"),
        ({"deps": [["../other/package.json", ""]]}, "is no path below"),
    ],
)
def test_a_package_names_nothing_outside_of_itself(index, described, said):
    publish(index, "bad", **described)
    with pytest.raises(ConfigurationError, match=said) as caught:
        fetched(index, "bad")
    assert "\n" not in str(caught.value)


def test_content_that_is_not_what_its_hash_says_is_refused(index):
    (index / "file" / DIGEST[:2] / DIGEST).write_bytes(SOURCE + b"#")
    with pytest.raises(ConfigurationError, match=r"stats/__init__\.py is not what its hash"):
        fetched(index, "stats")


def test_a_large_file_is_not_taken(index):
    content = b"#" * 300_000
    digest = hashlib.sha256(content).hexdigest()[:8]
    file = index / "file" / digest[:2] / digest
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    publish(index, "large", hashes=[["large.py", digest]])
    with pytest.raises(ConfigurationError, match=r"package large: large\.py: .* 256 kB"):
        fetched(index, "large")


def test_packages_that_need_each_other_come_to_an_end(index):
    publish(index, "one", deps=[["two", "latest"]])
    publish(index, "two", deps=[["one", "latest"]], hashes=[["two.py", DIGEST]])
    assert list(fetched(index, "one")) == ["lib/two.py"]


def test_a_program_names_packages_in_its_header_or_its_package_json(index, tmp_path, monkeypatch):
    monkeypatch.setenv("HIL_MIP_INDEX", str(index))
    app = tmp_path / "app"
    app.mkdir()
    main = "# hil: period_ms=20\n{}from hil_agent import stamp\nstamp()\n"
    (app / "main.py").write_text(main.format("# hil: require=stats@1.1\n"))
    files = read_user_program(app).files
    assert [(file.path, file.package) for file in files] == [
        ("main.py", ""),
        ("lib/stats.py", "stats@1.1"),
    ]
    (app / "main.py").write_text(main.format(""))
    (app / "package.json").write_text(json.dumps({"deps": [["stats", "latest"]]}))
    assert [file.path for file in read_user_program(app).files][-1] == "lib/stats/__init__.py"
    monkeypatch.delenv("HIL_MIP_INDEX")
    (app / "main.py").write_text(main.format("# hil: mip_index=../index\n"))
    assert [file.path for file in read_user_program(app).files][-1] == "lib/stats/__init__.py"


def test_a_package_json_by_path_and_a_file_of_ones_own_goes_first(index, tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    (library / "mine.py").write_bytes(SOURCE)
    (library / "package.json").write_text(json.dumps({"urls": [["mine.py", "mine.py"]]}))
    files = fetched(index, "library/package.json", folder=tmp_path)
    assert files == {"lib/mine.py": (SOURCE, "library/package.json@latest")}
