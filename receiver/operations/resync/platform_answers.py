"""What is read of an answer, by allow-list: of an appointment, its id and its organisation's."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from receiver.operations.resync.platform_http import RestError

Id = Annotated[int, Field(ge=1, lt=2**63)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
MOST_ROWS = 1000
"""The platform's pages have at most 100; a row takes more memory than text."""


class Shape(BaseModel):
    """A part of an answer; what is not named is dropped."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, hide_input_in_errors=True)


class Identified(Shape):
    """Something with an id."""

    id: Id


class EndpointShape(Identified):
    """Where an organisation's webhooks go. Some versions give the secret too: it is not read."""

    target_url: str
    subscriptions: list[str]


class PageMeta(Shape):
    """Where a page stands among the others."""

    total_pages: Count
    total_count: Count


class Page(Shape):
    """One page of a list."""

    meta: PageMeta
    rows: Sequence[Identified]


class Organisations(Page):
    """The organisations that an account belongs to."""

    rows: list[Identified] = Field(alias="organisations", max_length=MOST_ROWS)


class RdvShape(Identified):
    """An appointment: to which organisation it belongs, and nothing else."""

    organisation: Identified | None = None


class Rdvs(Page):
    """Appointments that an account may see."""

    rows: list[RdvShape] = Field(alias="rdvs", max_length=MOST_ROWS)


class Absences(Page):
    """Absences of agents whom an account may manage."""

    rows: list[Identified] = Field(alias="absences", max_length=MOST_ROWS)


class Endpoints(Shape):
    """The endpoints of an organisation."""

    meta: PageMeta
    rows: list[EndpointShape] = Field(alias="webhook_endpoints", max_length=MOST_ROWS)


class OneEndpoint(Shape):
    """An endpoint that was made or changed."""

    row: EndpointShape = Field(alias="webhook_endpoint")


class OneAbsence(Shape):
    """An absence that exists."""

    row: Identified = Field(alias="absence")


class NoAbsence(Shape):
    """Whether the platform itself says that there is none: a proxy's page, or an unknown path, says something else."""

    not_found: Literal["absence"]


S = TypeVar("S", bound=Shape)


def parse(shape: type[S], content: bytes) -> S:
    """Read an answer.

    Raises:
        RestError: it is not what the API says it answers.

    """
    try:
        return shape.model_validate_json(content)
    except ValidationError:
        pass
    raise RestError("not_understood")  # out here: the other error holds what was read, and would come along
