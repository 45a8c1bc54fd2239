"""What the emitter tells of agents themselves."""

from typing import Any

import pytest

from receiver.core.facts import AgentNews, AgentRef, Emitter, EventKind, RoleNews
from receiver.core.mailboxes import has_left
from receiver.core.payload import InvalidPayload, decode
from receiver.core.policies import Policies
from tests.core.samples import REMOVED, as_body, edited, sample

AGENT, ROLE = sample("agent-updated-new-email"), sample("agent-role-destroyed")


def decoded(document: Any) -> Any:
    return decode(as_body(document), Emitter.RDV_SERVICE_PUBLIC, Policies())


def test_an_agents_new_email() -> None:
    news = decoded(AGENT)
    assert isinstance(news, AgentNews)
    assert news.agent == AgentRef("31", "martine.dupont@departement.example")
    assert (news.version.kind, news.organisation) == (EventKind.UPDATED, None)


def test_an_agent_who_left_has_the_platforms_word_for_it() -> None:
    news = decoded(edited(AGENT, "data.email", "agent_31@deleted.rdv-solidarites.fr"))
    assert has_left(news.agent.email)


def test_a_destroyed_agent_has_left_whatever_the_email_says() -> None:
    news = decoded(edited(AGENT, "meta.event", "destroyed"))
    assert has_left(news.agent.email)
    assert "martine" not in repr(news)


@pytest.mark.parametrize("email", [None, "", REMOVED])
def test_an_agent_may_have_no_email(email: object) -> None:
    assert decoded(edited(AGENT, "data.email", email)).agent == AgentRef("31", None)


@pytest.mark.parametrize("event", ["created", "updated", "destroyed"])
def test_a_place_in_an_organisation(event: str) -> None:
    news = decoded(edited(ROLE, "meta.event", event))
    assert isinstance(news, RoleNews)
    assert (news.wire_id, news.organisation, news.version.kind) == (77, 12, EventKind(event))
    assert news.agent == AgentRef("31", "martine.agent@departement.example")


@pytest.mark.parametrize(
    ("document", "field", "value", "path"),
    [
        (AGENT, "data.id", REMOVED, "data.id"),
        (AGENT, "data.email", 3, "data.email"),
        (ROLE, "data.id", REMOVED, "data.id"),
        (ROLE, "data.agent", REMOVED, "data.agent"),
        (ROLE, "data.agent.id", "31", "data.agent.id"),
        (ROLE, "data.organisation", "Arras", "data.organisation"),
    ],
)
def test_what_is_wrong_is_named(document: Any, field: str, value: object, path: str) -> None:
    with pytest.raises(InvalidPayload) as caught:
        decoded(edited(document, field, value))
    assert caught.value.paths == (path,)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
