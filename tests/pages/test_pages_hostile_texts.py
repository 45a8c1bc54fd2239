"""Texts from outside, signed or typed: none runs, and none shows but agents' e-mails, escaped."""

import html
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser

from receiver.core.roles import Role
from receiver.sentences.phrases import local
from receiver.web.pages.filters import stamp
from tests.core.samples import sample
from tests.core.test_payload_privacy import personal
from tests.makers import NOW
from tests.pages.browser import cookie, serving
from tests.pages.story import ANSWERS, AT_HOME, PAGES, SiteInTime, Visitor, a_rdv

RUN = "window.hacked=1"
ATTACKS = (
    f"<script>{RUN}</script>",
    f'"><img src=x onerror={RUN}>',
    f"'><svg/onload={RUN}>",
    "</textarea><script>" + RUN + "</script>",
    "{{ 7 * 191 }}{% raw %}",
    "javascript:" + RUN,
)
NUMBER = 7000
EVENT = f"/status/event?id={NUMBER}"


def attack(site: SiteInTime) -> list[str]:
    """Have every attack delivered in every text that is kept; return the e-mails, as they are known then."""
    emails: list[str] = []
    for number, text in enumerate(ATTACKS):
        mine = [f"{text}@{domain}" for domain in (AT_HOME, "ailleurs.example")]
        emails += [email.lower() for email in mine]
        document = a_rdv(NUMBER + number, *mine)
        data = document["data"]
        data["motif"]["name"] = text
        data["lieu"] |= {"name": text, "address": text}
        data["organisation"] |= {"name": text, "verticale": text}
        data["url_for_agents"] = f"https://www.rdv-solidarites.fr/{text}"
        assert site.post(document) == 202
    site.settle()
    sql = "UPDATE mailboxes SET failure = 'quota_exceeded' WHERE address LIKE '%hacked%'"
    site.execute(sql)
    return emails


@pytest.fixture
def attacked(own_site: SiteInTime) -> SiteInTime:
    attack(own_site)
    return own_site


def paths() -> list[str]:
    typed = [f"/status/{quote(text, safe='')}" for text in ATTACKS]
    typed += [f"/status/mailboxes?from={quote(text)}&failing=1" for text in ATTACKS]
    typed += [f"/status/event?id={quote(ATTACKS[0])}", f"/status/failures?retried={quote(ATTACKS[1])}"]
    return [*PAGES.values(), EVENT, *typed, f"/status/login?next={quote(ATTACKS[1])}"]


@pytest.mark.threat(id="xss")
@pytest.mark.threat(id="template-injection")
@pytest.mark.slow
def test_nothing_that_was_delivered_or_typed_runs(attacked: SiteInTime, browser: Browser) -> None:
    """With the policy for scripts out of force: escaping alone must hold."""
    with serving(attacked.app) as at:
        context = browser.new_context(bypass_csp=True)
        context.add_cookies([cookie(at, attacked.token(Role.OPERATE, ATTACKS[0]))])
        page = context.new_page()
        seen = {}
        for path in paths():
            page.goto(at + path)
            seen[path] = page.evaluate(
                "[window.hacked, document.querySelectorAll('img, svg[onload], main script').length]"
            )
        context.close()
    assert {path: found for path, found in seen.items() if found != [None, 0]} == {}


def test_e_mails_are_shown_as_they_are_and_nothing_else_is(own_site: SiteInTime) -> None:
    emails = attack(own_site)
    who = Visitor(own_site, own_site.token(Role.READ))
    shown = html.unescape(who.page("/status/mailboxes") + who.page("/status/unmapped"))
    assert [email for email in emails if email not in shown] == []
    raw = "".join(who.page(path) for path in PAGES.values())
    assert [text for text in ATTACKS[:4] if text in raw] == []
    assert "1337" not in raw


def test_the_download_is_text_whatever_an_e_mail_says(attacked: SiteInTime) -> None:
    answer = Visitor(attacked, attacked.token(Role.READ)).get("/status/unmapped.txt")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_visitors_own_name_is_escaped(own_site: SiteInTime) -> None:
    text = Visitor(own_site, own_site.token(Role.READ, ATTACKS[0])).page("/status")
    assert ATTACKS[0] not in text
    assert html.escape(ATTACKS[0]) in text


def marked() -> list[Any]:
    """Messages with a mark in every personal field, and in what an agent reads in the calendar and nowhere else."""
    document = a_rdv(NUMBER, f"martine.agent@{AT_HOME}", "agent@ailleurs.example")
    document["data"] |= personal(document["data"])
    document["data"]["motif"]["name"] = "canari-motif"
    document["data"]["lieu"] |= {"name": "canari-lieu", "address": "canari-adresse"}
    document["data"]["organisation"]["name"] = "canari-organisation"
    absence = sample("absence-several-days")
    absence["data"] |= {"title": "canari-titre", "ical": "canari-ical", "id": NUMBER}
    absence["meta"]["timestamp"] = f"{NOW - timedelta(minutes=1):%Y-%m-%d %H:%M:%S %z}"
    return [document, absence]


def test_no_mark_is_on_any_page_or_in_any_answer(own_site: SiteInTime) -> None:
    documents = marked()
    assert [own_site.post(document) for document in documents] == [202, 202]
    own_site.settle()
    who = Visitor(own_site, own_site.token(Role.OPERATE))
    answers = [who.get(path) for path in (*PAGES.values(), EVENT, *ANSWERS.values(), f"/api/v1/events/{NUMBER}")]
    assert len(who.data(f"/api/v1/events/{NUMBER}")["events"]) == 2
    texts = "".join(html.unescape(answer.text) for answer in [*answers, who.get("/status/unmapped.txt")])
    assert "agent@ailleurs.example" in texts
    assert "canari" not in texts.lower()


def test_an_appointments_title_place_and_time_are_nowhere(site: SiteInTime, reader: Visitor) -> None:
    data = a_rdv(4331, f"karim.agent@{AT_HOME}")["data"]
    starts_at = datetime.strptime(data["starts_at"], "%Y-%m-%d %H:%M:%S %z")
    texts = "".join(html.unescape(reader.get(path).text) for path in (*PAGES.values(), *ANSWERS.values()))
    for secret in (
        data["motif"]["name"],
        data["lieu"]["name"],
        data["lieu"]["address"],
        local(starts_at),
        stamp(starts_at),
    ):
        assert secret not in texts
