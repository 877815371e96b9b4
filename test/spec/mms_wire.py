# SPDX-License-Identifier: ISC
"""Datagrams, frames and call bodies of the second client, byte for byte as protocol.md §2 to §6 lays them out.

Decoders return None for what is not as the document says; they never guess.
"""

import collections
import struct

DATAGRAM_BYTES = 1200
HELLO, SERVERINFO, INIT, ACCEPT, RETRY, DATA, UNKNOWN = range(1, 8)
PADDING, CALL, ANSWER, PATH_CHALLENGE, PATH_RESPONSE = range(5)
SIGNIN, WHO, SUBMIT, SIGNOUT, PING, DELIVER, NOTICE = 1, 2, 3, 4, 5, 16, 17
(OK, BAD, NOT_AUTHORIZED, ACCEPTED, NO_SUCH_USER, MAILBOX_FULL, SERVER_FULL, BAD_TEXT,
 NOT_A_MEMBER, ROOM_FULL, LIMIT, BLOCKED) = range(1, 13)
REPLACED, SHUTDOWN, REMOVED, GAP = range(1, 5)
MESSAGE, JOINED, LEFT, KIND_REMOVED, RENAMED = range(1, 6)  # kinds of messages (§7.3)
UTF8 = 1                                                    # a form (§7.4)
OWN, ROOM, HISTORY = 1, 2, 4
SIGNIN_RECEIVE, SIGNIN_PROOF, SIGNIN_DELIVERED = 1, 2, 4
SIGNIN_REOFFER = 1
WINDOW = 64
FRAMES_BYTES = 1155
DATA_HEAD = struct.Struct(">BIQ")
STATE = struct.Struct(">IIQ")
NO_MARK = (bytes(16), 0)
NO_ROOM = bytes(8)

Call = collections.namedtuple("Call", "number kind body")
Answer = collections.namedtuple("Answer", "first count status body")
Path = collections.namedtuple("Path", "type data")
SigninOk = collections.namedtuple("SigninOk", "flags mark waiting history name proof")
WhoOk = collections.namedtuple("WhoOk", "generation total first users")
Submission = collections.namedtuple("Submission", "id flags kind form recipient text")
Delivery = collections.namedtuple("Delivery", "id accepted_at flags kind form room_id room_row sender conversation text")
Notice = collections.namedtuple("Notice", "what id count")


# --- datagrams (§2) ---

def size_is_right(datagram):
    """Whether the type exists and may have this size."""
    if not datagram:
        return False
    size = len(datagram)
    if datagram[0] == SERVERINFO:
        return 51 <= size <= 66
    if datagram[0] == DATA:
        return 45 <= size <= DATAGRAM_BYTES
    return size == {HELLO: 1200, INIT: 256, ACCEPT: 57, RETRY: 25, UNKNOWN: 13}.get(datagram[0])


def hello(nonce):
    return (bytes([HELLO]) + nonce).ljust(DATAGRAM_BYTES, b"\0")


def serverinfo(nonce, versions, key):
    return bytes([SERVERINFO]) + nonce + bytes([len(versions)]) + bytes(versions) + key


def serverinfo_decode(datagram):
    """(nonce, versions, key)"""
    count = datagram[17]
    if not 1 <= count <= 16 or len(datagram) != 50 + count:
        return None
    return datagram[1:17], datagram[18:18 + count], datagram[18 + count:]


def init(noise_message, cookie=bytes(16), version=1):
    return bytes([INIT, version]) + cookie + noise_message


def init_payload(index, versions=b"\x01"):
    return (struct.pack(">IB", index, len(versions)) + versions).ljust(142, b"\0")


def accept(index, noise_message):
    return struct.pack(">BI", ACCEPT, index) + noise_message


def retry(echo, cookie):
    return bytes([RETRY]) + echo + cookie


def unknown(datagram):
    return bytes([UNKNOWN]) + datagram[1:5] + datagram[-8:]


# --- frames (§5.4) ---

def call_frame(number, kind, body):
    return struct.pack(">BIBH", CALL, number, kind, len(body)) + body


def answer_frame(first, count, status, body=b""):
    return struct.pack(">BIBBH", ANSWER, first, count, status, len(body)) + body


def path_frame(kind, data):
    return bytes([kind]) + data


def frames_decode(data):
    """(frames, whether all of the datagram could be parsed). What stands before a bad frame is kept."""
    frames = []
    at = 0
    while at < len(data):
        kind = data[at]
        if kind == PADDING:
            return frames, True
        if kind in (PATH_CHALLENGE, PATH_RESPONSE):
            if at + 9 > len(data):
                return frames, False
            frames.append(Path(kind, data[at + 1:at + 9]))
            at += 9
            continue
        head = {CALL: struct.Struct(">IBH"), ANSWER: struct.Struct(">IBBH")}.get(kind)
        if head is None or at + 1 + head.size > len(data):
            return frames, False
        fields = head.unpack_from(data, at + 1)
        at += 1 + head.size
        body = data[at:at + fields[-1]]
        at += fields[-1]
        if len(body) != fields[-1] or fields[0] == 0 or (kind == ANSWER and not 1 <= fields[1] <= WINDOW):
            return frames, False
        frames.append(Call(*fields[:-1], body) if kind == CALL else Answer(*fields[:-1], body))
    return frames, True


# --- bodies (§6) ---

def name_field(name):
    raw = name.encode()
    return bytes([len(raw)]) + raw


NAME_LETTERS = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


def is_message(text, form=UTF8):
    """Whether bytes are a text of §7.2."""
    if form != UTF8:
        return 1 <= len(text) <= 1024
    try:
        return 1 <= len(text) <= 1024 and "\0" not in text.decode("utf-8")
    except UnicodeDecodeError:
        return False


class Reader:
    """A cursor over a body; reading beyond the end makes it bad for good."""

    def __init__(self, data):
        self.data = data
        self.is_bad = False

    def take(self, count):
        if count > len(self.data):
            self.is_bad = True
            count = len(self.data)
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def number(self, count):
        return int.from_bytes(self.take(count), "big")

    def name(self):
        count = self.number(1)
        raw = self.take(count)
        if not 1 <= count <= 32 or not set(raw) <= NAME_LETTERS:
            self.is_bad = True
        return raw.decode("ascii", "replace")

    def conversation(self):
        """A user's name, or a room's behind a '#'."""
        count = self.number(1)
        raw = self.take(count)
        name = raw[1:] if raw[:1] == b"#" else raw
        if not 1 <= len(name) <= 32 or not set(name) <= NAME_LETTERS:
            self.is_bad = True
        return raw.decode("ascii", "replace")

    def empty(self):
        """Whether a field of length 0 comes next; then it is read."""
        is_empty = self.data[:1] == b"\0"
        self.data = self.data[1:] if is_empty else self.data
        return is_empty

    def mark(self):
        return self.take(16), self.number(8)

    def ends(self):
        return not self.is_bad and not self.data


def signin_body(name, receive=True, mark=NO_MARK, proof=None, delivered=False):
    flags = ((SIGNIN_RECEIVE if receive else 0) | (SIGNIN_PROOF if proof is not None else 0) |
             (SIGNIN_DELIVERED if delivered else 0))
    return bytes([flags]) + mark[0] + struct.pack(">Q", mark[1]) + name_field(name) + (proof or b"")


def signin_ok_decode(body):
    reader = Reader(body)
    flags = reader.number(1)
    fields = SigninOk(flags, reader.mark(), reader.number(4), reader.number(4), reader.name(),
                      reader.take(32) if flags & SIGNIN_PROOF else None)
    return fields if reader.ends() else None


def who_body(generation=0, first=0):
    return struct.pack(">II", generation, first)


def who_ok_decode(body):
    reader = Reader(body)
    generation, total, first, count = reader.number(4), reader.number(4), reader.number(4), reader.number(2)
    users = []
    for _ in range(count):
        if reader.is_bad:
            return None
        flags = reader.number(1)
        users.append((reader.name(), bool(flags & 1)))
    is_good = reader.ends() and first + count <= total and (count > 0 or first == total)
    return WhoOk(generation, total, first, users) if is_good else None


def submit_body(identity, recipient, text, flags=0, kind=MESSAGE, form=UTF8):
    return identity + bytes([flags, kind, form]) + name_field(recipient) + text


def submit_decode(body):
    reader = Reader(body)
    submission = Submission(reader.take(16), reader.number(1), reader.number(1), reader.number(1), reader.conversation(),
                            reader.data)
    return None if reader.is_bad or JOINED <= submission.kind <= RENAMED else submission


def accepted_decode(body):
    """(whether the recipient is online, mark)"""
    reader = Reader(body)
    flags = reader.number(1)
    mark = reader.mark()
    return (bool(flags & 1), mark) if reader.ends() else None


def deliver_body(identity, accepted_at, sender, text, flags=0, kind=MESSAGE, form=UTF8, room_id=NO_ROOM, room_row=0,
                 conversation=""):
    return (identity + struct.pack(">QBBB8sQ", accepted_at, flags, kind, form, room_id, room_row) + name_field(sender) +
            name_field(conversation) + text)


def deliver_decode(body):
    reader = Reader(body)
    identity, accepted_at, flags, kind, form, room_id, room_row = (
        reader.take(16), reader.number(8), reader.number(1), reader.number(1), reader.number(1), reader.take(8),
        reader.number(8))
    sender = "" if kind != MESSAGE and reader.empty() else reader.name()
    conversation = "" if not flags & (OWN | ROOM) and reader.empty() else reader.conversation()
    delivery = Delivery(identity, accepted_at, flags, kind, form, room_id, room_row, sender, conversation, reader.data)
    if flags & ROOM:
        is_good = conversation.startswith("#") and 1 <= room_row < 2 ** 63 and room_id != NO_ROOM
    else:
        is_good = room_row == 0 and room_id == NO_ROOM and not conversation.startswith("#") and bool(conversation) == bool(flags & OWN)
    return delivery if not reader.is_bad and is_good and is_message(delivery.text, form) else None


def notice_decode(body):
    reader = Reader(body)
    what = reader.number(1)
    if what == GAP:
        notice = Notice(what, reader.take(16), reader.number(8))
        reader.is_bad = reader.is_bad or not 1 <= notice.count < 2 ** 63
    else:
        notice = Notice(what, None, 0)
    return notice if reader.ends() and REPLACED <= what <= GAP else None
