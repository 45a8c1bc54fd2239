"""Error answers: a page for people, JSON for programs, without details of the error."""

from flask import Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from receiver import sentences
from receiver.web.auth.proxy_headers import PAGES, is_for_machines
from receiver.web.views.query import BadQuestion

UNFORESEEN = 500


def is_page(path: str) -> bool:
    """Whether people read this path, so that an error is a page too."""
    return path == PAGES or path.startswith(f"{PAGES}/")


def page(status: int, sentence: str = "") -> Response:
    """Return an error page, with the given sentence or that of its status, if any."""
    title, ordinary = sentences.PAGE_ERRORS.get(status, sentences.PAGE_ERRORS[UNFORESEEN])
    return Response(render_template("error.html", title=title, sentence=sentence or ordinary), status)


def bad_question(error: BadQuestion) -> ResponseReturnValue:
    """Answer an invalid query: name the parameter, and do not repeat its value."""
    if is_for_machines(request.path):
        return jsonify(status="bad_request", parameter=error.name), 400
    return page(400, sentences.BAD_QUESTION.format(name=error.name))
