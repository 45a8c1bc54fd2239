"""The login cookie.

It holds the token itself, which is signed, expires, and is revoked by one row. A separate session would have to be
signed, expired and revoked too, and would give the same rights.

Without TLS, browsers keep it only for their own machine (`http://localhost`, for instance through an SSH tunnel).
"""

from datetime import datetime

from flask import request
from werkzeug import Response

NAME = "__Host-rdv_receiver"


def read() -> str:
    """Return the token that the request's cookie holds; empty: none."""
    return request.cookies.get(NAME, "")


def keep(response: Response, text: str, expires_at: datetime) -> None:
    """Set the cookie until the token expires, inaccessible to scripts and other sites."""
    response.set_cookie(NAME, text, expires=expires_at, path="/", secure=True, httponly=True, samesite="Strict")


def forget(response: Response) -> None:
    """Delete the cookie."""
    response.delete_cookie(NAME, path="/", secure=True, httponly=True, samesite="Strict")
