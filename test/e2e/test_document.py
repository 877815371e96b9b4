# SPDX-License-Identifier: ISC
"""What the document says of odd cases, tried with the second client: at the program's server, and by itself at a played one."""

import os
import struct
import time

import mms_wire as wire
import pytest
from mms_client import HANDSHAKES_BURST, Device, Stopped, new_id
from mms_fake_server import FakeServer
from mms_noise import KeyPair

CODE = "A" * 22


# --- the program's server ---

def test_calls_behind_signout_never_start(server, device):
    tim = device(server, "Tim").connect()
    out, ping = tim.session.call(wire.SIGNOUT), tim.session.call(wire.PING)
    late = tim.session.call(wire.SUBMIT, wire.submit_body(new_id(), "Tim", b"late"))
    tim.run_until(lambda: out.is_answered and late.is_marked, 5)
    assert not ping.is_answered and not late.is_answered
    again = device(server, "Tim", static=tim.static).connect()
    assert again.welcome.waiting == 0


def test_flags_without_a_meaning_are_ignored(server, device, monkeypatch):
    tim = device(server, "Tim")
    make = wire.signin_body
    monkeypatch.setattr(wire, "signin_body", lambda *fields: bytes([make(*fields)[0] | 0xfc]) + make(*fields)[1:])
    tim.connect()
    tim.send("Tim", "hello")
    tim.run_until(lambda: tim.texts() == ["hello"], 5)  # RECEIVE was taken for what it is


def test_flags_of_a_submit_are_ignored(server, device):
    tim, identity = device(server, "Tim").connect(), new_id()
    body = wire.submit_body(identity, "Tim", b"hello", flags=0xff)
    assert tim.call(wire.SUBMIT, body)[0] == wire.ACCEPTED
    assert tim.call(wire.SUBMIT, wire.submit_body(identity, "Tim", b"hello"))[0] == wire.ACCEPTED  # the same message
    tim.run_until(lambda: tim.texts() == ["hello"], 5)
    assert (tim.transcript[0].flags, tim.transcript[0].conversation) == (0, "")


def test_kinds_that_a_device_may_submit(server, device):
    tim = device(server, "Tim").connect()
    for kind in (wire.JOINED, wire.LEFT, wire.KIND_REMOVED, wire.RENAMED):
        assert tim.call(wire.SUBMIT, wire.submit_body(new_id(), "Tim", b"x", kind=kind)) == (wire.BAD, b"")
    for kind in (0, 6, 255):
        assert tim.call(wire.SUBMIT, wire.submit_body(new_id(), "Tim", b"x", kind=kind))[0] == wire.ACCEPTED


def test_the_text_of_another_form(server, device):
    tim, identity = device(server, "Tim").connect(), new_id()
    for form in (0, 2, 255):
        assert tim.call(wire.SUBMIT, wire.submit_body(new_id(), "Tim", b"\xff\0", form=form))[0] == wire.ACCEPTED
        for text in (b"", b"x" * 1025):
            assert tim.call(wire.SUBMIT, wire.submit_body(new_id(), "Tim", text, form=form)) == (wire.BAD_TEXT, b"")
    assert tim.call(wire.SUBMIT, wire.submit_body(identity, "Tim", b"x"))[0] == wire.ACCEPTED
    for other in ({"form": 2}, {"kind": 6}):  # another message under its id
        assert tim.call(wire.SUBMIT, wire.submit_body(identity, "Tim", b"x", **other)) == (wire.BAD, b"")


def test_a_room_of_others_is_not_to_be_probed(server, device):
    tim = device(server, "Tim").connect()
    for room in ("#Tim", "#" + "a" * 32):
        assert tim.call(wire.SUBMIT, wire.submit_body(new_id(), room, b"x")) == (wire.NOT_A_MEMBER, b"")
    for none in ("#", "##", "#" + "a" * 33, "a" * 33, "a#"):
        assert tim.call(wire.SUBMIT, wire.submit_body(new_id(), none, b"x")) == (wire.BAD, b"")


def test_ids_are_any_bytes(server, device):
    tim = device(server, "Tim").connect()
    for identity in (bytes(16), b"\xff" * 16, os.urandom(16)):
        assert tim.send("Tim", identity.hex(), identity).status == wire.ACCEPTED
    tim.run_until(lambda: len(tim.transcript) == 3, 5)


def test_a_delivery_answered_bad_is_passed_over(server, device):
    tim, fred = device(server, "Tim").connect(), device(server, "fred").connect()
    refused = []
    answer = tim.session.answer

    def refuse_first(number, status, body=b""):
        refused.append(number)
        answer(number, wire.BAD if len(refused) == 1 else status, body)
    tim.session.answer = refuse_first
    fred.send("Tim", "first")
    tim.run_until(lambda: refused, 5)
    fred.send("Tim", "second")
    tim.run_until(lambda: "second" in tim.texts(), 5)
    tim.sign_out()
    again = device(server, "Tim", static=tim.static).connect()
    assert again.welcome.waiting == 0


@pytest.mark.parametrize("versions", [b"\x02", b"\x02\x03\x7f", b""])
def test_an_init_without_the_version_is_dropped(server, device, monkeypatch, versions):
    tim = device(server, "Tim", server_key=device(server, "libero").connect().server_key)
    make = wire.init_payload
    with monkeypatch.context() as patched:
        patched.setattr(wire, "init_payload", lambda index: make(index, versions))
        tim.start()
        tim.run_until(lambda: tim.dial.tries > 3, 5)
        assert tim.sessions_made == 0
    tim.dial = None
    tim.connect()


def test_a_key_is_of_one_user(server, device):
    tim = device(server, "Tim").connect()
    with pytest.raises(Stopped, match="not authorized"):
        device(server, "fred", static=tim.static).connect()
    device(server, "fred").connect()  # the name is still to be claimed


def test_a_wrong_proof_claims_nothing_and_keeps_nobody_out(server, device):
    key = KeyPair()
    with pytest.raises(Stopped, match="not authorized"):
        device(server, "Tim", static=key, invite=CODE).connect()
    assert device(server, "Tim", static=key).connect().welcome.proof is None
    enrolled = device(server, "Tim", static=key, invite=CODE)
    with pytest.raises(Stopped, match="bad proof"):  # let in by its key, without the proof that it wanted
        enrolled.connect()
    assert enrolled.verdict == wire.OK


def test_who_is_asked_from_the_beginning_in_a_new_session(make_server, device):
    server = make_server([f"user{i}" for i in range(500)])
    one = device(server, "user0").connect()
    page = wire.who_ok_decode(one.call(wire.WHO, wire.who_body())[1])
    assert page.first == 0 and page.users
    two = device(server, "user0", static=one.static).connect()
    again = wire.who_ok_decode(two.call(wire.WHO, wire.who_body(page.generation, len(page.users)))[1])
    assert again.first == 0 and again.generation == page.generation


# --- the second client, which is written from the document ---

class Teller(FakeServer):
    """Makes calls in front of the answer to SIGNIN, which it gives as told; None: never."""

    def __init__(self, answer, calls=()):
        super().__init__()
        self.answer, self.calls, self.made = answer, calls, []

    def signin_answer(self, index, session, name):
        self.made += [session.call(kind, body) for kind, body in self.calls]
        for datagram in session.send(time.monotonic()):
            self.socket.sendto(datagram, self.addresses[index])
        status, body = super().signin_answer(index, session, name)
        return self.answer(status, body)


HELLO_FROM_BOSS = wire.deliver_body(os.urandom(16), 2 ** 64 - 1, "boss", b"hello")


def test_a_call_before_the_answer_to_signin_waits():
    with Teller(lambda *_: (None, b""), [(wire.DELIVER, HELLO_FROM_BOSS)]) as server, Device(server.address, "a") as one:
        one.start()
        one.run_until(lambda: server.made and server.made[0].is_marked, 5)
        assert one.transcript == [] and not server.made[0].is_answered
    with Teller(lambda *ok: ok, [(wire.DELIVER, HELLO_FROM_BOSS)]) as server, Device(server.address, "a") as one:
        one.connect()
        one.run_until(lambda: server.made[0].is_answered, 5)
        assert one.texts() == ["hello"] and server.made[0].status == wire.OK


@pytest.mark.parametrize("answer, why", [
    (lambda status, body: (wire.NOT_AUTHORIZED, b""), "not authorized"),
    (lambda status, body: (wire.SERVER_FULL, b""), "server full"),
    (lambda status, body: (wire.BAD, b""), "breaks the protocol"), (lambda status, body: (77, b""), "breaks the protocol"),
    (lambda status, body: (status, body + b"x"), "breaks the protocol"),
    (lambda status, body: (status, body[:-1] + b"b"), "breaks the protocol")])
def test_how_signin_can_end(answer, why):
    with Teller(answer) as server, Device(server.address, "a") as one:
        with pytest.raises(Stopped, match=why):
            one.connect()
        assert one.server_key is None


def test_deliveries_of_a_later_version():
    made = [{"flags": 0xf8}, {"flags": wire.HISTORY}, {"kind": 200, "form": 9, "text": b"\xff"},
            {"kind": wire.RENAMED, "sender": "", "flags": wire.ROOM, "room_id": A_ROOM, "room_row": 1, "conversation": "#r"},
            {"flags": wire.OWN, "conversation": "tim"},
            {"flags": wire.OWN | wire.ROOM, "room_id": A_ROOM, "room_row": 2 ** 63 - 1, "conversation": "#r"}]
    calls = [(wire.DELIVER, delivery(**fields)) for fields in made]
    with Teller(lambda *ok: ok, calls) as server, Device(server.address, "a") as one:
        one.connect()
        one.run_until(lambda: all(call.is_answered for call in server.made), 5)
        assert {call.status for call in server.made} == {wire.OK}
        assert one.texts() == ["hello", "hello", None, None, "hello", "hello"]


A_ROOM = b"theroom8"


def delivery(sender="boss", text=b"hello", **fields):
    return wire.deliver_body(os.urandom(16), 0, sender, text, **fields)


def test_what_no_delivery_is():
    made = [{"sender": ""}, {"sender": "#r"}, {"sender": "a b"}, {"text": b""}, {"text": b"x" * 1025}, {"text": b"\xff"},
            {"form": 2, "text": b""}, {"form": 2, "text": b"x" * 1025}, {"conversation": "tim"}, {"conversation": "#r"},
            {"room_row": 1}, {"room_id": A_ROOM}, {"flags": wire.OWN}, {"flags": wire.OWN, "conversation": "#r"},
            {"flags": wire.OWN, "conversation": "tim", "room_row": 1}, {"flags": wire.OWN, "conversation": "tim", "room_id": A_ROOM},
            {"flags": wire.ROOM, "room_id": A_ROOM, "room_row": 1},
            {"flags": wire.ROOM, "room_id": A_ROOM, "room_row": 1, "conversation": "r"},
            {"flags": wire.ROOM, "room_id": A_ROOM, "conversation": "#r"},
            {"flags": wire.ROOM, "room_row": 1, "conversation": "#r"},
            {"flags": wire.ROOM, "room_id": A_ROOM, "conversation": "#r", "room_row": 2 ** 63}]
    calls = [(wire.DELIVER, delivery(**fields)) for fields in made]
    with Teller(lambda *ok: ok, calls) as server, Device(server.address, "a") as one:
        one.connect()
        one.run_until(lambda: all(call.is_answered for call in server.made), 5)
        assert {call.status for call in server.made} == {wire.BAD} and one.transcript == []


def test_what_no_notice_is():
    gap = bytes([wire.GAP]) + bytes(16)
    calls = [(wire.NOTICE, body) for body in (b"", b"\x00", b"\x05", bytes([wire.REMOVED]) + b"x", gap, gap + bytes(8),
                                              gap + struct.pack(">Q", 2 ** 63))]
    with Teller(lambda *ok: ok, calls) as server, Device(server.address, "a") as one:
        one.connect()
        one.run_until(lambda: all(call.is_answered for call in server.made), 5)
        assert {call.status for call in server.made} == {wire.BAD} and one.notices == []


def test_another_key_in_a_later_serverinfo_at_first_contact():
    with FakeServer() as server, Device(server.address, "a") as one:
        server._take_init = lambda datagram, address: None
        one.start()
        one.run_until(lambda: one.offered_key, 5)
        server.static = KeyPair()
        with pytest.raises(Stopped, match="key changed"):
            one.run_until(lambda: False, 10)
        assert one.server_key is None


def test_repetitions_of_a_hello_are_the_same_bytes():
    with FakeServer() as server, Device(server.address, "a") as one:
        seen = []
        server._take = lambda datagram, address: seen.append(datagram)
        one.start()
        one.run_until(lambda: len(seen) > 3, 10)
        assert len(set(seen)) == 1


def test_the_second_client_keeps_the_rate_of_handshakes():
    with Teller(lambda *ok: ok, [(wire.NOTICE, bytes([wire.SHUTDOWN]))]) as server, Device(server.address, "a") as one:
        one.connect()
        one.run_for(4)
        assert HANDSHAKES_BURST <= len(server.accepts) <= HANDSHAKES_BURST + 1
