"""One rule says whether the store's disk has room: in bytes and in share, so that no size of disk is misjudged."""

import pytest

from receiver.core.room import LEAST_BYTES, LEFT_FREE_BYTES, LOW_BYTES, MIB, Disk, Room

GIB, TIB = 1024 * MIB, 1024 * 1024 * MIB


@pytest.mark.parametrize(
    ("free", "total", "room"),
    [
        (60 * MIB, 100 * MIB, Room.ENOUGH),  # a small volume, mostly free
        (9 * MIB, 100 * MIB, Room.LOW),
        (5 * MIB - 1, 100 * MIB, Room.LACKING),
        (LEAST_BYTES - 1, 5 * MIB, Room.LACKING),  # the smallest: the share alone would let it fill up
        (LEAST_BYTES, 5 * MIB, Room.ENOUGH),
        (290 * GIB, 10 * TIB, Room.ENOUGH),  # 2.9 % of a large one is plenty
        (LOW_BYTES - 1, 40 * GIB, Room.LOW),
        (LOW_BYTES, 40 * GIB, Room.ENOUGH),
        (LEFT_FREE_BYTES, 40 * GIB, Room.LOW),
        (LEFT_FREE_BYTES - 1, 40 * GIB, Room.LACKING),
        (LEFT_FREE_BYTES - 1, GIB, Room.LOW),  # 9.8 %
        (0, 0, Room.LACKING),
    ],
)
def test_room_is_judged_by_bytes_and_share(free: int, total: int, room: Room) -> None:
    assert Disk(free, total).room is room
