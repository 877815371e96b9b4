# SPDX-License-Identifier: ISC
"""The second client, written from doc/protocol.md alone, against the real server: the document is enough, and true."""

import json
import shutil
import struct
import time

import mms
import mms_wire as wire
import pytest
from mms_client import Stopped, new_id
from mms_noise import KeyPair


def test_messages_both_ways_with_the_program(server, profile, agent):
    fred, tim = profile(server, "fred"), agent(server, "Tim")
    listener = fred.listen("-n", "3")
    sent = [tim.submit("fred", text) for text in ("one", "two\nlines", "naïve ☃")]
    assert listener.wait() == 0
    messages = [json.loads(line) for line in listener.lines]
    assert [message["text"] for message in messages] == ["one", "two\nlines", "naïve ☃"]
    assert all(message["v"] == 1 and message["from"] == "Tim" and message["to"] == "fred" for message in messages)
    assert [message["id"].replace("-", "") for message in messages] == [message.id.hex() for message in sent]
    assert all(message.status == wire.ACCEPTED for message in sent)
    fred.send("TIM", "back")
    tim.wait_texts(["back"])
    assert tim.device.transcript[0].sender == "fred"
    assert abs(tim.device.transcript[0].accepted_at / 1000 - time.time()) < 60


def test_name_is_written_as_in_the_users_file(server, device):
    assert device(server, "TIM").connect().welcome.name == "Tim"


def test_waiting_counts_and_comes_in_order(server, device):
    sender = device(server, "Tim").connect()
    sent = [sender.submit("fred", str(i)) for i in range(150)]
    sender.run_until(lambda: all(message.status for message in sent), 10)
    assert {message.status for message in sent} == {wire.ACCEPTED} and not any(message.is_online for message in sent)
    fred = device(server, "fred").connect()
    assert fred.welcome.waiting == 150
    fred.run_until(lambda: len(fred.transcript) >= 150, 10)
    assert fred.texts() == [str(i) for i in range(150)]
    fred.sign_out()
    again = device(server, "fred", static=fred.static).connect()
    assert again.welcome.waiting == 0


def test_online_flag_of_the_verdict(server, device):
    tim, fred = device(server, "Tim").connect(), device(server, "fred").connect()
    assert tim.send("fred", "a").is_online
    fred.sign_out()
    assert not tim.send("fred", "b").is_online


def test_same_submit_again_same_verdict_and_one_message(server, device):
    tim, fred, identity = device(server, "Tim").connect(), device(server, "fred"), new_id()
    body = wire.submit_body(identity, "fred", b"once")
    first, second = tim.call(wire.SUBMIT, body), tim.call(wire.SUBMIT, body)
    assert first[0] == second[0] == wire.ACCEPTED
    assert wire.accepted_decode(first[1])[0] == wire.accepted_decode(second[1])[0]
    tim.sign_out()
    assert device(server, "Tim", static=tim.static).connect().call(wire.SUBMIT, body)[0] == wire.ACCEPTED
    fred.connect()
    tim2 = device(server, "Tim", static=tim.static).connect()
    tim2.send("fred", "end")
    fred.run_until(lambda: "end" in fred.texts(), 5)
    assert fred.texts() == ["once", "end"]


def test_same_submit_in_one_batch(server, device):
    tim, fred, identity = device(server, "Tim").connect(), device(server, "fred").connect(), new_id()
    calls = [tim.session.call(wire.SUBMIT, wire.submit_body(identity, "fred", text)) for text in (b"a", b"a", b"b")]
    tim.run_until(lambda: all(call.is_answered for call in calls), 5)
    assert [call.status for call in calls] == [wire.ACCEPTED, wire.ACCEPTED, wire.BAD]
    tim.send("fred", "end")
    fred.run_until(lambda: "end" in fred.texts(), 5)
    assert fred.texts() == ["a", "end"]


@pytest.mark.parametrize("recipient, text", [("fred", b"other"), ("libero", b"once")])
def test_id_of_another_message_is_bad(server, device, recipient, text):
    tim, identity = device(server, "Tim").connect(), new_id()
    assert tim.call(wire.SUBMIT, wire.submit_body(identity, "fred", b"once"))[0] == wire.ACCEPTED
    assert tim.call(wire.SUBMIT, wire.submit_body(identity, recipient, text)) == (wire.BAD, b"")


def test_same_id_of_two_users_is_two_messages(server, device):
    tim, libero, fred, identity = (device(server, "Tim").connect(), device(server, "libero").connect(),
                                   device(server, "fred").connect(), new_id())
    for sender in (tim, libero):
        assert sender.call(wire.SUBMIT, wire.submit_body(identity, "fred", b"x"))[0] == wire.ACCEPTED
    fred.run_until(lambda: len(fred.transcript) == 2, 5)
    assert sorted(delivery.sender for delivery in fred.transcript) == ["Tim", "libero"]


@pytest.mark.parametrize("kind, body", [
    (99, b""), (0, b"xx"), (wire.DELIVER, b""), (wire.NOTICE, b"\x01"), (wire.PING, b"x"), (wire.SIGNOUT, b"x"),
    (wire.WHO, b""), (wire.WHO, bytes(9)), (wire.SUBMIT, b""), (wire.SUBMIT, bytes(16) + b"\x00\x01\x01\x00x"),
    (wire.SUBMIT, bytes(16) + b"\x00\x01\x01\x21" + b"a" * 33 + b"text"), (wire.SUBMIT, bytes(16) + b"\x00\x01\x01\x04fre"),
    (wire.SIGNIN, wire.signin_body("Tim"))])
def test_unknown_kinds_and_malformed_bodies_are_bad(server, device, kind, body):
    tim = device(server, "Tim").connect()
    assert tim.call(kind, body) == (wire.BAD, b"")
    assert tim.call(wire.PING) == (wire.OK, b"")


@pytest.mark.parametrize("text, status", [
    (b"", wire.BAD_TEXT), (b"x" * 1024, wire.ACCEPTED), (b"x" * 1025, wire.BAD_TEXT), (b"\xff", wire.BAD_TEXT),
    (b"a\0b", wire.BAD_TEXT), (b"\xc0\xaf", wire.BAD_TEXT), (b"\xed\xa0\x80", wire.BAD_TEXT), (b"\x1b[2J", wire.ACCEPTED),
    ("🌊".encode() * 256, wire.ACCEPTED)])
def test_texts(server, device, text, status):
    tim = device(server, "Tim").connect()
    assert tim.call(wire.SUBMIT, wire.submit_body(new_id(), "Tim", text))[0] == status
    if status == wire.ACCEPTED:
        tim.run_until(lambda: tim.transcript, 5)
        assert tim.transcript[0].text == text


def test_no_such_user(server, device):
    assert device(server, "Tim").connect().call(wire.SUBMIT, wire.submit_body(new_id(), "who", b"x"))[0] == \
        wire.NO_SUCH_USER


def test_wrong_device_and_unknown_user_get_the_same_refusal(server, device):
    device(server, "fred").connect()
    answers = []
    for name in ("fred", "jimmy"):
        other = device(server, name)
        other.start()
        other.run_until(lambda other=other: other.verdict is not None, 5, may_stop=True)
        answers.append((other.verdict, other.stop))
    assert answers == [(wire.NOT_AUTHORIZED, "not authorized")] * 2


def test_first_call_must_be_signin(server, device):
    tim = device(server, "Tim")
    transmit = tim.transmit
    tim.transmit = lambda datagram: datagram[0] != wire.DATA and transmit(datagram)  # no SIGNIN
    tim.start()
    tim.run_until(lambda: tim.dial and tim.dial.session, 5)
    tim.transmit = transmit
    session = tim.dial.session
    session.calls.clear()
    session.next_number = 1
    call = session.call(wire.PING)
    tim.run_until(lambda: call.is_answered, 5)
    assert (call.status, call.body) == (wire.BAD, b"")


def test_calls_outside_the_window_are_ignored(server, device):
    tim = device(server, "Tim").connect()
    base = tim.session.base
    tim.transmit(tim.session.seal(wire.call_frame(base + 64, wire.PING, b"")))
    tim.transmit(tim.session.seal(wire.call_frame(1, wire.PING, b"")))
    assert tim.call(wire.PING)[0] == wire.OK
    # Had the call been held, it would now be answered unasked.
    calls = [tim.session.call(wire.PING) for _ in range(80)]
    tim.run_until(lambda: all(call.is_answered for call in calls), 5)


def test_calls_out_of_order_start_in_order(server, device):
    tim = device(server, "Tim").connect()
    calls = [tim.session.call(wire.SUBMIT, wire.submit_body(new_id(), "Tim", str(i).encode())) for i in range(40)]
    for call in reversed(calls):
        call.times_sent, call.first_sent_at = 1, time.monotonic()
        call.counter = 0
        tim.transmit(tim.session.seal(call.frame))
    tim.run_until(lambda: len(tim.transcript) == 40, 10)
    assert tim.texts() == [str(i) for i in range(40)]


@pytest.mark.parametrize("frames", [b"\x07", b"\x01\x00", wire.call_frame(0, wire.PING, b""),
                                    wire.answer_frame(1, 0, 1), wire.answer_frame(1, 65, 1), b"\x03" + bytes(8),
                                    b"\x01" + struct.pack(">IBH", 2, 5, 900)])
def test_a_broken_frame_ends_the_session(server, device, frames):
    tim = device(server, "Tim").connect()
    first = tim.session
    tim.transmit(tim.session.seal(wire.call_frame(2, wire.SUBMIT, wire.submit_body(new_id(), "Tim", b"kept")) + frames))
    tim.send("Tim", "after")  # UNKNOWN brings a new session
    assert tim.session is not first and tim.sessions_made == 2
    tim.run_until(lambda: "after" in tim.texts(), 5)
    assert tim.texts() in (["after"], ["kept", "after"])  # what was held when the session ended may be dropped


def test_padding_is_ignored(server, device):
    tim = device(server, "Tim").connect()
    tim.transmit(tim.session.seal(bytes([wire.PADDING]) + b"\xff" * 300))
    assert tim.call(wire.PING)[0] == wire.OK and tim.sessions_made == 1


def test_impossible_base_and_next_are_ignored(server, device):
    tim = device(server, "Tim").connect()
    for state in ((2 ** 32 - 1, 1, 0), (1000, 2 ** 32 - 1, 2 ** 64 - 1), (0, 0, 0)):
        tim.transmit(tim.session.seal(b"", state=state))
    assert tim.call(wire.PING)[0] == wire.OK
    tim.send("Tim", "x")
    tim.run_until(lambda: tim.texts() == ["x"], 5)
    assert tim.sessions_made == 1


def test_replayed_and_forged_data_changes_nothing(server, device):
    tim = device(server, "Tim").connect()
    datagram = tim.session.seal(wire.call_frame(2, wire.SUBMIT, wire.submit_body(new_id(), "Tim", b"x")))
    forged = datagram[:-1] + bytes([datagram[-1] ^ 1])
    for each in (forged, datagram, datagram, datagram, forged):
        tim.transmit(each)
    tim.session.next_number = 3
    tim.run_until(lambda: tim.transcript, 5)
    tim.run_for(0.2)
    assert tim.texts() == ["x"]


def test_an_old_init_replayed_makes_nothing_but_the_same_accept(server, device):
    tim = device(server, "Tim")
    inits, accepts = [], []
    transmit, take = tim.transmit, tim.take
    tim.transmit = lambda datagram: (inits.append(datagram) if datagram[0] == wire.INIT else None, transmit(datagram))
    tim.take = lambda datagram, now: (accepts.append(datagram) if datagram[0] == wire.ACCEPT else None,
                                      take(datagram, now))
    tim.connect()
    transmit(inits[-1])
    tim.run_until(lambda: len(accepts) >= 2, 5)
    assert len(set(accepts)) == 1
    assert tim.call(wire.PING)[0] == wire.OK
    assert ("Tim", True) in tim.who()


def test_retry_with_a_cookie_when_the_budget_is_spent(make_server, device):
    server = make_server(options=["--blind-handshakes", "1"])
    one = device(server, "Tim").connect()
    for i in range(40):
        one.transmit(wire.init(bytes([i]) * 238))
    two = device(server, "fred")
    cookies = []
    take = two.take
    two.take = lambda datagram, now: (cookies.append(datagram) if datagram[0] == wire.RETRY else None,
                                      take(datagram, now))
    two.connect()
    assert cookies and two.send("Tim", "through").status == wire.ACCEPTED


def test_invite_and_spent_invite(make_server, profile, device):
    server = make_server(users=["fred"])
    added = profile(server, "fred").run_plain("user", "add", "-u", server.users, "newbie")
    code = added.stdout.strip()
    assert added.returncode == 0 and len(code) == 22
    server.process.popen.send_signal(1)
    newbie = device(server, "newbie", invite=code)
    end = time.monotonic() + 10
    while newbie.session is None:  # until the server has read the file
        try:
            newbie.connect()
        except Stopped:
            assert time.monotonic() < end
            newbie.verdict = None
    assert newbie.welcome.flags & wire.SIGNIN_PROOF and newbie.welcome.name == "newbie"
    again = device(server, "newbie", static=newbie.static, invite=code).connect()
    assert again.welcome.flags & wire.SIGNIN_PROOF
    device(server, "newbie", static=newbie.static).connect()
    for how in ({"invite": code}, {}, {"invite": "A" * 22}):
        with pytest.raises(Stopped, match="not authorized"):
            device(server, "newbie", **how).connect()


def test_who_in_pages_of_500_users(make_server, device):
    users = ["fred", "Tim"] + [f"user-{i:03}-{'x' * (i % 20)}" for i in range(498)]
    server = make_server(users=users)
    fred = device(server, "fred").connect()
    assert fred.who() == [(user, user == "fred") for user in users]
    tim = device(server, "Tim", receive=False).connect()
    assert tim.who()[:2] == [("fred", True), ("Tim", False)]


def test_who_wrong_generation_starts_from_the_beginning(server, device):
    fred = device(server, "fred").connect()
    whole = wire.who_ok_decode(fred.call(wire.WHO, wire.who_body())[1])
    other = wire.who_ok_decode(fred.call(wire.WHO, wire.who_body(whole.generation + 1, 2))[1])
    assert other == whole and whole.total == 4 and whole.first == 0


def test_path_change_is_challenged_and_followed(server, device):
    tim = device(server, "Tim").connect()
    fred = device(server, "fred").connect()
    for i in range(3):
        tim.move()
        assert tim.send("fred", f"from {i}").status == wire.ACCEPTED
        assert fred.send("Tim", f"to {i}").status == wire.ACCEPTED
        tim.run_until(lambda i=i: f"to {i}" in tim.texts(), 5)
        tim.run_until(lambda i=i: tim.session.counts["challenges"] > i, 5)
    fred.run_until(lambda: len(fred.texts()) == 3, 5)
    assert tim.sessions_made == 1


def test_unproved_path_gets_at_most_three_times_what_came(server, device):
    """Deliveries that wait go to a new address only as far as its own bytes allow, until it answers the challenge."""
    tim, fred = device(server, "Tim").connect(), device(server, "fred").connect()
    fred.run_for(0.1)
    fred.move()
    taken = []
    fred.take = lambda datagram, now: taken.append(len(datagram))  # sees all, answers nothing
    before = fred.bytes_out
    fred.transmit(fred.session.seal(b""))
    calls = [tim.submit("fred", "x" * 1000) for _ in range(20)]
    tim.run_until(lambda: all(call.status for call in calls), 5)
    fred.run_for(1)
    assert 0 < sum(taken) <= 3 * (fred.bytes_out - before), taken


def test_unknown_after_a_restart_and_nothing_is_lost(server, device):
    tim, fred = device(server, "Tim").connect(), device(server, "fred").connect()
    tim.send("fred", "before")
    server.kill()
    waiting = [tim.submit("fred", f"during {i}") for i in range(5)]
    server.restart()
    started = time.monotonic()
    tim.run_until(lambda: all(message.status for message in waiting), 15)
    assert time.monotonic() - started < 10 and tim.sessions_made == 2
    fred.session.call(wire.PING)
    fred.run_until(lambda: len(fred.transcript) == 6, 15)
    assert fred.texts() == ["before"] + [f"during {i}" for i in range(5)]


def test_newer_receiving_session_replaces_the_older(server, device):
    older = device(server, "fred").connect()
    newer = device(server, "fred", static=older.static).connect()
    older.run_until(lambda: older.stop, 5, may_stop=True)
    assert older.stop == "replaced"
    sending = device(server, "fred", static=older.static, receive=False).connect()
    assert sending.send("fred", "x").status == wire.ACCEPTED
    newer.run_until(lambda: newer.texts() == ["x"], 5)
    assert newer.stop is None


def test_a_replaced_listener_says_so_and_leaves(server, profile):
    fred = profile(server, "fred")
    first = fred.listen()
    fred.run("who")
    mms.wait_until(lambda: '"fred"' in fred.run("who", "--json").stdout and online(fred, "fred"), "fred online", 10)
    copy = profile(server, "fred", state=fred.directory / "copy")
    shutil.copytree(fred.state, copy.state, ignore=shutil.ignore_patterns("*.wake", "*.news"))
    second = copy.spawn("client")
    second.type("signin fred")
    second.wait_for(lambda lines: len(lines) >= 2)
    assert first.wait() != 0 and len(first.errors) == 1, first


def online(profile, name):
    users = [json.loads(line) for line in profile.run("who", "--json").stdout.splitlines()]
    return {"v": 1, "user": name, "online": True} in users


def test_a_removed_user_is_told_and_refused(server, device):
    tim, fred = device(server, "Tim").connect(), device(server, "fred").connect()
    server.reload(["fred", "francoc", "libero"])
    tim.run_until(lambda: tim.stop, 10, may_stop=True)
    assert tim.stop == "removed"
    assert fred.send("Tim", "x").status == wire.NO_SUCH_USER
    with pytest.raises(Stopped, match="not authorized"):
        device(server, "Tim", static=tim.static).connect()
    server.reload(mms.USERS)
    end = time.monotonic() + 10
    back = device(server, "Tim", static=tim.static)
    while back.session is None:
        try:
            back.connect()
        except Stopped:
            assert time.monotonic() < end
    assert fred.send("Tim", "y").status == wire.ACCEPTED


def test_shutdown_is_told(server, device):
    tim = device(server, "Tim").connect()
    server.process.popen.terminate()
    tim.run_until(lambda: tim.notices, 5)
    assert [notice.what for notice in tim.notices] == [wire.SHUTDOWN] and server.process.wait() == 0


def test_new_device_of_a_user_needs_more_than_the_name_and_gets_what_waits(make_server, profile, device):
    server = make_server(users=["Tim", "fred"])
    fred = device(server, "fred").connect()
    code = profile(server, "fred").run_plain("user", "invite", "-u", server.users, "fred").stdout.strip()
    server.process.popen.send_signal(1)
    second = device(server, "fred", invite=code)
    end = time.monotonic() + 10
    while second.session is None:
        try:
            second.connect()
        except Stopped:
            assert time.monotonic() < end
    tim = device(server, "Tim").connect()
    tim.send("fred", "to both")
    for each in (fred, second):
        each.run_until(lambda each=each: each.texts() == ["to both"], 5)


def test_hello_is_answered_with_the_key_the_handshake_proves(server, device):
    tim = device(server, "Tim").connect()
    nonce = bytes(range(16))
    tim.dial = None
    answers = []
    tim.take = lambda datagram, now: answers.append(datagram)
    tim.transmit(wire.hello(nonce))
    tim.run_until(lambda: any(answer[0] == wire.SERVERINFO for answer in answers), 5)
    info = wire.serverinfo_decode([answer for answer in answers if answer[0] == wire.SERVERINFO][0])
    assert info == (nonce, b"\x01", tim.server_key)


def test_wrong_server_key_gets_no_accept(server, device):
    tim = device(server, "Tim", server_key=KeyPair().public)
    tim.start()
    tim.run_until(lambda: tim.stop, 10, may_stop=True)
    assert tim.stop == "key changed"
