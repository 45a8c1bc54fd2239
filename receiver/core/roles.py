"""The roles of tokens. Not in `tokens`: the configuration names roles, and must not import PyJWT."""

from enum import StrEnum


class Role(StrEnum):
    """What the bearer of a token may do."""

    READ = "read"
    OPERATE = "operate"
    """Read, and retry failed changes."""

    def may(self, wanted: "Role") -> bool:
        """Whether this role includes the other."""
        return self is Role.OPERATE or wanted is Role.READ
