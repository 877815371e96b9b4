# SPDX-License-Identifier: ISC
"""Rooms, changes and lists: the second client, written from doc/protocol.md alone, against the real server."""

import os

import mms_calls as calls
import mms_wire as wire
import pytest
from mms_client import new_id
from mms_rooms import RoomDevice


@pytest.fixture(name="roomer")
def fixture_roomer(closing):
    """roomer(server, name, ...) is a device that knows rooms, signed in."""
    return lambda server, name, **fields: closing(RoomDevice(("127.0.0.1", server.port), name, **fields)).connect()


def together(condition, *devices, timeout=10):
    """Drives several devices until `condition()`."""
    def goes_on():
        for device in devices[1:]:
            device.step(0)
        return condition()
    devices[0].run_until(goes_on, timeout)


def lines(device, room):
    """[(row, kind, sender, text)] of a room at a device, in the room's order."""
    had = [(came.room_row, came.kind, came.sender, came.text) for came in device.transcript if came.conversation == room]
    return sorted(had + [(came.row, came.kind, came.sender, came.text) for came in device.filled])


def test_a_room_has_one_order_on_every_device(server, roomer):
    fred, tim = roomer(server, "fred"), roomer(server, "Tim")
    assert fred.join("#ops").status == tim.join("#OPS").status == wire.ACCEPTED
    sent = [device.submit("#ops", f"{device.name} {i}") for i in range(20) for device in (fred, tim)]
    together(lambda: all(message.status for message in sent) and
             all(device.rooms and max(device.room("#ops").rows) == 42 and not device.room("#ops").hole()
                 for device in (fred, tim)), fred, tim)
    assert {(message.status, message.is_online) for message in sent} == {(wire.ACCEPTED, True)}
    assert lines(fred, "#ops")[:2] == [(1, wire.JOINED, "fred", b"fred"), (2, wire.JOINED, "Tim", b"Tim")]
    assert lines(tim, "#ops")[-41:] == lines(fred, "#ops")[1:]
    assert [row for row, *_ in lines(fred, "#ops")] == list(range(1, 43))
    for name in (b"fred", b"Tim"):
        told = [text for *_, text in lines(fred, "#ops")[2:] if text.startswith(name)]
        assert told == [name + b" %d" % i for i in range(20)]


def test_what_who_may_not_know_gets_no_answer_from(server, roomer):
    """A private room is as one that is not there, in every answer but to JOIN with CREATE."""
    fred, tim = roomer(server, "fred"), roomer(server, "Tim")
    assert fred.join("#secret", calls.CREATE | calls.PRIVATE).status == wire.ACCEPTED
    fred.run_until(lambda: fred.rooms, 5)
    identity = next(iter(fred.rooms))
    for room, room_id in (("#secret", identity), ("#nothing", b"nothing!")):
        assert tim.join(room, 0).status == tim.add(room, "fred").status == wire.NOT_A_MEMBER
        assert tim.leave(room, "fred").status == tim.send(room, "x").status == wire.NOT_A_MEMBER
        assert tim.leave(room).status == wire.ACCEPTED
        assert tim.call(calls.MEMBERS, calls.members_body(room)) == (wire.NOT_A_MEMBER, b"")
        assert tim.call(calls.HISTORY, calls.history_body(room_id, 1, 1)) == (wire.NOT_A_MEMBER, b"")
    assert tim.all_rooms() == [] and [room.name for room in fred.all_rooms()] == ["#secret"]
    assert tim.join("#secret").status == wire.NOT_A_MEMBER
    assert fred.add("#secret", "Tim").status == wire.ACCEPTED and tim.add("#secret", "libero").status == wire.NOT_AUTHORIZED
    assert [room.flags & calls.ROOM_PRIVATE for room in tim.all_rooms()] == [calls.ROOM_PRIVATE]


def test_who_goes_hears_that_and_no_more(server, roomer):
    fred, tim = roomer(server, "fred"), roomer(server, "Tim")
    assert fred.join("#ops").status == tim.join("#ops").status == wire.ACCEPTED
    assert tim.leave("#ops", "fred").status == wire.NOT_AUTHORIZED and fred.leave("#ops", "tim").status == wire.ACCEPTED
    assert fred.send("#ops", "he is gone").status == wire.ACCEPTED
    together(lambda: tim.transcript and tim.transcript[-1].kind == wire.KIND_REMOVED, tim, fred)
    assert (tim.transcript[-1].sender, tim.transcript[-1].text) == ("fred", b"Tim")
    assert tim.send("#ops", "x").status == wire.NOT_A_MEMBER and tim.send("fred", "after").status == wire.ACCEPTED
    together(lambda: "after" in fred.texts(), fred, tim)
    assert "he is gone" not in tim.texts()
    assert tim.join("#ops").status == wire.ACCEPTED and tim.members("#ops") == [(3, "fred"), (1, "Tim")]
    assert fred.leave("#ops").status == wire.ACCEPTED and tim.members("#ops") == [(3, "Tim")]  # the oldest member owns it


def test_a_change_again_changes_nothing(server, roomer):
    """Neither with its id, which is held, nor with its stamp under another."""
    fred = roomer(server, "fred")
    join, leave = fred.join("#ops"), fred.leave("#ops")
    made = fred.join("#other")
    assert made.stamp[0] == join.stamp[0] and made.stamp[1] > leave.stamp[1] > join.stamp[1]
    for identity in (join.id, new_id()):
        status, body = fred.call(calls.JOIN, calls.join_body(identity, join.stamp, calls.CREATE, "#other"
                                                             if identity != join.id else "#ops"))
        accepted = calls.accepted_decode(body)
        assert status == wire.ACCEPTED and accepted.stamp == join.stamp
    assert [room.name for room in fred.all_rooms()] == ["#other"]
    status, _ = fred.call(calls.LEAVE, calls.add_or_leave_body(join.id, calls.NO_STAMP, "#other", ""))
    assert status == wire.BAD  # the id of another change
    status, _ = fred.call(calls.JOIN, calls.join_body(new_id(), (join.stamp[0], 2 ** 62), calls.CREATE, "#forged"))
    assert status == wire.BAD  # a number that was not given yet


def test_blocking(server, roomer):
    fred, tim = roomer(server, "fred"), roomer(server, "Tim")
    assert fred.block("TIM").status == wire.ACCEPTED and fred.blocked() == ["Tim"] and tim.blocked() == []
    assert tim.send("fred", "x").status == wire.BLOCKED and fred.send("Tim", "y").status == wire.ACCEPTED
    assert tim.join("#ops").status == wire.ACCEPTED and tim.add("#ops", "fred").status == wire.BLOCKED
    assert fred.block("nobody").status == wire.NO_SUCH_USER
    assert fred.block("Tim", calls.CLEAR).status == wire.ACCEPTED and fred.blocked() == []
    assert tim.send("fred", "x").status == wire.ACCEPTED


def test_history_says_what_there_is(server, roomer):
    fred = roomer(server, "fred")
    fred.join("#ops")
    sent = [fred.submit("#ops", str(i)) for i in range(99)]
    fred.run_until(lambda: all(message.status for message in sent) and len(fred.room("#ops").rows) == 100, 10)
    identity, rows, next_ = next(iter(fred.rooms)), [], 5
    while next_ <= 80:
        asked = calls.History(identity, next_, 80)
        status, body = fred.call(calls.HISTORY, calls.history_body(*asked))
        page = calls.history_ok_decode(body, asked)
        assert status == wire.OK and page is not None
        rows, next_ = rows + page.rows, page.next
    assert [(row.row, row.text) for row in rows] == [(i, b"%d" % (i - 2)) for i in range(5, 81)]
    for first, last in ((1, 101), (101, 101), (0, 5), (6, 5)):
        assert fred.call(calls.HISTORY, calls.history_body(identity, first, last)) == (wire.BAD, b"")
    assert fred.call(calls.HISTORY, calls.history_body(os.urandom(8), 1, 2)) == (wire.NOT_A_MEMBER, b"")


def test_what_one_was_away_for_waits_and_is_in_the_rooms_order(server, roomer):
    fred, tim = roomer(server, "fred"), roomer(server, "Tim")
    fred.join("#ops")
    tim.join("#ops")
    together(lambda: len(tim.transcript) == 1 and tim.rooms, tim, fred)
    tim.sign_out()
    assert fred.send("#ops", "one").status == fred.send("Tim", "direct").status == fred.send("#ops", "two").status == wire.ACCEPTED
    fred.leave("#ops")
    again = roomer(server, "Tim", static=tim.static)
    assert again.welcome.waiting == 3  # who comes and goes does not wait
    again.run_until(lambda: len(again.transcript) == 4, 5)
    assert again.texts() == ["one", "direct", "two", None]
    again.run_until(lambda: again.list_at is None and again.list_call is None, 5)
    assert again.room("#ops").hole() is None and again.room("#ops").gaps == []
