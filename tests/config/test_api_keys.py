"""The keys of the emitter's REST API."""

from pathlib import Path
from typing import Any

import pytest
import trustme

from receiver.config import ApiSettings, Secret, Settings, load
from tests.config.test_problems import ENVIRON, found, minimal, put, write

API = {
    "url": "https://www.rdv-solidarites.fr/",
    "email": "API@departement.example",
    "password": {"env": "RDV_PASSWORD"},
}


def with_api(**changes: Any) -> dict[str, Any]:
    tree: dict[str, Any] = put(minimal(), "sources/mds/api", API | changes)
    return tree


def read(folder: Path, tree: dict[str, Any]) -> Settings:
    return load(write(folder, tree), ENVIRON)


def test_a_source_does_without_the_api(tmp_path: Path) -> None:
    assert read(tmp_path, minimal()).sources["mds"].api is None


def test_what_is_written_is_what_holds(tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    written = {
        "webhook_url": "https://rdv.departement.example/webhooks/mds",
        "http_proxy": "http://proxy.departement.example:3128",
        "ca_file": "ca.pem",
    }
    api = read(tmp_path, with_api(**written)).sources["mds"].api
    assert api == ApiSettings(
        url="https://www.rdv-solidarites.fr",
        email="api@departement.example",
        password=Secret("p"),
        webhook_url="https://rdv.departement.example/webhooks/mds",
        http_proxy="http://proxy.departement.example:3128",
        ca_file=tmp_path / "ca.pem",
    )


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("url", "www.rdv-solidarites.fr", "api_address"),
        ("url", "https://www.rdv-solidarites.fr/api/v1", "api_address"),
        ("url", "https://user:pass@www.rdv-solidarites.fr", "api_address"),
        ("url", "https://www.rdv-solidarites.fr:port", "api_address"),
        ("url", "http://www.rdv-solidarites.fr", "address_not_https"),
        ("email", "api", "email"),
        ("password", "in the clear", "secret_is_a_value"),
        ("webhook_url", "https://rdv.departement.example", "webhook_address"),
        ("webhook_url", "https://rdv.departement.example/webhooks/mds?x=1", "webhook_address"),
        ("webhook_url", "http://rdv.departement.example/webhooks/mds", "address_not_https"),
        ("http_proxy", "proxy", "proxy_address"),
        ("ca_file", "nowhere.pem", "ca_file_missing"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, key: str, value: object, code: str) -> None:
    assert found(write(tmp_path, with_api(**{key: value}))) == [(f"sources.mds.api.{key}", code)]


def test_this_machine_may_be_asked_without_encryption(tmp_path: Path) -> None:
    api = read(tmp_path, with_api(url="http://127.0.0.1:3000")).sources["mds"].api
    assert api is not None
    assert api.url == "http://127.0.0.1:3000"


def test_rdv_insertion_has_no_such_api(tmp_path: Path) -> None:
    """A key that nothing can ever use would be believed to work."""
    tree = put(with_api(), "sources/mds/emitter", "rdv_insertion")
    assert found(write(tmp_path, tree)) == [("sources.mds.api", "api_of_other_emitter")]
