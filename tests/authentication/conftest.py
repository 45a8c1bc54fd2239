"""A realm and an authority for the whole folder."""

from collections.abc import Iterator

import pytest
import trustme

from tests.authentication.certificates import Authority
from tests.kerberos_realm import Realm, kerberos_realm
from tests.requirements import require


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    try:
        import gssapi  # noqa: PLC0415
    except ImportError:
        gssapi = None
    require(gssapi, "Kerberos is not installed: rdv-receiver[kerberos]")
    with kerberos_realm(tmp_path_factory.mktemp("realm")) as realm:
        yield realm


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), trustme.CA())
