"""Why requests are refused, by the reasons that are counted, and what each tells."""

WRONG_SIGNATURE = "unauthorized"
"""The reason for which a request was refused that tells of a wrong secret."""
UNFORESEEN = "unforeseen"
"""The reason for which a request was refused that met a defect of this program."""
NOT_UNDERSTOOD = frozenset({"payload", "age", "secret_organisation", "too_large", "unsupported_media_type", UNFORESEEN})
"""Reasons that tell of an emitter or a configuration that has changed. What is ignored on purpose is none."""
RIGHTLY_SIGNED = frozenset({"payload", "age", "secret_organisation", UNFORESEEN})
"""Those of them that are found after the signature: it is the emitter's webhooks that are refused, and go on being."""
NOT_FOUND = "not_found"
"""The reason for which a request to an address of nobody's was refused."""
SIGNED_ELSEWHERE = "signed_elsewhere"
"""That of a request to an address of nobody's that a known secret signed: an emitter's webhooks, which are lost."""
SIGNED_UNKNOWN = "signed_unknown"
"""That of a request to a webhook address of nobody's that is signed by no known secret: a source may be missing."""
NEVER_HEARD = "never_heard"
"""The cause that stands beside the two: nothing is signed, and a source was never heard."""
LEFT_ALONE = frozenset({"model", "organisation"})
"""Reasons for which a webhook is left alone though all is well with it: it concerns no calendar of ours."""
