"""What every workflow keeps to: fixed actions, few rights, secrets only where they are needed."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
CONSTRAINTS = ROOT / "constraints.txt"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NEED_SECRETS = {"Measure", "History"}
EVENT_FREE = re.compile(r"\$\{\{")


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def file(request):
    return request.param


@pytest.fixture
def workflow(file):
    return YAML(typ="safe").load(file)


def steps_of(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_there_are_workflows():
    assert {file.stem for file in FILES} >= {"nightly", "emulated"}


def test_actions_are_named_by_commit_and_say_their_version(file):
    uses = re.findall(r"uses:\s*(.*)", file.read_text())
    assert uses
    for action in uses:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", action), action


def test_an_action_is_the_same_commit_everywhere():
    commits = {}
    for file in FILES:
        for action, commit in re.findall(r"uses:\s*(\S+)@(\S+)", file.read_text()):
            commits.setdefault(action, set()).add(commit)
    assert all(len(of_action) == 1 for of_action in commits.values()), commits


def test_rights_are_read_only_and_the_checkout_leaves_no_token(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    more = {
        name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job
    }
    telling = {"actions": "read", "issues": "write", "pull-requests": "write"}
    assert more in ({}, {"tell": telling})
    for name in more:  # on no host with boards, with no action and no checkout of anybody's code
        assert workflow["jobs"][name]["runs-on"] == "ubuntu-latest"
        assert not any("uses" in step for step in workflow["jobs"][name]["steps"])
    for step in steps_of(workflow):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_secrets_are_in_the_steps_that_need_them_only(workflow):
    outside = [{k: v for k, v in job.items() if k != "steps"} for job in workflow["jobs"].values()]
    assert "secrets." not in str({k: v for k, v in workflow.items() if k != "jobs"})
    assert "secrets." not in str(outside)
    for step in steps_of(workflow):
        rest = {key: value for key, value in step.items() if key != "env"}
        assert "secrets." not in str(rest)
        if "secrets." in str(step.get("env", {})):
            assert step["name"] in NEED_SECRETS


def test_no_expression_stands_in_a_script(workflow):
    for step in steps_of(workflow):
        assert not EVENT_FREE.search(step.get("run", "")), step["name"]


def test_every_job_ends_and_does_not_run_beside_itself(workflow):
    for job in workflow["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 720
    hosted = [job for job in workflow["jobs"].values() if "self-hosted" in job["runs-on"]]
    assert all("concurrency" in job for job in hosted)
    assert hosted or "concurrency" in workflow


def test_nobody_elses_event_starts_one(workflow):
    assert set(workflow["on"]) <= {"schedule", "workflow_dispatch"}


def locked():
    """Version by package, and the hashes of each, as the file has them."""
    versions, hashes, name = {}, {}, ""
    for line in CONSTRAINTS.read_text().splitlines():
        if line.startswith("#"):
            continue
        if not line.startswith(" "):
            name, _, version = line.rstrip(" \\").partition(";")[0].strip().partition("==")
            name = canonicalize_name(name)
            assert version, f"{line}: not one version"
            versions.setdefault(name, []).append(version)
            hashes.setdefault((name, version), [])
        else:
            hashes[name, versions[name][-1]] += re.findall(r"--hash=sha256:([0-9a-f]{64})\b", line)
    return versions, hashes


def installed_by_the_bench():
    """What the workflow's host installs: the package, the extras of the lock, the build."""
    (command,) = re.findall(r"^\s*(uv pip compile .*)$", (ROOT / "tox.ini").read_text(), re.M)
    extras = re.findall(r"--extra (\S+)", command)
    groups = re.findall(r"--group (\S+)", command)
    assert extras == ["postgresql"]
    texts = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
    texts += [t for e in extras for t in PROJECT["project"]["optional-dependencies"][e]]
    texts += [t for group in groups for t in PROJECT["dependency-groups"][group]]
    return [Requirement(text) for text in texts]


def test_the_lock_holds_all_that_the_bench_installs_within_the_projects_bounds():
    versions, _ = locked()
    for requirement in installed_by_the_bench():
        name = canonicalize_name(requirement.name)
        assert name in versions, f"{name}: run `tox -e lock`"
        for version in versions[name]:
            assert requirement.specifier.contains(version, prereleases=True), (name, version)


def test_everything_in_the_lock_has_its_hashes():
    _, hashes = locked()
    assert len(hashes) > 20
    for package, of_package in hashes.items():
        assert of_package, package
    assert len(hashes["numpy", locked()[0]["numpy"][0]]) > 20, "only the wheels of one platform"
    assert "://" not in CONSTRAINTS.read_text(), "an index is the installing host's affair"


def test_the_night_installs_by_the_lock_and_nothing_else():
    workflow = YAML(typ="safe").load(ROOT / ".github" / "workflows" / "nightly.yml")
    (install,) = [s for s in workflow["jobs"]["measure"]["steps"] if s.get("name") == "Install"]
    commands = [line for line in install["run"].splitlines() if "pip install" in line]
    assert len(commands) == 2
    assert "--require-hashes --requirement constraints.txt" in commands[0]
    assert "--no-deps --no-build-isolation ." in commands[1]
