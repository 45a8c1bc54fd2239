"""The configuration: YAML and environment in, frozen `Settings` out, or every problem at once with its place."""

from receiver.config.authority import SigningKey, authority, authority_of, place_of, signed_by, signing_keys
from receiver.config.loading import load
from receiver.config.problems import ConfigurationErrors, Problem
from receiver.config.reload import Reloadable
from receiver.config.secret_fields import Secret
from receiver.config.secret_warnings import secret_warnings
from receiver.config.settings import (
    Access,
    AlertSettings,
    ApiSettings,
    AuditSettings,
    Auth,
    CalendarKind,
    CalendarSettings,
    EwsCalendar,
    IcsFolder,
    ProxySettings,
    RetentionSettings,
    Settings,
    SigningSecret,
    Source,
    StoreSettings,
    WebSettings,
)
from receiver.core.facts import Emitter

__all__ = [
    "Access",
    "AlertSettings",
    "ApiSettings",
    "AuditSettings",
    "Auth",
    "CalendarKind",
    "CalendarSettings",
    "ConfigurationErrors",
    "Emitter",
    "EwsCalendar",
    "IcsFolder",
    "Problem",
    "ProxySettings",
    "Reloadable",
    "RetentionSettings",
    "Secret",
    "Settings",
    "SigningKey",
    "SigningSecret",
    "Source",
    "StoreSettings",
    "WebSettings",
    "authority",
    "authority_of",
    "load",
    "place_of",
    "secret_warnings",
    "signed_by",
    "signing_keys",
]
