"""The pages in a real browser: accessible, quiet, readable on a phone, usable by keyboard and without scripts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from receiver.core.roles import Role
from receiver.core.troubles import Code
from receiver.store.tools import tokens as stored_tokens
from tests.pages.browser import DESKTOP, PHONE, cookie, serving
from tests.pages.story import PAGES, SiteInTime, Visitor

SCREENS = {"desktop": (DESKTOP, "light"), "phone": (PHONE, "dark")}
SHOWN = [PAGES[name] for name in PAGES if name not in {"failing", "event-unknown"}] + [
    "/status/login",
    "/status/nothing",
]
NARROW = {"width": 320, "height": 640}
"""1280 pixels at 400 % (WCAG 1.4.10)."""
OVERFLOW = "document.scrollingElement.scrollWidth - innerWidth"
HEADINGS = "[...document.querySelectorAll('h1,h2,h3')].map(each => Number(each.tagName[1]))"
JUDGE = "() => axe.run(document, {resultTypes: ['violations']}).then(found => found.violations)"


@dataclass
class Seen:
    """A browser's window, and what it complained about."""

    context: BrowserContext
    address: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str | None = None) -> Page:
        page = self.context.new_page()
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        if path:
            page.goto(self.address + path)
        return page

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and "status of 40" not in text:  # the answer to what was asked for on purpose
            self.complaints.append(text)


Window = Callable[..., Any]


@pytest.fixture
def window(browser: Browser, address: str, tokens: dict[Role, str]) -> Iterator[Window]:
    """Opens windows of somebody who is logged in; each must have nothing to complain about."""
    opened: list[Seen] = []

    def open_window(role: Role | None = Role.OPERATE, token: str = "", at: str = address, **options: Any) -> Seen:
        context = browser.new_context(locale="fr-FR", **{"viewport": DESKTOP} | options)
        context.set_default_timeout(10_000)
        if token or role:
            context.add_cookies([cookie(at, token or tokens[role or Role.READ])])
        opened.append(Seen(context, at))
        return opened[-1]

    yield open_window
    for seen in opened:
        seen.context.close()
        assert seen.complaints == []


@contextmanager
def windows_on(site: SiteInTime, window: Window, role: Role = Role.OPERATE, **options: Any) -> Iterator[Seen]:
    """A window on a site of the test's own."""
    with serving(site.app) as at:
        seen: Seen = window(token=site.token(role), at=at, **options)
        yield seen
        seen.context.close()


@pytest.mark.parametrize("screen", SCREENS)
def test_nobody_is_kept_out_and_nothing_runs_over(screen: str, window: Window, axe_source: str) -> None:
    """axe runs beside the pages' own policy for scripts, which stays in force."""
    viewport, scheme = SCREENS[screen]
    seen = window(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
    page, titles = seen.open(), set()
    for path in SHOWN:
        page.goto(seen.address + path)
        page.evaluate(axe_source)
        found = [(each["id"], each["nodes"][0]["html"][:200]) for each in page.evaluate(JUDGE)]
        assert (path, found, page.evaluate(OVERFLOW)) == (path, [], 0)
        levels = page.evaluate(HEADINGS)
        assert (levels[0], levels.count(1)) == (1, 1)
        assert all(after - before <= 1 for before, after in pairwise(levels))
        titles.add(page.title())
        page.set_viewport_size(NARROW)
        assert (path, page.evaluate(OVERFLOW)) == (path, 0)
        page.set_viewport_size(viewport)
    assert len(titles) == len(SHOWN)


def test_the_opened_table_of_the_week_fits_on_a_phone_too(window: Window, axe_source: str) -> None:
    page = window(viewport=PHONE).open("/status")
    page.get_by_text("Les mêmes chiffres en tableau").click()
    expect(page.get_by_role("table", name="Webhooks et écritures par tranches de 3 heures")).to_be_visible()
    page.evaluate(axe_source)
    assert (page.evaluate(JUDGE), page.evaluate(OVERFLOW)) == ([], 0)


def test_the_first_key_leads_past_the_navigation(window: Window) -> None:
    page = window().open("/status")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Aller au contenu")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def focus_by_keyboard(page: Page, name: str, most: int = 30) -> None:
    for _ in range(most):
        page.keyboard.press("Tab")
        if name in page.evaluate("document.activeElement.textContent"):
            return
    raise AssertionError(f"{name} is out of the keyboard's reach")


def test_a_retry_by_keyboard_alone_is_told(own_site: SiteInTime, window: Window) -> None:
    with windows_on(own_site, window) as seen:
        page = seen.open("/status/failures")
        focus_by_keyboard(page, "Réessayer maintenant")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        page.keyboard.press("Enter")
        page.wait_for_url("**/status/failures?retried=1")
        expect(page.get_by_role("status")).to_have_text("1 élément sera réessayé aussitôt.")


def test_each_button_says_what_it_retries(window: Window) -> None:
    page = window().open("/status/failures")
    names = [button.text_content() for button in page.get_by_role("button", name="Réessayer").all()]
    assert len(set(names)) == len(names) == 5


def test_a_reader_sees_the_failures_and_no_button(window: Window) -> None:
    page = window(Role.READ).open("/status/failures")
    expect(page.get_by_role("heading", level=2)).to_have_count(5)
    expect(page.get_by_role("button", name="Réessayer")).to_have_count(0)


def test_a_decision_by_keyboard_alone_is_told(own_site: SiteInTime, window: Window) -> None:
    with windows_on(own_site, window) as seen:
        page = seen.open("/status/held")
        focus_by_keyboard(page, "Écarter", most=40)
        page.keyboard.press("Enter")
        page.wait_for_url("**/status/held?done=drop**")
        expect(page.get_by_role("status")).to_have_text("Écartés : 3.")


def test_each_button_says_what_it_decides(window: Window) -> None:
    page = window().open("/status/held")
    for words, count in (("Appliquer", 7), ("Écarter", 7)):
        names = [button.text_content() for button in page.get_by_role("button", name=words).all()]
        assert len(set(names)) == len(names) == count
    expect(window(Role.READ).open("/status/held").get_by_role("button", name="Appliquer")).to_have_count(0)


def test_without_scripts_the_overview_shows_the_same(window: Window) -> None:
    """It alone has a script."""
    plain, lively = (window(java_script_enabled=scripts).open("/status") for scripts in (False, True))
    assert plain.locator("main").text_content() == lively.locator("main").text_content()


def test_no_other_page_has_a_script(site: SiteInTime, tokens: dict[Role, str]) -> None:
    who = Visitor(site, tokens[Role.READ])
    assert [name for name, path in PAGES.items() if "<script" in who.page(path)] == ["overview"]


def test_without_scripts_nothing_offers_what_scripts_do(window: Window) -> None:
    page = window(java_script_enabled=False).open("/status")
    expect(page.get_by_label("Actualiser toutes les 30 secondes")).to_be_hidden()


def test_logging_out_closes_the_pages(window: Window) -> None:
    page = window().open("/status")
    page.get_by_role("button", name="Se déconnecter").click()
    page.wait_for_url("**/status/login")
    page.goto(page.url.removesuffix("/login"))
    assert "/status/login" in page.url


def make_worse(site: SiteInTime) -> None:
    sql = "UPDATE heartbeats SET beat_at = '2026-12-01 07:00:00.000000' WHERE name LIKE 'worker/%'"
    site.execute(sql)


@pytest.fixture
def own_window(own_site: SiteInTime, window: Window) -> Iterator[Seen]:
    """A window on a site of the test's own, under a clock that the test turns."""
    with windows_on(own_site, window) as seen:
        seen.context.clock.install()
        yield seen


@pytest.fixture
def overview(own_window: Seen) -> Page:
    """The overview in it."""
    return own_window.open("/status")


def test_the_overview_follows_what_happens(overview: Page, own_site: SiteInTime) -> None:
    expect(overview.locator("#verdict")).to_have_text("Alarme : 10 points")
    overview.get_by_text("Les mêmes chiffres en tableau").click()
    overview.evaluate("document.activeElement.blur()")
    make_worse(own_site)
    overview.clock.fast_forward(31_000)
    expect(overview.locator("#verdict")).to_have_text("Alarme : 11 points")
    expect(overview.locator("code", has_text=Code.WORKER_SILENT)).to_be_visible()
    expect(overview.locator("#week-table")).to_have_attribute("open", "")


def fetches(page: Page) -> list[str]:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


def test_the_overview_stands_still_while_somebody_is_in_it_but_for_its_colour(
    overview: Page, own_site: SiteInTime
) -> None:
    """What is read does not move; what it says of the whole must not be old."""
    overview.locator("summary").focus()
    make_worse(own_site)
    overview.clock.fast_forward(31_000)
    expect(overview.locator("#verdict")).to_have_text("Alarme : 11 points")
    expect(overview.locator("code", has_text=Code.WORKER_SILENT)).to_have_count(0)
    overview.evaluate("document.activeElement.blur()")
    overview.clock.fast_forward(31_000)
    expect(overview.locator("code", has_text=Code.WORKER_SILENT)).to_be_visible()


def test_the_overview_stands_still_when_told_to(overview: Page) -> None:
    overview.get_by_label("Actualiser toutes les 30 secondes").uncheck()
    asked = fetches(overview)
    overview.clock.fast_forward(65_000)
    overview.get_by_label("Actualiser toutes les 30 secondes").check()
    overview.clock.fast_forward(31_000)
    overview.wait_for_load_state("networkidle")
    assert len(asked) == 1


def test_an_overview_that_cannot_follow_says_so(overview: Page, own_site: SiteInTime, own_window: Seen) -> None:
    """A revoked token: what stands there is old, and looks no different."""
    [record] = own_site.store.read(stored_tokens.listed)
    own_site.store.write(stored_tokens.revoke, record.id, own_site.now)
    overview.clock.fast_forward(31_000)
    expect(overview.locator("#stale")).to_have_text("L'actualisation échoue : rechargez la page.")
    expect(overview.locator("#verdict")).to_have_text("État inconnu")
    own_window.complaints.clear()  # the browser's own line about the answer that led elsewhere


def test_the_style_sheet_is_small_and_names_no_other_host(site: SiteInTime) -> None:
    with site.app.test_client().get("/status/static/pages.css") as answer:
        sheet = answer.text
    assert len(sheet.encode()) < 12_000
    assert "//" not in sheet
    assert "@import" not in sheet


def test_nothing_is_fetched_from_elsewhere(window: Window) -> None:
    seen = window()
    page = seen.open()
    asked = fetches(page)
    page.goto(seen.address + "/status")
    assert len(asked) >= 3
    assert [url for url in asked if not url.startswith(seen.address)] == []


def test_all_is_well_in_green_and_in_words(window: Window, own_site: SiteInTime) -> None:
    sql = (
        "UPDATE mailboxes SET failure=NULL",
        "UPDATE placements SET failure=NULL, gave_up=0, due_at=NULL",
        "UPDATE events SET failure=NULL, unmapped=0",
        "DELETE FROM servers",
        "DELETE FROM set_aside",
        "DELETE FROM tallies WHERE kind = 'refused'",
    )
    own_site.execute(*sql)
    with windows_on(own_site, window, Role.READ) as seen:
        expect(seen.open("/status").get_by_role("status").first).to_have_text("Tout va bien")
        expect(seen.open("/status").locator(".verdict.good")).to_be_visible()
        for path in ("/status/failures", "/status/refused", "/status/held", "/status/unmapped"):
            page = seen.open(path)  # empty, and no word of the whole: that is the overview's
            expect(page.locator(".notice").get_by_role("link")).to_have_attribute("href", "/status")
            expect(page.locator(".good")).to_have_count(0)


def test_a_store_that_is_down_has_its_page(
    own_site: SiteInTime, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    with windows_on(own_site, window) as seen:
        monkeypatch.setattr(stored_tokens, "find", lambda *_: own_site.store.write(no_database))
        page = seen.context.new_page()
        answer = page.goto(seen.address + "/status")
        assert answer is not None
        assert answer.status == 503
        expect(page.get_by_role("heading", level=1)).to_have_text(
            "La base de données ne peut pas être utilisée : des tables manquent dans la base"
        )


def no_database(connection: Any) -> None:
    connection.exec_driver_sql("SELECT * FROM a_table_that_is_not_there")
