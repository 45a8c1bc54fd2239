"""The login cookie.

It holds the token itself: signed, with its own end, revoked by one row. A session of its own beside it would be a
second thing to sign, to end and to revoke, and open the same doors.

Browsers keep it without TLS on their own machine alone (`http://localhost`, where a tunnel of ssh ends).
"""

from datetime import datetime

from flask import request
from werkzeug import Response

NAME = "__Host-rdv_receiver"


def read() -> str:
    """Return the token that the request's cookie holds; empty: none."""
    return request.cookies.get(NAME, "")


def keep(response: Response, text: str, expires_at: datetime) -> None:
    """Have the browser keep a token until it ends, out of reach of scripts and of other sites."""
    response.set_cookie(NAME, text, expires=expires_at, path="/", secure=True, httponly=True, samesite="Strict")


def forget(response: Response) -> None:
    """Have the browser forget it."""
    response.delete_cookie(NAME, path="/", secure=True, httponly=True, samesite="Strict")
