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
"""A valid webhook that concerns no calendar of ours."""
SIGNED_ELSEWHERE = "signed_elsewhere"
"""That of a request to an address of nobody's that a known secret signed: an emitter's webhooks, which are lost."""
SIGNED_UNKNOWN = "signed_unknown"
"""That of a request to a webhook address of nobody's that is signed by no known secret: a source may be missing."""
NEVER_HEARD = "never_heard"
"""The cause that stands beside the two: nothing is signed, and a source was never heard."""
