"""What Exchange servers do that not all sources agree on: each is off unless it is asked for. Knows no server.

A mock that behaves as a source says shows how a client reacts, not that a Microsoft Exchange answers so.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Behaviours:
    """The behaviours of one server, each with the source that describes it."""

    accepts_aliases: bool = False
    """A folder may be named by any address of its mailbox.

    Otherwise ErrorNonPrimarySmtpAddress names the primary one (Microsoft, "ResponseCode"); gromox takes them all.
    """
    needs_change_keys: bool = False
    """UpdateItem needs the change key of each item, also where it overwrites whatever is there.

    Source: Microsoft, "ResponseCode" (ErrorChangeKeyRequired); its page of ItemId says that only AutoResolve needs it.
    """
    compares_wall_clocks: bool = False
    """An end that the clock shows before the start is refused, also in the hour that occurs twice.

    Source: ews-managed-api#158 (ErrorCalendarEndDateIsEarlierThanStartDate).
    """
    spoils_connection_bytes: int | None = None
    """After a request of so many bytes, the next one on its connection is answered with 400. Source: gromox, 64 KiB."""
    words_days: bool = False
    """Days of a pattern are answered as `Day`, `Weekday` or `WeekendDay` where they are those. Source: gromox."""
    tells_years: bool = False
    """Every twelve months is answered as every year: one rule has two elements in the schema."""
    splits_changed_series: bool = False
    """The past occurrences of a series whose rule changes stay, as a series of their own with all its properties.

    Source: ews-managed-api#168.
    """
    closed_birthdays: bool = False
    """Each new mailbox has a calendar `Birthdays` below its calendar, which delegates see and cannot open.

    Source: the folder in a recorded mailbox; folder permissions are copied from the parent when a folder is made, and
    not when the parent's change later.
    """
    leaves_out_empty_root: bool = False
    """FindFolder answers without RootFolder where there is no folder (minOccurs=0 in messages.xsd; gromox does so)."""
    search_limit: int | None = None
    """A search with a restriction ends after so many results of a folder, as if there were no more.

    Sources: Microsoft, "Query string and search" (250 since Exchange 2013); ews-managed-api#284.
    """
    hides_cut_results: bool = False
    """TotalItemsInView counts the results that are answered, not those that there are."""
    item_s: float = 0.0
    """Seconds that each item of a batch takes. Over its budget, an account's items are delayed one by one.

    Source: Microsoft, "EWS throttling in Exchange" (office-developer-exchange-docs).
    """


PLAIN = Behaviours()
