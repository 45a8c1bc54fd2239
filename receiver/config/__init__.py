"""The configuration: YAML and environment in, frozen `Settings` out, or every problem at once with its place."""

from receiver.config.authority import authority, authority_of, signed_by
from receiver.config.loading import load
from receiver.config.problems import ConfigurationErrors, Problem
from receiver.config.reload import Reloadable
from receiver.config.settings import (
    Access,
    ApiSettings,
    Auth,
    CalendarKind,
    CalendarSettings,
    EwsCalendar,
    IcsFolder,
    Secret,
    Settings,
    SigningSecret,
    Source,
    WebSettings,
)
from receiver.core.facts import Emitter

__all__ = [
    "Access",
    "ApiSettings",
    "Auth",
    "CalendarKind",
    "CalendarSettings",
    "ConfigurationErrors",
    "Emitter",
    "EwsCalendar",
    "IcsFolder",
    "Problem",
    "Reloadable",
    "Secret",
    "Settings",
    "SigningSecret",
    "Source",
    "WebSettings",
    "authority",
    "authority_of",
    "load",
    "signed_by",
]
