"""`calendars.<name>`: how the service account proves itself; each way has keys that the others must not have."""

from importlib import import_module

from receiver.config.problems import Location
from receiver.config.settings import Auth
from receiver.config.shapes import EwsShape
from receiver.config.validate import Reader


def check_credentials(reader: Reader, shape: EwsShape, location: Location) -> None:
    """Report what an authentication lacks, and what it has no use for."""
    if shape.auth is Auth.KERBEROS:
        _check_kerberos(reader, shape, location)
        return
    if shape.password is None:
        reader.report((*location, "password"), "missing")
    if shape.keytab is not None:
        reader.report((*location, "keytab"), "keytab_without_kerberos")


def _check_kerberos(reader: Reader, shape: EwsShape, location: Location) -> None:
    if not _is_installed():
        reader.report((*location, "auth"), "kerberos_not_installed")
    if shape.keytab is None:
        reader.report((*location, "keytab"), "missing")
    if shape.password is not None:
        reader.report((*location, "password"), "password_with_kerberos")
    account, at, realm = shape.username.rpartition("@")
    if not (account and at and realm) or "\\" in account:
        reader.report((*location, "username"), "principal")


def _is_installed() -> bool:
    """Say whether the extra is there, and works: it was built against a library that this machine may lack."""
    try:
        import_module("gssapi")
    except (ImportError, OSError):
        return False
    return True
