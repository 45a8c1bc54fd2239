"""What the rules draw from: mailboxes, mappings, and words for what can be chosen, short enough for a trace."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from emitter.payloads import Generation
from emitter.scenarios import cast
from emitter.schedule import Frequency, Recurrence
from mock_exchange import FaultKind
from tests.convergence.emitters import ADDRESSES, ARRAS, BETHUNE, LENS
from tests.convergence.oracle import Directory
from tests.convergence.system import TIMINGS

MAILBOXES = (
    "martine.agent@departement.example",
    "martine.dupont@departement.example",
    "karim.agent@departement.example",
    "nadia@departement.example",
    "paul@departement.example",
    "accueil@departement.example",
)
ALIASES = {"nadia.b@departement.example": "nadia@departement.example"}
"""Another address of a mailbox: the server knows, and only the server."""
HIS = "karim.agent@departement.example"
DIRECT = {
    "martine.agent@departement.example": "martine.agent@departement.example",
    "martine.dupont@departement.example": "martine.dupont@departement.example",
    HIS: HIS,
    "lea@departement.example": HIS,  # they share one
    "lea.k@departement.example": "accueil@departement.example",
    "paul@departement.example": "paul@departement.example",
}
DOMAINS = {"autre.example": "departement.example"}
PLAIN = Directory(DIRECT, DOMAINS, ALIASES, frozenset({"prestataire.example"}))
DIRECTORIES = (
    PLAIN,
    replace(PLAIN, direct=DIRECT | {"martine.agent@departement.example": "accueil@departement.example"}),
    replace(PLAIN, direct=DIRECT | {"paul@inconnu.example": "paul@departement.example"}),
    replace(PLAIN, ignored=frozenset({"martine.agent@departement.example"})),
    replace(PLAIN, domains={}),
    replace(PLAIN, pilot=frozenset({HIS, "martine.agent@departement.example"})),
)

LONGEST_LIFE = timedelta(days=24)
"""Coming events stay to come, and what is past stays within `past_days`, whatever time the end takes."""
COMING, RECENT, ANCIENT = 60, -20, -400
LATE_KINDS = frozenset({FaultKind.LATE_COMMIT, FaultKind.HANG, FaultKind.SLOW_ANSWER})
HEALING = (
    "ErrorIrresolvableConflict",
    "ErrorQuotaExceeded",
    "ErrorMailboxMoveInProgress",
    "ErrorMailboxStoreUnavailable",
    "ErrorInternalServerError",
    "ErrorAccessDenied",
    "ErrorServerBusy",
    "ErrorTimeoutExpired",
)

some = st.integers(0, 23)
"""Which of those there are."""
send = st.sampled_from(["later", "later", "now", "newest first", "now and work", "now and work"])
generations = st.sampled_from(
    [Generation.YEAR_2024, Generation.YEAR_2026, Generation.YEAR_2026, Generation.YEAR_2022, Generation.YEAR_2020]
)
MOTIFS = {
    "consultation": cast.CONSULTATION,
    "social": cast.SOCIAL,
    "home": cast.HOME_VISIT,
    "phone": cast.PHONE_CALL,
    "visio": cast.VIDEO,
    "workshop": cast.WORKSHOP,
}
motifs = st.sampled_from(list(MOTIFS))
staff = st.lists(st.sampled_from(list(ADDRESSES)), min_size=1, max_size=3, unique=True).map(tuple)
organisations = st.sampled_from([ARRAS, LENS, BETHUNE])
days = st.integers(0, 6)
hours = st.integers(9, 15)
PAUSES = {
    "half a minute": timedelta(seconds=30),
    "until a look-up": TIMINGS.settle,
    "a lease": TIMINGS.lease,
    "until a second look-up": TIMINGS.recheck,
    "an hour": timedelta(hours=1),
    "a day": timedelta(days=1),
    "five days": timedelta(days=5),
    "nine days": timedelta(days=9),
}
pauses = st.sampled_from(list(PAUSES))
verbs = st.sampled_from(["CreateItem", "CreateItem", "UpdateItem", "DeleteItem", "FindItem", None])
MEETS = {"a creation": "CreateItem", "an update": "UpdateItem", "a removal": "DeleteItem", "nothing yet": None}
meets = st.sampled_from(list(MEETS))
"""What is written at once into a trouble that was planned."""
LIEUX = {"office": cast.OFFICE, "branch": cast.BRANCH, "single use": cast.SINGLE_USE, "none": None}
lieux = st.sampled_from(list(LIEUX))
RECURRENCES = {
    "once": None,
    "weekly": Recurrence(Frequency.WEEKLY),
    "three days a week": Recurrence(Frequency.WEEKLY, 1, ("MO", "TU", "FR")),
    "every other wednesday": Recurrence(Frequency.WEEKLY, 2, ("WE",)),
    "thursdays until march": Recurrence(Frequency.WEEKLY, 1, ("TH",), date(2027, 3, 25)),
    "monthly": Recurrence(Frequency.MONTHLY),
    "second wednesdays": Recurrence(Frequency.MONTHLY, 1, ("2WE",)),
    "last fridays until june": Recurrence(Frequency.MONTHLY, 2, ("-1FR",), date(2027, 6, 30)),
    "over before it begins": Recurrence(Frequency.WEEKLY, 1, ("MO",), date(2020, 1, 1)),
}
recurrences = st.sampled_from(list(RECURRENCES))


def pick(things: Any, which: int) -> Any:
    """Return one of those there are."""
    return things[which % len(things)]
