"""Secrets: the file says where they stand, ``{env: NAME}`` or ``{file: PATH}``, and the settings hold them."""

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple, Self

from pydantic import AfterValidator, ValidationInfo, field_validator, model_validator

from receiver.config.fields import path_of, text_of
from receiver.config.section import Context, FromFile, Section, context_of, refuse
from receiver.core.secret_edges import bare
from receiver.core.text import has_half_letters
from receiver.core.token_secret import SHORTEST_SECRET, is_weak
from receiver.regular_files import NotRegularError, open_regular

MAX_SECRET_BYTES = 64 * 1024
KEYTAB_BEGINNINGS = (b"\x05\x01", b"\x05\x02")
"""MIT's file format, by version."""
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,99}\Z")


@dataclass(frozen=True, slots=True)
class Secret:
    """A value read from the environment or a file. Its text never shows in a repr, and so in no log or traceback."""

    value: str = field(repr=False)


class _Refusals(NamedTuple):
    """Why a file cannot be read, as codes."""

    missing: str
    not_regular: str
    unreadable: str


_SECRET_FILE = _Refusals("secret_file_missing", "secret_file_not_regular", "secret_file_unreadable")
_KEYTAB = _Refusals("keytab_missing", "keytab_not_one", "keytab_unreadable")


def _read(path: Path, most: int, context: Context, refusals: _Refusals) -> bytes:
    """Return at most so many bytes of a file with secrets, and note whether everybody may read it."""
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_mode & stat.S_IROTH:
                context.exposed.add(path)
            return file.read(most)
    except FileNotFoundError:
        raise refuse(refusals.missing) from None
    except NotRegularError:
        raise refuse(refusals.not_regular) from None
    except (OSError, UnicodeError):  # the file system's encoding may lack a letter of the name
        raise refuse(refusals.unreadable) from None


def _from_environment(raw: object, info: ValidationInfo) -> Secret:
    name = text_of(raw)
    # The name is refused, and never shown, unless it looks like one: a secret pasted here must not reach a terminal.
    if not _VARIABLE.match(name):
        raise refuse("env_name")
    value = context_of(info).environ.get(name)
    if value is None:
        raise refuse("env_missing", name=name)
    return _secret(value)


def _from_file(raw: object, info: ValidationInfo) -> Secret:
    content = _read(path_of(raw, info), MAX_SECRET_BYTES + 1, context_of(info), _SECRET_FILE)
    if len(content) > MAX_SECRET_BYTES:
        raise refuse("secret_too_long")
    try:
        return _secret(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise refuse("secret_not_text") from None


def _secret(value: str) -> Secret:
    # Editors and `echo` end a file with a line end, which is no part of the secret.
    text = value.removesuffix("\n").removesuffix("\r")
    # Bytes of the environment that are no UTF-8; a file in UTF-16 without its mark.
    if has_half_letters(text) or "\0" in text:
        raise refuse("secret_not_text")
    if not text:
        raise refuse("secret_empty")
    if "\n" in text and bare(text):
        raise refuse("secret_several_lines")
    return Secret(text)


class SecretReference(Section):
    """Where a secret stands; read, each of its fields is the secret that stood there."""

    may_be_blank: ClassVar[bool] = False

    env: Annotated[Secret, FromFile(AfterValidator(_from_environment))] | None = None
    file: Annotated[Secret, FromFile(AfterValidator(_from_file))] | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_value(cls, raw: object) -> object:
        if raw is not None and not isinstance(raw, dict):
            raise refuse("secret_is_a_value")
        return raw or {}

    @field_validator("env", "file")
    @classmethod
    def _not_blank(cls, found: Secret | None) -> Secret | None:
        if found is not None and not cls.may_be_blank and not bare(found.value):
            raise refuse("secret_empty")
        return found

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise refuse("secret_reference")
        return self

    @property
    def secret(self) -> Secret:
        """The secret, wherever it stood."""
        found = self.env or self.file
        if found is None:
            raise AssertionError("validation leaves exactly one place")
        return found


class TokenKeyReference(SecretReference):
    """Where the secret stands that tokens are signed with: too long to be guessed, and so not blank."""

    may_be_blank = True

    @model_validator(mode="after")
    def _strong(self) -> Self:
        if is_weak(self.secret.value) or not bare(self.secret.value):
            raise refuse("token_key_weak", shortest=SHORTEST_SECRET)
        return self


def _keytab(raw: object, info: ValidationInfo) -> Path:
    path = path_of(raw, info)
    if _read(path, 2, context_of(info), _KEYTAB) not in KEYTAB_BEGINNINGS:
        raise refuse("keytab_not_one")
    return path


def _referred(reference: SecretReference) -> Secret:
    return reference.secret


SecretField = Annotated[Secret, FromFile(AfterValidator(_referred), SecretReference)]
TokenKey = Annotated[Secret, FromFile(AfterValidator(_referred), TokenKeyReference)]
Keytab = Annotated[Path, FromFile(AfterValidator(_keytab))]
