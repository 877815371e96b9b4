#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Checks doc/vectors.json and the examples of doc/protocol.md with the second client's own code, which never saw ours.

Every datagram is made again from the secrets and must come out byte for byte; every frame and body is decoded and put
together again. Prints what is wrong and exits 1, or says how much was right.
"""

import json
import pathlib
import re
import struct
import sys

import mms_calls as calls
import mms_wire as wire
from mms_client import PROLOGUE, invite_proof
from mms_noise import Handshake, KeyPair, seal, unseal

ROOT = pathlib.Path(__file__).resolve().parents[2]
VECTORS = ROOT / "doc" / "vectors.json"
DOCUMENT = ROOT / "doc" / "protocol.md"


# The statuses each call can be answered with (§6); in the conversation all of them must occur.
STATUSES = {
    wire.SIGNIN: {wire.OK, wire.BAD, wire.NOT_AUTHORIZED, wire.SERVER_FULL},
    wire.WHO: {wire.OK, wire.BAD},
    wire.SUBMIT: {wire.ACCEPTED, wire.BAD, wire.BAD_TEXT, wire.NO_SUCH_USER, wire.MAILBOX_FULL, wire.SERVER_FULL},
    wire.SIGNOUT: {wire.OK, wire.BAD}, wire.PING: {wire.OK, wire.BAD},
    wire.DELIVER: {wire.OK, wire.BAD}, wire.NOTICE: {wire.OK, wire.BAD},
}
CHANGED = {wire.ACCEPTED, wire.BAD, wire.SERVER_FULL}
IN_ROOMS = CHANGED | {wire.NOT_A_MEMBER, wire.NOT_AUTHORIZED}
# The same of the calls of §6.10 to §6.17, which stand alone: each call occurs, and each status of §6.1.
ALONE = {
    calls.JOIN: IN_ROOMS | {wire.ROOM_FULL, wire.LIMIT}, calls.LEAVE: IN_ROOMS,
    calls.ADD: IN_ROOMS | {wire.ROOM_FULL, wire.LIMIT, wire.NO_SUCH_USER, wire.BLOCKED},
    calls.ROOMS: {wire.OK, wire.BAD}, calls.MEMBERS: {wire.OK, wire.BAD, wire.NOT_A_MEMBER},
    calls.HISTORY: {wire.OK, wire.BAD, wire.NOT_A_MEMBER}, calls.STATES: {wire.OK, wire.BAD},
    calls.WATCH: {wire.OK, wire.BAD, wire.LIMIT}, calls.BLOCK: CHANGED | {wire.OK, wire.NO_SUCH_USER, wire.LIMIT},
    calls.DEVICES: CHANGED | {wire.OK},
}
KINDS = {"SIGNIN": wire.SIGNIN, "JOIN": calls.JOIN, "ADD": calls.ADD, "LEAVE": calls.LEAVE, "ROOMS": calls.ROOMS,
         "MEMBERS": calls.MEMBERS, "HISTORY": calls.HISTORY, "STATES": calls.STATES, "WATCH": calls.WATCH,
         "BLOCK": calls.BLOCK, "DEVICES": calls.DEVICES}


class Wrong(Exception):
    """A vector that the document does not allow."""


def require(condition, what):
    if not condition:
        raise Wrong(what)


def is_text_good(body):
    submission = wire.submit_decode(body)
    return wire.is_message(submission.text, submission.form)


def mark_bytes(mark):
    return mark[0] + struct.pack(">Q", mark[1])


class Conversation:
    """Follows the datagrams in order, as somebody who knows all secrets."""

    def __init__(self, vectors):
        def known(name):
            return bytes.fromhex(vectors[name])
        self.vectors = vectors
        self.known = known
        self.device_static, self.server_static = KeyPair(known("device_secret")), KeyPair(known("server_secret"))
        require(self.device_static.public == known("device_public"), "device_public is not that of device_secret")
        require(self.server_static.public == known("server_public"), "server_public is not that of server_secret")
        self.device = Handshake(self.device_static, PROLOGUE, self.server_static.public,
                                KeyPair(known("device_ephemeral_secret")))
        self.server = Handshake(self.server_static, PROLOGUE, ephemeral=KeyPair(known("server_ephemeral_secret")))
        self.hello_nonce = self.noise_message = self.cookie = self.last = None
        self.indexes = {}                                   # who -> its own session index
        self.counters = {"device": 0, "server": 0}
        self.calls = {"device": {}, "server": {}}           # calls that each made: number -> Call
        self.malformed = {"device": set(), "server": set()} # those whose answer has to be BAD
        self.held = {"device": set(), "server": set()}      # calls of the other side that each holds
        self.seen = {kind: set() for kind in STATUSES}
        self.sights = set()
        self.answered = {"device": set(), "server": set()}  # numbers of those that are answered

    def take(self, entry):
        datagram = bytes.fromhex(entry["datagram"])
        sender = entry["from"]
        require(sender in self.counters, f"from {sender}")
        require(wire.size_is_right(datagram), "no such type or size")
        kind = datagram[0]
        towards = {wire.HELLO: "device", wire.INIT: "device", wire.DATA: sender}.get(kind, "server")
        require(sender == towards, "wrong direction")
        handler = [None, self.hello, self.serverinfo, self.init, self.accept, self.retry, self.data, self.unknown][kind]
        handler(datagram, sender, entry)
        self.last = datagram

    def hello(self, datagram, _sender, _entry):
        self.hello_nonce = datagram[1:17]
        require(datagram == wire.hello(self.hello_nonce), "not zero to its end")

    def serverinfo(self, datagram, _sender, _entry):
        require(datagram == wire.serverinfo(self.hello_nonce, b"\x01", self.server_static.public), "not as in section 3")

    def init(self, datagram, _sender, _entry):
        require(datagram[1] == 1, "another version")
        if self.noise_message is None:
            self.noise_message = datagram[18:]
            payload = self.server.fork().read_1(self.noise_message)
            index = struct.unpack_from(">I", payload)[0]
            require(index != 0 and payload == wire.init_payload(index), "payload not as in section 4.2")
            self.indexes["device"] = index
            require(self.device.write_1(payload) == self.noise_message, "Noise message 1 differs from ours")
        require(datagram == wire.init(self.noise_message, self.cookie or bytes(16)), "not the same message, or cookie")

    def retry(self, datagram, _sender, _entry):
        self.cookie = datagram[9:]
        require(datagram == wire.retry(self.noise_message[:8], self.cookie), "echo is not of this INIT")

    def accept(self, datagram, _sender, _entry):
        payload = self.device.read_2(datagram[5:])
        self.server.read_1(self.noise_message)
        require(datagram == wire.accept(self.indexes["device"], self.server.write_2(payload)), "not as we make it")
        self.indexes["server"] = struct.unpack(">I", payload)[0]
        require(self.indexes["server"] != 0, "index 0")
        require(self.device.hash == self.server.hash == self.known("handshake_hash"), "handshake hash")
        require(self.device.keys == (self.known("device_to_server_key"), self.known("server_to_device_key")), "keys")

    def data(self, datagram, sender, entry):
        _, index, counter = wire.DATA_HEAD.unpack_from(datagram)
        if "plain" not in entry:
            require(index not in self.indexes.values(), "a DATA of this session without its plain text")
            return
        receiver = "server" if sender == "device" else "device"
        require(index == self.indexes[receiver], "not the receiver's index")
        require(counter == self.counters[sender], "counters do not grow by one")
        self.counters[sender] += 1
        key = self.device.keys[0 if sender == "device" else 1]
        plain = unseal(key, counter, datagram[:13], datagram[13:])
        require(plain.hex() == entry["plain"], "plain text differs")
        require(seal(key, counter, datagram[:13], plain) == datagram[13:], "sealed differently by us")
        frames, is_whole = wire.frames_decode(plain[wire.STATE.size:])
        require(is_whole, "unparsable")
        self.note_sights(frames, plain)
        for frame in frames:
            self.frame(frame, sender, receiver, "lost" in entry)
        self.state(wire.STATE.unpack_from(plain), sender)

    def note_sights(self, frames, plain):
        answers = [frame for frame in frames if isinstance(frame, wire.Answer)]
        made = b"".join(wire.call_frame(*frame) if isinstance(frame, wire.Call) else wire.answer_frame(*frame)
                        if isinstance(frame, wire.Answer) else wire.path_frame(*frame) for frame in frames)
        rest = plain[wire.STATE.size + len(made):]
        require(plain[wire.STATE.size:].startswith(made) and rest[:1] in (b"", b"\0"), "frames differ, made again")
        self.sights |= {name for name, is_seen in (
            ("PADDING", rest), ("merged answers", any(answer.count > 1 for answer in answers)),
            ("several frames", len(frames) > 1), ("MARKS", wire.STATE.unpack_from(plain)[2])) if is_seen}

    def state(self, state, sender):
        """BASE, NEXT and MARKS of a sender that knows what has reached it."""
        base = min(set(range(1, len(self.calls[sender]) + 2)) - self.answered[sender])
        held = self.held[sender]
        next_ = min(set(range(1, len(held) + 2)) - held)
        marks = sum(1 << (number - next_ - 1) for number in held if number > next_)
        require(state == (base, next_, marks), f"state {state}, expected {(base, next_, marks)}")

    def frame(self, frame, sender, receiver, is_lost):
        if isinstance(frame, wire.Call):
            self.call(frame, sender)
            if not is_lost:
                self.held[receiver].add(frame.number)
        elif isinstance(frame, wire.Answer):
            require(not is_lost, "an answer is lost here")
            for number in range(frame.first, frame.first + frame.count):
                require(number in self.held[sender] and number not in self.answered[receiver], "answers no call")
                self.answered[receiver].add(number)
                self.answer_body(frame, self.calls[receiver][number], number in self.malformed[receiver])
        else:
            require(frame.type == (wire.PATH_RESPONSE if sender == "device" else wire.PATH_CHALLENGE), "path frame")

    def call(self, call, sender):
        if call.number in self.calls[sender]:
            require(call == self.calls[sender][call.number], "another call where one is repeated")
            require(call.number not in self.answered[sender], "repeats what is answered")
            return
        require(call.number == len(self.calls[sender]) + 1, "calls are not numbered 1, 2, 3")
        self.calls[sender][call.number] = call
        if not self.is_well_formed(call):
            self.malformed[sender].add(call.number)
        else:
            self.call_body(call, sender)

    @staticmethod
    def is_well_formed(call):
        """Whether a call may be answered with anything but BAD (§6, §10)."""
        reader = wire.Reader(call.body)
        if call.kind == wire.SIGNIN:
            return call.number == 1
        if call.kind == wire.WHO:
            return len(call.body) == 8
        if call.kind == wire.SUBMIT:
            return wire.submit_decode(call.body) is not None
        if call.kind == wire.DELIVER:
            return wire.deliver_decode(call.body) is not None
        if call.kind == wire.NOTICE:
            return wire.notice_decode(call.body) is not None
        return call.kind in (wire.PING, wire.SIGNOUT) and not call.body

    def proof(self, role):
        return invite_proof(self.vectors["invite_code"], self.known("handshake_hash"), role)

    def call_body(self, call, sender):
        reader = wire.Reader(call.body)
        require((call.kind >= wire.DELIVER) == (sender == "server"), "a call of the other side")
        if call.kind == wire.SIGNIN:
            flags, mark, name = reader.number(1), reader.mark(), reader.name()
            proof = self.proof(b"device") if flags & wire.SIGNIN_PROOF else None
            made = wire.signin_body(name, bool(flags & wire.SIGNIN_RECEIVE), mark, proof, bool(flags & wire.SIGNIN_DELIVERED))
        elif call.kind == wire.WHO:
            made = wire.who_body(reader.number(4), reader.number(4))
        elif call.kind == wire.SUBMIT:
            submission = wire.submit_decode(call.body)
            made = wire.submit_body(submission.id, submission.recipient, submission.text)  # flags 0, a message in UTF-8
        elif call.kind == wire.DELIVER:
            delivery = wire.deliver_decode(call.body)
            made = wire.deliver_body(delivery.id, delivery.accepted_at, delivery.sender, delivery.text, delivery.flags,
                                     room_id=delivery.room_id, room_row=delivery.room_row,
                                     conversation=delivery.conversation)
        elif call.kind == wire.NOTICE:
            notice = wire.notice_decode(call.body)
            made = bytes([notice.what]) + (notice.id + struct.pack(">Q", notice.count) if notice.id else b"")
        else:
            made = b""
        require(made == call.body, f"body of kind {call.kind}")

    def answer_body(self, answer, call, is_malformed):
        kind = call.kind
        require(answer.status in STATUSES[kind], f"kind {kind} has no status {answer.status}")
        require(answer.status == wire.BAD or not is_malformed, "a malformed call that is not answered BAD")
        require(answer.status != wire.BAD or is_malformed or kind == wire.SUBMIT, "BAD for a good call")
        is_text_bad = kind == wire.SUBMIT and not is_malformed and not is_text_good(call.body)
        require((answer.status == wire.BAD_TEXT) == is_text_bad, "BAD_TEXT")
        self.seen[kind].add(answer.status)
        if answer.status == wire.ACCEPTED:
            online, mark = wire.accepted_decode(answer.body)
            require(kind == wire.SUBMIT and answer.body == bytes([online]) + mark_bytes(mark), "ACCEPTED")
        elif answer.status == wire.OK and kind == wire.SIGNIN:
            fields = wire.signin_ok_decode(answer.body)
            require(fields is not None, "answer to SIGNIN not as in section 6.2")
            require(fields.proof in (None, self.proof(b"server")), "the server's proof")
        elif answer.status == wire.OK and kind == wire.WHO:
            fields = wire.who_ok_decode(answer.body)
            require(fields is not None and fields.first + len(fields.users) <= fields.total, "answer to WHO")
        else:
            require(answer.body == b"", "status with a body")

    def unknown(self, datagram, _sender, _entry):
        require(self.last[0] == wire.DATA and datagram == wire.unknown(self.last), "not of the DATA before it")


HEX = re.compile(r"(?:[0-9a-f]{2}(?: |$))+")


def hex_of(block):
    """The bytes of an indented example, whose lines are hex and then words."""
    out = ""
    for line in block.splitlines():
        zeros = re.match(r"    00 … 00 \((\d+) bytes\)", line)
        if zeros:
            out += "00" * int(zeros[1])
        elif line.startswith("    ") and (found := HEX.match(line[4:])):
            out += found[0].replace(" ", "")
    return out


def check_examples(document, vectors):
    """Each datagram and plain text stands in the document's examples, in the same order."""
    parts = re.split(r"\n\*\*(.+?)\*\* \(", document.split("<!-- examples", 1)[1].split("<!-- end of examples", 1)[0])
    shown = dict(zip(parts[1::2], parts[2::2]))
    names = [entry["name"] for entry in vectors["datagrams"] + vectors["frames"]]
    require(list(shown) == names, "other examples than vectors")
    for entry in vectors["frames"]:
        require(hex_of(shown[entry["name"]]) == entry["frame"], f"{entry['name']}: the example's bytes")
    for entry in vectors["datagrams"]:
        whole, _, plain = shown[entry["name"]].partition("its plain text")
        require(hex_of(whole) == entry["datagram"], f"{entry['name']}: the example's bytes")
        require(hex_of(plain) == entry.get("plain", ""), f"{entry['name']}: the example's plain text")


def check_frames(vectors, seen):
    alone = Alone(seen)
    for entry in vectors["frames"]:
        try:
            alone.take(entry)
        except Wrong as wrong:
            raise Wrong(f"{entry['name']}: {wrong}") from wrong
        require(entry["name"].startswith(entry.get("answers", "")), f"{entry['name']}: its name")
    require(alone.kinds == set(calls.REQUESTS), f"not every call stands alone: {alone.kinds}")
    return alone


def check(vectors):
    conversation = Conversation(vectors)
    for entry in vectors["datagrams"]:
        try:
            conversation.take(entry)
        except Wrong as wrong:
            raise Wrong(f"{entry['name']}: {wrong}") from wrong
        except Exception as failure:
            raise Wrong(f"{entry['name']}: cannot be decoded: {failure!r}") from failure
    alone = check_frames(vectors, conversation.seen)
    require(conversation.seen == STATUSES, f"not every status of every call: {conversation.seen}")
    seen = set.union(alone.statuses, *conversation.seen.values())
    require(seen == set(range(wire.OK, wire.BLOCKED + 1)), f"not every status: {seen}")
    require(len(conversation.sights) == 4, f"only {conversation.sights}")
    return len(vectors["datagrams"])


class Alone:
    """Follows the frames that stand alone."""

    def __init__(self, seen):
        self.seen = seen       # of the conversation
        self.call = None       # the newest
        self.kinds, self.statuses = set(), set()

    def take(self, entry):
        found, is_whole = wire.frames_decode(bytes.fromhex(entry["frame"]))
        require(is_whole and len(found) == 1, "not one frame")
        frame = found[0]
        if isinstance(frame, wire.Call):
            self.take_call(frame, entry)
        else:
            require(isinstance(frame, wire.Answer) and "answers" in entry, "neither a call nor an answer")
            self.take_answer(frame, entry)

    def take_call(self, call, entry):
        require(wire.call_frame(*call).hex() == entry["frame"] and "answers" not in entry, "the frame, made again")
        require(self.call is None or call.number == self.call.number + 1, "calls that are not numbered in order")
        require(call.kind in calls.REQUESTS and (call.kind == wire.NOTICE) == (entry["from"] == "server"), "who calls")
        decode, encode = calls.REQUESTS[call.kind]
        fields = decode(call.body)
        require(fields is not None and encode(*fields) == call.body, f"body of kind {call.kind}")
        self.call = call
        self.kinds.add(call.kind)

    def take_answer(self, answer, entry):
        kind = KINDS[entry["answers"]]
        number = 1 if kind == wire.SIGNIN else self.call.number
        require(entry["frame"] == wire.answer_frame(number, 1, answer.status, answer.body).hex(), "the frame, made again")
        require(entry["from"] == "server", "who answers")
        if kind == wire.SIGNIN:  # of a session of its own, which it ends
            require(answer.status in (wire.NOT_AUTHORIZED, wire.SERVER_FULL) and not answer.body, "refusal of SIGNIN")
            self.seen[kind].add(answer.status)
            return
        require(kind == self.call.kind and answer.status in ALONE[kind], f"kind {kind} has no status {answer.status}")
        codec = calls.answer_codec(kind, answer.status)
        fields = codec[0](answer.body) if codec else ()
        require(fields is not None and (codec[1](*fields) if codec else b"") == answer.body, f"answer to kind {kind}")
        self.statuses.add(answer.status)


def main():
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
    try:
        count = check(vectors)
        check_examples(DOCUMENT.read_text(encoding="utf-8"), vectors)
    except Wrong as wrong:
        print(f"{VECTORS}: {wrong}", file=sys.stderr)
        return 1
    print(f"{count} datagrams and {len(vectors['frames'])} frames are as the document says")
    return 0


if __name__ == "__main__":
    sys.exit(main())
