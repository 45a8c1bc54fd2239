"""The image that the Dockerfile describes: built instruction by instruction, then run as compose.yaml confines it."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.packaging import sandbox
from tests.packaging.container import probe_command, started
from tests.packaging.image import Image, build
from tests.packaging.sandbox import Sandbox, run
from tests.requirements import require

CHECKOUT = Path(__file__).parents[2]
UID = 10001


@pytest.fixture
def image() -> Iterator[Image]:
    """The built image, in a folder that is gone afterwards: a gigabyte is too much to keep."""
    require(not sandbox.missing(), f"building an image needs {sandbox.missing()}")
    require(shutil.which("debootstrap"), "debootstrap is not installed")
    with tempfile.TemporaryDirectory() as work:
        yield build(CHECKOUT, Path(work))


@pytest.fixture
def confined(image: Image, tmp_path: Path) -> Sandbox:
    """The image with a volume, the guide's configuration and a secret, as read-only and powerless as can be."""
    state, config, secrets = (tmp_path / name for name in ("state", "config", "secrets"))
    shutil.copytree(image.sandbox.root / "var/lib/rdv-receiver", state)  # as an engine fills a new volume
    os.chown(state, UID, UID)
    for folder in (config, secrets):
        folder.mkdir()
    (config / "config.yaml").write_text(guide_configuration())
    (secrets / "mds").write_text("un secret assez long pour un essai\n")
    os.chown(secrets / "mds", UID, UID)
    (secrets / "mds").chmod(0o400)
    binds = {state: "/var/lib/rdv-receiver", config: "/etc/rdv-receiver", secrets: "/run/secrets"}
    env = {**image.sandbox.env, "http_proxy": "http://proxy.invalid:3128"}  # as a house's engine may set for all
    return replace(image.sandbox, env=env, read_only=True, network=False, binds=binds)


def guide_configuration() -> str:
    """Return the configuration that the installation guide shows first."""
    guide = (CHECKOUT / "docs/fr/conteneur.md").read_text()
    found = re.search(r"^( *)```yaml\n(.*?)^ *```", guide, re.DOTALL | re.MULTILINE)
    assert found
    return re.sub(f"^{found[1]}", "", found[2], flags=re.MULTILINE)


def test_the_image_serves_as_a_powerless_user_on_a_read_only_root(
    image: Image, confined: Sandbox, tmp_path: Path
) -> None:
    """One test, since building takes most of a minute: what is in the image, each command, its whole life."""
    holds_what_runs_and_nothing_that_builds(image)
    cannot_write_where_everybody_may(confined)
    shows_its_help(confined)
    finds_the_guides_configuration_right(confined)
    starts_reloads_and_stops(image, confined, tmp_path)


def holds_what_runs_and_nothing_that_builds(image: Image) -> None:
    root = image.sandbox.root
    packages = {path.name for path in (root / "opt/rdv-receiver/lib/python3.11/site-packages").iterdir()}
    assert {"receiver", "connectors"} <= packages
    assert not {"pip", "setuptools", "emitter", "mock_exchange", "tests", "demo"} & packages
    programs = ("cc", "gcc", "make", "pip", "pip3")
    present = [
        name for name in programs for folder in ("usr/bin", "opt/rdv-receiver/bin") if (root / folder / name).exists()
    ]
    assert present == []
    theirs = subprocess.run(["find", root / "opt", "-user", str(UID)], capture_output=True, text=True, check=True)
    assert theirs.stdout == "", "the program may not change itself"


def cannot_write_where_everybody_may(confined: Sandbox) -> None:
    """Else the test would prove nothing of the read-only root."""
    tried = run(confined, ["touch", "/var/tmp/file"])
    assert "Read-only file system" in tried.stdout


def shows_its_help(confined: Sandbox) -> None:
    shown = run(confined, ["rdv-receiver", "--help"])
    assert (shown.returncode, "check" in shown.stdout) == (0, True), shown.stdout


def finds_the_guides_configuration_right(confined: Sandbox) -> None:
    assert run(confined, ["mkdir", "pilote"]).returncode == 0  # the guide's own step
    checked = run(confined, ["rdv-receiver", "check"])
    assert checked.returncode == 0, checked.stdout


def starts_reloads_and_stops(image: Image, confined: Sandbox, tmp_path: Path) -> None:
    probed = run(confined, probe_command(image.stage))
    assert probed.returncode == 1, "nothing listens yet"
    with started(image.stage, confined, tmp_path / "output") as container:
        container.wait_until(container.is_healthy)
        container.wait_until(lambda: '"worker_started"' in container.output.read_text())
        assert is_powerless(container.pid)
        assert container.execute(["sh", "-c", "kill -HUP 1"]) == 0  # the guide's way to reload
        container.wait_until(lambda: container.output.read_text().count('"configuration_reloaded"') == 2)
        container.wait_until(container.is_healthy)
        assert container.stop() == 0, container.output.read_text()
    assert (tmp_path / "state/rdv.db").stat().st_uid == UID


def is_powerless(pid: int | None) -> bool:
    """Whether the process is what compose.yaml asks for: that user, no capability, and none to be had."""
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    powers = {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    return status["Uid"].split() == [str(UID)] * 4 and powers == {"0" * 16} and status["NoNewPrivs"] == "1"
