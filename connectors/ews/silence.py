"""Keeps the libraries from logging: at DEBUG they write credentials and whole requests, at ERROR whole requests."""

import logging

TALKATIVE = (
    "exchangelib",
    "requests_ntlm",
    "spnego",
    "urllib3",
    "requests",
    "requests_oauthlib",
    "oauthlib",
    "gssapi",
    "krb5",
    "requests_gssapi",
)


def silence() -> None:
    """Suppress all records of the libraries, whatever level or handlers the root logger has.

    Set on the top loggers: those below inherit the level, and their records end here.
    """
    for name in TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
        if not logger.handlers:  # otherwise Python's handler of last resort would print records
            logger.addHandler(logging.NullHandler())
        for known in [key for key in logging.Logger.manager.loggerDict if key.startswith(f"{name}.")]:
            logging.getLogger(known).setLevel(logging.NOTSET)
