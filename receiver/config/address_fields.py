"""Mailboxes' addresses, agents' e-mails and domains in the configuration: what each may be, and its one spelling."""

import re
from typing import Annotated

from pydantic import AfterValidator

from receiver.config.fields import CONTROLS, HOST
from receiver.config.section import refuse
from receiver.core.addresses import LIMIT, ascii_domain, canonical
from receiver.core.secret_edges import trimmed
from receiver.core.text import clean, is_blank

_LOCAL_PART = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}\Z")
_AGENTS_LOCAL_PART = re.compile(r'(?:"[^"]+"|[^@<>"]+)\Z')
_LABEL = re.compile(r"[A-Za-z0-9_\u0080-\U0010ffff-]+\Z")
_SCHEME = re.compile(r"(?:smtp|mailto|sip|x500|x400):", re.IGNORECASE)
"""What address books write before an address."""


def email_address(text: str) -> str:
    """Return a mailbox's address in lower case, its domain in ASCII, or refuse what is none."""
    local_part, at, domain = trimmed(text).rpartition("@")
    if not at or not _LOCAL_PART.match(local_part):
        raise refuse("email")
    return f"{local_part.lower()}@{_domain(domain, 'email')}"


def agent_key(text: str) -> str:
    """Return what an agent's e-mail is looked up by, or refuse what is neither an address nor a text in quotes.

    In quotes, the whole of it, any text stands for itself.
    """
    typed = trimmed(text)
    exact = typed[1:-1] if len(typed) > 2 and typed[0] == typed[-1] == '"' else None
    if exact is None and not _is_agents_address(typed):
        raise refuse("email")
    key = canonical(typed if exact is None else exact)
    if not key:
        raise refuse("email")
    if len(typed) > LIMIT + 2:
        raise refuse("too_long", max_length=LIMIT)
    return key


def key_of(email: str) -> str:
    """Return what is to be written for an agent's e-mail to be found: itself, or itself in quotes."""
    is_plain = _is_agents_address(email) and trimmed(email) == email
    return email if is_plain else f'"{email}"'


def _is_agents_address(text: str) -> bool:
    local_part, _, domain = text.rpartition("@")
    # What a message loses before it is kept cannot be meant.
    loses_something = CONTROLS.search(text) or clean(text, 2 * len(text)) != " ".join(text.split())
    well_formed = _AGENTS_LOCAL_PART.match(local_part) and _is_domain(domain)
    return bool(well_formed) and not loses_something and not _SCHEME.match(local_part)


def domain_name(text: str) -> str:
    """Return a domain of e-mail addresses in lower case and in ASCII, or refuse what is none."""
    return _domain(trimmed(text), "host")


def _is_domain(text: str) -> bool:
    """Whether it is one in the letters of any language."""
    unseen = any(map(is_blank, text))
    return not unseen and all(_LABEL.match(label) for label in ascii_domain(text).split("."))


def _domain(text: str, code: str) -> str:
    domain = ascii_domain(text) if _is_domain(text) else ""
    if len(domain) > 253 or not HOST.match(domain):
        raise refuse(code)
    return domain


Email = Annotated[str, AfterValidator(email_address)]
AgentKey = Annotated[str, AfterValidator(agent_key)]
Domain = Annotated[str, AfterValidator(domain_name)]
