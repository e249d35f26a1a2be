"""A run keeps what it was made with, and verifies; so does what is replayed from it."""

import hashlib
import json

import numpy as np

from hil.agents.bundle import agents_folder
from hil.boards.backends.registry import parse_board
from hil.cli.main import main
from hil.experiments.budget_files import default_budgets
from hil.experiments.kept_evidence import keep_evidence
from hil.experiments.program_reader import read_user_program
from hil.recording.run_evidence import read_evidence
from hil.recording.run_folder import create_run_folder

PROGRAM = """# hil: period_ms=20
import helper
from hil_agent import stamp
stamp()
"""


def test_a_run_keeps_what_it_was_made_with_and_verifies(pytester, run_here, replayed, capsys):
    run_here(replayed, "--hil-out=out", "--hil-history=none", "--hil-budgets=strict.toml")
    folder = pytester.path / "out" / "latest"
    results = json.loads((folder / "results.json").read_text())
    hashes = results["run"]["hashes"]
    names = ["000_calibrate_idle.hilcap", "001_thread_gc.hilcap", "evidence.json", "run.jsonl"]
    assert sorted(hashes) == sorted(["budgets.toml", *(f"capture/{name}" for name in names)])
    for name, digest in hashes.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    evidence = json.loads((folder / "capture" / "evidence.json").read_text())
    assert evidence["packages"] == {"numpy": np.__version__}
    strict = hashlib.sha256((pytester.path / "strict.toml").read_bytes()).hexdigest()
    assert evidence["budgets"] == strict
    assert main(["verify", str(folder)]) == 0
    assert "verdict: verified" in capsys.readouterr().out


def test_a_measured_run_names_the_sources_that_ran(tmp_path):

    program, wiring = tmp_path / "blink", tmp_path / "wiring.toml"
    (program / "lib").mkdir(parents=True)
    (program / "main.py").write_text(PROGRAM)
    (program / "lib" / "helper.py").write_text("X = 1\n")
    wiring.write_text("outputs = [1]\n")
    files = read_user_program(program).files
    folder = create_run_folder(tmp_path, "sim")
    boards = (parse_board("sim"),)
    keep_evidence(*(folder, boards, default_budgets()), wiring=str(wiring), program=files)
    evidence = read_evidence(folder.captures)
    name = "techniques/timer_soft.py"
    source = agents_folder() / name
    assert evidence.device_files[name] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert set(evidence.program) == {"main.py", "lib/helper.py"}
    assert evidence.program["main.py"] == hashlib.sha256(PROGRAM.encode()).hexdigest()
    assert evidence.wiring == hashlib.sha256(wiring.read_bytes()).hexdigest()
    assert evidence.shipped_budgets

    replay = create_run_folder(tmp_path / "again", "replay")
    keep_evidence(replay, (parse_board(f"replay:{folder.path}"),), default_budgets())
    again = read_evidence(replay.captures)
    assert again.device_files == evidence.device_files
    assert (again.program, again.wiring) == (evidence.program, evidence.wiring)
