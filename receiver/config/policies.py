"""`policies`: the keys are the fields of the core's `Policies`. What the file names replaces what is inherited."""

from dataclasses import fields, replace
from typing import Annotated, Any, get_type_hints

from pydantic import AfterValidator, Field, create_model

from receiver.config.fields import Host, Line
from receiver.config.section import Listed, Section, refuse
from receiver.core.policies import Policies, Title
from receiver.core.text import folded


def _by_motif(titles: dict[str, Title]) -> dict[str, Title]:
    """Return them in one order, each motif in one spelling."""
    found = {folded(motif): title for motif, title in sorted(titles.items())}
    if len(found) < len(titles):
        raise refuse("motif_twice")
    return found


_TYPES: dict[str, Any] = {
    "past_days": Annotated[int, Field(ge=0, le=3650)],
    "reminder_minutes": Annotated[int, Field(ge=0, le=40320)] | None,  # Outlook offers no more than four weeks
    "category": Line | None,
    "motif_titles": Annotated[dict[Line, Title], AfterValidator(_by_motif)],
    "link_hosts": Annotated[tuple[Host, ...], Listed],
}
"""Where a policy's type alone allows too much. The keys themselves are the core's, so that they cannot drift apart."""


def _fields() -> dict[str, Any]:
    types, usual = get_type_hints(Policies), Policies()
    return {each.name: (_TYPES.get(each.name, types[each.name]), getattr(usual, each.name)) for each in fields(usual)}


# A class beside `Policies`: a source names some policies, and inherits the others.
NamedPolicies = create_model("NamedPolicies", __base__=Section, __doc__="What the file names.", **_fields())


def merged(policies: Policies, named: Section | None) -> Policies:
    """Return the policies with those replaced that the file names."""
    if named is None:
        return policies
    return replace(policies, **{name: getattr(named, name) for name in named.model_fields_set})
