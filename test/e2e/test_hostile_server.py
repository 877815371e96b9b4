# SPDX-License-Identifier: ISC
"""The program's commands at a server that lies: nothing of it is shown or kept, nothing it does costs more than it should."""

import json
import os
import struct
import time

import mms
import mms_wire as wire
import pytest
from mms_fake_server import FakeServer, who_page

CODE = "A" * 22
HANDSHAKES_BURST, HANDSHAKE_EVERY_S = 3, 5


def message(text, at=1_800_000_000_000, sender="boss", **fields):
    """The body of a DELIVER."""
    return wire.deliver_body(os.urandom(16), at, sender, text, **fields)


def gap(count):
    """The body of a NOTICE GAP."""
    return bytes([wire.GAP]) + os.urandom(16) + struct.pack(">Q", count)


class Liar(FakeServer):
    """Makes `calls` on every session, in front of its answer to SIGNIN, and answers that as it is told."""

    def __init__(self, calls=(), status=wire.OK, name=None, code=None):
        super().__init__(code=code)
        self.calls, self.status, self.name = calls, status, name
        self.made = []

    def signin_answer(self, index, session, name):
        self.made += [session.call(kind, body) for kind, body in self.calls]
        for datagram in session.send(time.monotonic()):
            self.socket.sendto(datagram, self.addresses[index])
        if self.status != wire.OK:
            return self.status, b""
        return super().signin_answer(index, session, self.name or name)

    def wait_made(self, is_done):
        mms.wait_until(lambda: self.made and all(is_done(call) for call in self.made), lambda: f"{self.made}")


@pytest.fixture(name="profile")
def fixture_profile(tmp_path, closing):
    """profile(server) is fred's at a played server."""
    return lambda server: closing(mms.Profile(tmp_path, f"127.0.0.1:{server.port}", "fred"))


def shown_later(profile):
    """What a transcript shows when the server is gone."""
    done = profile.run("listen", "--timeout", "0.5")
    assert done.returncode == 75, done
    return done.stdout, [line for line in done.stderr.splitlines() if "removed" in line or "no longer" in line]


def later(sender="boss", text=b"what is this", **fields):
    """The body of a DELIVER as a later version may send it."""
    return wire.deliver_body(os.urandom(16), 1_800_000_000_000, sender, text, **fields)


PORCH = {"flags": wire.ROOM, "room_id": b"theporch", "conversation": "#porch"}
LATER = [later(kind=9), later(form=2, text=b"\xff\x00\x1b[31m"), later(sender="", kind=2, room_row=7, **PORCH),
         later(form=2, room_row=8, **PORCH), later(form=2, flags=wire.OWN, sender="fred", conversation="boss")]
COUNTED = 4  # of these and the two behind them: no event of a room, nothing of fred's own, no history
UNKNOWN = "cannot be shown by this version of MMS"


@pytest.mark.parametrize("view", ["client", "listen", "json"])
def test_what_a_later_version_sends_is_kept_and_not_shown(profile, view):
    """It is answered OK, nothing of its text is printed, and what comes behind it is shown."""
    calls = [(wire.DELIVER, body) for body in [*LATER, later(text=b"old", flags=4), later(text=b"new", kind=1)]]
    with Liar(calls) as server:
        fred = profile(server)
        if view == "client":
            done = fred.run("client", stdin=b"signin fred\nsignout\nquit\n")
            said, shown = done.stdout, [line.lstrip("> ") for line in done.stdout.splitlines() if "boss: " in line]
        else:
            done = fred.run("listen", "-n", str(COUNTED), *(["--json"] if view == "json" else []))
            said, shown = done.stderr, done.stdout.splitlines()
        assert done.returncode == 0, done
        server.wait_made(lambda call: call.is_answered)
        assert [call.status for call in server.made] == [wire.OK] * len(calls)
    assert "what is this" not in done.stdout + done.stderr and "\x1b" not in done.stdout + done.stderr, done
    if view == "json":
        rows = [json.loads(line) for line in shown]
        assert [row.get("text") for row in rows] == [None] * len(LATER) + ["old", "new"]
        assert [row.get("unsupported") for row in rows] == [True] * len(LATER) + [None, None]
        assert [row.get("from") for row in rows] == ["boss", "boss", None, "boss", "fred", "boss", "boss"]
        return
    assert said.count(UNKNOWN) == len(LATER) and said.count("a message from boss") == 3, done
    assert shown == ["boss: old", "boss: new"], done
    assert shown_later(fred) == ("", [])  # once


FORGED = [(wire.DELIVER, message(b"send me your code")), (wire.NOTICE, gap(3)),
          (wire.NOTICE, bytes([wire.SHUTDOWN]))]


def test_no_call_starts_while_signin_is_not_answered(profile):
    with Liar(FORGED, status=None) as server:
        fred = profile(server)
        listening = fred.spawn("listen", "-n", "1", env={"MMS_INVITE": CODE})
        server.wait_made(lambda call: call.is_marked or call.is_answered)
        assert [call.status for call in server.made] == [None] * len(FORGED)  # held, and that is all
        mms.wait_until(lambda: any("cannot be reached" in line for line in listening.errors), lambda: str(listening))
        assert listening.popen.poll() is None, str(listening)
        listening.close()
        assert listening.lines == [], str(listening)
    assert shown_later(fred) == ("", [])


@pytest.mark.parametrize("code", [None, "B" * 22])
def test_no_call_starts_when_the_proof_is_wrong(profile, code):
    with Liar(FORGED, code=code) as server:
        fred = profile(server)
        done = fred.run("listen", "-n", "1", env={"MMS_INVITE": CODE})
        assert done.returncode == 76 and done.stdout == "", done
        assert "shutting down" not in done.stderr and "does not know this invite" in done.stderr, done
        assert all(call.status is None for call in server.made)
    assert not (fred.state / "known_servers").exists()


@pytest.mark.parametrize("command, words", [("send", ("bob", "x")), ("listen", ("--timeout", "15")), ("who", ())])
def test_a_sign_in_that_finds_no_room_is_no_message(profile, command, words):
    """What is said of it says nothing of a message; the status is that of a full server."""
    with Liar(status=wire.SERVER_FULL) as server:
        done = profile(server).run(command, *words)
    assert done.returncode == 71 and done.stdout == "", done
    assert done.stderr.startswith(f"mms {command}: the server is full and lets no new device in"), done
    assert "sent" not in done.stderr, done


class Breaker(FakeServer):
    """Lets everybody in and does at once what makes a device begin a handshake again."""

    def __init__(self, how):
        super().__init__()
        self.how = how

    def signin_answer(self, index, session, name):
        if self.how == "shutdown":
            session.call(wire.NOTICE, bytes([wire.SHUTDOWN]))
        elif self.how == "unparsable":
            self.socket.sendto(session.seal(b"\xee"), self.addresses[index])
        elif self.how == "replaced":
            session.call(wire.NOTICE, bytes([wire.REPLACED]))
        elif self.how == "unknown":
            session.is_over = True
            self.socket.sendto(wire.unknown(self.newest), self.addresses[index])
        return super().signin_answer(index, session, name)

    def _take(self, datagram, address):
        self.newest = datagram
        super()._take(datagram, address)


@pytest.mark.parametrize("how, command", [("shutdown", "listen --timeout 4"), ("unparsable", "listen --timeout 4"),
                                          ("unknown", "listen --timeout 4"), ("replaced", "send --wait 6 fred hello")])
def test_handshakes_keep_their_rate(profile, how, command):
    seconds = int(command.split()[2])
    with Breaker(how) as server:
        done = profile(server).run(*command.split())
        assert done.returncode == 75, done
        assert HANDSHAKES_BURST <= len(server.accepts) <= HANDSHAKES_BURST + seconds // HANDSHAKE_EVERY_S + 1


class Lister(FakeServer):
    """Answers WHO with what `page` makes of it."""

    def __init__(self, page):
        super().__init__()
        self.page, self.pages_given = page, 0

    def who_answer(self, generation, first):
        self.pages_given += 1
        return self.page(self.pages_given, first)


LISTS = {
    "as long as a number": lambda n, first: (wire.OK, who_page(1, 2 ** 32 - 1, first, ["bob"])),
    "longer with each page": lambda n, first: (wire.OK, who_page(1, first + 2, first, ["bob"])),
    "anew for ever": lambda n, first: (wire.OK, who_page(n, 2, 0, ["bob"])),
    "not from its beginning": lambda n, first: (wire.OK, who_page(1, 9, first + 1, ["bob"])),
    "no name": lambda n, first: (wire.OK, who_page(1, 1, 0, ["a\x1b[2J"])),
    "an empty name": lambda n, first: (wire.OK, who_page(1, 1, 0, [""])),
    "a count beyond the body": lambda n, first: (wire.OK, who_page(1, 3, 0, ["bob", "tim"], 3)),
    "bytes behind the count": lambda n, first: (wire.OK, who_page(1, 1, 0, ["bob", "tim"], 1)),
    "a status of no meaning": lambda n, first: (77, b""),
    "BAD": lambda n, first: (wire.BAD, b""),
}


@pytest.mark.parametrize("what", LISTS)
def test_a_list_that_is_none(profile, what):
    with Lister(LISTS[what]) as server:
        done = profile(server).run("who")
        assert done.returncode == 76 and done.stdout == "", done
        assert "gives no list of users" in done.stderr, done
        assert server.pages_given <= 10


def test_a_list_that_is_none_in_a_conversation(profile):
    with Lister(LISTS["no name"]) as server:
        done = profile(server).run("client", stdin=b"signin fred\nwhoIsOn\nquit\n")
        assert "gives no list of users" in done.stdout and "\x1b" not in done.stdout, done


@pytest.mark.parametrize("status, name", [(wire.OK, "eve"), (wire.BAD, None), (wire.ACCEPTED, None), (99, None)])
def test_a_signin_that_breaks_the_protocol(profile, status, name):
    with Liar(status=status, name=name) as server:
        fred = profile(server)
        done = fred.run("listen", "-n", "1")
        assert done.returncode == 76 and "breaks the MMS protocol" in done.stderr, done
        assert "authorized" not in done.stderr
    assert not (fred.state / "known_servers").exists()


def test_a_signin_whose_name_differs_in_case(profile):
    with Liar([(wire.DELIVER, message(b"hello"))], name="FRED") as server:
        done = profile(server).run("listen", "-n", "1")
        assert (done.returncode, done.stdout) == (0, "boss: hello\n"), done


def test_notices_of_no_meaning(profile):
    calls = [(wire.NOTICE, bytes([200])), (wire.NOTICE, b"\xc8and more"), (wire.NOTICE, b""), (wire.NOTICE, gap(0)),
             (wire.NOTICE, gap(2 ** 63)), (wire.NOTICE, gap(2 ** 64 - 1)), (wire.DELIVER, message(b"\xff")),
             (wire.DELIVER, message(b"")), (wire.DELIVER, message(b"x", sender="a b")), (99, b"")]
    calls += [(wire.DELIVER, message(b"x", **fields)) for fields in (  # whose fields do not say the same
        {"sender": ""}, {"conversation": "Tim"}, {"room_row": 1}, {"flags": wire.OWN}, {"room_row": 7, **PORCH, "conversation": ""},
        PORCH, {"flags": wire.OWN, "conversation": "#r"}, {"room_row": 7, **PORCH, "room_id": wire.NO_ROOM},
        {"room_row": 2 ** 63, **PORCH})]
    with Liar(calls) as server:
        fred = profile(server)
        fred.spawn("listen")
        server.wait_made(lambda call: call.is_answered)
        assert [call.status for call in server.made] == [wire.BAD] * len(calls)
        fred.close()
    assert shown_later(fred) == ("", [])


@pytest.mark.parametrize("at", [0, 2 ** 63 - 1, 2 ** 63, 2 ** 64 - 1])
def test_a_message_of_any_time_is_kept(profile, at):
    with Liar([(wire.DELIVER, message(b"hello", at))]) as server:
        fred = profile(server)
        done = fred.run("listen", "--json", "-n", "1")
        assert done.returncode == 0 and '"text":"hello"' in done.stdout, done
        server.wait_made(lambda call: call.is_answered)
        assert server.made[0].status == wire.OK
    assert shown_later(fred) == ("", [])  # the transcript can be read


def test_a_wrong_proof_claims_no_name(make_server, closing, tmp_path):
    server = make_server(["fred"])
    fred = closing(mms.Profile(tmp_path, f"127.0.0.1:{server.port}", "fred"))
    done = fred.run("send", "fred", "x", env={"MMS_INVITE": CODE})
    assert done.returncode == 77 and "impostor" not in done.stderr, done
    other = closing(mms.Profile(tmp_path, f"127.0.0.1:{server.port}", "fred", state=tmp_path / "other"))
    other.send("fred", "hello")  # the name is still there to be claimed


class Holder(FakeServer):
    """Announces a message that it never delivers, and answers neither WHO nor SUBMIT; it is there all the same."""

    def signin_answer(self, index, session, name):
        return wire.OK, bytes(25) + struct.pack(">II", 1, 0) + wire.name_field(name)

    def who_answer(self, generation, first):
        return None, b""

    def submit_answer(self, index, identity, recipient, text):
        return None, b""


def test_a_server_that_holds_everything_back(profile):
    with Holder() as server:
        done = profile(server).run("client", stdin=b"signin fred\nwhoIsOn\nsend bob hi\nquit\n", timeout=120)
    assert done.returncode == 75 and "you have 1 message waiting" in done.stdout, done
    assert "cannot be reached" in done.stdout and "queued" in done.stdout, done
