"""The wheel: what it holds, and that it runs away from the checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the source files: a build in the checkout itself would leave its traces there."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for file in source_files():
        (source / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / file, source / file)
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", target, source], check=True)
    (built,) = target.glob("*.whl")
    return built


def source_files() -> list[str]:
    """Return the files that git has or would have: nothing that a build, an editor or a test left behind."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [file for file in listed if file and (CHECKOUT / file).is_file()]


@pytest.fixture(scope="module")
def held(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def test_it_holds_every_source_file_of_its_two_packages(held: set[str]) -> None:
    """Migrations are loaded by path and templates are no modules: neither is missed before it is needed."""
    expected = {file for file in source_files() if file.startswith(("receiver/", "connectors/"))}
    assert held == expected
    assert {
        "receiver/py.typed",
        "connectors/py.typed",
        "receiver/store/migrations/script.py.mako",
        "receiver/store/migrations/env.py",
        "receiver/store/migrations/versions/0006_schema.py",
    } <= held


def test_it_holds_nothing_that_only_a_checkout_needs(held: set[str]) -> None:
    assert {name.partition("/")[0] for name in held} == {"receiver", "connectors"}


def test_the_installed_program_runs_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "env"
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin/python"
    install = ["install", "--no-deps", "--no-index", "--disable-pip-version-check", "--quiet", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "--python", python, *install], check=True)
    # The libraries are those of the tests; our own packages come before them, from the wheel.
    libraries = {"PYTHONPATH": f"{site_packages(environment)}:{sysconfig.get_path('purelib')}"}
    os_environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=os_environment | libraries, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert "check" in run(str(environment / "bin/rdv-receiver"), "--help")
    origin = run(str(python), "-c", "import receiver, connectors; print(receiver.__file__, connectors.__file__)")
    assert all(Path(each).is_relative_to(environment) for each in origin.split())


def site_packages(environment: Path) -> Path:
    return Path(sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)}))
