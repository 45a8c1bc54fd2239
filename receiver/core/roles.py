"""What the bearer of a token may do. Apart from the tokens: the configuration names a role, and reads no token."""

from enum import StrEnum


class Role(StrEnum):
    """What the bearer of a token may do."""

    READ = "read"
    OPERATE = "operate"
    """Read, and have failed changes tried again."""

    def may(self, wanted: "Role") -> bool:
        """Whether this role holds the other."""
        return self is Role.OPERATE or wanted is Role.READ
