"""What waits for somebody to decide can be looked at in parts, and a part ends where it was seen."""

from receiver.core.facts import EventKind
from receiver.store import Store
from receiver.store.database.records import Reason
from receiver.store.intake import set_aside
from receiver.store.intake.set_aside import Wanted
from tests.makers import MARTINE
from tests.store.scopes import THIRTY_FOUR, TWELVE, Town, a_rdv


def test_a_part_of_what_waits_is_listed_and_counted(store: Store) -> None:
    town = Town(store)
    for number in range(1, 31):
        town.tell(a_rdv(12, 600, number=number, agents=(MARTINE,)), TWELVE)
    town.shown()
    town.tell(a_rdv(34, 9, number=1), THIRTY_FOUR, "one")
    town.tell(a_rdv(34, 8, number=2), THIRTY_FOUR, "two")
    town.tell(a_rdv(34, 7, number=3), THIRTY_FOUR, "")
    for number in range(5, 30):
        town.tell(a_rdv(12, 60, EventKind.DESTROYED, number=number), TWELVE)
    every = town.waiting_ids()
    assert len(every) == 8

    def part(**wanted: object) -> list[int]:
        meant = Wanted(**wanted)  # type: ignore[arg-type]
        found = [each.id for each in store.read(set_aside.waiting, 100, wanted=meant)]
        assert store.read(set_aside.count, meant) == len(found)
        return found

    assert part() == every
    assert part(reason="scope") == every[:3]
    assert part(reason="scope", up_to=every[1]) == every[:2]
    assert part(signed_by="two", source="mds", model="Rdv") == [every[1]]
    assert part(signed_by="") == [every[2]]
    assert part(model="Absence") == part(source="other") == []
    assert [each.id for each in store.read(set_aside.waiting, 2, every[0], Wanted("scope"))] == every[1:3]
    last = {(group.reason, group.signed_by): group.last for group in town.waits()}
    assert last[Reason.SCOPE, "one"] == every[0]
    assert last[Reason.REMOVAL, TWELVE.tag] == every[-1]
