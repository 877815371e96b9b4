# SPDX-License-Identifier: ISC
"""The second client's rooms, against a server that is played: what it asks, what it keeps, what it takes for gone."""

import struct

import mms_calls as calls
import mms_wire as wire
import pytest
from mms_client import Device
from mms_fake_server import FakeServer
from mms_rooms import RoomDevice, runs

OPS = b"room ops"
MARK = (b"start id 16bytes", 7)


def entry(newest, flags=calls.MEMBER, name="#ops", identity=OPS, from_row=1):
    return calls.Room(flags, identity, from_row, newest, 3, name)


def row(number, sender="Tim", kind=wire.MESSAGE, text=b"old"):
    return calls.Row(number, b"row %012d" % number, 0, kind, wire.UTF8, sender, text)


class RoomServer(FakeServer):
    """Has one room of `newest` rows, of which it keeps those in `kept`; `behind` pages of ROOMS are BEHIND."""

    def __init__(self, newest=0, kept=(), behind=0, reoffers=False, page_rows=2):
        super().__init__()
        self.newest, self.kept, self.behind, self.reoffers, self.page_rows = newest, set(kept), behind, reoffers, page_rows
        self.asked = []      # of History
        self.lists = 0
        self.changes = []    # (kind, body)
        self.refusal = None  # of HISTORY and of changes
        self.mark = MARK

    def signin_answer(self, index, session, name):
        flags = wire.SIGNIN_REOFFER if self.reoffers else 0
        return wire.OK, bytes([flags]) + self.mark[0] + struct.pack(">QII", self.mark[1], 0, 0) + wire.name_field(name)

    def other_answer(self, call):
        if call.kind == calls.ROOMS:
            self.lists += 1
            self.behind -= 1
            return wire.OK, calls.rooms_ok_body(calls.BEHIND if self.behind >= 0 else 0, [entry(self.newest)] if self.newest else [])
        if call.kind == calls.HISTORY:
            asked = calls.history_decode(call.body)
            self.asked.append(asked)
            if self.refusal:
                return self.refusal, b""
            found = [row(number) for number in sorted(self.kept) if asked.from_row <= number <= asked.to_row]
            page = found[:self.page_rows]
            return wire.OK, calls.history_ok_body(page[-1].row + 1 if len(found) > len(page) else asked.to_row + 1, page)
        if call.kind in (calls.JOIN, calls.ADD, calls.LEAVE, calls.BLOCK):
            self.changes.append((call.kind, call.body))
            return (self.refusal, b"") if self.refusal else (wire.ACCEPTED, calls.accepted_body(0, self.mark, MARK))
        return super().other_answer(call)

    def say(self, number, identity=None, **fields):
        """Delivers a row of the room to everybody."""
        fields = {"sender": "Tim", "text": b"new", **fields}
        body = wire.deliver_body(identity or b"row %012d" % number, 0, flags=wire.ROOM, room_id=OPS, room_row=number,
                                 conversation="#ops", **fields)
        for session in list(self.sessions.values()):
            session.call(wire.DELIVER, body)


def connected(server):
    return RoomDevice(server.address, "fred").connect()


def test_what_nobody_delivers_is_asked_for_and_the_rest_is_a_gap():
    with RoomServer(newest=12, kept={1, 2, 9, 10, 11, 12}) as server, connected(server) as fred:
        server.say(3)
        server.newest = 12
        fred.run_until(lambda: fred.rooms and 12 in fred.room("#ops").rows, 5)
        room = fred.room("#ops")
        assert sorted(room.rows) in ([1, 2, 3, 9, 10, 11, 12], [3, 9, 10, 11, 12])
        assert room.gaps == [(4, 8)] and room.hole() is None
        assert [came.row for came in fred.filled if came.row > 3] == [9, 10, 11, 12]
        server.say(13)
        fred.run_until(lambda: 13 in room.rows, 5)
        assert room.hole() is None


def test_nothing_is_asked_for_that_may_still_be_delivered():
    with RoomServer(newest=3, kept={1, 2, 3}, behind=1) as server, connected(server) as fred:
        fred.run_until(lambda: server.lists == 1 and fred.list_call is None, 5)
        for number in (1, 2, 3):
            server.say(number)
        fred.run_until(lambda: server.lists == 2, 5)
        fred.run_for(0.2)
        assert server.asked == [] and fred.filled == []
        assert fred.texts() == ["new"] * 3


def test_what_lacks_below_a_delivered_row_is_asked_for_at_once():
    with RoomServer(newest=9, kept=range(1, 10), behind=1000, page_rows=100) as server, connected(server) as fred:
        server.say(2)
        server.say(6)
        fred.run_until(lambda: fred.filled, 5)
        assert server.asked == [calls.History(OPS, 3, 5)] and [came.row for came in fred.filled] == [3, 4, 5]


def test_a_room_that_has_gone_back():
    """After a restore rows are given anew: those of before lose theirs, and stay what they are."""
    with RoomServer(newest=3) as server, connected(server) as fred:
        for number in (1, 2, 3):
            server.say(number)
        fred.run_until(lambda: len(fred.transcript) == 3, 5)
        room = fred.room("#ops")
        server.say(2, b"another message!")
        fred.run_until(lambda: len(fred.transcript) == 4, 5)
        assert room.rows == {1: ("tim", b"row %012d" % 1), 2: ("tim", b"another message!")}
        server.say(3, b"row %012d" % 2)  # offered again by its sender: known, and now in this place
        fred.run_until(lambda: 3 in room.rows, 5)
        assert len(fred.transcript) == 4 and room.rows[3] == ("tim", b"row %012d" % 2) and room.hole() is None


def test_a_message_stands_in_one_row():
    with RoomServer(newest=4, behind=1000) as server, connected(server) as fred:
        for number in (1, 2, 3):
            server.say(number)
        fred.run_until(lambda: len(fred.transcript) == 3, 5)
        server.say(4, b"row %012d" % 2)
        fred.run_until(lambda: fred.room("#ops").gaps, 5)
        assert fred.room("#ops").gaps == [(2, 2)] and len(fred.transcript) == 3


def test_a_list_that_says_less_than_there_was():
    with RoomServer(newest=5, behind=0) as server, connected(server) as fred:
        for number in range(1, 6):
            server.say(number)
        fred.run_until(lambda: len(fred.transcript) == 5, 5)
        server.newest = 3
        fred.list_at = fred.clock()
        fred.run_until(lambda: sorted(fred.room("#ops").rows) == [1, 2, 3], 5)


@pytest.mark.parametrize("is_over", [False, True])
def test_history_is_refused(is_over):
    """Who left hears no more of the room: then what lacks is a gap. Else the room may be made again, and it waits."""
    with RoomServer(newest=9, behind=1000) as server, connected(server) as fred:
        server.refusal = wire.NOT_A_MEMBER
        server.say(1)
        server.say(5, kind=wire.LEFT if is_over else wire.JOINED, text=b"Fred", sender="fred")
        fred.run_until(lambda: server.asked, 5)
        fred.run_for(0.2)
        assert fred.room("#ops").gaps == ([(2, 4)] if is_over else []) and len(server.asked) == 1


def test_a_change_is_offered_again_with_its_stamp():
    with RoomServer() as server, connected(server) as fred:
        change = fred.join("#ops")
        assert change.status == wire.ACCEPTED and change.stamp == MARK
        assert calls.join_decode(server.changes[0][1]) == calls.Join(change.id, calls.NO_STAMP, calls.CREATE, "#ops")
        server.reoffers, server.mark = True, (b"another start id", 3)
        fred.session.is_over = True
        fred.run_until(lambda: len(server.changes) == 2, 10)
        assert calls.join_decode(server.changes[1][1]) == calls.Join(change.id, MARK, calls.CREATE, "#ops")


def test_a_server_that_knows_none_of_it():
    """It answers BAD to all of it (§6.1.6): the device is a whole one, without rooms."""
    with FakeServer() as server, connected(server) as fred:
        assert fred.join("#ops").status == fred.block("Tim").status == wire.BAD
        assert fred.states(fred.outbox[0]) is None and fred.watch("Tim") is None
        assert fred.send("Tim", "hello").status == wire.ACCEPTED
        assert fred.rooms == {} and fred.list_call is None and fred.list_at is None


@pytest.mark.parametrize("kind, status", [(RoomDevice, wire.OK), (Device, wire.BAD)])
def test_notices_of_what_was_delivered_and_of_who_is_there(kind, status):
    made = [calls.notice_body(calls.DELIVERED, [(bytes(16), 1, 1)]), calls.notice_body(calls.PRESENCE, [((1, 0), "Tim")])]
    with RoomServer() as server, kind(server.address, "fred") as fred:
        fred.connect()
        told = [session.call(wire.NOTICE, body) for session in list(server.sessions.values()) for body in made]
        fred.run_until(lambda: all(call.is_answered for call in told), 5)
        assert {call.status for call in told} == {status} and fred.notices == []
        if kind is RoomDevice:
            assert fred.told == [(calls.DELIVERED, (bytes(16), 1, 1)), (calls.PRESENCE, (calls.Presence(1, 0), "Tim"))]


def test_the_other_calls():
    """Each is asked as the document says, and a list page by page."""
    answers = {
        calls.MEMBERS: [calls.members_ok_body(calls.MORE, [(3, "fred")]), calls.members_ok_body(0, [(0, "Tim")])],
        calls.STATES: [calls.states_ok_body((calls.WAITING, 1, 2, 0))], calls.WATCH: [calls.watch_ok_body((0, 99), (1, 0))],
        calls.BLOCK: [calls.block_ok_body(calls.MORE, ["anna"]), calls.block_ok_body(0, ["Tim"])],
        calls.DEVICES: [calls.devices_ok_body(0, [(3, b"f" * 32, 1, 2, "desk")])],
    }
    asked = []

    class Lister(RoomServer):
        def other_answer(self, call):
            if call.kind not in answers:
                return super().other_answer(call)
            asked.append(calls.REQUESTS[call.kind][0](call.body))
            return wire.OK, answers[call.kind].pop(0)

    with Lister() as server, connected(server) as fred:
        message = fred.send("Tim", "hello")
        assert fred.members("#ops") == [(3, "fred"), (0, "Tim")]
        assert fred.states(message) == [(calls.WAITING, 1, 2, 0)]
        assert fred.watch("Tim", "anna") == [(0, 99), (1, 0)]
        assert fred.blocked() == ["anna", "Tim"]
        assert fred.devices() == [(3, b"f" * 32, 1, 2, "desk")]
    assert asked == [("#ops", ""), ("#ops", "fred"), ([message.id],), (calls.FIRST, ["Tim", "anna"]),
                     (calls.LIST, None, None, ""), (calls.LIST, None, None, "anna"), (calls.LIST, None, None, bytes(32), None)]


ENTRY = calls.rooms_ok_body(0, [entry(9)])
HISTORY = calls.history_ok_body(12, [row(10), row(11)])
ASKED = calls.History(OPS, 10, 20)


@pytest.mark.parametrize("decode, body", [
    (calls.rooms_ok_decode, calls.rooms_ok_body(calls.MORE, [])), (lambda body: calls.rooms_ok_decode(body, "#ops"), ENTRY),
    (calls.rooms_ok_decode, calls.rooms_ok_body(0, [entry(0)])), (calls.rooms_ok_decode, calls.rooms_ok_body(0, [entry(2, from_row=3)])),
    (calls.rooms_ok_decode, calls.rooms_ok_body(0, [entry(2 ** 63)])), (calls.rooms_ok_decode, calls.rooms_ok_body(0, [entry(9, 2)])),
    (calls.rooms_ok_decode, calls.rooms_ok_body(0, [entry(9, identity=bytes(8))])),
    (calls.rooms_ok_decode, calls.rooms_ok_body(0, [entry(9, name="ops")])),
    (calls.rooms_ok_decode, calls.rooms_ok_body(0, [entry(9), entry(9)])), (calls.rooms_ok_decode, ENTRY[:-1]),
    (lambda body: calls.history_ok_decode(body, ASKED._replace(from_row=11)), HISTORY),
    (lambda body: calls.history_ok_decode(body, ASKED._replace(from_row=12)), calls.history_ok_body(12, [])),
    (lambda body: calls.history_ok_decode(body, ASKED), calls.history_ok_body(22, [])),
    (lambda body: calls.history_ok_decode(body, ASKED), calls.history_ok_body(20, [])),
    (lambda body: calls.history_ok_decode(body, ASKED), calls.history_ok_body(11, [row(11)])),
    (lambda body: calls.history_ok_decode(body, ASKED), calls.history_ok_body(13, [row(11), row(11)])),
    (lambda body: calls.history_ok_decode(body, ASKED), calls.history_ok_body(13, [row(11, text=b"")])),
    (lambda body: calls.history_ok_decode(body, ASKED), calls.history_ok_body(13, [row(11, sender="")])),
    (calls.states_ok_decode, calls.states_ok_body((5, 0, 0, 0))), (calls.states_ok_decode, calls.states_ok_body((1, 2, 1, 0))),
    (lambda body: calls.states_ok_decode(body, 2), calls.states_ok_body((1, 0, 1, 0))), (calls.states_decode, calls.states_body([])),
    (calls.states_decode, calls.states_body([bytes(16)] * 61)), (calls.watch_decode, calls.watch_body(0, ["a"] * 65)),
    (lambda body: calls.watch_ok_decode(body, 2), calls.watch_ok_body((0, 0))),
    (calls.notice_decode, calls.notice_body(calls.DELIVERED, [(bytes(16), 0, 1)])),
    (calls.notice_decode, calls.notice_body(calls.PRESENCE, [])), (calls.notice_decode, calls.notice_body(calls.PRESENCE, [((0, 0), "a")] * 25)),
    (calls.history_decode, calls.history_body(OPS, 0, 5)), (calls.history_decode, calls.history_body(OPS, 6, 5)),
    (calls.history_decode, calls.history_body(OPS, 1, 2 ** 63)), (calls.join_decode, calls.join_body(bytes(16), MARK, 1, "ops")),
    (calls.add_decode, calls.add_or_leave_body(bytes(16), MARK, "#ops", "")),
    (calls.block_decode, calls.block_body(4, bytes(16), MARK, "Tim")), (calls.block_decode, calls.block_body(calls.SET, bytes(16), MARK, "")),
    (calls.devices_decode, calls.devices_body(0, bytes(16), MARK)),
    (calls.devices_decode, calls.devices_body(calls.SET, bytes(16), MARK, bytes(32), ""))])
def test_what_no_body_is(decode, body):
    assert decode(body) is None


def test_what_a_body_is():
    assert calls.rooms_ok_decode(ENTRY).entries == [entry(9)]
    assert calls.history_ok_decode(HISTORY, ASKED) == (12, [row(10), row(11)])
    assert calls.rooms_ok_decode(calls.rooms_ok_body(0xfe, [entry(0, 0xf0, from_row=0)])) == (calls.BEHIND, [entry(0, 0, from_row=0)])
    assert calls.leave_decode(calls.add_or_leave_body(bytes(16), MARK, "#ops", "")).user == ""
    assert runs({1, 2, 3, 7, 9, 10}) == [(1, 3), (7, 7), (9, 10)]
