"""The codes of why a store cannot be used. Their sentences are in `receiver.sentences`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why a store cannot be used. The codes are stable: reports, alerts and the runbook name them."""

    # A file of this machine
    FOLDER_MISSING = "store_folder_missing"
    FILE_MISSING = "store_file_missing"
    NOT_A_FILE = "store_not_a_file"
    """The path is a folder, a pipe or a device."""
    NOT_A_DATABASE = "store_not_a_database"
    """It is another kind of file, or its beginning was overwritten."""
    EMPTY = "store_empty"
    """Nothing was ever written into it, or it was emptied."""
    CORRUPT = "store_corrupt"
    NOT_WRITABLE = "store_not_writable"
    READ_ONLY_MOUNT = "store_read_only_mount"
    INPUT_OUTPUT = "store_input_output"
    # Either kind
    FOREIGN = "store_foreign"
    """It has tables of another program, and not ours."""
    INCOMPLETE = "store_incomplete"
    """Tables or columns of ours are missing."""
    TOO_OLD = "store_too_old"
    """Its schema is older than the first that was released: no migration starts from it."""
    DISK_FULL = "store_disk_full"
    BUSY = "store_busy"
    """Other programs write, or use all connections, for longer than our time limit."""
    # PostgreSQL
    HOST_UNKNOWN = "store_host_unknown"
    HOST_UNREACHABLE = "store_host_unreachable"
    NO_ANSWER = "store_no_answer"
    NOT_POSTGRESQL = "store_not_postgresql"
    PASSWORD_REFUSED = "store_password_refused"  # noqa: S105  # nosec B105
    """Or the account does not exist: the server does not say which."""
    ACCOUNT_REFUSED = "store_account_refused"
    DATABASE_UNKNOWN = "store_database_unknown"
    DATABASE_CLOSED = "store_database_closed"
    TLS_REQUIRED = "store_tls_required"
    TLS_UNAVAILABLE = "store_tls_unavailable"
    TLS_UNTRUSTED = "store_tls_untrusted"
    TLS_FAILED = "store_tls_failed"
    RIGHTS_MISSING = "store_rights_missing"
    READ_ONLY_SERVER = "store_read_only_server"
    TOO_MANY_CONNECTIONS = "store_too_many_connections"
    STARTING = "store_starting"
    """Or stopping, or recovering: it does not take connections now."""
    CONNECTION_LOST = "store_connection_lost"
    WRONG_ENCODING = "store_wrong_encoding"
    UNKNOWN = "store_unknown"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a store cannot be used, and what its sentences name."""

    cause: Cause = Cause.UNKNOWN
    path: str = ""
    """The file or folder at fault."""
    command: str = ""
    """The command that repairs it, to be typed by root."""

    @property
    def details(self) -> Mapping[str, str]:
        """The fields that its sentences name."""
        known = {"path": self.path, "command": self.command}
        return {name: value for name, value in known.items() if value}
