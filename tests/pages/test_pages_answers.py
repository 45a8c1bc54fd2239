"""What the pages and the API answer, without a browser."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from receiver.core.other_installations import OTHER_INSTALLATION
from receiver.core.roles import Role
from receiver.store import Standing, Store, StoreUnavailable, counters, heartbeats
from receiver.store.database.tables import mailboxes
from receiver.store.intake import set_aside
from receiver.store.reports import activity, event_history, overview
from tests.lab.database import database, statements
from tests.pages.story import (
    ANSWERS,
    AT_HOME,
    DESTROYED_RDV,
    PAGES,
    REFUSED_RDV,
    SERVED_RDV,
    SiteInTime,
    Visitor,
    settings_of,
)

TOO_LONG = "a" * 10_000


@pytest.fixture
def empty_site(store: Store, store_url: str) -> SiteInTime:
    """An installation of this minute, on each kind of database."""
    return SiteInTime(store, settings_of(store_url))


def visitor(site: SiteInTime, role: Role = Role.READ) -> Visitor:
    return Visitor(site, site.token(role))


def sent(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.headers["Location"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_few_questions_however_much_there_is(
    page: str, site: SiteInTime, own_site: SiteInTime, tmp_path: Path
) -> None:
    """Most of the overview's are those of `status`, which the command and alerts ask too."""
    bare_store = Store(f"sqlite:///{tmp_path}/bare.db")
    bare_store.migrate()
    bare_store.write(
        heartbeats.beat, "worker/srv-rdv-1/1", own_site.now
    )  # a silent one costs a look at whether the store can be written
    counts = []
    for each in (SiteInTime(bare_store, own_site.settings), own_site):
        who = visitor(each)
        with statements() as sent:
            who.page(PAGES[page])
        counts.append(sum(not statement.startswith(("BEGIN", "PRAGMA")) for statement in sent))
    bare_store.close()
    assert counts[0] == counts[1] <= (19 if page == "overview" else 12)


def test_an_installation_of_this_minute_has_all_its_pages_and_answers(empty_site: SiteInTime) -> None:
    who = visitor(empty_site)
    paths = *PAGES.values(), "/status/unmapped.txt", *ANSWERS.values()
    assert {path: who.get(path).status_code for path in paths} == dict.fromkeys(paths, 200) | {ANSWERS["event"]: 404}


def test_without_the_setting_there_is_nothing(own_site: SiteInTime) -> None:
    plain = SiteInTime(own_site.store, settings_of(own_site.settings.store.address, pages=False))
    answers = [Visitor(plain, None).get(path) for path in (*PAGES.values(), *ANSWERS.values())]
    assert {(answer.status_code, answer.mimetype) for answer in answers} == {(404, "application/json")}


@pytest.mark.parametrize("path", PAGES.values())
def test_a_stranger_is_sent_to_the_login_page(path: str, nobody: Visitor) -> None:
    status, location = sent(nobody.get(path))
    assert status == 303
    assert location.startswith("/status/login?next=/status")


@pytest.mark.parametrize("path", ANSWERS.values())
def test_a_program_without_a_token_is_told_so(path: str, nobody: Visitor) -> None:
    assert nobody.data(path, 401) == {"status": "unauthorized"}


BAD = [
    "event?id=abc",
    "event?id=-12345",
    "event?id=12345.5",
    "event?id=9223372036854775808",
    "event?id=١٢٣٤",
    f"event?id={'9' * 5000}",
    f"mailboxes?after={TOO_LONG}",
    "mailboxes?after=a%00b",
    "mailboxes?from=%E2%80%AEodd",
    "mailboxes?failing=yes",
    "failures?retried=many",
    "failures?retried=<script>",
    "held?reason=mood",
    "held?source=<script>",
    "held?after=-12345",
    "held?done=burn",
    "held?count=many",
    "held?left=<script>",
]


@pytest.mark.parametrize("question", BAD, ids=lambda text: text[:40])
def test_a_question_that_makes_no_sense_is_refused_without_repeating_it(question: str, reader: Visitor) -> None:
    text = reader.page(f"/status/{question}", 400)
    name, _, value = question.partition("?")[2].partition("=")
    assert f"« {name} »" in text
    assert value not in text.partition("<main")[2]


@pytest.mark.parametrize(
    ("question", "parameter"),
    [
        ("events/abc", "id"),
        ("events/9223372036854775808", "id"),
        (f"mailboxes?after={TOO_LONG}", "after"),
        ("mailboxes?limit=501", "limit"),
        ("mailboxes?limit=-1", "limit"),
        ("mailboxes?failing=2", "failing"),
    ],
    ids=lambda text: text[:40],
)
def test_the_api_names_what_makes_no_sense(question: str, parameter: str, reader: Visitor) -> None:
    assert reader.data(f"/api/v1/{question}", 400) == {"status": "bad_request", "parameter": parameter}


@pytest.mark.parametrize("path", ["/status/nothing", "/status/", "/status/event/5", "/status/%3Cscript%3E"])
def test_a_page_that_does_not_exist_says_so_in_french(path: str, reader: Visitor) -> None:
    text = reader.page(path, 404)
    assert '<html lang="fr">' in text
    assert "<script" not in text


def test_a_method_that_does_not_exist_has_its_page(reader: Visitor) -> None:
    answer = reader.post("/status/mailboxes")
    assert (answer.status_code, answer.mimetype, answer.headers["Allow"]) == (405, "text/html", "GET, HEAD")


def test_an_unknown_path_of_the_api_is_json(reader: Visitor) -> None:
    assert reader.data("/api/v1/nothing", 404) == {"status": "not_found"}


def broken_store(*_: object, **__: object) -> None:
    raise StoreUnavailable("a driver's words")


@pytest.mark.parametrize(
    ("name", "owner", "query"),
    [
        ("overview", activity, "series"),
        ("overview", activity, "models"),
        ("failures", overview, "failures"),
        ("mailboxes", overview, "mailbox_page"),
        ("unmapped", overview, "unmapped_agents"),
        ("event", event_history, "history"),
        ("refused", counters, "refused"),
        ("held", set_aside, "waiting"),
    ],
)
def test_without_its_store_a_page_says_what_to_look_at(
    name: str, owner: object, query: str, reader: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, query, broken_store)
    text = reader.page(PAGES[name], 503)
    assert "store.url" in text
    assert "driver" not in text
    assert reader.data(ANSWERS[name], 503) == {"status": "unavailable"}


@pytest.mark.threat(id="error-pages")
def test_an_unforeseen_error_tells_nothing(reader: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("words of nobody's business")

    monkeypatch.setattr(overview, "failures", fail)
    text = reader.page("/status/failures", 500)
    assert "business" not in text
    assert reader.data("/api/v1/failures", 500) == {"status": "error"}


def test_a_store_of_another_version_is_a_trouble_and_not_an_error(
    reader: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "standing", lambda _: Standing.NOT_CURRENT)
    answer = reader.data("/api/v1/overview")
    assert ([each["code"] for each in answer["troubles"]], answer["activity"]) == (["store_not_current"], None)
    assert "rdv-receiver migrate" in reader.page("/status")


def test_the_overview_tells_what_is_wrong_and_what_goes_on(reader: Visitor) -> None:
    answer = reader.data("/api/v1/overview")
    assert [each["code"] for each in answer["troubles"]] == [
        "server_failing",
        "mailboxes_failing",
        "mailboxes_failing",
        "entries_failing",
        "events_failing",
        "out_of_scope",
        "webhooks_held",
        "signatures_refused",
        "webhooks_refused",
        "agents_unmapped",
    ]
    activity = answer["activity"]
    assert [(each["name"], len(each["models"])) for each in activity["sources"]] == [("mds", 2), ("insertion", 1)]
    assert [each["name"] for each in activity["workers"]] == ["srv-rdv-1/2214", "srv-rdv-2/1871"]
    assert (len(activity["week"]), activity["week"][0]["day"], activity["week"][-1]["day"]) == (
        56,
        "2026-11-25",
        "2026-12-01",
    )


def test_all_is_well_is_said_plainly(own_site: SiteInTime) -> None:
    bare = settings_of(own_site.settings.store.address)
    own_site.execute(
        "DELETE FROM tallies",
        "UPDATE mailboxes SET failure=NULL",
        "UPDATE placements SET failure=NULL, gave_up=0, due_at=NULL",
        "UPDATE events SET failure=NULL, unmapped=0",
        "DELETE FROM servers",
        "DELETE FROM set_aside",
    )
    who = visitor(SiteInTime(own_site.store, bare))
    assert "Tout va bien" in who.page("/status")
    assert who.data("/api/v1/overview")["ok"] is True


def test_one_trouble_is_no_plural(own_site: SiteInTime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "standing", lambda _: Standing.NOT_CURRENT)
    assert re.search(r">Alarme : 1 point<", visitor(own_site).page("/status"))


def test_mailboxes_come_page_by_page(reader: Visitor) -> None:
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        answer = reader.data(f"/api/v1/mailboxes?limit=4&after={after}")
        seen += [each["address"] for each in answer["mailboxes"]]
        after = answer["next_after"]
    assert seen == sorted(seen)
    assert len(seen) == 6


def test_the_pages_of_mailboxes_are_linked(own_site: SiteInTime) -> None:
    rows = ", ".join(f"('exchange', 'agent{number:03}@box.example', 0)" for number in range(120))
    own_site.execute(f"INSERT INTO mailboxes (calendar, address, attempts) VALUES {rows}")
    who, path, pages = visitor(own_site), "/status/mailboxes", 0
    seen: list[str] = []
    while path:
        text = who.page(path)
        seen += re.findall(r"<th[^>]*><span>([^<]+@[^<]+)</span>", text)
        pages += 1
        found = re.search(r'href="([^"]+)">Adresses suivantes', text)
        path = found[1].replace("&amp;", "&") if found else ""
    assert (len(seen), len(set(seen)), pages) == (126, 126, 3)


@pytest.mark.parametrize("start", ["paul", "paul.durand@departement.example", "PAUL.D"])
def test_the_list_can_begin_at_an_address(start: str, reader: Visitor) -> None:
    found = re.findall(r"<span>([^<]+)@departement", reader.page(f"/status/mailboxes?from={start}"))
    assert found == ["paul.durand", "sophie.marchand", "yann.leroy"]


def test_failing_mailboxes_alone(reader: Visitor) -> None:
    answer = reader.data("/api/v1/mailboxes?failing=1")
    assert [(each["address"], each["failure"]) for each in answer["mailboxes"]] == [
        (f"paul.durand@{AT_HOME}", "impersonation_denied"),
        (f"yann.leroy@{AT_HOME}", "quota_exceeded"),
    ]


def test_agents_without_a_mailbox_and_a_message_about_them(reader: Visitor) -> None:
    agents = {each["email"] for each in reader.data("/api/v1/unmapped")["agents"]}
    assert agents == {"nadia.petit@partenaire.example", "luc.moreau@partenaire.example"}
    answer = reader.get("/status/unmapped.txt")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert set(re.findall(r"\S+@\S+", answer.text)) == agents


def test_an_events_history_is_told(reader: Visitor) -> None:
    [found] = reader.data(f"/api/v1/events/{SERVED_RDV}")["events"]
    assert [each["kind"] for each in found["deliveries"]] == ["updated", "created"]
    assert [each["state"] for each in found["placements"]] == ["written"]
    assert [(each["verb"], each["outcome"]) for each in found["writes"]] == [
        ("update", "done"),
        ("create", "done"),
        ("create", "timeout"),
    ]


def test_a_refused_entry_and_a_destroyed_event_are_told(reader: Visitor) -> None:
    [refused] = reader.data(f"/api/v1/events/{REFUSED_RDV}")["events"]
    assert [(each["state"], each["failure"]) for each in refused["placements"]] == [("failed", "unsupported_time_zone")]
    [destroyed] = reader.data(f"/api/v1/events/{DESTROYED_RDV}")["events"]
    assert (destroyed["destroyed"], destroyed["kind"]) == (True, "destroyed")


def test_events_of_several_models_under_one_number_are_all_shown(own_site: SiteInTime) -> None:
    sql = (
        "INSERT INTO events (uid, platform, model, wire_id, emitter, source, kind, state_at, purged, ambiguous,"
        " delivery, changed_at, unmapped) SELECT 'x@' || uid, 'demo', 'Absence', wire_id, emitter, source, kind,"
        f" state_at, purged, ambiguous, delivery, changed_at, unmapped FROM events WHERE wire_id = {SERVED_RDV}"
    )
    own_site.execute(sql)
    text = visitor(own_site).page(f"/status/event?id={SERVED_RDV}")
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", text) == [
        f"Absence {SERVED_RDV}, plateforme demo",
        f"Rendez-vous {SERVED_RDV}, plateforme production",
    ]


def test_an_unknown_number_is_said_to_be_unknown(reader: Visitor) -> None:
    assert "Aucun événement n" in reader.page("/status/event?id=99")
    assert reader.data("/api/v1/events/99", 404) == {"events": []}


def test_refused_requests_by_reason(reader: Visitor) -> None:
    found = {(each["source"], each["reason"]): each for each in reader.data("/api/v1/refused")["refused"]}
    assert {key: (each["day"], each["week"], each["on_purpose"]) for key, each in found.items()} == {
        ("mds", "unauthorized"): (28, 42, False),
        ("?", "not_found"): (1, 7, False),
        ("insertion", "payload"): (2, 2, False),
        ("mds", "model"): (found["mds", "model"]["day"], found["mds", "model"]["week"], True),
    }
    assert found["mds", "model"]["week"] > found["mds", "model"]["day"] > 0


def a_group(site: SiteInTime, who: Visitor) -> dict[str, str]:
    text = who.page("/status/failures")
    csrf = re.search(r'name="csrf" value="(\w+)"', text)
    assert csrf
    return {"csrf": csrf[1], "scope": "mailbox", "code": "quota_exceeded", "calendar": "exchange"}


def blocked(site: SiteInTime) -> list[Any]:
    with database(site.settings.store.address) as connection:
        sql = "SELECT address FROM mailboxes WHERE blocked_until > '2026-12-01 09:00' ORDER BY address"
        return [row[0] for row in connection.exec_driver_sql(sql)]


def test_a_retry_is_told_after_a_redirect(own_site: SiteInTime) -> None:
    who = visitor(own_site, Role.OPERATE)
    answer = who.post("/status/failures/retry", data=a_group(own_site, who))
    assert sent(answer) == (303, "/status/failures?retried=1")
    assert "1 élément sera réessayé aussitôt." in who.page("/status/failures?retried=1")
    assert blocked(own_site) == [f"paul.durand@{AT_HOME}"]


def test_a_retry_through_the_api(own_site: SiteInTime) -> None:
    group = {"scope": "mailbox", "code": "quota_exceeded", "calendar": "exchange"}
    answer = visitor(own_site, Role.OPERATE).post("/api/v1/failures/retry", json=group)
    assert (answer.status_code, answer.get_json()) == (200, {"retried": 1})
    assert blocked(own_site) == [f"paul.durand@{AT_HOME}"]


def test_a_reader_has_no_button_and_is_refused(own_site: SiteInTime) -> None:
    who = visitor(own_site)
    group = a_group(own_site, who)
    assert "Réessayer maintenant" not in who.page("/status/failures")
    assert who.post("/status/failures/retry", data=group).status_code == 403
    assert who.post("/api/v1/failures/retry", json=group).status_code == 403
    assert len(blocked(own_site)) == 2


@pytest.mark.parametrize("csrf", ["", "0" * 64])
def test_a_form_that_is_not_ours_is_refused(csrf: str, own_site: SiteInTime) -> None:
    who = visitor(own_site, Role.OPERATE)
    group = a_group(own_site, who) | {"csrf": csrf}
    assert who.post("/status/failures/retry", data=group).status_code == 403
    assert len(blocked(own_site)) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"scope": "everything"},
        {"scope": ""},
        {"code": ""},
        {"code": "x' OR 1=1 --"},
        {"code": "c" * 65},
        {"calendar": "Exchange; --"},
        {"calendar": ""},
        {"scope": "event"},
    ],
)
def test_a_group_that_cannot_exist_is_refused(change: dict[str, str], own_site: SiteInTime) -> None:
    """A code that is left out would mean all of them to what is called."""
    who = visitor(own_site, Role.OPERATE)
    group = a_group(own_site, who) | change
    assert who.post("/status/failures/retry", data=group).status_code == 400
    assert who.post("/api/v1/failures/retry", json=group).status_code == 400
    assert len(blocked(own_site)) == 2


@pytest.mark.parametrize("body", [b"[]", b"{", b"null", b'{"scope": 3}'])
def test_a_body_that_is_no_group_is_refused(body: bytes, own_site: SiteInTime) -> None:
    who = visitor(own_site, Role.OPERATE)
    answer = who.post("/api/v1/failures/retry", data=body, content_type="application/json")
    assert (answer.status_code, answer.get_json()["status"]) == (400, "bad_request")
    assert who.post("/api/v1/failures/retry", data=b"scope=mailbox").status_code == 415


def test_a_proxys_word_opens_the_pages(own_site: SiteInTime) -> None:
    client = own_site.app.test_client()
    environ = {"REMOTE_ADDR": "203.0.113.7"}
    answer = client.get("/status", headers={"X-Remote-User": "camille"}, environ_base=environ)
    assert (answer.status_code, "camille" in answer.text, "logout" in answer.text) == (200, True, False)


def test_moments_are_utc_and_texts_of_paris(reader: Visitor) -> None:
    assert reader.data("/api/v1/overview")["as_of"] == "2026-12-01T09:00:00Z"
    assert '<time datetime="2026-12-01T09:00:00Z">01/12/2026 10:00</time>' in reader.page("/status")


def test_a_source_that_never_spoke_is_there(own_site: SiteInTime) -> None:
    own_site.now += timedelta(days=8)
    sources = visitor(own_site).data("/api/v1/overview")["activity"]["sources"]
    assert [(each["name"], each["day"], each["models"]) for each in sources] == [("mds", 0, []), ("insertion", 0, [])]


def test_a_mailbox_that_another_installations_entries_are_in_is_shown_with_its_name(own_site: SiteInTime) -> None:
    name = "00000000-0000-4000-8000-000000000001"
    shut = update(mailboxes).where(mailboxes.c.failure.is_not(None))
    with database(own_site.settings.store.address) as connection:
        connection.execute(shut.values(failure=OTHER_INSTALLATION, other_installation=name))
    who = visitor(own_site)
    codes = [(each["code"], each["cause"]) for each in who.data("/api/v1/overview")["troubles"]]
    assert ("other_installation", name) in codes
    assert "mailboxes_failing" not in dict(codes)
    groups = [each for each in who.data("/api/v1/failures")["failures"] if each["code"] == OTHER_INSTALLATION]
    assert [each["installations"] for each in groups] == [[name]]
    failing = who.data("/api/v1/mailboxes?failing=1")["mailboxes"]
    assert {each["installation"] for each in failing} == {name}
    for page in ("/status", "/status/failures", "/status/mailboxes?failing=1"):
        assert name in who.page(page)
