"""Whatever a text holds, it comes back from where it was written, and means nothing there."""

import re
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from connectors.ews.items import from_html, to_html
from connectors.ical import from_ical, to_ical
from receiver.core.text import clean
from tests.connectors.conformance import entry

texts = st.text(max_size=80).map(lambda text: clean(text, 255))
# No URI holds a blank or a backslash; ours are made of a configured host and a number.
links = st.none() | texts.filter(bool).map(lambda text: re.sub(r"[ \\\\]", "", f"https://x.example/{text}"))


@given(texts, links)
def test_html_bodies(notice: str, link: str | None) -> None:
    assert from_html(to_html(notice, link)) == (notice, link)


@given(texts, links)
def test_a_text_never_becomes_markup(notice: str, link: str | None) -> None:
    body = to_html(notice, link)
    assert body.count("<") == 4 + 2 * bool(notice) + 4 * bool(link)


def test_a_body_that_exchange_rewrote_still_reads() -> None:
    """It adds a head, styles and line breaks, and changes the way entities are written."""
    body = """<html>\r\n<head><meta content="text/html; charset=utf-8"><style>p {margin:0}</style></head><body>
<div><p class="x">Ne modifiez pas&nbsp;ici : l&#8217;agenda\r\nchange ailleurs.</p>
<p><a href="https://x.example/?a=1&amp;b=2" target="_blank">https://x.example/</a></p></div></body></html>"""
    assert from_html(body) == ("Ne modifiez pas ici : l’agenda change ailleurs.", "https://x.example/?a=1&b=2")


@given(title=texts, location=texts, notice=texts, link=links, category=st.none() | texts.filter(bool))
def test_calendar_files(**fields: str | None) -> None:
    written = replace(entry(), **fields)  # type: ignore[arg-type]
    assert from_ical(to_ical(written, "installation", datetime.now(UTC))) == (written, "installation")
