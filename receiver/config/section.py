"""What every section of the configuration is: a frozen pydantic model, read strictly from the file.

What a value needs from outside the file (environment, folder) comes in pydantic's validation context, so that a missing
secret is reported in the same pass as a misspelt key.
"""

from collections.abc import Iterator, Mapping, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    ValidationInfo,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds the file, and what is noted while it is read."""

    environ: Mapping[str, str] = field(repr=False)
    folder: Path
    """Relative paths start here: at the configuration's own folder, wherever the process was started."""
    exposed: set[Path] = field(default_factory=set)
    """Files with secrets that everybody on the host may read."""


def context_of(info: ValidationInfo) -> Context:
    """Return the context of a validation that reads the file."""
    if not isinstance(info.context, Context):
        raise TypeError("the file is read with a Context")
    return info.context


def refuse(code: str, **details: str | int) -> PydanticCustomError:
    """Make the error a validator raises; `code` is what sentences and tests know it by."""
    return PydanticCustomError(code, code, details)


def _not_empty(values: Sized) -> Sized:
    if not values:
        raise refuse("empty_list")
    return values


NotEmpty = AfterValidator(_not_empty)
"""Marks a list that may not be empty."""


class FromFile:
    """Marks a value that the file writes in another form than the program has it.

    From the file, it is validated as `form`, and the validator makes the value of it. The program gives the value.
    """

    def __init__(self, validator: AfterValidator, form: Any = Any) -> None:
        self.validator = validator
        self.form = form

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema, as pydantic asks for it."""
        from_file = handler.generate_schema(Annotated[self.form, self.validator])
        return core_schema.json_or_python_schema(from_file, core_schema.is_instance_schema(source))


class Section(BaseModel):
    """A section. Types are taken as written: no number from a text, no 1 from `true`. No value shows in an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    @classmethod
    def file_keys(cls) -> list[str]:
        """Return the keys that the file may have here."""
        return list(cls.model_fields)

    @classmethod
    def sections_under(cls, key: str) -> list["type[Section]"]:
        """Return the sections that may stand under a key, alone or in a list or mapping."""
        info = cls.model_fields[key]
        return [section for part in (info.annotation, *info.metadata) for section in _sections(part)]

    def replace(self, **changes: Any) -> Self:
        """Return a copy with other values, which are checked."""
        return type(self)(**(dict(self) | changes))


class NamedSection(Section):
    """One of several sections of a kind. The file writes the name before it, and not in it."""

    name: str

    @classmethod
    def file_keys(cls) -> list[str]:
        """Return the keys that the file may have here."""
        return [key for key in cls.model_fields if key != "name"]


def _sections(annotation: object) -> Iterator[type[Section]]:
    if isinstance(annotation, FromFile):
        yield from _sections(annotation.form)
    elif isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    else:
        for part in get_args(annotation):
            yield from _sections(part)
