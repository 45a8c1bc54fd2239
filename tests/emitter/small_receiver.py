"""A small right receiver, and wrong ones that each break the contract in one way.

The right one shows that the judge can be content; each wrong one, that it sees. State in memory, calendars as files
that `cat` can print. Nothing of the product is in here.
"""

import base64
import hashlib
import hmac
import json
import re
import threading
import time
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

from emitter.occurrences import occurrences, year_from

PARIS = ZoneInfo("Europe/Paris")
RANKS = {"created": 0, "updated": 1, "destroyed": 2}
SHOWN = {"rdv", "absence"}
KNOWN = SHOWN | {"plageouverture", "agent", "agentrole"}


class Receiver:
    """What a receiver decides; the HTTP around it is below."""

    def __init__(self, folder: Path, secret: str) -> None:
        self.folder, self.secret = folder, secret
        self.states, self.emails, self.roles, self.gone = {}, {}, {}, set()
        self.lock = threading.Lock()
        self.publish()

    @property
    def calendar_command(self) -> str:
        return f"cat {self.folder}/{{agent}}.json"

    def answer(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if not self.is_signed(body, headers):
            return 401, b'{"status": "unauthorized"}'
        try:
            message = json.loads(body)
        except ValueError:
            return 422, b'{"status": "invalid"}'
        with self.lock:
            status = self.take(message)
            self.publish()
        return status, b'{"status": "accepted"}'

    # signatures

    def is_signed(self, body, headers) -> bool:
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if token:
            return self.is_token(token, body)
        told = headers.get("X-Lapin-Signature") or headers.get("X-Rdvi-Signature") or headers.get("X-RDVI-SIGNATURE")
        right = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        return hmac.compare_digest((told or "").lower(), right)

    def is_token(self, token, body) -> bool:
        signed, _, signature = token.rpartition(".")
        right = base64.urlsafe_b64encode(hmac.new(self.secret.encode(), signed.encode(), hashlib.sha256).digest())
        if not hmac.compare_digest(right.rstrip(b"=").decode(), signature):
            return False
        jose, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in signed.split("."))
        data = json.loads(body)["data"]
        return jose["exp"] > time.time() and claims == {name: data[name] for name in ("id", "address", "starts_at")}

    # facts

    def take(self, message) -> int:
        meta, data = message["meta"], message["data"]
        model = meta["model"].replace("_", "").lower()
        if model not in KNOWN or meta["event"] not in RANKS:
            return self.unknown_model()
        age = datetime.fromisoformat(meta.get("payload_computed_at") or meta["timestamp"])
        version = (meta["event"] == "destroyed", age, RANKS[meta["event"]])
        self.note_agents(model, data, age)
        if model == "agentrole":
            self.take_role(data, meta["event"])
        elif model in SHOWN:
            return self.take_entry((model, data.get("uuid") or data["id"]), version, data)
        return 202

    def unknown_model(self) -> int:
        return 200

    def take_entry(self, key, version, data) -> int:
        known = self.states.get(key)
        if known is None or version > known[0]:
            self.states[key] = (version, data)
        return 202

    def note_agents(self, model, data, age) -> None:
        agents = [data] if model == "agent" else data.get("agents") or [data.get("agent")]
        for agent in filter(None, agents):
            if agent["id"] not in self.emails or age > self.emails[agent["id"]][0]:
                self.emails[agent["id"]] = (age, agent["email"])

    def take_role(self, data, event) -> None:
        roles = self.roles.setdefault(data["agent"]["id"], set())
        (roles.discard if event == "destroyed" else roles.add)(data["id"])
        if not roles:
            self.gone.add(data["agent"]["id"])

    # calendars

    def publish(self) -> None:
        shown = {"martine.agent@departement.example": [], "karim.agent@departement.example": []}
        for (model, _), (version, data) in self.states.items():
            if not version[0]:
                for email, entry in self.entries(model, data):
                    shown.setdefault(email, []).append(entry)
        for email, entries in shown.items():
            new = self.folder / f"{email}.new"
            new.write_text(json.dumps(entries), encoding="utf-8")
            new.rename(self.folder / f"{email}.json")

    def entries(self, model, data):
        agents = data["agents"] if model == "rdv" else [data["agent"]]
        if model == "absence" and data["agent"]["id"] in self.gone:
            return
        for start, end in self.times(model, data):
            for agent in agents:
                email = self.emails[agent["id"]][1]
                if email:
                    yield email, self.entry(model, data, start, end)

    def entry(self, model, data, start, end):
        title = data["motif"]["name"] if model == "rdv" else "Absence"
        return {"title": title, "place": None, "start": start.isoformat(), "end": end.isoformat()}

    def times(self, model, data):
        if model == "rdv":
            if not self.is_cancelled(data["status"]):
                start = datetime.fromisoformat(data["starts_at"])
                yield start, start + timedelta(minutes=data["duration_in_min"])
        elif "first_day" in data:
            yield from occurrences(data | {"rrule": self.rule(data)}, PARIS, year_from(datetime.now(UTC)))
        else:
            found = re.findall(r"DT(?:START|END);TZID=Europe/Paris:(\w+)", data["ical"])
            yield tuple(datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=PARIS) for text in found)

    def rule(self, data):
        return data.get("rrule")

    def is_cancelled(self, status) -> bool:
        return status in {"excused", "revoked"}


class Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, receiver: Receiver) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.receiver = receiver

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    server: Server
    wbufsize = -1  # one segment for headers and body: two would wait for each other's acknowledgement

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, content = self.server.receiver.answer(body, dict(self.headers))
        with suppress(ConnectionError):
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's name
        """Say nothing."""


# wrong ones


class IgnoresSignatures(Receiver):
    def is_signed(self, body, headers):
        return True


class ChecksTheSecretOnly(Receiver):
    """A token's signature, and neither its end nor what it covers."""

    def is_token(self, token, body):
        signed, _, signature = token.rpartition(".")
        right = base64.urlsafe_b64encode(hmac.new(self.secret.encode(), signed.encode(), hashlib.sha256).digest())
        return right.rstrip(b"=").decode() == signature


class LowerCaseOnly(Receiver):
    """Not wrong."""

    def is_signed(self, body, headers):
        right = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        return headers.get("X-Lapin-Signature") == right


class AnswersPages(Receiver):
    def answer(self, body, headers):
        return super().answer(body, headers)[0], b"<!DOCTYPE html><HTML><body>OK</body></HTML>"


class AnswersPlainWords(Receiver):
    def answer(self, body, headers):
        return super().answer(body, headers)[0], b"OK"


class Slow(Receiver):
    def answer(self, body, headers):
        if b"Zebre" in body:
            time.sleep(0.3)  # its fault: it answers too late
        return super().answer(body, headers)


class RefusesRepeats(Receiver):
    """As those that have a unique index and no more."""

    def answer(self, body, headers):
        seen = self.__dict__.setdefault("seen", set())
        if body in seen:
            return 500, b'{"status": "error"}'
        seen.add(body)
        return super().answer(body, headers)


class RefusesOlder(Receiver):
    def take_entry(self, key, version, data):
        known = self.states.get(key)
        if known and known[0][1] - version[1] > timedelta(seconds=8):
            return 409
        return super().take_entry(key, version, data)


class RefusesUnknownModels(Receiver):
    def unknown_model(self):
        return 422


class RefusesOldShapes(Receiver):
    def take_entry(self, key, version, data):
        return 422 if isinstance(key[1], int) and key[0] == "rdv" else super().take_entry(key, version, data)


class RefusesUnknownDeletions(Receiver):
    """ "Appointment already deleted"."""

    def take_entry(self, key, version, data):
        return 404 if version[0] and key not in self.states else super().take_entry(key, version, data)


class AcknowledgesAnything(Receiver):
    def answer(self, body, headers):
        status, content = super().answer(body, headers)
        return (200 if status == 422 else status), content


class OneAtATime(Receiver):
    """As a database that locks and does not wait."""

    def answer(self, body, headers):
        busy = self.__dict__.setdefault("busy", threading.Lock())
        if not busy.acquire(blocking=False):
            return 503, b'{"status": "busy"}'
        try:
            rdv_updated = b'"model":"Rdv","event":"updated"' in body
            time.sleep(0.3 if rdv_updated else 0)  # long enough for two to meet on a busy machine
            return super().answer(body, headers)
        finally:
            busy.release()


class ForgetsUpdates(Receiver):
    def take_entry(self, key, version, data):
        return 202 if version[2] == 1 else super().take_entry(key, version, data)


class LastArrivalWins(Receiver):
    def take_entry(self, key, version, data):
        self.states[key] = (version, data)
        return 202


class KeepsFormerAgents(Receiver):
    """Writes into the new agents' calendars, and never looks at the old ones."""

    def take_entry(self, key, version, data):
        known = self.states.get(key)
        if known and not version[0] and "agents" in data:
            former = [agent for agent in known[1]["agents"] if agent not in data["agents"]]
            data = data | {"agents": data["agents"] + former}
        return super().take_entry(key, version, data)


class DoublesRepeatedCreates(Receiver):
    def take_entry(self, key, version, data):
        if version[2] == 0 and key in self.states:
            key = (*key[:1], f"{key[1]} again")
        return super().take_entry(key, version, data)


class KnowsOneCancellation(Receiver):
    def is_cancelled(self, status):
        return status == "excused"


class EndsADayEarly(Receiver):
    """Takes UNTIL for the moment it looks like."""

    def rule(self, data):
        def before(found):
            return f"{date.fromisoformat(found[0]) - timedelta(days=1):%Y%m%d}"

        return re.sub(r"(?<=UNTIL=)\d{8}", before, data.get("rrule") or "")


class ShowsUsagers(Receiver):
    def entry(self, model, data, start, end):
        shown = super().entry(model, data, start, end)
        return shown | {"place": data["address"]} if model == "rdv" else shown


class ShowsForeignEntries(Receiver):
    """Something of its own comes up while the stories are told."""

    def publish(self):
        super().publish()
        if self.states:
            path = self.folder / "karim.agent@departement.example.json"
            start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=40, seconds=7)
            entry = {"title": "x", "place": "", "start": start.isoformat(), "end": start.isoformat()}
            path.write_text(json.dumps([*json.loads(path.read_text("utf-8")), entry]), encoding="utf-8")
