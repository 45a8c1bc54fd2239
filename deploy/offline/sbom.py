"""A CycloneDX list of wheels, read from the wheels themselves: exactly the files that are installed.

The public generators read a lock file (and list every platform's digests) or a living environment (and know no file's
digest). A folder of wheels says more, and takes no library.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from email import message_from_string
from email.message import Message
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5


@dataclass(frozen=True, slots=True)
class Described:
    """What a wheel says of itself, and its digest."""

    name: str
    version: str
    summary: str
    license: str
    """An SPDX expression where the wheel has one, else its author's words, else empty."""
    is_spdx: bool
    sha256: str
    file: str

    @property
    def purl(self) -> str:
        """Its name in every tool that looks vulnerabilities up."""
        return f"pkg:pypi/{self.name.lower().replace('_', '-').replace('.', '-')}@{self.version}"


def describe(wheel: Path) -> Described:
    """Read a wheel's metadata."""
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA") and name.count("/") == 1)
        metadata = message_from_string(archive.read(path).decode("utf-8"))
    expression = metadata.get("License-Expression")
    return Described(
        name=metadata["Name"],
        version=metadata["Version"],
        summary=metadata.get("Summary", ""),
        license=expression or _words(metadata),
        is_spdx=expression is not None,
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        file=wheel.name,
    )


def document(own: Path, others: Iterable[Path]) -> str:
    """Return CycloneDX 1.6 JSON. The same wheels give the same text, so that it can be compared and signed."""
    subject = describe(own)
    parts = [describe(wheel) for wheel in sorted(others)]
    digests = "".join(part.sha256 for part in (subject, *parts))
    content = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, digests)}",
        "version": 1,
        "metadata": {"component": _component(subject, "application")},
        "components": [_component(part, "library") for part in parts],
        "dependencies": [
            {"ref": subject.purl, "dependsOn": sorted(part.purl for part in parts)},
            *({"ref": part.purl} for part in parts),
        ],
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _component(part: Described, kind: str) -> dict[str, Any]:
    licenses: list[dict[str, Any]] = []
    if part.license:
        licenses = [{"expression": part.license} if part.is_spdx else {"license": {"name": part.license}}]
    return {
        "type": kind,
        "bom-ref": part.purl,
        "name": part.name,
        "version": part.version,
        "description": part.summary,
        "hashes": [{"alg": "SHA-256", "content": part.sha256}],
        "licenses": licenses,
        "purl": part.purl,
        "properties": [{"name": "file", "value": part.file}],
    }


def _words(metadata: Message) -> str:
    """Take the short form of an older wheel; some put the whole text of a licence there."""
    lines = (metadata.get("License") or "").strip().splitlines()
    if len(lines) == 1:
        return lines[0]
    classified = (line for line in metadata.get_all("Classifier") or () if line.startswith("License ::"))
    return " AND ".join(line.rpartition(" :: ")[2] for line in classified)
