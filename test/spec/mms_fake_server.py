# SPDX-License-Identifier: ISC
"""A server of a few calls, for tests that need one which misbehaves: a man in the middle, a changed key, a wrong proof.

It keeps everything in memory, lets everybody in under any name, and answers from one thread of its own. Override
`signin_answer`, `submit_answer` or `who_answer` to lie; an answer of None is never given. Also what the second client is tried against without the real server.
"""

import os
import select
import socket
import struct
import threading
import time

import mms_wire as wire
from mms_client import PROLOGUE, invite_proof
from mms_noise import BadMessage, Handshake, KeyPair
from mms_session import Session


def who_page(generation, total, first, names, count=None):
    """The body of WHO OK (§6.5); everybody is online."""
    body = struct.pack(">IIIH", generation, total, first, len(names) if count is None else count)
    return body + b"".join(b"\x01" + wire.name_field(name) for name in names)


class FakeServer:
    def __init__(self, port=0, static=None, retries=False, code=None):
        self.static = static or KeyPair()
        self.retries = retries       # whether an INIT needs a cookie
        self.code = code             # an invite whose proof it can give
        self.cookie = os.urandom(16)
        self.accepts = {}            # noise message -> ACCEPT
        self.sessions = {}           # index -> Session
        self.addresses = {}
        self.names = {}              # index -> name
        self.submitted = []          # (sender, id, recipient, text)
        self.refused = []            # datagrams of no use
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        self.address = ("127.0.0.1", self.port)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join(5)
        self.socket.close()

    def _run(self):
        while not self._is_over.is_set():
            if select.select([self.socket], [], [], 0.01)[0]:
                datagram, address = self.socket.recvfrom(65536)
                if wire.size_is_right(datagram):
                    self._take(datagram, address)
            now = time.monotonic()
            for index, session in list(self.sessions.items()):
                for datagram in session.send(now):
                    self.socket.sendto(datagram, self.addresses[index])

    def _take(self, datagram, address):
        kind = datagram[0]
        if kind == wire.HELLO:
            self.socket.sendto(wire.serverinfo(datagram[1:17], b"\x01", self.static.public), address)
        elif kind == wire.INIT:
            self._take_init(datagram, address)
        elif kind == wire.DATA:
            index = struct.unpack_from(">I", datagram, 1)[0]
            session = self.sessions.get(index)
            if session is None:
                self.socket.sendto(wire.unknown(datagram), address)
            elif session.receive(datagram, time.monotonic()):
                self.addresses[index] = address
        else:
            self.refused.append(datagram)

    def _take_init(self, datagram, address):
        message = datagram[18:]
        if self.retries and datagram[2:18] != self.cookie:
            self.socket.sendto(wire.retry(message[:8], self.cookie), address)
            return
        if message not in self.accepts:
            handshake = Handshake(self.static, PROLOGUE)
            try:
                payload = handshake.read_1(message)
            except BadMessage:
                self.refused.append(datagram)
                return
            peer_index = int.from_bytes(payload[:4], "big")
            index = len(self.sessions) + 1
            noise_message = handshake.write_2(struct.pack(">I", index))
            session = Session(handshake.keys, handshake.hash, index, peer_index, time.monotonic(), is_device=False)
            session.on_call = lambda call: self._take_call(index, session, call)
            self.sessions[index] = session
            self.addresses[index] = address
            self.accepts[message] = wire.accept(peer_index, noise_message)
        self.socket.sendto(self.accepts[message], address)

    def _take_call(self, index, session, call):
        status, body = wire.BAD, b""
        if call.kind == wire.SIGNIN:
            reader = wire.Reader(call.body[25:])
            self.names[index] = reader.name()
            status, body = self.signin_answer(index, session, self.names[index])
        elif call.kind == wire.SUBMIT:
            message = wire.submit_decode(call.body)
            self.submitted.append((self.names[index], message.id, message.recipient, message.text))
            status, body = self.submit_answer(index, message.id, message.recipient, message.text)
        elif call.kind in (wire.PING, wire.SIGNOUT):
            status = wire.OK
        elif call.kind == wire.WHO:
            status, body = self.who_answer(*struct.unpack(">II", call.body))
        else:
            status, body = self.other_answer(call)
        if status is not None:
            session.answer(call.number, status, body)

    def signin_answer(self, index, session, name):
        """(status, body) for a SIGNIN."""
        flags = wire.SIGNIN_PROOF if self.code else 0
        body = bytes([flags]) + bytes(16) + bytes(8) + bytes(8) + wire.name_field(name)
        return wire.OK, body + (invite_proof(self.code, session.handshake_hash, b"server") if self.code else b"")

    def who_answer(self, generation, first):
        """(status, body) for a WHO; all fit one page here."""
        names = sorted(set(self.names.values()))
        return wire.OK, who_page(7, len(names), 0, names)

    def submit_answer(self, index, identity, recipient, text):
        """(status, body) for a SUBMIT; delivers to every session of that name."""
        body = wire.deliver_body(identity, int(time.time() * 1000), self.names[index], text)
        for other, name in self.names.items():
            if name.lower() == recipient.lower():
                self.sessions[other].call(wire.DELIVER, body)
        return wire.ACCEPTED, b"\x01" + b"start id 16bytes" + struct.pack(">Q", len(self.submitted))

    def other_answer(self, _call):
        """(status, body) for any other call: it knows none."""
        return wire.BAD, b""

    def deliver(self, name, sender, text):
        """Delivers any bytes as a message to everybody signed in under `name`."""
        body = wire.deliver_body(os.urandom(16), int(time.time() * 1000), sender, text)
        for index, other in self.names.items():
            if other.lower() == name.lower():
                self.sessions[index].call(wire.DELIVER, body)
