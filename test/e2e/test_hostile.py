# SPDX-License-Identifier: ISC
"""Strangers at full speed: the server stays up, does not grow, sends less than it gets, and a pair keeps chatting."""

import os
import random
import socket
import struct
import threading
import time

import mms
import mms_wire as wire
import pytest
from mms_noise import Handshake, KeyPair
from mms_session import Session

SECONDS = 2


class Flood:
    """Sends what `make(i)` gives as fast as the socket takes it, from a thread; counts bytes out and back."""

    def __init__(self, server, make, sockets=4):
        self.server = server
        self.make = make
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(sockets)]
        for opened in self.sockets:
            opened.setblocking(False)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.sent = self.received = self.datagrams = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._is_over.is_set():
            for opened in self.sockets:
                datagram = self.make(self.datagrams)
                try:
                    opened.sendto(datagram, self.server.address)
                    self.sent += len(datagram)
                    self.datagrams += 1
                except (BlockingIOError, ConnectionError):
                    pass
            self._drain()

    def _drain(self):
        for opened in self.sockets:
            while True:
                try:
                    self.received += len(opened.recv(65536))
                except (BlockingIOError, ConnectionError):
                    break

    def close(self):
        self._is_over.set()
        self._thread.join(5)
        end = time.monotonic() + 0.3  # what is still on its way back counts too
        while time.monotonic() < end:
            self._drain()
        for opened in self.sockets:
            opened.close()


def garbage(dice):
    pool = [bytes([kind]) + dice.randbytes(size) for kind in range(9) for size in (0, 7, 44, 56, 255, 300, 1199, 1400)]
    return lambda i: pool[dice.randrange(len(pool))]


def hellos(dice):
    return lambda i: wire.hello(dice.randbytes(16))


def false_inits(dice):
    return lambda i: wire.init(dice.randbytes(238), dice.choice((bytes(16), dice.randbytes(16))))


def unknown_data(dice):
    return lambda i: bytes([wire.DATA]) + dice.randbytes(44 + i % 1100)


def truncated(dice, real):
    return lambda i: real[i % len(real)][:dice.randrange(len(real[i % len(real)]) + 1)]


def replayed(dice, real):
    return lambda i: real[dice.randrange(len(real))]


def true_inits(server_key):
    """Strangers with keys of their own whose handshakes are right, made beforehand."""
    made = []
    for _ in range(300):
        handshake = Handshake(KeyPair(), b"MMS\x01", server_key)
        made.append(wire.init(handshake.write_1(wire.init_payload(int.from_bytes(os.urandom(4), "big") | 1))))
    return lambda i: made[i % len(made)]


def chat(fred, tim, server, flood, start, seconds=SECONDS):
    """They talk for some seconds under the flood; gives the worst time one message took."""
    worst, count, end = 0, start, time.monotonic() + seconds
    while time.monotonic() < end:
        asked = time.monotonic()
        fred.wait_verdicts([fred.submit("Tim", f"ask {count}")])
        tim.wait_verdicts([tim.submit("fred", f"tell {count}")])
        count += 1
        tim.wait_texts([f"ask {i}" for i in range(count)], timeout=10)
        fred.wait_texts([f"tell {i}" for i in range(count)], timeout=10)
        worst = max(worst, time.monotonic() - asked)
    assert server.is_up() and count > start
    assert flood.datagrams > 500
    return worst, count


@pytest.fixture(name="pair")
def fixture_pair(server, agent):
    """fred and Tim signed in, and all datagrams that fred's device ever sent."""
    real = []

    def record(device):
        transmit = device.transmit
        device.transmit = lambda datagram: (real.append(datagram), transmit(datagram))

    return agent(server, "fred", setup=record), agent(server, "Tim"), real


@pytest.mark.parametrize("kind", ["garbage", "hellos", "false inits", "unknown data", "truncated", "replayed",
                                  "true inits"])
def test_flood(server, pair, kind):
    fred, tim, real = pair
    dice = random.Random(kind)
    fred.wait_verdicts([fred.submit("Tim", f"ask {i}") for i in range(20)])
    tim.wait_verdicts([tim.submit("fred", f"tell {i}") for i in range(20)])
    make = {"garbage": lambda: garbage(dice), "hellos": lambda: hellos(dice), "false inits": lambda: false_inits(dice),
            "unknown data": lambda: unknown_data(dice), "truncated": lambda: truncated(dice, list(real)),
            "replayed": lambda: replayed(dice, list(real)),
            "true inits": lambda: true_inits(fred.device.server_key)}[kind]()
    flood = Flood(server, make)
    try:
        _, count = chat(fred, tim, server, flood, 20, 1)  # tables fill
        before = server.rss_kib()
        worst, _ = chat(fred, tim, server, flood, count)
        after = server.rss_kib()
    finally:
        flood.close()
    assert flood.received <= flood.sent, (flood.received, flood.sent)
    assert after - before < 4096, (before, after)
    assert worst < 5
    assert fred.device.sessions_made == tim.device.sessions_made == 1


def test_each_question_from_one_address_is_answered(make_server, device):
    """However many there were before: so who sends under an address uses up nothing for who is there."""
    server, dice = make_server(options=["--blind-handshakes", "1"]), random.Random(11)
    questions = [(wire.init(dice.randbytes(238)), wire.RETRY), (wire.hello(dice.randbytes(16)), wire.SERVERINFO),
                 (bytes([wire.DATA]) + dice.randbytes(44), wire.UNKNOWN)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.settimeout(5)
        for i in range(600):
            question, answer = questions[i % 3]
            if i % 3 == 0:
                for _ in range(2):  # as many as the server may look at without a cookie: it drops junk
                    stranger.sendto(wire.init(dice.randbytes(238)), server.address)
            stranger.sendto(question, server.address)
            while (got := stranger.recv(65536))[0] != answer:
                assert got[0] == wire.RETRY
    assert device(server, "Tim").connect().welcome.name == "Tim"


def take_all(opened, wait=0.02):
    """How many bytes a socket is sent until nothing has come for `wait` seconds."""
    opened.settimeout(wait)
    count = 0
    while True:
        try:
            count += len(opened.recv(65536))
        except TimeoutError:
            return count


def test_first_address_is_sent_at_most_three_times_what_came_from_it(server, device):
    """A device aims its own session at an address that hears all of it and answers nothing."""
    tim = device(server, "Tim").connect()
    waiting = [tim.submit("fred", "x" * 1000) for _ in range(300)]
    tim.run_until(lambda: all(message.status for message in waiting), 20)
    fred = KeyPair()
    handshake = Handshake(fred, b"MMS\x01", tim.server_key)
    init = wire.init(handshake.write_1(wire.init_payload(7)))
    with (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim,
          socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here):
        victim.bind(("127.0.0.2", 0))
        victim.sendto(init, server.address)
        victim.settimeout(5)
        sent, received = len(init), len(victim.recv(65536))
        here.settimeout(5)
        here.sendto(init, server.address)  # brings the ACCEPT to who only pretends
        accept = here.recv(65536)
        index = int.from_bytes(handshake.read_2(accept[5:]), "big")
        session = Session(handshake.keys, handshake.hash, 7, index, 0)

        def blindly(frames, state=None):
            datagram = session.seal(frames, state)
            victim.sendto(datagram, server.address)
            return len(datagram)

        sent += blindly(wire.call_frame(1, wire.SIGNIN, wire.signin_body("fred")))
        for first in range(1, 301, 8):
            received += take_all(victim)
            sent += blindly(wire.answer_frame(first, 8, wire.OK), (2, first + 8, 0))
        received += take_all(victim, 2)
    print(f"{received} bytes for {sent}: factor {received / sent:.1f}")
    assert received <= 3 * sent, (received, sent)


def test_each_answer_to_a_stranger_is_no_larger_than_its_question(server):
    dice = random.Random(9)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.settimeout(0.03)
        for datagram in [wire.hello(bytes(16)), wire.hello(bytes(16))[:100], bytes([wire.DATA]) + dice.randbytes(44),
                         bytes([wire.DATA]) + dice.randbytes(12), b"", b"\x03", wire.init(dice.randbytes(238)),
                         bytes([wire.UNKNOWN]) + bytes(12), bytes([wire.SERVERINFO]) + bytes(50), bytes(1201),
                         bytes([wire.DATA]) + bytes(1200)]:
            stranger.sendto(datagram, server.address)
            try:
                answer = stranger.recv(65536)
            except TimeoutError:
                continue
            assert len(answer) <= len(datagram) and wire.size_is_right(datagram), datagram[:20]
    assert server.is_up()


def test_the_map_of_frames_at_random_inside_a_session(server, device, agent):
    """A signed-in device that sends nonsense harms only its own session."""
    tim, dice = agent(server, "Tim"), random.Random(10)
    bad = device(server, "fred").connect()
    for i in range(300):
        if bad.session is None:
            bad.connect()
        frames = dice.randbytes(dice.randrange(60)) if i % 2 else b"".join(
            struct.pack(">BIBH", 1, bad.session.next_number + dice.randrange(70), dice.randrange(20), size := dice.
                        randrange(40)) + dice.randbytes(size) for _ in range(3))
        state = (dice.getrandbits(32), dice.getrandbits(32), dice.getrandbits(64)) if i % 3 else None
        bad.transmit(bad.session.seal(frames, state=state))
        if i % 10 == 9:
            bad.session.is_over = True
            bad.session = None
            bad.step(0)
    tim.wait_verdicts([tim.submit("Tim", "still here")])
    tim.wait_texts(["still here"])
    assert server.is_up()
