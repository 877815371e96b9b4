# SPDX-License-Identifier: ISC
"""A device's life through real processes: many commands of one user at once, names that come and go, and the table of every
way in which `send` can end, with what is then queued."""

import contextlib
import os
import signal
import sqlite3
import subprocess

import mms
import mms_wire as wire
import pytest
from mms_fake_server import FakeServer

NAMES_STUB = mms.BUILD / "test" / "names_stub.so"


class Names:
    """What names stand for: those that end in .test, for the programs that run with `env`."""

    def __init__(self, directory):
        self.path = directory / "names"
        # Under a sanitizer the program's own runtime wants to be the first library; the stub in front of it does no harm.
        options = f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0"
        self.env = {"LD_PRELOAD": str(NAMES_STUB), "MMS_TEST_NAMES": str(self.path), "ASAN_OPTIONS": options}
        self.say()

    def say(self, **addresses):
        fresh = self.path.with_suffix(".fresh")
        fresh.write_text("".join(f"{name}.test {address}\n" for name, address in addresses.items()))
        fresh.rename(self.path)


@pytest.fixture(name="names")
def fixture_names(tmp_path):
    assert NAMES_STUB.exists(), f"{NAMES_STUB} is not built: make unit-tests"
    return Names(tmp_path)


def invite(server, user):
    """Adds a user; gives the code."""
    done = mms.Profile(server.directory, server.name, user).run_plain("user", "add", "-d", server.data, "-u", server.users, user)
    assert done.returncode == 0, done
    return done.stdout.strip()


def queued(profile):
    """The texts that wait for a verdict in a profile's outbox."""
    found = []
    for path in profile.state.glob(f"*/{profile.user.lower()}.db"):
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            found += [text.decode() for text, in db.execute("SELECT text FROM outbox WHERE state = 1 AND is_queued = 1")]
    return found


def received(server, profile, user, count):
    """The texts that `user` gets, `count` of them, from the beginning."""
    done = profile(server, user).run("listen", "-n", str(count), "--timeout", "15")
    assert done.returncode == 0, done
    return [line.split(": ", 1)[1] for line in done.stdout.splitlines()]


# --- many at once ---

def test_first_commands_at_once_with_and_without_the_invite(make_server, profile):
    """Who is refused leaves the profile to the one that is not: nobody is locked out, whichever comes first."""
    server = make_server(users=["Tim"])
    users = [f"user{i}" for i in range(8)]
    codes = {user: invite(server, user) for user in users}
    server.process.popen.send_signal(signal.SIGHUP)
    mms.wait_until(lambda: any("reads" in line or "users" in line for line in server.process.errors), "the reload")
    for user in users:
        own = profile(server, user)
        commands = [own.spawn("send", "Tim", f"{user} with", env={"MMS_INVITE": codes[user]}),
                    own.spawn("send", "Tim", f"{user} without"),
                    own.spawn("who", env={"MMS_INVITE": codes[user]})]
        ends = [command.wait() for command in commands]
        assert ends[0] == 0 and ends[1] in (0, 77) and ends[2] == 0, [str(command) for command in commands]
        own.send("Tim", f"{user} again")


def test_a_users_first_sends_at_once(server, profile, tmp_path):
    """All start in one moment, from one shell; one signs in and submits for all."""
    script = 'for i in $(seq 0 19); do ("$@" Tim $i; echo $i $? >>ends) & done; wait'
    for user in ("fred", "francoc", "libero"):
        own = profile(server, user)
        words = [mms.MMS, "send", "--state", own.state, "-s", server.name, "-a", user, "--wait", "300"]
        done = subprocess.run(["sh", "-c", script, "sh", *map(str, words)], cwd=tmp_path, env=mms.environment(tmp_path),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        ends = (tmp_path / "ends").read_text().splitlines()
        (tmp_path / "ends").unlink()
        assert sorted(ends) == sorted(f"{i} 0" for i in range(20)), done
        assert sorted(received(server, profile, "Tim", 20), key=int) == [str(i) for i in range(20)]
        assert not queued(own)


def test_many_lists_at_once(server, profile):
    fred = profile(server, "fred")
    commands = [fred.spawn("who", "--wait", "60") for _ in range(20)]
    assert [command.wait(60) for command in commands] == [0] * 20, [str(command) for command in commands]


def test_a_message_by_another_name_of_the_server(server, profile):
    """Whoever listens as libero has the outbox, by whatever name it knows the server: it is asked to submit."""
    libero = profile(f"localhost:{server.port}", "libero")
    listener = libero.listen()
    libero.send("libero", "to myself", "--wait", "20")
    listener.wait_for(lambda lines: lines)
    other = profile(f"127.0.0.1:{server.port}", "libero", state=libero.state)
    other.send("fred", "x", "--wait", "20")
    assert not queued(libero)
    assert received(server, profile, "fred", 1) == ["x"]


# --- names ---

def test_a_name_that_does_not_resolve_any_more(server, profile, names):
    fred = profile(f"server.test:{server.port}", "fred")
    names.say(server="127.0.0.1")
    fred.send("Tim", "first", env=names.env)
    names.say()
    done = fred.send("Tim", "second", "--wait", "1", status=75, env=names.env)
    assert "server.test" in done.stderr and "stays queued" in done.stderr, done
    client = fred.spawn("client", env=names.env)
    client.type("signin fred")
    client.wait_for(lambda lines: any("server.test" in line for line in lines))
    names.say(server="127.0.0.1")
    client.wait_for(lambda lines: any("Welcome fred" in line for line in lines))
    client.type("quit")
    assert client.wait() == 0, str(client)
    assert received(server, profile, "Tim", 2) == ["first", "second"]


@pytest.mark.parametrize("command, words", [("send", ("Tim", "x")), ("who", ()), ("listen", ()), ("client", ())])
def test_a_name_that_never_resolved(profile, names, command, words):
    done = profile("nobody.test:1060", "fred").run(command, *words, env=names.env)
    assert done.returncode == 68 and "nobody.test" in done.stderr, done
    assert done.stdout == "", done


def test_a_name_server_that_does_not_answer(server, profile, names):
    """It holds up nothing: neither the queue, nor an end that is asked for."""
    fred = profile(f"server.test:{server.port}", "fred")
    names.say(server="127.0.0.1")
    fred.send("Tim", "first", env=names.env)
    names.say(server="wait")
    fred.send("Tim", "second", "--wait", "1", status=75, env=names.env)
    listener = fred.spawn("listen", env=names.env)
    mms.wait_until(lambda: listener.errors, lambda: str(listener))  # it says that the server cannot be reached
    assert listener.kill(signal.SIGTERM) == 130, str(listener)


def test_a_server_that_moves(server, profile, names, tmp_path, closing):
    names.say(server="127.0.0.1")
    fred = profile(f"server.test:{server.port}", "fred")
    client = fred.spawn("client", env=names.env)
    client.type("signin fred")
    client.wait_for(lambda lines: any("Welcome fred" in line for line in lines))
    server.stop()
    moved = closing(mms.Server(tmp_path / "moved", host="127.0.0.2"))
    moved.data, moved.users, moved.port = server.data, server.users, server.port
    moved.start()
    client.type("send Tim hello")  # not to be answered where the server was
    names.say(server="127.0.0.2")
    mms.wait_until(lambda: not queued(fred), lambda: str(client))
    assert received(moved, profile, "Tim", 1) == ["hello"]


# --- every way to end ---

def is_away(server, _names):
    server.kill()


def is_suspended(server, _names):
    server.reload([user for user in mms.USERS if user != "fred"])
    mms.wait_until(lambda: any("users" in line for line in server.process.errors), lambda: str(server.process))


def has_no_name(_server, names):
    names.say()


def is_well(_server, _names):
    pass


ENDS = [  # what is wrong; the recipient; a signal; the status; whether the message stays; a word that tells why
    (is_well, "Tim", None, 0, False, ""),
    (is_well, "nobody", None, 67, False, "no user nobody"),
    (is_away, "Tim", None, 75, True, "cannot be reached"),
    (is_away, "Tim", signal.SIGTERM, 75, True, "interrupted"),
    (is_away, "Tim", signal.SIGINT, 75, True, "interrupted"),
    (is_away, "Tim", signal.SIGHUP, 75, True, "interrupted"),
    (is_suspended, "Tim", None, 77, False, "not authorized"),
    (has_no_name, "Tim", None, 75, True, "server.test"),
    (has_no_name, "Tim", signal.SIGTERM, 75, True, "interrupted"),
]

NEW_ENDS = [  # the same for a user who has never signed in: nothing is kept
    (is_well, "Tim", None, 0, ""),
    (is_well, "nobody", None, 67, "no user nobody"),
    (is_away, "Tim", None, 69, "nothing was kept"),
    (is_away, "Tim", signal.SIGTERM, 130, "nothing was kept"),
    (is_away, "Tim", signal.SIGINT, 130, "nothing was kept"),
    (is_suspended, "Tim", None, 77, "not authorized"),
    (has_no_name, "Tim", None, 68, "server.test"),
]


def end_of(own, recipient, number, names, is_ready):
    """Runs `send` to its end: status and standard error. A signal goes as soon as `is_ready`; it is not ignored, as a shell
    with job control starts a command, whatever the tests inherited."""
    before = {each: signal.signal(each, signal.SIG_DFL) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        process = own.spawn("send", "--wait", "2" if number is None else "60", recipient, "told", env=names.env)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if number is not None:
        mms.wait_until(lambda: is_ready(process), lambda: str(process))
        process.popen.send_signal(number)
    return process.wait(), "\n".join(process.errors)


@pytest.mark.parametrize("wrong, recipient, number, status, stays, word", ENDS)
def test_every_end_of_a_send(server, profile, names, wrong, recipient, number, status, stays, word):
    """Status, sentence and queue agree; and what stays goes with the next command that the server lets in."""
    names.say(server="127.0.0.1")
    fred = profile(f"server.test:{server.port}", "fred")
    fred.send("Tim", "before", env=names.env)
    wrong(server, names)
    ended, said = end_of(fred, recipient, number, names, lambda _: queued(fred))
    assert ended == status, said
    assert queued(fred) == (["told"] if stays else [])
    assert word in said and ("queued" in said) == stays, said
    names.say(server="127.0.0.1")
    server.write_users(mms.USERS)
    server.restart()
    assert fred.run("who", env=names.env).returncode == 0
    assert not queued(fred)
    expected = ["before"] + (["told"] if stays or status == 0 else [])
    assert received(server, profile, "Tim", len(expected)) == expected


def has_opened_sockets(process):
    """Whether it has come to where signals are taken."""
    links = [os.readlink(f"/proc/{process.popen.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{process.popen.pid}/fd")]
    return any(link.startswith("socket:") for link in links)


@pytest.mark.parametrize("wrong, recipient, number, status, word", NEW_ENDS)
def test_every_end_of_a_first_send(server, profile, names, wrong, recipient, number, status, word):
    names.say(server="127.0.0.1")
    wrong(server, names)
    fred = profile(f"server.test:{server.port}", "fred")
    ended, said = end_of(fred, recipient, number, names, has_opened_sockets)
    assert ended == status, said
    assert word in said and "queued" not in said, said
    assert not queued(fred)


OUTBOX_ROWS_MAX = 10000


def fill_outbox(profile):
    """Repeats the one queued message until nothing fits any more."""
    (path,) = profile.state.glob(f"*/{profile.user.lower()}.db")
    with contextlib.closing(sqlite3.connect(path)) as db:
        (identity, text), = db.execute("SELECT id, text FROM outbox WHERE is_queued = 1")
        db.executemany("INSERT INTO outbox (id, what, flags, recipient, other, text, written_at) VALUES (?, 1, 0, x'54696d', '', ?, 1)",
                       ((identity[:9] + count.to_bytes(7, "big"), text) for count in range(1, OUTBOX_ROWS_MAX)))
        db.execute("UPDATE waiting SET count = ?", (OUTBOX_ROWS_MAX,))
        db.commit()


def test_a_send_makes_room_in_a_full_outbox(closing, tmp_path, profile):
    """Else a script that only sends would find its outbox full for ever, with the server there. While it is away, nothing is
    kept, and that is said."""
    server = closing(mms.Server(tmp_path, options=["--submit-rate", "1000000", "--submit-burst", "1000000",
                                                   "--mailbox-messages", "30000"]).start())
    fred = profile(server.name, "fred")
    fred.send("Tim", "before")
    server.kill()
    fred.send("Tim", "waits", "--wait", "0", status=75)
    fill_outbox(fred)
    done = fred.send("Tim", "lost", "--wait", "0.5", status=71)
    assert done.stderr == "mms send: too many messages wait for the server, message was not kept\n"
    server.restart()
    fred.send("Tim", "last", "--wait", "60", status=0, timeout=90)
    assert not queued(fred)
    done = profile(server.name, "Tim").run("listen", "-n", str(OUTBOX_ROWS_MAX + 2), timeout=90)
    assert done.stdout.splitlines() == ["fred: before", *["fred: waits"] * OUTBOX_ROWS_MAX, "fred: last"]


def test_the_key_of_the_server_changes_under_a_send(server, profile):
    fred = profile(server, "fred")
    fred.send("Tim", "before")
    server.kill()
    with FakeServer(port=server.port) as other:
        done = fred.send("Tim", "secret", status=75, timeout=30)
    assert "changed" in done.stderr and "stays queued" in done.stderr, done
    assert not other.submitted and queued(fred) == ["secret"]


# --- a pipe does not wait for verdicts ---

class Holding(FakeServer):
    """Answers no SUBMIT before `count` have come; then all, the last one first, as saved for later."""

    def __init__(self, count):
        super().__init__()
        self.count = count
        self.held = []

    def _take_call(self, index, session, call):
        if call.kind != wire.SUBMIT:
            super()._take_call(index, session, call)
            return
        self.held.append((session, call.number))
        if len(self.held) == self.count:
            for number, (held, asked) in enumerate(reversed(self.held)):
                held.answer(asked, wire.ACCEPTED, b"\x00" + b"start id 16bytes" + (number + 1).to_bytes(8, "big"))


def test_a_pipe_goes_ahead_and_speaks_in_the_order_of_its_lines(profile):
    people = ["anna", "bert", "carl", "dora", "emil"]
    with Holding(len(people)) as server:
        lines = ["signin fred", *[f"send {name} hi" for name in people], "whoIsOn", "frobnicate", "quit"]
        done = profile(f"127.0.0.1:{server.port}", "fred").run("client", stdin="".join(f"{line}\n" for line in lines).encode())
    assert done.returncode == 0, done
    assert done.stdout.splitlines()[2:] == [
        *[f">> {name} is offline, message will be saved for future delivery" for name in people],
        ">> Users fred are online", '>> there is no command "frobnicate"; type: help', ">> user fred has signed off"]


def test_a_pipe_says_what_stays_queued(server, profile):
    """A server that goes away in the middle: each line says that its message waits, and the end says so by its status."""
    fred = profile(server, "fred")
    fred.send("Tim", "before")
    server.kill()
    done = fred.run("client", stdin=b"signin fred\nsend Tim a\nsend Tim b\n", timeout=40)
    assert done.returncode == 75, done
    assert len([line for line in done.stdout.splitlines() if "is queued" in line]) == 2, done
    assert queued(fred) == ["a", "b"]


def test_who_one_is_without_saying_it(server, profile):
    """Somebody whose sign-in was refused has a profile, and is not the only user who signs in from here."""
    fred = profile(server, "fred")
    assert profile(server, "jimmy", state=fred.state).run("who").returncode == 77
    words = ("who", "--state", fred.state, "-s", server.name)
    done = fred.run_plain(*words)
    assert done.returncode == 64 and "say who you are" in done.stderr, done
    fred.send("Tim", "x")
    assert fred.run_plain(*words).returncode == 0
    profile(server, "Tim", state=fred.state).send("fred", "y")
    done = fred.run_plain(*words)
    assert done.returncode == 64 and "several" in done.stderr, done
