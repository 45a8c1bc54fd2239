"""Debian's DavMail, unmodified: a gateway that reads Exchange over EWS and answers CalDAV."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import requests
from icalendar import Calendar
from lxml import etree

from demo.processes import free_port, stop
from tests.lab.waiting import wait_until
from tests.requirements import require

PROGRAM = Path("/usr/share/davmail/davmail.jar")
PATIENCE_S = 60.0
SETTINGS = """
davmail.server=true
davmail.mode=EWS
davmail.url={url}
davmail.caldavPort={port}
davmail.imapPort=
davmail.popPort=
davmail.smtpPort=
davmail.ldapPort=
davmail.bindAddress=127.0.0.1
davmail.allowRemote=false
davmail.enableKerberos=false
davmail.disableUpdateCheck=true
davmail.disableGuiNotifications=true
davmail.caldavPastDelay=0
davmail.logFilePath={folder}/davmail.log
"""
EVERYTHING = """<?xml version="1.0" encoding="utf-8"?>
<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
<D:prop><D:getetag/><C:calendar-data/></D:prop>
<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"/></C:comp-filter></C:filter>
</C:calendar-query>"""
NAMES = {"D": "DAV:", "C": "urn:ietf:params:xml:ns:caldav"}


@dataclass(frozen=True)
class Gateway:
    """A running DavMail."""

    port: int

    def calendar(self, mailbox: str, password: str) -> list[str]:
        """Return every event of a mailbox's calendar as iCalendar text, as a CalDAV client asks for them."""
        address = f"http://127.0.0.1:{self.port}/users/{mailbox}/calendar/"
        headers = {"Depth": "1", "Content-Type": "application/xml; charset=utf-8"}
        with requests.Session() as session:
            session.auth = (mailbox, password)
            answer = session.request("REPORT", address, data=EVERYTHING.encode(), headers=headers, timeout=PATIENCE_S)
        assert answer.status_code == 207, answer.status_code
        found = etree.fromstring(answer.content).findall(".//C:calendar-data", NAMES)
        return [data.text or "" for data in found]


@contextmanager
def gateway(url: str, folder: Path) -> Iterator[Gateway]:
    """Run DavMail against an EWS address; its files and its log stay in the folder."""
    require(shutil.which("java") and PROGRAM.exists(), "DavMail (davmail-server) is not installed")
    port = free_port()
    settings = folder / "davmail.properties"
    settings.write_text(SETTINGS.format(url=url, port=port, folder=folder))
    command = ["java", "-Xmx128m", "-Djava.net.preferIPv4Stack=true", "-jar", str(PROGRAM), "-server", str(settings)]
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            command, env=os.environ | {"HOME": str(folder)}, stdout=output, stderr=output, text=True
        )
        try:
            _wait_for(process, port)
            yield Gateway(port)
        finally:
            stop(process)


def _wait_for(process: subprocess.Popen[str], port: int) -> None:
    def answers() -> bool:
        assert process.poll() is None, "DavMail ended"
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        return False

    wait_until(answers, "DavMail", PATIENCE_S)


def event_of(text: str) -> Calendar:
    """Return the one VEVENT of an iCalendar text."""
    (event,) = Calendar.from_ical(text).walk("VEVENT")
    return event
