# SPDX-License-Identifier: ISC
"""Bodies of the calls about rooms, devices, history, states, presence and blocking, as protocol.md §6.10 to §6.17 lays them out.

As in mms_wire.py: decoders return None for what is not as the document says. What is encoded is what was decoded, but for flags that
have no meaning. `REQUESTS` and `ANSWERS` have a decoder and an encoder for each kind of call.
"""

import collections
import struct

import mms_wire as wire

JOIN, ADD, LEAVE, ROOMS, MEMBERS, HISTORY, STATES, WATCH, BLOCK, DEVICES = range(6, 16)
DELIVERED, PRESENCE = 5, 6                                  # notices
CREATE, PRIVATE, NO_HISTORY = 1, 2, 4                       # of JOIN
MINE, MORE, BEHIND, FIRST, ONLINE = 1, 1, 2, 1, 1
MEMBER, OWNER, ROOM_PRIVATE, ROOM_NO_HISTORY = 1, 2, 4, 8   # of an entry of ROOMS; OWNER of one of MEMBERS too
LIST, SET, CLEAR = 1, 2, 3                                  # `what` of BLOCK, and of DEVICES: NAME, REMOVE
WAITING, DELIVERED_TO_ALL, REMOVED, UNKNOWN = 1, 2, 3, 4    # states
MEMBER_ONLINE, MEMBER_OWNER, THIS, DEVICE_ONLINE = 1, 2, 1, 2
NO_STAMP = wire.NO_MARK

Join = collections.namedtuple("Join", "id stamp flags room")
Add = collections.namedtuple("Add", "id stamp room user")
Leave = collections.namedtuple("Leave", "id stamp room user")
Accepted = collections.namedtuple("Accepted", "flags mark stamp")
Rooms = collections.namedtuple("Rooms", "flags after")
Room = collections.namedtuple("Room", "flags id from_row newest_row members name")
Members = collections.namedtuple("Members", "room after")
Member = collections.namedtuple("Member", "flags name")
History = collections.namedtuple("History", "room_id from_row to_row")
HistoryOk = collections.namedtuple("HistoryOk", "next rows")
Row = collections.namedtuple("Row", "row id accepted_at kind form sender text")
States = collections.namedtuple("States", "ids")
State = collections.namedtuple("State", "state delivered of at")
Watch = collections.namedtuple("Watch", "flags names")
Presence = collections.namedtuple("Presence", "flags heard_at")
Block = collections.namedtuple("Block", "what id stamp user")
Devices = collections.namedtuple("Devices", "what id stamp fingerprint name")
Device = collections.namedtuple("Device", "flags fingerprint enrolled_at heard_at name")
Page = collections.namedtuple("Page", "flags entries")


class Reader(wire.Reader):
    """A cursor that knows the fields of these calls too."""

    def maybe_name(self):
        return "" if self.empty() else self.name()

    def room(self):
        room = self.conversation()
        self.is_bad = self.is_bad or not room.startswith("#")
        return room

    def maybe_room(self):
        return "" if self.empty() else self.room()

    def change(self):
        return self.take(16), self.mark()

    def many(self, count, read):
        entries = []
        while len(entries) < count and not self.is_bad:
            entries.append(read())
        return entries


def whole(reader, value, is_good=True):
    return value if reader.ends() and is_good else None


def mark(value):
    return value[0] + struct.pack(">Q", value[1])


def place(name):
    """What orders names in a page."""
    return name.lower().lstrip("#").encode()


# --- changes (§6.10, §6.11) ---

def join_decode(body):
    reader = Reader(body)
    return whole(reader, Join(*reader.change(), reader.number(1), reader.room()))


def join_body(identity, stamp, flags, room):
    return identity + mark(stamp) + bytes([flags]) + wire.name_field(room)


def add_decode(body):
    reader = Reader(body)
    return whole(reader, Add(*reader.change(), reader.room(), reader.name()))


def leave_decode(body):
    reader = Reader(body)
    return whole(reader, Leave(*reader.change(), reader.room(), reader.maybe_name()))


def add_or_leave_body(identity, stamp, room, user):
    return identity + mark(stamp) + wire.name_field(room) + wire.name_field(user)


def accepted_decode(body):
    reader = Reader(body)
    return whole(reader, Accepted(reader.number(1), reader.mark(), reader.mark()))


def accepted_body(flags, its_mark, stamp):
    return bytes([flags]) + mark(its_mark) + mark(stamp)


# --- pages (§6.10.10) ---

def page_decode(body, read, key, after, flags=MORE):
    reader = Reader(body)
    seen = reader.number(1) & flags
    entries = reader.many(reader.number(1), lambda: read(reader))
    keys = [after] + [key(entry) for entry in entries if entry is not None]
    is_good = None not in entries and (entries or not seen & MORE)
    return whole(reader, Page(seen, entries), is_good and all(one < other for one, other in zip(keys, keys[1:])))


def page_body(flags, entries, encode):
    return bytes([flags, len(entries)]) + b"".join(encode(*entry) for entry in entries)


def room_read(reader):
    room = Room(reader.number(1) & 15, reader.take(8), reader.number(8), reader.number(8), reader.number(4), reader.room())
    is_good = (room.id != wire.NO_ROOM and room.from_row <= room.newest_row < 2 ** 63 and
               bool(room.from_row) == bool(room.newest_row) and (room.from_row or not room.flags & MEMBER) and
               (room.flags & MEMBER or not room.flags & OWNER))
    return room if is_good and not reader.is_bad else None


def room_entry(flags, identity, from_row, newest_row, members, name):
    return struct.pack(">B8sQQI", flags, identity, from_row, newest_row, members) + wire.name_field(name)


def rooms_decode(body):
    reader = Reader(body)
    return whole(reader, Rooms(reader.number(1) & MINE, reader.maybe_room()))


def rooms_body(flags=MINE, after=""):
    return bytes([flags]) + wire.name_field(after)


def rooms_ok_decode(body, after=""):
    return page_decode(body, room_read, lambda room: place(room.name), place(after), MORE | BEHIND)


def rooms_ok_body(flags, entries):
    return page_body(flags, entries, room_entry)


def members_decode(body):
    reader = Reader(body)
    return whole(reader, Members(reader.room(), reader.maybe_name()))


def members_body(room, after=""):
    return wire.name_field(room) + wire.name_field(after)


def members_ok_decode(body, after=""):
    return page_decode(body, lambda reader: Member(reader.number(1) & 3, reader.name()), lambda member: place(member.name),
                       place(after))


def members_ok_body(flags, entries):
    return page_body(flags, entries, lambda flags, name: bytes([flags]) + wire.name_field(name))


# --- HISTORY (§6.13) ---

def history_decode(body):
    reader = Reader(body)
    asked = History(reader.take(8), reader.number(8), reader.number(8))
    return whole(reader, asked, 1 <= asked.from_row <= asked.to_row < 2 ** 63)


def history_body(room_id, from_row, to_row):
    return room_id + struct.pack(">QQ", from_row, to_row)


def row_read(reader):
    row, identity, at, kind, form = (reader.number(8), reader.take(16), reader.number(8), reader.number(1), reader.number(1))
    sender = reader.name() if kind == wire.MESSAGE else reader.maybe_name()
    return Row(row, identity, at, kind, form, sender, reader.take(reader.number(2)))


def history_ok_decode(body, asked=None):
    reader = Reader(body)
    next_ = reader.number(8)
    rows = reader.many(reader.number(1), lambda: row_read(reader))
    first, last = (asked.from_row, asked.to_row) if asked else (1, 2 ** 63 - 1)
    numbers = [first - 1] + [row.row for row in rows] + [next_]
    is_good = (first < next_ <= last + 1 and (rows or next_ == last + 1 or not asked) and all(one < other for one, other in zip(numbers, numbers[1:])) and
               all(wire.is_message(row.text, row.form) for row in rows))
    return whole(reader, HistoryOk(next_, rows), is_good)


def history_ok_body(next_, rows):
    return struct.pack(">QB", next_, len(rows)) + b"".join(
        struct.pack(">Q16sQBB", *row[:5]) + wire.name_field(row.sender) + struct.pack(">H", len(row.text)) + row.text
        for row in rows)


# --- STATES, WATCH, and their notices (§6.14, §6.15) ---

def states_decode(body):
    reader = Reader(body)
    count = reader.number(1)
    return whole(reader, States(reader.many(count, lambda: reader.take(16))), 1 <= count <= 60)


def states_body(ids):
    return bytes([len(ids)]) + b"".join(ids)


def states_ok_decode(body, count=None):
    reader = Reader(body)
    states = reader.many(reader.number(1), lambda: State(reader.number(1), reader.number(4), reader.number(4), reader.number(8)))
    is_good = all(WAITING <= state.state <= UNKNOWN and state.delivered <= state.of for state in states)
    return whole(reader, states, is_good and (len(states) == count if count is not None else 1 <= len(states) <= 60))


def states_ok_body(*states):
    return bytes([len(states)]) + b"".join(struct.pack(">BIIQ", *state) for state in states)


def watch_decode(body):
    reader = Reader(body)
    flags, count = reader.number(1) & FIRST, reader.number(1)
    return whole(reader, Watch(flags, reader.many(count, reader.name)), count <= 64)


def watch_body(flags, names):
    return bytes([flags, len(names)]) + b"".join(map(wire.name_field, names))


def presence_read(reader):
    return Presence(reader.number(1) & ONLINE, reader.number(8))


def watch_ok_decode(body, count=None):
    reader = Reader(body)
    entries = reader.many(reader.number(1), lambda: presence_read(reader))
    return whole(reader, entries, len(entries) == count if count is not None else len(entries) <= 64)


def watch_ok_body(*entries):
    return bytes([len(entries)]) + b"".join(struct.pack(">BQ", *entry) for entry in entries)


def notice_decode(body):
    """(what, entries) of a NOTICE DELIVERED, of (id, delivered, of), or PRESENCE, of (Presence, name)."""
    reader = Reader(body)
    what, count = reader.number(1), reader.number(1)
    if what == DELIVERED:
        entries = reader.many(count, lambda: (reader.take(16), reader.number(4), reader.number(4)))
        is_good = 1 <= count <= 46 and all(1 <= delivered <= of for _, delivered, of in entries)
    else:
        entries = reader.many(count, lambda: (presence_read(reader), reader.name()))
        is_good = what == PRESENCE and 1 <= count <= 24
    return whole(reader, (what, entries), is_good)


def notice_body(what, entries):
    return bytes([what, len(entries)]) + b"".join(
        entry[0] + struct.pack(">II", *entry[1:]) if what == DELIVERED else
        struct.pack(">BQ", *entry[0]) + wire.name_field(entry[1]) for entry in entries)


# --- BLOCK, DEVICES (§6.16, §6.17) ---

def block_decode(body):
    reader = Reader(body)
    what = reader.number(1)
    change = reader.change() if what in (SET, CLEAR) else (None, None)
    user = reader.name() if what in (SET, CLEAR) else reader.maybe_name()
    return whole(reader, Block(what, *change, user), LIST <= what <= CLEAR)


def block_body(what, identity=None, stamp=None, user=""):
    return bytes([what]) + (identity + mark(stamp) if what != LIST else b"") + wire.name_field(user)


def block_ok_decode(body, after=""):
    return page_decode(body, lambda reader: reader.name(), place, place(after))


def block_ok_body(flags, names):
    return page_body(flags, [(name,) for name in names], wire.name_field)


def devices_decode(body):
    reader = Reader(body)
    what = reader.number(1)
    change = reader.change() if what in (SET, CLEAR) else (None, None)
    fingerprint = reader.take(32)
    return whole(reader, Devices(what, *change, fingerprint, reader.name() if what == SET else None), LIST <= what <= CLEAR)


def devices_body(what, identity=None, stamp=None, fingerprint=bytes(32), name=None):
    return (bytes([what]) + (identity + mark(stamp) if what != LIST else b"") + fingerprint +
            (wire.name_field(name) if what == SET else b""))


def devices_ok_decode(body, after=bytes(32)):
    return page_decode(body, lambda reader: Device(reader.number(1) & 3, reader.take(32), reader.number(8), reader.number(8),
                                                   reader.maybe_name()), lambda device: device.fingerprint, after)


def devices_ok_body(flags, entries):
    return page_body(flags, entries, lambda flags, fingerprint, enrolled_at, heard_at, name: struct.pack(
        ">B32sQQ", flags, fingerprint, enrolled_at, heard_at) + wire.name_field(name))


REQUESTS = {
    JOIN: (join_decode, join_body), ADD: (add_decode, add_or_leave_body), LEAVE: (leave_decode, add_or_leave_body),
    ROOMS: (rooms_decode, rooms_body), MEMBERS: (members_decode, members_body), HISTORY: (history_decode, history_body),
    STATES: (states_decode, states_body), WATCH: (watch_decode, watch_body), BLOCK: (block_decode, block_body),
    DEVICES: (devices_decode, devices_body), wire.NOTICE: (notice_decode, notice_body),
}
OK_BODIES = {
    ROOMS: (rooms_ok_decode, rooms_ok_body), MEMBERS: (members_ok_decode, members_ok_body),
    HISTORY: (history_ok_decode, history_ok_body), STATES: (states_ok_decode, states_ok_body),
    WATCH: (watch_ok_decode, watch_ok_body), BLOCK: (block_ok_decode, block_ok_body),
    DEVICES: (devices_ok_decode, devices_ok_body),
}


def answer_codec(kind, status):
    """(decoder, encoder) of an answer with a body; None: it has none."""
    if status == wire.ACCEPTED and kind in (JOIN, ADD, LEAVE, BLOCK, DEVICES):
        return accepted_decode, accepted_body
    return OK_BODIES.get(kind) if status == wire.OK else None
