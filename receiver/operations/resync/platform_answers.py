"""The fields that are read of an answer, by allow-list: of an appointment, its id and its organisation."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from receiver.operations.resync.platform_http import RestError

Id = Annotated[int, Field(ge=1, lt=2**63)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
MOST_ROWS = 1000
"""The platform's pages have at most 100; a row takes more memory than text."""


class Shape(BaseModel):
    """A part of an answer; other fields are dropped."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, hide_input_in_errors=True)


class Identified(Shape):
    """Something with an id."""

    id: Id


class EndpointShape(Identified):
    """A webhook endpoint of an organisation. Some versions of the platform send its secret too: it is not read."""

    target_url: str
    subscriptions: list[str]


class PageMeta(Shape):
    """The position of a page among the others."""

    total_pages: Count
    total_count: Count


class Page(Shape):
    """One page of a list."""

    meta: PageMeta
    rows: Sequence[Identified]


class Organisations(Page):
    """The organisations of an account."""

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
    """An endpoint that was created or changed."""

    row: EndpointShape = Field(alias="webhook_endpoint")


class OneAbsence(Shape):
    """An absence that exists."""

    row: Identified = Field(alias="absence")


class NoAbsence(Shape):
    """The platform's answer for an absence that does not exist: a proxy's page or an unknown path has another one."""

    not_found: Literal["absence"]


S = TypeVar("S", bound=Shape)


def parse(shape: type[S], content: bytes) -> S:
    """Read an answer.

    Raises:
        RestError: it does not have the documented form.

    """
    try:
        return shape.model_validate_json(content)
    except ValidationError:
        pass
    raise RestError("not_understood")  # outside the handler: the caught error holds the data, and would be the context
