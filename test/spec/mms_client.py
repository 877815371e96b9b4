# SPDX-License-Identifier: ISC
"""A second MMS client, written from doc/protocol.md alone: what keeps the document honest, and a hand in hostile tests.

A Device signs in, submits, receives and answers like any other; it keeps outbox and transcript in memory and takes the
server's key as it comes unless one is pinned. One thread drives it through `run_until`. Its socket, handshake and
session are open to whoever wants to send something else: `transmit` puts any bytes on the wire.
"""

import hashlib
import os
import random
import select
import socket
import struct
import time

import mms_wire as wire
from mms_noise import BadMessage, Handshake, KeyPair
from mms_session import Session

PROLOGUE = b"MMS\x01"
NOISE_MESSAGE_LIFE_S = 60
SILENCE_S = 15
HANDSHAKES_BURST, HANDSHAKE_EVERY_S = 3, 5
WHO_USERS, WHO_RESTARTS = 1024 * 1024, 8


class Stopped(Exception):
    """The device has stopped for good: `why` is one of the words of `Device.stop`."""


class Late(AssertionError):
    """What was waited for did not come in time."""


def fingerprint(key):
    return hashlib.blake2b(key, digest_size=32).digest()


def invite_proof(code, handshake_hash, role):
    """The proof of §6.3; role is b"device" or b"server"."""
    hashed = hashlib.blake2b(code.encode(), digest_size=32).digest()
    return hashlib.blake2b(handshake_hash + role, key=hashed, digest_size=32).digest()


def new_id():
    """A UUIDv7."""
    raw = int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10)
    return raw[:6] + bytes([0x70 | raw[6] & 15, raw[7], 0x80 | raw[8] & 63]) + raw[9:]


class Message:
    """One message of the outbox; `status` is its verdict once there is one."""

    def __init__(self, recipient, text, identity=None):
        self.recipient = recipient
        self.text = text if isinstance(text, bytes) else text.encode()
        self.id = identity or new_id()
        self.status = None
        self.is_online = None
        self.mark = None

    def request(self):
        """(kind, body) of the call that offers it."""
        return wire.SUBMIT, wire.submit_body(self.id, self.recipient, self.text)

    def accept(self, body):
        """(whether the recipient is online, mark) of its ACCEPTED; None: that is malformed."""
        return wire.accepted_decode(body)


class Dial:
    """One attempt to set up a session: HELLO if need be, INIT until ACCEPT, then SIGNIN."""

    def __init__(self, now):
        self.started_at = now
        self.next_at = now
        self.tries = 0
        self.nonce = None
        self.handshake = None
        self.noise_message = None
        self.made_at = None
        self.index = None
        self.cookie = bytes(16)
        self.session = None
        self.signin = None

    def backoff(self, now, heard_at):
        self.tries += 1
        silence = now - max(heard_at, self.started_at)
        wait = 0.25 if silence < 10 else 1 if silence < 60 else 3 if silence < 300 else 30
        self.next_at = now + wait * random.uniform(0.75, 1.25)


class Device:
    def __init__(self, server, name, static=None, server_key=None, invite=None, receive=True, clock=time.monotonic):
        self.server = server
        self.name = name
        self.static = static or KeyPair()
        self.server_key = server_key    # pinned, once a SIGNIN was answered OK
        self.offered_key = server_key   # the key the handshake is made with
        self.invite = invite
        self.receive = receive
        self.wants_delivered = False
        self.clock = clock
        self.mark = wire.NO_MARK
        self.outbox = []
        self.transcript = []            # of Delivery
        self.known_ids = set()          # (sender, id)
        self.notices = []
        self.welcome = None             # the newest SigninOk
        self.verdict = None             # the status of the newest answered SIGNIN
        self.stop = None                # None, or why: "signed out", "not authorized", "replaced", "removed", "bad proof",
        #                                 "key changed", "other version", "server full", "breaks the protocol"
        self.session = None
        self.dial = None
        self.old = []                   # (session, end of its life)
        self.heard_at = 0
        self.hello_at = 0
        self.tokens, self.tokens_at = HANDSHAKES_BURST, self.clock()  # for handshakes (§4.6)
        self.bytes_in = self.bytes_out = 0
        self.sessions_made = 0
        self.on_message = lambda delivery: None
        self.socket = self._open()

    def _open(self):
        family = socket.AF_INET6 if ":" in self.server[0] else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_DGRAM)
        opened.setblocking(False)
        return opened

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def move(self):
        """Goes on from another local port."""
        self.socket.close()
        self.socket = self._open()

    # --- what a user does ---

    def connect(self, timeout=10):
        """Signs in. Raises Stopped when that is refused."""
        self.start()
        self.run_until(lambda: self.session is not None, timeout)
        return self

    def start(self):
        self.stop = None
        if self.dial is None:  # the user's order: at once, with a token or without
            now = self.clock()
            self._fill(now)
            self.dial, self.tokens = Dial(now), max(self.tokens - 1, 0)

    def submit(self, recipient, text, identity=None):
        """Queues a message; its `status` comes while the device runs."""
        message = Message(recipient, text, identity)
        self.outbox.append(message)
        if self.session:
            self._submit(message)
        return message

    def send(self, recipient, text, identity=None, timeout=10):
        message = self.submit(recipient, text, identity)
        self.run_until(lambda: message.status is not None, timeout)
        return message

    def call(self, kind, body=b"", timeout=10):
        """Makes any call and waits for its answer: (status, body)."""
        call = self.session.call(kind, body)
        self.run_until(lambda: call.is_answered, timeout)
        return call.status, call.body

    def who(self, timeout=10):
        """[(name, is online)] of all users."""
        generation, users, total, restarts = 0, [], 0, 0
        end = self.clock() + timeout
        while True:
            status, body = self.call(wire.WHO, wire.who_body(generation, len(users)), end - self.clock())
            page = wire.who_ok_decode(body) if status == wire.OK else None
            assert page is not None and page.total <= WHO_USERS, (status, body)
            if users and (page.first != len(users) or page.generation != generation):
                restarts += 1
                assert restarts <= WHO_RESTARTS
                users = []
            assert page.first == len(users) and (not users or page.total == total)
            generation, total = page.generation, page.total
            users += page.users
            if len(users) >= total:
                return users

    def sign_out(self, timeout=10):
        self.call(wire.SIGNOUT, timeout=timeout)
        self.session = None
        self.stop = "signed out"

    # --- the loop ---

    def run_until(self, condition, timeout, may_stop=False):
        """Drives the device until `condition()`; Late after `timeout` seconds, Stopped when it stops before."""
        end = self.clock() + timeout
        while not condition():
            now = self.clock()
            if self.stop and not may_stop:
                raise Stopped(self.stop)
            if now > end:
                raise Late(f"{self.name}: nothing after {timeout} s")
            self.step(max(0, min(end - now + 0.001, 0.05)))

    def run_for(self, seconds):
        end = self.clock() + seconds
        while self.clock() < end and not self.stop:
            self.step(min(0.05, max(0, end - self.clock())))

    def step(self, wait=0.05):
        """Sends what is due, waits at most `wait` seconds for datagrams, takes all there are, and sends again."""
        self.flush()
        now = self.clock()
        wait = max(0, min([wait] + [deadline - now for deadline in self._deadlines(now)]))
        if select.select([self.socket], [], [], wait)[0]:
            while True:
                try:
                    datagram, address = self.socket.recvfrom(65536)
                except BlockingIOError:
                    break
                except ConnectionError:  # a closed port; we go on asking
                    continue
                self.bytes_in += len(datagram)
                if datagram[:1] != bytes([wire.ACCEPT]) or address[:2] == tuple(self.server[:2]):  # §4.3
                    self.take(datagram, self.clock())
        self.flush()

    def _sessions(self):
        dialed = [self.dial.session] if self.dial and self.dial.session else []
        return ([self.session] if self.session else []) + dialed + [session for session, _ in self.old]

    def _deadlines(self, now):
        if self.dial and not self.dial.session:
            yield self.dial.next_at
        for session in self._sessions():
            yield session.deadline(now)

    def transmit(self, datagram):
        try:
            self.socket.sendto(datagram, self.server)
            self.bytes_out += len(datagram)
        except (ConnectionError, BlockingIOError):
            pass

    def flush(self):
        now = self.clock()
        if not self.stop:
            self._watch(now)
            if self.dial and not self.dial.session and now >= self.dial.next_at:
                self._dial_again(now)
        for session in self._sessions():
            for datagram in session.send(now):
                self.transmit(datagram)
        self.old = [(session, end) for session, end in self.old if now < end and not session.is_over]

    def _watch(self, now):
        """The reasons of §5.11 and §9.1 to begin anew."""
        session = self.session
        if session and session.is_over:
            self.session = None
            self.dial = self.dial or self._next_dial(now)
        elif session and not self.dial:
            calls = [call for call in session.unanswered() if call.times_sent]
            if calls and now - session.heard_at > SILENCE_S and now - calls[0].first_sent_at > SILENCE_S:
                self.dial = self._next_dial(now)
        dialed = self.dial.session if self.dial else None
        if dialed and (dialed.is_over or now - (self.dial.signin.first_sent_at or now) > SILENCE_S):
            self.dial = self._next_dial(now)

    def _fill(self, now):
        self.tokens = min(HANDSHAKES_BURST, self.tokens + (now - self.tokens_at) / HANDSHAKE_EVERY_S)
        self.tokens_at = now

    def _next_dial(self, now):
        """A handshake that no user ordered: when there is a token for it (§4.6)."""
        self._fill(now)
        self.tokens -= 1
        return Dial(now + max(0, -self.tokens) * HANDSHAKE_EVERY_S)

    def _dial_again(self, now):
        dial = self.dial
        is_pinned = self.offered_key is not None
        if not is_pinned or (now - dial.started_at >= 1 and now - self.hello_at >= 3):
            dial.nonce = dial.nonce or os.urandom(16)
            self.hello_at = now
            for _ in range(2 if dial.tries else 1):
                self.transmit(wire.hello(dial.nonce))
        if is_pinned:
            if dial.noise_message is None or now - dial.made_at > NOISE_MESSAGE_LIFE_S:
                self.make_init(now)
            for _ in range(min(dial.tries, 2) + 1):
                self.transmit(wire.init(dial.noise_message, dial.cookie))
        dial.backoff(now, self.heard_at)

    def make_init(self, now):
        dial = self.dial
        dial.index = int.from_bytes(os.urandom(4), "big") or 1
        dial.handshake = Handshake(self.static, PROLOGUE, self.offered_key)
        dial.noise_message = dial.handshake.write_1(wire.init_payload(dial.index))
        dial.made_at = now

    # --- what arrives ---

    def take(self, datagram, now):
        if not wire.size_is_right(datagram):
            return
        kind = datagram[0]
        if kind == wire.DATA:
            for session in self._sessions():
                if session.receive(datagram, now):
                    self.heard_at = now
                    break
        elif kind == wire.UNKNOWN:
            self._take_unknown(datagram, now)
        elif self.dial and not self.dial.session and not self.stop:
            if kind == wire.SERVERINFO:
                self._take_serverinfo(datagram, now)
            elif kind == wire.RETRY and self.dial.noise_message and datagram[1:9] == self.dial.noise_message[:8]:
                self.heard_at = now
                self.dial.cookie = datagram[9:]
                self.transmit(wire.init(self.dial.noise_message, self.dial.cookie))
            elif kind == wire.ACCEPT:
                self._take_accept(datagram, now)

    def _take_serverinfo(self, datagram, now):
        info = wire.serverinfo_decode(datagram)
        if info is None or info[0] != self.dial.nonce:
            return
        self.heard_at = now
        if 1 not in info[1]:
            self.stop = "other version"
        elif self.offered_key is not None and info[2] != self.offered_key:
            self.stop = "key changed"
        elif self.offered_key is None:
            self.offered_key = info[2]
            self.dial.next_at = now

    def _take_accept(self, datagram, now):
        dial = self.dial
        if dial.handshake is None or struct.unpack_from(">I", datagram, 1)[0] != dial.index:
            return
        attempt = dial.handshake.fork()
        try:
            payload = attempt.read_2(datagram[5:])
        except BadMessage:
            return
        peer_index = int.from_bytes(payload, "big")
        if peer_index == 0:
            return
        self.heard_at = now
        self.sessions_made += 1
        dial.session = session = Session(attempt.keys, attempt.hash, dial.index, peer_index, now)
        session.on_call = lambda call: self._take_call(session, call)
        proof = invite_proof(self.invite, session.handshake_hash, b"device") if self.invite else None
        body = wire.signin_body(self.name, self.receive, self.mark, proof, self.wants_delivered)
        dial.signin = session.call(wire.SIGNIN, body, lambda call: self._signed_in(session, call))

    def _signed_in(self, session, call):
        answer = wire.signin_ok_decode(call.body) if call.status == wire.OK else None
        self.verdict = call.status
        if answer is None or answer.name.lower() != self.name.lower():
            session.is_over = True
            self.dial = None
            self.stop = {wire.NOT_AUTHORIZED: "not authorized", wire.SERVER_FULL: "server full"}.get(
                call.status, "breaks the protocol")
            return
        if self.invite:
            if answer.proof != invite_proof(self.invite, session.handshake_hash, b"server"):
                self.dial, self.session, self.stop = None, None, "bad proof"
                session.is_over = True
                return
        now = self.clock()
        if self.session:
            self.old.append((self.session, now + 10))
        self.server_key = self.offered_key
        self.session, self.dial, self.welcome = session, None, answer
        for message in self.outbox:
            if answer.flags & wire.SIGNIN_REOFFER and message.status == wire.ACCEPTED:
                message.status = None
            if message.status is None:
                self._submit(message)
        if answer.flags & wire.SIGNIN_REOFFER:
            self.mark = answer.mark
        session.open()

    def _submit(self, message):
        self.session.call(*message.request(), lambda call: self._submitted(message, call))

    def _submitted(self, message, call):
        message.status = call.status if call.status != wire.OK else wire.BAD
        accepted = message.accept(call.body) if call.status == wire.ACCEPTED else None
        if accepted is None:
            return
        message.is_online, message.mark = accepted
        if message.mark[0] != self.mark[0] or message.mark[1] > self.mark[1]:
            self.mark = message.mark

    def _take_unknown(self, datagram, now):
        session = self.dial.session if self.dial and self.dial.session else self.session
        if session is None or (datagram[1:5], datagram[5:]) not in session.sent or self.stop:
            return
        if session is self.session and self.dial:
            return
        self.dial = self._next_dial(now)

    def _take_call(self, session, call):
        status = wire.BAD
        if call.kind == wire.DELIVER:
            delivery = wire.deliver_decode(call.body)
            if delivery:
                status = wire.OK
                self._deliver(delivery)
        elif call.kind == wire.NOTICE:
            notice = wire.notice_decode(call.body)
            if notice or self._take_notice(call.body):
                status = wire.OK
            if notice:
                self._notice(session, notice)
        session.answer(call.number, status)

    def _deliver(self, delivery):
        key = (delivery.sender.lower(), delivery.id)
        if key not in self.known_ids:
            self.known_ids.add(key)
            self.transcript.append(delivery)
            self.on_message(delivery)

    def _take_notice(self, _body):
        """Whether it is a notice that only a device with rooms knows."""
        return False

    def _notice(self, session, notice):
        if notice.what != wire.GAP or notice.id not in [known.id for known in self.notices]:
            self.notices.append(notice)
        if notice.what == wire.SHUTDOWN and session is self.session and not self.dial:
            self.dial = self._next_dial(self.clock())
        if notice.what in (wire.REPLACED, wire.REMOVED) and session is self.session and not self._has_newer(session):
            self.stop = "replaced" if notice.what == wire.REPLACED else "removed"
            self.old.append((session, self.clock() + 10))
            self.session = None

    def _has_newer(self, session):
        """Whether a newer session is signing in beside this one: then the device has replaced itself."""
        return self.dial is not None and self.dial.session is not None and self.dial.session is not session

    def texts(self, sender=None):
        """What was received, as text, from one sender or all, in order; None for what this version cannot show."""
        return [delivery.text.decode() if delivery.kind == wire.MESSAGE and delivery.form == wire.UTF8 else None
                for delivery in self.transcript
                if sender is None or delivery.sender.lower() == sender.lower()]
