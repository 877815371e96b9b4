# SPDX-License-Identifier: ISC
"""The second client's rooms, changes, states and presence (protocol.md §6.10 to §6.17, §8.2), on top of its Device.

It keeps of each room the row of every message that it has, finds what it lacks by ROOMS and by what is delivered, fills that by
HISTORY, and notes as a gap what is gone for good.
"""

import mms_calls as calls
import mms_wire as wire
from mms_client import Device, Message

QUIET_S, QUIET_LONGEST_S = 1, 60  # until ROOMS is asked again after BEHIND; twice as long each time
FIRST_ROWS = 256    # of a room that it has nothing of


class Change(Message):
    """A change in the outbox: `make` gives its body for a stamp."""

    def __init__(self, kind, make):
        super().__init__("", "")
        self.kind, self.make = kind, make
        self.stamp = calls.NO_STAMP

    def request(self):
        return self.kind, self.make(self.id, self.stamp)

    def accept(self, body):
        accepted = calls.accepted_decode(body)
        if accepted is None:
            return None
        self.stamp = accepted.stamp
        return False, accepted.mark


class Room:
    def __init__(self):
        self.name = ""
        self.is_member = True
        self.is_over = False    # its user's own going stands in it
        self.is_refused = False # HISTORY was, in this session
        self.rows = {}          # row -> (sender, id)
        self.gaps = []          # (from, to)
        self.newest = 0         # to be had, as the server said when nothing was behind
        self.begins = None      # where a hole may begin while there is no row

    def take(self, row, key):
        """Whether the row counts as new: it is not there for this message."""
        if self.rows.get(row, key) != key:
            self.go_back(row)
        for other in [known for known, its in self.rows.items() if its == key and known != row]:
            del self.rows[other]
        self.gaps = [part for gap in self.gaps for part in ((gap[0], min(gap[1], row - 1)), (max(gap[0], row + 1), gap[1]))
                     if part[0] <= part[1]]
        self.rows[row] = key

    def go_back(self, row):
        self.rows = {known: key for known, key in self.rows.items() if known < row}
        self.gaps = [(first, min(last, row - 1)) for first, last in self.gaps if first < row]
        self.newest = min(self.newest, row - 1)

    def hole(self):
        """(from, to) of the first hole, or None."""
        end = max([self.newest, *self.rows])
        row = min(self.rows) if self.rows else self.begins
        known = set(self.rows).union(*(range(first, last + 1) for first, last in self.gaps))
        while row is not None and row <= end:
            if row not in known:
                last = row
                while last < end and last + 1 not in known:
                    last += 1
                return row, last
            row += 1
        return None


class RoomDevice(Device):
    def __init__(self, *args, **fields):
        super().__init__(*args, **fields)
        self.wants_delivered = True
        self.rooms = {}                 # room id -> Room
        self.filled = []                # of Row: what came by HISTORY
        self.told = []                  # (what, entry) of NOTICE DELIVERED and PRESENCE
        self.list_call = self.hole_call = None
        self.list_at = None             # when to ask ROOMS
        self.listed = []
        self.is_behind = True
        self.quiet_s = QUIET_S

    # --- what a user does ---

    def change(self, kind, make, timeout=10):
        """Queues a change and waits for its verdict."""
        change = Change(kind, make)
        self.outbox.append(change)
        if self.session:
            self._submit(change)
        self.run_until(lambda: change.status is not None, timeout)
        return change

    def join(self, room, flags=calls.CREATE):
        return self.change(calls.JOIN, lambda identity, stamp: calls.join_body(identity, stamp, flags, room))

    def add(self, room, user):
        return self.change(calls.ADD, lambda identity, stamp: calls.add_or_leave_body(identity, stamp, room, user))

    def leave(self, room, user=""):
        return self.change(calls.LEAVE, lambda identity, stamp: calls.add_or_leave_body(identity, stamp, room, user))

    def block(self, user, what=calls.SET):
        return self.change(calls.BLOCK, lambda identity, stamp: calls.block_body(what, identity, stamp, user))

    def name_device(self, fingerprint, name):
        return self.change(calls.DEVICES, lambda identity, stamp: calls.devices_body(calls.SET, identity, stamp, fingerprint, name))

    def remove_device(self, fingerprint):
        return self.change(calls.DEVICES, lambda identity, stamp: calls.devices_body(calls.CLEAR, identity, stamp, fingerprint))

    def pages(self, kind, make, decode, first, last):
        """All entries of a list: `make` and `decode` are given what the next page stands behind, `last` takes that of an entry."""
        entries, after = [], first
        while True:
            status, body = self.call(kind, make(after))
            page = decode(body, after) if status == wire.OK else None
            assert page is not None, (status, body)
            entries += page.entries
            if not page.flags & calls.MORE:
                return entries
            after = last(entries[-1])

    def all_rooms(self):
        return self.pages(calls.ROOMS, lambda after: calls.rooms_body(0, after), calls.rooms_ok_decode, "", lambda room: room.name)

    def members(self, room):
        return self.pages(calls.MEMBERS, lambda after: calls.members_body(room, after), calls.members_ok_decode, "",
                          lambda member: member.name)

    def blocked(self):
        return self.pages(calls.BLOCK, lambda after: calls.block_body(calls.LIST, user=after), calls.block_ok_decode, "",
                          lambda name: name)

    def devices(self):
        return self.pages(calls.DEVICES, lambda after: calls.devices_body(calls.LIST, fingerprint=after), calls.devices_ok_decode,
                          bytes(32), lambda device: device.fingerprint)

    def states(self, *messages):
        status, body = self.call(calls.STATES, calls.states_body([message.id for message in messages]))
        return calls.states_ok_decode(body, len(messages)) if status == wire.OK else None

    def watch(self, *names):
        status, body = self.call(calls.WATCH, calls.watch_body(calls.FIRST, names))
        return calls.watch_ok_decode(body, len(names)) if status == wire.OK else None

    def room(self, name):
        return next(room for room in self.rooms.values() if room.name.lower() == name.lower())

    # --- what goes on by itself ---

    def _signed_in(self, session, call):
        super()._signed_in(session, call)
        if self.session is session and self.receive:
            self.list_call = self.hole_call = None
            self.list_at = self.clock()
            for room in self.rooms.values():
                room.is_refused = False

    def flush(self):
        if self.session and not self.stop:
            self._ask_rooms(self.clock())
            self._fill_holes()
        super().flush()

    def _ask_rooms(self, now):
        if self.list_at is None or now < self.list_at or self.list_call:
            return
        self.list_at, self.listed, self.is_behind = None, [], False
        self._ask_page("")

    def _ask_page(self, after):
        self.list_call = self.session.call(calls.ROOMS, calls.rooms_body(calls.MINE, after),
                                           lambda call: self._take_page(call, after))

    def _take_page(self, call, after):
        if call is not self.list_call:
            return  # of a session before
        self.list_call = None
        page = calls.rooms_ok_decode(call.body, after) if call.status == wire.OK else None
        if page is None:
            return  # not in this session (§6.1.6)
        self.listed += page.entries
        self.is_behind = self.is_behind or bool(page.flags & calls.BEHIND)
        if page.flags & calls.MORE:
            self._ask_page(page.entries[-1].name)
            return
        for room in self.rooms.values():
            room.is_member = False
        for entry in self.listed:
            self._take_room(entry)
        if self.is_behind:
            self.list_at = self.clock() + self.quiet_s
            self.quiet_s = min(2 * self.quiet_s, QUIET_LONGEST_S)

    def _take_room(self, entry):
        room = self.rooms.setdefault(entry.id, Room())
        room.name, room.is_member = entry.name, True
        if self.is_behind:
            return
        if room.rows and entry.newest_row < max(room.rows):
            room.go_back(entry.newest_row + 1)
        room.newest = entry.newest_row
        room.begins = (entry.from_row if entry.flags & calls.ROOM_NO_HISTORY else
                       max(entry.from_row, entry.newest_row - FIRST_ROWS + 1))

    def _fill_holes(self):
        if self.hole_call:
            return
        for identity, room in self.rooms.items():
            hole = room.hole() if not room.is_refused else None
            if hole:
                asked = calls.History(identity, *hole)
                self.hole_call = self.session.call(calls.HISTORY, calls.history_body(*asked),
                                                   lambda call, room=room, asked=asked: self._take_history(call, room, asked))
                return

    def _take_history(self, call, room, asked):
        if call is not self.hole_call:
            return
        self.hole_call = None
        answer = calls.history_ok_decode(call.body, asked) if call.status == wire.OK else None
        if answer is None:
            room.is_refused = True
            if call.status == wire.NOT_A_MEMBER and room.is_over:
                room.gaps.append((asked.from_row, asked.to_row))
                room.is_refused = False
            return
        missing = set(range(asked.from_row, answer.next))
        for row in answer.rows:
            key = (row.sender.lower(), row.id)
            missing.discard(row.row)
            room.take(row.row, key)
            if key not in self.known_ids:
                self.known_ids.add(key)
                self.filled.append(row)
        room.gaps += runs(missing - set(room.rows))

    def _deliver(self, delivery):
        if delivery.flags & wire.ROOM:
            room = self.rooms.get(delivery.room_id)
            if room is None:
                room = self.rooms[delivery.room_id] = Room()
                self.list_at = self.clock() + QUIET_S
            room.name = delivery.conversation
            room.take(delivery.room_row, (delivery.sender.lower(), delivery.id))
            if delivery.kind in (wire.JOINED, wire.LEFT, wire.KIND_REMOVED) and delivery.text.decode().lower() == self.name.lower():
                room.is_over = delivery.kind != wire.JOINED
        self.quiet_s = QUIET_S
        if self.list_at is not None:
            self.list_at = self.clock() + QUIET_S
        super()._deliver(delivery)

    def _take_notice(self, body):
        told = calls.notice_decode(body)
        if told is None:
            return False
        self.told += [(told[0], entry) for entry in told[1]]
        return True


def runs(rows):
    """[(first, last)] of numbers that follow each other."""
    found = []
    for row in sorted(rows):
        if found and found[-1][1] == row - 1:
            found[-1] = (found[-1][0], row)
        else:
            found.append((row, row))
    return found


