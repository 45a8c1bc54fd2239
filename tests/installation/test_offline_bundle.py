"""The folder for a server without Internet: whole, described, and of use only as it was made."""

import hashlib
import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "rdv-receiver"
    subprocess.run([sys.executable, CHECKOUT / "deploy/offline/bundle.py", "--output", folder], check=True)
    return folder


def test_the_sums_name_every_file_and_hold(bundle: Path) -> None:
    lines = (line.split("  ", 1) for line in (bundle / "SHA256SUMS").read_text().splitlines())
    sums = {name: digest for digest, name in lines}
    present = {path.relative_to(bundle).as_posix(): path for path in bundle.rglob("*") if path.is_file()}
    assert set(sums) == set(present) - {"SHA256SUMS"}
    assert all(hashlib.sha256(present[name].read_bytes()).hexdigest() == digest for name, digest in sums.items())


def test_the_requirements_are_the_lock_and_our_own_wheel(bundle: Path) -> None:
    locked = {line.split(" ")[0] for line in (CHECKOUT / "requirements.lock").read_text().splitlines() if "==" in line}
    named = {
        line.split(" ")[0].lower().replace("_", "-") for line in (bundle / "requirements.txt").read_text().splitlines()
    }
    assert {name for name in named if not name.startswith("rdv-receiver==")} == locked
    assert len(named) == len(locked) + 1 == len(list((bundle / "wheels").iterdir()))


def test_the_bill_of_materials_lists_the_very_files(bundle: Path) -> None:
    bill = json.loads((bundle / "sbom.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    parts = [bill["metadata"]["component"], *bill["components"]]
    listed = {part["properties"][0]["value"]: part["hashes"][0]["content"] for part in parts}
    wheels = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (bundle / "wheels").iterdir()}
    assert listed == wheels
    assert all(part["licenses"] for part in parts), "a DSI asks under what licence each part comes"
    assert len({part["purl"] for part in parts}) == len(parts)


@pytest.mark.threat(id="changed-packages")
def test_a_wheel_that_was_changed_is_not_installed(bundle: Path, tmp_path: Path) -> None:
    wheel = next((bundle / "wheels").glob("six-*"))
    whole = wheel.read_bytes()
    environment = tmp_path / "env"
    venv.create(environment, with_pip=False, symlinks=True)
    install = [
        "install",
        "--no-index",
        "--find-links",
        "wheels",
        "--require-hashes",
        "--requirement",
        "requirements.txt",
    ]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", environment / "bin/python"]
    try:
        wheel.write_bytes(whole + b"\0")
        done = subprocess.run([*pip, *install], cwd=bundle, capture_output=True, text=True, check=False)
    finally:
        wheel.write_bytes(whole)
    assert done.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr


def test_nothing_is_left_where_a_package_cannot_be_had(tmp_path: Path) -> None:
    """What was half made would make the next attempt refuse."""
    command = [sys.executable, str(CHECKOUT / "deploy/offline/bundle.py"), "--output", str(tmp_path / "made")]
    done = subprocess.run([*command, "--platform", "no_such_platform"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("pip failed, see above: nothing was made\n")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    command = [sys.executable, CHECKOUT / "deploy/offline/bundle.py", "--output", tmp_path]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    assert list(tmp_path.iterdir()) == []
