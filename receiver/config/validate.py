"""Raw values through a section: pydantic's errors become our problems, with the place in the file."""

import difflib
import json
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from receiver.config.document import Document, Value
from receiver.config.problems import Location, Problem
from receiver.config.section import Context, NamedSection, Section

AnySection = TypeVar("AnySection", bound=Section)
AnyNamed = TypeVar("AnyNamed", bound=NamedSection)

_CODES = {
    "missing": "missing",
    "extra_forbidden": "unknown_key",
    "string_type": "not_text",
    "int_type": "not_integer",
    "int_from_float": "not_integer",
    "float_type": "not_number",
    "bool_type": "not_boolean",
    "list_type": "not_list",
    "frozen_set_type": "not_list",
    "tuple_type": "not_list",
    "dict_type": "not_mapping",
    "model_type": "not_mapping",
    "model_attributes_type": "not_mapping",
    "enum": "not_a_choice",
    "literal_error": "not_a_choice",
    "string_too_long": "too_long",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
}
"""pydantic's words for what happens here. A validator of ours raises our code as it is."""


class Reader:
    """Collects the problems of one file while its sections are read one by one."""

    def __init__(self, document: Document, context: Context) -> None:
        self.document = document
        self.context = context
        self.problems: list[Problem] = list(document.problems)
        self._already = {problem.location for problem in document.problems}

    def report(self, location: Location, code: str, **details: str | int) -> None:
        """Note a problem at a place; a value that YAML itself refused is not reported twice."""
        if location not in self._already:
            self.problems.append(Problem(location, code, details, self.document.line_of(location)))

    def read(self, section: type[AnySection], raw: Value, location: Location) -> AnySection | None:
        """Return the section, or None where something in it was wrong (and is reported)."""
        try:
            # A section whose lines are all commented out reads as null.
            # Strict mode on JSON takes a text for an enum, yet no text for a number and no `true` for 1.
            return section.model_validate_json(json.dumps({} if raw is None else raw), context=self.context)
        except ValidationError as error:
            for details in error.errors(include_url=False, include_input=False):
                self._translate(section, details, location)
            return None

    def read_key(self, section: type[AnySection], key: str) -> AnySection | None:
        """Return the section that stands under a key of the file; None as above."""
        return self.read(section, self.document.root.get(key), (key,))

    def read_named(self, section: type[AnyNamed], raw: dict[str, Value], location: Location) -> AnyNamed | None:
        """Return the section, whose name ends the location, or None where something in it was wrong."""
        found = self.read(section, raw | {"name": str(location[-1])}, location)
        if "name" not in raw:
            return found
        self.unknown_key((*location, "name"), section.file_keys())
        return None

    def mapping(self, location: Location, raw: Value) -> dict[str, Value]:
        """Return the value as a mapping, reporting what is none; nothing at all is an empty one."""
        if raw is None or isinstance(raw, dict):
            return raw or {}
        self.report(location, "not_mapping")
        return {}

    def unknown_key(self, location: Location, known: list[str]) -> None:
        """Report a key that nothing reads, with the one that was probably meant."""
        near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.6)
        if near:
            self.report(location, "unknown_key_near", suggestion=near[0])
        else:
            self.report(location, "unknown_key", known=", ".join(known))

    def _translate(self, section: type[Section], details: ErrorDetails, location: Location) -> None:
        here = (*location, *details["loc"])
        if here[-1:] == ("[key]",):  # pydantic's mark for "the key itself"
            here = here[:-1]
        if details["type"] == "extra_forbidden":
            self.unknown_key(here, _keys_at(section, details["loc"][:-1]))
            return
        context = details.get("ctx", {})
        known = {name: value for name, value in context.items() if isinstance(value, str | int)}
        self.report(here, _CODES.get(details["type"], details["type"]), **(known | _limits(details)))


def _limits(details: ErrorDetails) -> dict[str, str | int]:
    """Return what a sentence needs beside pydantic's own context: the choices, the bounds as whole numbers."""
    context = details.get("ctx", {})
    if "expected" in context:
        return {"choices": str(context["expected"]).replace("'", "").replace(" or ", ", ")}
    if "ge" in context:
        return {"bound": f">= {context['ge']:g}"}
    if "le" in context:
        return {"bound": f"<= {context['le']:g}"}
    return {}


def _keys_at(section: type[Section], steps: tuple[int | str, ...]) -> list[str]:
    """Return the keys of the section that stands at the end of the steps."""
    for step in steps:
        if isinstance(step, str) and step in section.model_fields:
            section = next(iter(section.sections_under(step)), section)
    return section.file_keys()
