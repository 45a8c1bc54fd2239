"""What the receiver writes for other people's clients to read, with the moments that they must show."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.base import CalendarEntry, Frequency, Recurrence, ShowAs, Weekday

LINK = "https://www.rdv-solidarites.fr/admin/organisations/12/rdvs/345?a=1&b=2"
NOTICE = "Ne modifiez pas ce rendez-vous ici : les changements se font dans RDV Service Public."
LENGTH = timedelta(minutes=45)


@dataclass(frozen=True)
class Written:
    """An entry, and the days on which it stands in the calendar: counted by hand, not by the code under test."""

    entry: CalendarEntry
    days: tuple[date, ...]

    @property
    def moments(self) -> set[datetime]:
        """When its occurrences begin, in UTC."""
        zone, time = ZoneInfo(self.entry.time_zone), self.entry.start.time()
        return {datetime.combine(day, time, zone).astimezone(UTC) for day in self.days}


def _written(uid: str, title: str, zone: str, hour: int, *days: tuple[int, int, int], **fields: object) -> Written:
    start = datetime(*days[0], hour, 30, tzinfo=ZoneInfo(zone))
    entry = CalendarEntry(uid, title, start, start + LENGTH, zone, notice=NOTICE, link=LINK, **fields)  # type: ignore[arg-type]
    return Written(entry, tuple(date(*day) for day in days))


WEEKLY = Recurrence(Frequency.WEEKLY, weekdays=(Weekday.MONDAY, Weekday.THURSDAY), count=6)
FORTNIGHTLY = Recurrence(Frequency.WEEKLY, 2, (Weekday.WEDNESDAY,), last_day=date(2027, 4, 14))
SECOND_TUESDAY = Recurrence(
    Frequency.MONTHLY_BY_WEEKDAY, weekdays=(Weekday.TUESDAY,), position=2, last_day=date(2027, 4, 30)
)
LAST_FRIDAY = Recurrence(Frequency.MONTHLY_BY_WEEKDAY, weekdays=(Weekday.FRIDAY,), position=-1, count=3)
FIFTEENTH = Recurrence(Frequency.MONTHLY_BY_DATE, count=3)
EVERY_THIRD_DAY = Recurrence(Frequency.DAILY, 3, count=3)

WRITTEN = (
    _written(
        "Rdv/1@p",
        "Été : « suivi » à l'école, Noël & œuvre ; <b>n°1</b>",
        "Europe/Paris",
        9,
        (2026, 12, 7),
        location="Maison des solidarités d'Évry, 12 rue de l'Église, 91000 Évry",
        category="RDV Solidarités",
        reminder_minutes=20,
    ),
    _written("Rdv/2@p", "En été", "Europe/Paris", 9, (2027, 7, 12), show_as=ShowAs.FREE),
    _written("Rdv/3@p", "Guadeloupe", "America/Guadeloupe", 8, (2026, 12, 8), location="Pointe-à-Pitre"),
    _written("Rdv/4@p", "La Réunion", "Indian/Reunion", 8, (2026, 12, 9), location="Saint-Denis, La Réunion"),
    _written("Rdv/5@p", "Saint-Pierre", "America/Miquelon", 8, (2027, 7, 14)),
    _written(
        *("Absence/6@p", "Absence", "Europe/Paris", 9),
        *((2026, 10, 19), (2026, 10, 22), (2026, 10, 26), (2026, 10, 29), (2026, 11, 2), (2026, 11, 5)),
        recurrence=WEEKLY,
        show_as=ShowAs.OUT_OF_OFFICE,
    ),
    _written(
        *("Absence/7@p", "Une semaine sur deux", "Europe/Paris", 14),
        *((2027, 3, 3), (2027, 3, 17), (2027, 3, 31), (2027, 4, 14)),
        recurrence=FORTNIGHTLY,
    ),
    _written(
        *("Absence/8@p", "Deuxième mardi", "Europe/Paris", 9),
        *((2027, 2, 9), (2027, 3, 9), (2027, 4, 13)),
        recurrence=SECOND_TUESDAY,
    ),
    _written(
        *("Absence/9@p", "Dernier vendredi", "America/Guadeloupe", 9),
        *((2027, 2, 26), (2027, 3, 26), (2027, 4, 30)),
        recurrence=LAST_FRIDAY,
    ),
    _written(
        *("Absence/10@p", "Le quinze", "Indian/Reunion", 9),
        *((2027, 1, 15), (2027, 2, 15), (2027, 3, 15)),
        recurrence=FIFTEENTH,
    ),
    _written(
        *("Absence/11@p", "Tous les trois jours", "Europe/Paris", 9),
        *((2027, 3, 26), (2027, 3, 29), (2027, 4, 1)),
        recurrence=EVERY_THIRD_DAY,
    ),
)
"""Singles in zones with and without daylight saving, and each pattern; those of March and October cross a change."""

BY_TITLE = {written.entry.title: written for written in WRITTEN}
