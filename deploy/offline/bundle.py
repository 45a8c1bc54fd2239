"""Makes the folder that installs the receiver on a server without Internet access. For whoever prepares a release.

    python3 -m venv /tmp/building
    /tmp/building/bin/pip install --require-hashes -r requirements-build.lock
    /tmp/building/bin/python deploy/offline/bundle.py --output rdv-receiver-0.1.0

It takes a machine with Python 3.11 or newer and a way to the package index. Our wheel is built by the `setuptools` of
the lock (Debian 12's own is too old); nothing else of what comes from the index is run. The target is Debian 12
(CPython 3.11, x86-64, glibc 2.36); `--platform` names others.

    wheels/             every dependency, checked against requirements.lock, and our own wheel
    requirements.txt    what to install, each file with its SHA-256
    sbom.cdx.json       what that is: CycloneDX 1.6
    deploy/ docs/       units, reverse proxies, guides; config.example.yaml beside them
    SHA256SUMS          of every file above
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import sbom

CHECKOUT = Path(__file__).resolve().parents[2]
# Every glibc baseline up to Debian 12's: a wheel for an older one runs there too.
PLATFORMS = (*(f"manylinux_2_{minor}_x86_64" for minor in range(36, 16, -1)), "manylinux2014_x86_64")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
BESIDE = ("deploy", "docs/fr", "config.example.yaml", "LICENSE", "CHANGELOG.md")


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the folder; 1 where it exists already, or where `pip` failed: then nothing is left of it."""
    options = argparse.ArgumentParser(description="Makes the folder that installs rdv-receiver without Internet.")
    options.add_argument("--output", type=Path, required=True, help="a folder that does not exist yet")
    options.add_argument("--platform", action="append", help="the target's wheel tag; repeatable (Debian 12, x86-64)")
    options.add_argument("--python-version", default="3.11")
    given = options.parse_args(arguments)
    if given.output.exists():
        print(f"{given.output} exists", file=sys.stderr)
        return 1
    try:
        make(given.output, given.platform or PLATFORMS, given.python_version)
    except subprocess.CalledProcessError:
        print("pip failed, see above: nothing was made", file=sys.stderr)
        return 1
    return 0


def make(output: Path, platforms: Sequence[str] = PLATFORMS, python_version: str = "3.11") -> None:
    """Fill the folder, or leave none."""
    try:
        fill(output, platforms, python_version)
    except BaseException:
        shutil.rmtree(output, ignore_errors=True)
        raise


def fill(output: Path, platforms: Sequence[str], python_version: str) -> None:
    """Put everything into the folder."""
    wheels = output / "wheels"
    wheels.mkdir(parents=True)
    download(wheels, platforms, python_version)
    own = build(wheels)
    (output / "requirements.txt").write_text(requirements(wheels), "utf-8")
    (output / "sbom.cdx.json").write_text(sbom.document(own, set(wheels.iterdir()) - {own}), "utf-8")
    for name in BESIDE:
        copy(CHECKOUT / name, output / name)
    (output / "SHA256SUMS").write_text(checksums(output), "utf-8")


def download(wheels: Path, platforms: Sequence[str], python_version: str) -> None:
    """Fetch what the lock names, and nothing whose digest it does not know."""
    target = [word for platform in platforms for word in ("--platform", platform)]
    target += ["--implementation", "cp", "--python-version", python_version, "--only-binary", ":all:"]
    locked = ["--no-deps", "--require-hashes", "--requirement", str(CHECKOUT / "requirements.lock")]
    subprocess.run([*PIP, "download", *target, *locked, "--dest", str(wheels)], check=True)


def build(wheels: Path) -> Path:
    """Build our own wheel from a copy of the sources: a build leaves traces beside them."""
    before = set(wheels.iterdir())
    with tempfile.TemporaryDirectory() as source:
        for name in ("pyproject.toml", "README.md", "LICENSE", "receiver", "connectors"):
            copy(CHECKOUT / name, Path(source) / name)
        own = ["--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(wheels), source]
        subprocess.run([*PIP, "wheel", *own], check=True)
    (wheel,) = set(wheels.iterdir()) - before
    return wheel


def requirements(wheels: Path) -> str:
    """Name every wheel with the digest of the very file: the lock also knows those of other platforms."""
    described = (sbom.describe(wheel) for wheel in sorted(wheels.iterdir()))
    return "".join(f"{each.name}=={each.version} --hash=sha256:{each.sha256}\n" for each in described)


def checksums(folder: Path) -> str:
    """Return what `sha256sum --check` reads."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n" for path in files
    )


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder, without what running leaves behind."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    else:
        shutil.copy2(source, target)


if __name__ == "__main__":
    sys.exit(main())
