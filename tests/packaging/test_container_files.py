"""Dockerfile, .dockerignore and compose.yaml: what can be told without building anything."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from receiver.cli.supervise import GRACE_S
from receiver.config import load
from receiver.config.store_url import MARKER_FOLDER
from tests.packaging import build_context
from tests.packaging.dockerfile import Stage, parse
from tests.requirements import require

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def final_stage() -> Stage:
    return parse((CHECKOUT / "Dockerfile").read_text())[-1]


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((CHECKOUT / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def service(compose: Any) -> Any:
    return compose["services"]["rdv-receiver"]


def test_hadolint_finds_nothing() -> None:
    beside = Path(sys.executable).with_name("hadolint")
    program = str(beside) if beside.exists() else shutil.which("hadolint")
    require(program, "hadolint is not installed")
    command = [str(program), "--no-color", "Dockerfile"]
    found = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_label_names_the_version_that_is_built(final_stage: Stage) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    labels = {
        name.removeprefix("org.opencontainers.image."): value for name, value in final_stage.merged("LABEL").items()
    }
    assert labels == {
        "title": project["name"],
        "version": project["version"],
        "description": project["description"],
        "licenses": project["license"],
    }


def test_the_build_sees_the_locks_and_the_two_packages_alone() -> None:
    """A checkout in use holds secrets and databases beside them."""
    seen = build_context.files(CHECKOUT)
    beside = {file for file in seen if not file.startswith(("receiver/", "connectors/"))}
    assert beside == {"LICENSE", "README.md", "pyproject.toml", "requirements.lock", "requirements-build.lock"}
    kinds = {".py", ".mako", ".typed", ".html", ".css", ".js", ".svg"}
    assert {Path(file).suffix for file in set(seen) - beside} == kinds


@pytest.mark.parametrize(
    ("rules", "seen"),
    [
        ("", {"a.py", "b/c.py", "b/d/e.pyc"}),
        ("*", set()),
        ("*\n!b", {"b/c.py", "b/d/e.pyc"}),
        ("*\n!b/d", {"b/d/e.pyc"}),
        ("# b\n*\n!b\n**/*.pyc", {"b/c.py"}),
        ("*.pyc\nb/c.??", {"a.py", "b/d/e.pyc"}),
    ],
)
def test_the_last_rule_that_matches_decides(tmp_path: Path, rules: str, seen: set[str]) -> None:
    """The tool that stands in for an engine must read the rules as an engine does."""
    for file in ("a.py", "b/c.py", "b/d/e.pyc"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    (tmp_path / ".dockerignore").write_text(rules)
    assert set(build_context.files(tmp_path)) - {".dockerignore"} == seen


@pytest.mark.threat(id="confined-program")
def test_compose_takes_every_privilege_away(service: Any) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "cap_add" not in service
    assert "user" not in service  # the image's own


@pytest.mark.threat(id="core-dumps")
def test_compose_bounds_memory_and_leaves_no_image_of_it(compose: Any) -> None:
    """What a process holds in memory are secrets too."""
    for service in compose["services"].values():
        assert service["ulimits"]["core"] == 0
        assert re.fullmatch(r"[0-9]+m", service["mem_limit"])


DIGEST = "registry.example/debian:bookworm-slim@sha256:" + "0123456789abcdef" * 4


def test_both_stages_begin_with_the_same_base_which_may_be_given_by_digest() -> None:
    text = (CHECKOUT / "Dockerfile").read_text()
    assert {stage.base for stage in parse(text)} == {"debian:bookworm-slim"}
    assert {stage.base for stage in parse(text, {"BASE": DIGEST})} == {DIGEST}
    assert "FROM debian" not in text


def test_compose_builds_on_a_base_that_may_be_given_by_digest(service: Any) -> None:
    assert service["build"] == {"context": ".", "args": {"BASE": "${RDV_RECEIVER_BASE:-debian:bookworm-slim}"}}


@pytest.mark.threat(id="changed-packages")
def test_no_step_of_an_installation_takes_a_package_without_its_hash() -> None:
    """`pip install .` alone would fetch whatever setuptools is newest, and run it."""
    for page in ("README.md", "Dockerfile", *(str(guide.relative_to(CHECKOUT)) for guide in GUIDES)):
        text = (CHECKOUT / page).read_text("utf-8").replace("\\\n", " ")
        for line in re.findall(r"pip (?:--\S+ \S+ )*(?:install|wheel) .*", text):
            command = line.partition("&&")[0].partition("`")[0]
            own = {"--no-deps", "--no-index"} <= set(command.split())
            built = command.rstrip().endswith(" .")
            assert "--require-hashes" in command or own, (page, command)
            assert not built or "--no-build-isolation" in command, (page, command)


GUIDES = sorted((CHECKOUT / "docs/fr").glob("*.md"))


def test_what_builds_our_wheel_is_the_developers_own_and_hashed() -> None:
    lock = (CHECKOUT / "requirements-build.lock").read_text()
    assert lock.startswith("setuptools==")
    assert " --hash=sha256:" in lock
    assert lock in (CHECKOUT / "requirements-dev.lock").read_text()


def test_compose_publishes_on_this_machine_alone(final_stage: Stage, service: Any) -> None:
    """The way in from outside is the reverse proxy, which does the https."""
    assert service["ports"] == [f"127.0.0.1:8080:{final_stage.last('EXPOSE')}"]


def test_compose_lets_a_call_in_hand_end(service: Any) -> None:
    """An engine that kills first leaves writes of which nobody knows whether they happened."""
    patience_s = float(service["stop_grace_period"].removesuffix("s"))
    assert patience_s > GRACE_S


def test_compose_keeps_the_state_in_a_named_volume(final_stage: Stage, service: Any, compose: Any) -> None:
    targets = dict(volume.split(":")[1::-1] for volume in service["volumes"])
    assert targets[final_stage.last("WORKDIR")] in compose["volumes"]
    assert targets[str(MARKER_FOLDER)] in compose["volumes"], "and the marker in another one"
    assert targets[str(MARKER_FOLDER)] != targets[final_stage.last("WORKDIR")]
    assert "/etc/rdv-receiver" in targets


def test_compose_starts_one_service_unless_asked_for_more(compose: Any) -> None:
    assert [name for name, each in compose["services"].items() if "profiles" not in each] == ["rdv-receiver"]


def test_every_secret_that_a_service_uses_is_declared(compose: Any) -> None:
    used = {secret for each in compose["services"].values() for secret in each["secrets"]}
    assert used <= set(compose["secrets"])


def test_the_postgresql_address_shown_is_one_that_loads(tmp_path: Path, compose: Any) -> None:
    """compose.yaml and the guide show the same line; it must name the service, its user and its database."""
    address = "postgresql://rdv@postgresql/rdv"
    for page in ("compose.yaml", "docs/fr/conteneur.md"):
        assert address in (CHECKOUT / page).read_text()
    database = compose["services"]["postgresql"]["environment"]
    assert address == f"postgresql://{database['POSTGRES_USER']}@postgresql/{database['POSTGRES_DB']}"
    (tmp_path / "base").write_text("passe\n")
    (tmp_path / "mds").write_text("un secret assez long pour un essai\n")
    config = tmp_path / "config.yaml"
    config.write_text(
        f"store: {{url: '{address}', password: {{file: base}}}}\n"
        "sources: {mds: {emitter: rdv_service_public, platform: production, secrets: [{file: mds}]}}\n"
        f"calendars: {{pilote: {{kind: ics_folder, path: '{tmp_path}'}}}}\n"
    )
    assert load(config, {}).store.address == "postgresql+psycopg://rdv:passe@postgresql/rdv"
