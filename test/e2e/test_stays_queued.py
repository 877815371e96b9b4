# SPDX-License-Identifier: ISC
"""What stays queued is said, with the reason why it does, and nothing that has its verdict is called queued."""

import mms
import mms_wire as wire
import pytest
from mms_fake_server import FakeServer
from test_life import queued

MANY_STAY = "{} messages stay queued and will be sent with the next command that reaches the server"
ONE_NOT_AUTHORIZED = "1 message stays queued and will be sent only if this device is authorized again"


@pytest.fixture(name="at")
def fixture_at(tmp_path, closing):
    """at(server) is fred's profile at a played server."""
    return lambda server: closing(mms.Profile(tmp_path, f"127.0.0.1:{server.port}", "fred"))


def suspend(server, user):
    server.reload([other for other in mms.USERS if other != user])
    mms.wait_until(lambda: any("users" in line for line in server.process.errors), lambda: str(server.process))


def leave_queued(server, fred, *texts):
    """Messages of a user who has signed in, queued while the server is away."""
    fred.send("Tim", "before")
    server.kill()
    for text in texts:
        fred.send("Tim", text, "--wait", "0", status=75)


def test_a_device_that_is_not_authorized_promises_nothing(server, profile):
    """Its message is not queued, as its status says; of those that were queued before it is said what they wait for."""
    fred = profile(server, "fred")
    leave_queued(server, fred, "earlier")
    server.restart()
    suspend(server, "fred")
    done = fred.send("Tim", "now", status=77)
    assert done.stderr.splitlines() == ["mms send: user fred is not authorized to use MMS", f"mms send: {ONE_NOT_AUTHORIZED}"]
    assert queued(fred) == ["earlier"]
    done = fred.run("client", stdin=b"signin fred\nquit\n")
    assert done.returncode == 75, done
    assert done.stdout.splitlines()[1:] == [">> user fred is not authorized to use MMS", f">> {ONE_NOT_AUTHORIZED}"]
    server.reload(mms.USERS)
    fred.send("Tim", "again")
    assert not queued(fred)


class Removing(FakeServer):
    """Answers no SUBMIT, and says that the user is no longer authorized."""

    def submit_answer(self, index, *_):
        self.sessions[index].call(wire.NOTICE, bytes([wire.REMOVED]))
        return None, b""


def test_what_may_have_been_accepted_is_not_called_refused(at):
    """A message that was submitted stays, though its device is removed: the server may have it."""
    with Removing() as server:
        done = at(server).send("Tim", "perhaps", status=75)
        assert [text for *_, text in server.submitted] == [b"perhaps"]
    assert done.stderr.splitlines() == ["mms send: user fred may no longer use this server", f"mms send: {ONE_NOT_AUTHORIZED}"]


class LastOnly(Removing):
    """Knows nobody called `nobody`, and answers nothing else; then somebody else receives, or is removed."""

    def __init__(self, notice):
        super().__init__()
        self.notice = notice

    def submit_answer(self, index, identity, recipient, text):
        if recipient != "nobody":
            return None, b""
        self.sessions[index].call(wire.NOTICE, bytes([self.notice]))
        return wire.NO_SUCH_USER, b""


@pytest.mark.parametrize("notice, first", [
    (wire.REPLACED, ">> message to Tim stays queued and will be sent with the next command that reaches the server"),
    (wire.REMOVED, f">> {ONE_NOT_AUTHORIZED}"),
])
def test_a_line_with_a_verdict_is_not_called_queued(at, notice, first):
    """Its words wait for those of the line before; when that gets no verdict, they are said all the same."""
    with LastOnly(notice) as server:
        done = at(server).run("client", stdin=b"signin fred\nsend Tim hi\nsend nobody hi\n")
    assert done.returncode == 75, done
    words = done.stdout.splitlines()[3:]
    assert words == [first, ">> there is no user nobody, message was not sent; type: whoIsOn to see who there is"], done


@pytest.mark.parametrize("lines, typed", [("", 0), ("send Tim typed\n", 1)])
def test_a_conversation_tells_what_was_queued_before_it(server, profile, lines, typed):
    fred = profile(server, "fred")
    leave_queued(server, fred, "a", "b")
    done = fred.run("client", stdin=f"signin fred\n{lines}quit\n".encode(), timeout=40)
    assert done.returncode == 75, done
    assert done.stdout.splitlines()[-1] == f">> {MANY_STAY.format(2)}", done
    assert len([line for line in done.stdout.splitlines() if "queued" in line]) == 1 + typed, done
    server.restart()
    assert fred.run("who").returncode == 0
    assert not queued(fred)
    done = fred.run("client", stdin=b"signin fred\nquit\n")
    assert done.returncode == 0 and "queued" not in done.stdout, done


@pytest.mark.parametrize("command, words", [("client", ()), ("listen", ("--timeout", "1")), ("who", ()), ("send", ("fred", "hi"))])
def test_what_was_queued_for_an_old_key_is_told_once(at, command, words):
    """Whoever trusts a server's new key has another profile there: nothing submits what the old one still holds."""
    lines = b"signin fred\nquit\n" if command == "client" else b""
    with FakeServer() as old:
        fred = at(old)
        fred.send("Tim", "before")
    fred.send("Tim", "a", "--wait", "0", status=75)
    fred.send("Tim", "b", "--wait", "0", status=75)
    (database,) = fred.state.glob("*/fred.db")
    known = fred.state / "known_servers"
    pinned = known.read_text()
    known.write_text(pinned.replace(str(old.port), "1"))  # by another name that key is trusted still
    with FakeServer(port=old.port) as _new:
        assert "queued" not in fred.run("who").stderr
    known.unlink()
    with FakeServer(port=old.port) as _newer:
        for times in (1, 0):
            done = fred.run(command, *words, stdin=lines)
            said = [line for line in (done.stdout + done.stderr).splitlines() if "queued" in line]
            assert len(said) == times, done
            assert all("2 messages stay queued" in line and str(database) in line for line in said), said
    known.write_text(pinned)
    with FakeServer(port=old.port, static=old.static) as again:
        assert fred.run("who").returncode == 0
        assert [text for *_, text in again.submitted] == [b"a", b"b"]
