"""The reasons for which requests are refused, as they are counted, grouped by what they show."""

WRONG_SIGNATURE = "unauthorized"
"""No secret of the source signed the request."""
UNFORESEEN = "unforeseen"
"""The request met a defect of this program."""
NOT_UNDERSTOOD = frozenset({"payload", "age", "secret_organisation", "too_large", "unsupported_media_type", UNFORESEEN})
"""The emitter or the configuration has changed."""
VALIDLY_SIGNED = frozenset({"payload", "age", "secret_organisation", UNFORESEEN})
"""Those of `NOT_UNDERSTOOD` found after the signature check: further webhooks of the emitter will be refused too."""
NOT_FOUND = "not_found"
"""No source has the address."""
IGNORED = frozenset({"model", "organisation"})
"""A valid webhook that concerns none of our calendars."""
SIGNED_ELSEWHERE = "signed_elsewhere"
"""Requests that a known secret signed, to an address that no source has: these webhooks of an emitter are lost."""
SIGNED_UNKNOWN = "signed_unknown"
"""Requests to a webhook address that no source has, signed by no known secret: a source may be missing."""
NEVER_HEARD = "never_heard"
"""The cause beside these two: the requests are unsigned, and nothing ever came for one of the sources."""
