"""Builds what the Dockerfile describes without a container engine: each stage is a Debian root, each RUN a sandbox.

An instruction or an option that is not known here is an error, so that none is passed over in silence.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from tests.packaging import build_context
from tests.packaging.dockerfile import Instruction, Stage, parse
from tests.packaging.sandbox import Sandbox, run

BUILD_TIMEOUT_S = 300
_AT_RUN_TIME = {"CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "LABEL", "STOPSIGNAL"}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class BuildFailed(Exception):
    """An instruction did not succeed; its output is the message."""


@dataclass(frozen=True, slots=True)
class Image:
    """A built final stage."""

    stage: Stage
    sandbox: Sandbox
    """With the image's user, environment and directory."""


def build(checkout: Path, work: Path) -> Image:
    """Build the checkout's Dockerfile; its roots lie in `work`."""
    context = _context(checkout, work / "context")
    stages = parse((checkout / "Dockerfile").read_text())
    (base_image,) = {stage.base for stage in stages}
    base = _base_root(base_image, work / "base")
    built = {"": context}
    for stage in stages:
        root = work / f"stage-{stage.name or 'final'}"
        subprocess.run(["cp", "-a", base, root], check=True)
        sandbox = _build_stage(stage, root, built)
        built[stage.name or "final"] = root
    return Image(stages[-1], replace(sandbox, binds={}))


def _context(checkout: Path, copy: Path) -> Path:
    for file in build_context.files(checkout):
        target = copy / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(checkout / file, target)
    return copy


def _base_root(image: str, root: Path) -> Path:
    """Make a root of the Debian release that the image's tag names: `debian:RELEASE-slim`."""
    release = image.removeprefix("debian:").removesuffix("-slim")
    _succeed(["debootstrap", "--variant=minbase", release, str(root)])
    return root


def _build_stage(stage: Stage, root: Path, built: Mapping[str, Path]) -> Sandbox:
    sandbox = Sandbox(root, {"PATH": _PATH})
    for instruction in stage.instructions:
        sandbox = _carry_out(instruction, sandbox, built)
    return sandbox


def _carry_out(instruction: Instruction, sandbox: Sandbox, built: Mapping[str, Path]) -> Sandbox:
    """Return the sandbox of the instructions that follow."""
    match instruction.word:
        case "ENV":
            return replace(sandbox, env={**sandbox.env, **instruction.pairs()})
        case "USER":
            return replace(sandbox, user=instruction.value)
        case "WORKDIR":
            _inside(sandbox, ".", instruction.value).mkdir(parents=True, exist_ok=True)
            return replace(sandbox, directory=str(PurePosixPath(sandbox.directory, instruction.value)))
        case "COPY":
            _copy(instruction.value, sandbox, built)
        case "RUN":
            _run(instruction.value, sandbox)
        case word if word not in _AT_RUN_TIME:
            raise BuildFailed(f"not known: {word} {instruction.value}")
    return sandbox


def _run(script: str, sandbox: Sandbox) -> None:
    settings = host_settings()
    certificates = Path(settings.get("PIP_CERT", ""))
    binds = {certificates: "/tmp/authorities.pem"} if certificates.is_file() else {}
    if binds:
        settings["PIP_CERT"] = "/tmp/authorities.pem"
    helped = replace(sandbox, env={**sandbox.env, **settings}, binds=binds)
    done = run(helped, ["/bin/sh", "-c", script], BUILD_TIMEOUT_S)
    if done.returncode:
        raise BuildFailed(f"RUN {script}\n{done.stdout}")


def host_settings() -> dict[str, str]:
    """Return how this machine reaches packages; an engine's build gets that from its daemon or from its base image."""
    known = ("index-url", "cert", "proxy", "default-timeout")
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], text=True, capture_output=True, check=True)
    pip = dict(line.partition("=")[::2] for line in listed.stdout.splitlines())
    settings = {
        f"PIP_{name.upper().replace('-', '_')}": shlex.split(pip[key])[0]
        for name in known
        for key in (f"global.{name}", f":env:.{name}")
        if key in pip
    }
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return settings | proxies


def _copy(value: str, sandbox: Sandbox, built: Mapping[str, Path]) -> None:
    *options, sources_and_target = _options(value)
    if any(not option.startswith("--from=") for option in options):
        raise BuildFailed(f"not known: COPY {value}")
    origin = built["".join(options).removeprefix("--from=")]
    *sources, target = sources_and_target.split()
    for source in sources:
        path, inside = origin / source.lstrip("/"), _inside(sandbox, target)
        if path.is_dir():
            shutil.copytree(path, inside, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(path, inside / path.name if target.endswith("/") else inside)


def _options(value: str) -> list[str]:
    """Split off the options; what is left is the last element."""
    words = value.split()
    count = next(index for index, word in enumerate(words) if not word.startswith("--"))
    return [*words[:count], " ".join(words[count:])]


def _inside(sandbox: Sandbox, *parts: str) -> Path:
    path = PurePosixPath(sandbox.directory, *parts)
    return sandbox.root / path.relative_to("/")


def _succeed(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise BuildFailed(f"{' '.join(command)}\n{done.stdout}")
