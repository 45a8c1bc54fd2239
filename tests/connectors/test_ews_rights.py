"""Rights that writing needs are asked for before anything is written."""

import pytest

from connectors.base import Scope, Temporary
from tests.connectors.ews import ACCOUNT, MAILBOX, OTHER, connected, exchange_for, settings_for


def test_a_delegate_who_would_not_see_its_own_private_entries_is_refused_before_it_writes_any() -> None:
    """It would take each for lost when it looks it up, and make it again."""
    with exchange_for("basic", "delegate") as server:
        server.access.delegates[ACCOUNT][MAILBOX] = "editor-without-private"  # type: ignore[index]
        with connected(settings_for(server, "basic", "delegate")) as connector:
            for look in (connector.probe, connector.identify):
                with pytest.raises(Temporary, match="private_hidden") as caught:
                    look(MAILBOX)
                assert caught.value.scope is Scope.MAILBOX
            assert connector.identify(OTHER) == OTHER
