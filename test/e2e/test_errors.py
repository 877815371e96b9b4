# SPDX-License-Identifier: ISC
"""Every failure says what failed, where, and what to do, in one message, with the exit status scripts rely on."""

import base64
import hashlib
import os
import signal
import socket
import sqlite3
import subprocess
import time

import mms
import pytest
from mms_client import fingerprint
from mms_fake_server import FakeServer
from mms_noise import KeyPair


@pytest.fixture(name="fails")
def fixture_fails(tmp_path):
    """fails(status, words, all_of) runs `mms` with the words and checks what it says on standard error."""
    (tmp_path / "good-users").write_text("fred\nTim\n")

    def fails(status, words, *all_of, none_of=(), stdin=b"", env=None):
        done = subprocess.run([str(mms.MMS), *map(str, words)], input=stdin, capture_output=True, timeout=20,
                              cwd=tmp_path, env={**mms.environment(tmp_path), **(env or {})}, check=False)
        said = done.stderr.decode("utf-8", "replace")
        assert done.returncode == status, (done.returncode, said)
        assert done.stdout == b"", done.stdout
        assert said.startswith("mms") and said.endswith("\n"), said
        for word in all_of:
            assert str(word) in said, (word, said)
        for word in none_of:
            assert str(word) not in said, (word, said)
        return said

    return fails


def server_words(path, **changed):
    words = {"-p": "0", "-u": path / "good-users", "-d": path / "data", **changed}
    return ["server", *[word for pair in words.items() for word in pair]]


# --- the users file ---

def test_users_file_missing(fails, tmp_path):
    fails(66, server_words(tmp_path, **{"-u": tmp_path / "none"}), tmp_path / "none")


def test_users_file_unreadable(fails, tmp_path):
    (tmp_path / "folder").mkdir()
    fails(66, server_words(tmp_path, **{"-u": tmp_path / "folder"}), tmp_path / "folder")


@pytest.mark.parametrize("text, line, word", [
    ("fred\nno good\n", 2, "good"), ("fred\nTim\n\n# x\nfre d\n", 5, "d"), ("fr/ed\n", 1, "fr/ed"),
    ("x" * 33 + "\n", 1, "32"), ("fred colour=red\n", 1, "colour"), ("fred invite=abc\n", 1, "invite"),
    ("fred revoke=abc\n", 1, "revoke"), ("fréd\n", 1, "")])
def test_users_file_malformed(fails, tmp_path, text, line, word):
    (tmp_path / "bad").write_text(text)
    fails(78, server_words(tmp_path, **{"-u": tmp_path / "bad"}), f"{tmp_path / 'bad'}:{line}:", word)


def test_users_file_with_a_name_twice(fails, tmp_path):
    (tmp_path / "bad").write_text("# all\nfred\nTim\nFRED\n")
    fails(78, server_words(tmp_path, **{"-u": tmp_path / "bad"}), f"{tmp_path / 'bad'}:4:", "FRED", "2")


def test_bad_users_file_at_reload_keeps_the_old(server, profile):
    profile(server, "fred").send("Tim", "x")
    server.reload(["fred", "Tim", "no good"])
    mms.wait_until(lambda: any(f"{server.users}:3:" in line for line in server.process.errors), "no word of it", 10)
    profile(server, "fred").send("francoc", "still there")


# --- sockets, ports, hosts ---

def test_port_in_use(fails, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        fails(78, server_words(tmp_path, **{"-p": port}), "127.0.0.1", port)


@pytest.mark.parametrize("port", ["65536", "-1", "abc", "99999999999999999999", ""])
@pytest.mark.parametrize("command", ["server", "client"])
def test_port_out_of_range(fails, command, port):
    fails(64, [command, f"--port={port}"], "port", "65535")


@pytest.mark.parametrize("words", [["server", "no.such.host.invalid", "-p", "0", "-u", "good-users", "-d", "data"],
                                   ["client", "no.such.host.invalid"],
                                   ["send", "-s", "no.such.host.invalid", "-a", "fred", "Tim", "x"],
                                   ["listen", "-s", "no.such.host.invalid", "-a", "fred"],
                                   ["who", "-s", "no.such.host.invalid", "-a", "fred"]])
def test_unknown_host(fails, words):
    fails(68, words, "no.such.host.invalid")


def test_address_that_is_not_ours(fails, tmp_path):
    fails(68, ["server", "192.0.2.1", *server_words(tmp_path)[1:]], "192.0.2.1")


# --- data and state ---

def test_data_directory_cannot_be_made(fails, tmp_path):
    (tmp_path / "file").write_text("")
    fails(73, server_words(tmp_path, **{"-d": tmp_path / "file" / "data"}), tmp_path / "file")


def test_data_directory_is_not_writable(fails, tmp_path):
    fails(73, server_words(tmp_path, **{"-d": "/proc/mms"}), "/proc/mms")


def test_state_directory_cannot_be_made(fails, server, tmp_path):
    (tmp_path / "file").write_text("")
    fails(73, ["send", "-s", server.name, "-a", "fred", "--state", tmp_path / "file" / "x", "Tim", "x"],
          tmp_path / "file")


def database_of(directory):
    return [path for path in directory.rglob("*") if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3"]


def test_data_of_a_newer_version(fails, make_server, tmp_path):
    server = make_server()
    server.stop()
    found = database_of(server.data)
    assert len(found) == 1
    with sqlite3.connect(found[0]) as database:
        database.execute("PRAGMA user_version = 9999")
    database.close()
    fails(78, server_words(tmp_path, **{"-d": server.data}), found[0], "newer")


def test_data_that_is_no_database(fails, make_server, tmp_path):
    server = make_server()
    server.stop()
    found = database_of(server.data)[0]
    for each in server.data.glob(found.name + "*"):
        each.unlink()
    found.write_text("these are not the bytes of a database\n" * 100)
    fails(78, server_words(tmp_path, **{"-d": server.data}), found)


def test_data_of_one_byte(fails, make_server, tmp_path):
    server = make_server()
    server.stop()
    found = database_of(server.data)[0]
    for each in server.data.glob(found.name + "*"):
        each.unlink()
    found.write_text("x")
    fails(78, server_words(tmp_path, **{"-d": server.data}), found)


def test_data_without_its_key(fails, make_server, tmp_path):
    server = make_server()
    server.stop()
    (server.data / "server.key").unlink()
    fails(78, server_words(tmp_path, **{"-d": server.data}), server.data / "server.key")
    assert not (server.data / "server.key").exists()


def test_data_of_another_program(fails, make_server, tmp_path):
    server = make_server()
    server.stop()
    found = database_of(server.data)[0]
    for each in server.data.glob(found.name + "*"):
        each.unlink()
    with sqlite3.connect(found) as database:
        database.execute("CREATE TABLE accounts (name TEXT)")
    database.close()
    fails(78, server_words(tmp_path, **{"-d": server.data}), found)


def test_another_server_on_the_same_data(fails, server, tmp_path):
    fails(78, server_words(tmp_path, **{"-d": server.data}), server.data, "server")
    assert server.is_up()


def damaged_state(server, profile, change):
    fred = profile(server, "fred")
    fred.send("fred", "x")
    found = database_of(fred.state)
    assert len(found) == 1
    for each in found[0].parent.glob(found[0].name + "-*"):
        each.unlink()
    change(found[0])
    return fred, found[0]


def test_state_that_is_no_database(server, profile):
    fred, path = damaged_state(server, profile, lambda path: path.write_bytes(b"tampered with " * 1000))
    done = fred.run("send", "Tim", "x")
    assert done.returncode == 78 and str(path) in done.stderr, done


def test_state_of_a_newer_version(server, profile):
    def change(path):
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA user_version = 9999")
        database.close()
    fred, path = damaged_state(server, profile, change)
    done = fred.run("who")
    assert done.returncode == 78 and str(path) in done.stderr and "newer" in done.stderr, done


def test_state_cut_short(server, profile):
    fred, path = damaged_state(server, profile, lambda path: os.truncate(path, path.stat().st_size // 2))
    done = fred.run("send", "Tim", "x")
    assert done.returncode == 78 and str(path) in done.stderr and "damaged" in done.stderr, done


def test_pins_file_tampered_with(server, profile):
    fred = profile(server, "fred")
    fred.send("fred", "x")
    pins = [path for path in fred.state.rglob("*") if path.is_file() and str(server.port).encode() in path.read_bytes()
            and path not in database_of(fred.state)]
    assert len(pins) == 1, pins
    pins[0].write_text("what is this?\n")
    done = fred.run("who")
    assert done.returncode == 78 and f"{pins[0]}:1" in done.stderr, done


# --- messages ---

@pytest.mark.parametrize("text, words", [(b"x" * 1025, ["1025", "1024"]), (b"\xff\xfe", ["UTF-8"]), (b"", [])])
def test_text_that_cannot_be_sent(fails, text, words):
    fails(65, ["send", "-s", "127.0.0.1:9", "-a", "fred", "Tim", "-"], *words, stdin=text)


def test_text_on_standard_input_loses_one_newline(server, profile, agent):
    tim = agent(server, "Tim")
    done = profile(server, "fred").run("send", "Tim", "-", stdin=b"two\nlines\n\n")
    assert done.returncode == 0, done
    tim.wait_texts(["two\nlines\n"])


def test_longest_text_passes(server, profile):
    profile(server, "fred").send("Tim", "x" * 1024)


def test_no_such_user(server, profile):
    done = profile(server, "fred").send("nobody", "x", status=67)
    assert "nobody" in done.stderr
    profile(server, "fred").send("Tim", "the queue is not blocked by it")


def test_recipient_that_is_no_name(fails):
    fails(65, ["send", "-s", "127.0.0.1:9", "-a", "fred", "a/b", "x"], "a/b")


def test_mailbox_full(make_server, profile):
    server = make_server(options=["--mailbox-messages", "6"])
    tim = profile(server, "Tim")
    for i in range(3):  # half of the mailbox: one sender has no more of it
        tim.send("fred", str(i))
    assert "fred" in tim.send("fred", "4", status=71).stderr
    tim.send("libero", "others are not concerned")
    libero = profile(server, "libero")
    for i in range(3):
        libero.send("fred", str(i))
    assert "fred" in libero.send("fred", "7", status=71).stderr
    assert profile(server, "fred").listen("-n", "6").wait() == 0
    tim.send("fred", "room again")


# --- peers ---

def test_not_authorized(server, profile):
    for user in ("jimmy", "fred"):
        if user == "fred":
            profile(server, "fred").send("Tim", "x")
        stranger = profile(server, user, state=server.directory / f"stranger-{user}")
        for command, words in (("send", ("Tim", "x")), ("listen", ()), ("who", ())):
            done = stranger.run(command, *words)
            assert done.returncode == 77, done
            assert f"user {user} is not authorized to use MMS" in done.stderr


def test_unreachable_and_nothing_queued(fails, tmp_path):
    port = mms.unused_port()
    words = ["-s", f"127.0.0.1:{port}", "-a", "fred"]
    fails(69, ["send", *words, "--wait", "0.3", "Tim", "x"], f"127.0.0.1:{port}")
    fails(69, ["who", *words, "--wait", "0.3"], f"127.0.0.1:{port}")


def test_client_that_never_reaches_a_server(profile):
    done = profile(f"127.0.0.1:{mms.unused_port()}", "fred").run("client", stdin=b"signin fred\n", timeout=30)
    assert "cannot be reached" in done.stdout
    assert done.returncode == 69, done


def test_queued(server, profile):
    fred = profile(server, "fred")
    fred.send("Tim", "x")
    server.stop()
    done = fred.send("Tim", "later", "--wait", "0.3", status=75)
    assert "queued" in done.stderr


def test_client_with_something_queued(server, profile):
    fred = profile(server, "fred")
    client = fred.spawn("client")
    client.type("signin fred")
    client.wait_for(lambda lines: len(lines) >= 2)
    server.kill()
    client.type("send Tim later")
    client.wait_for(lambda lines: any("queued" in line for line in lines), 15)
    client.end_input()
    assert client.wait(25) == 75, client


@pytest.mark.parametrize("wait", ["0", "1.5"])
def test_who_out_of_time_says_nothing_of_messages(server, profile, wait):
    """What `send` queued stays queued, whatever becomes of `who`."""
    fred = profile(server, "fred")
    fred.send("Tim", "x")
    server.kill()
    fred.send("Tim", "y", "--wait", "0", status=75)
    done = fred.run("who", "--wait", wait)
    assert done.returncode == 69 and done.stdout == "", done
    assert done.stderr == f"mms who: the server {server.name} has not answered in time\n", done


def test_a_first_send_without_a_wait_does_not_blame_the_server(server, profile):
    """It is there: nobody has waited for it."""
    done = profile(server, "fred").send("Tim", "x", "--wait", "0", status=69)
    assert "has not answered in time, nothing was kept" in done.stderr and "cannot be reached" not in done.stderr, done


def test_listen_says_when_the_server_is_back(server, profile):
    """Whoever reads its standard error last need not think that it still keeps trying."""
    listener = profile(server, "fred").listen()
    tim = profile(server, "Tim")
    tim.send("fred", "up")
    listener.wait_for(lambda lines: lines)
    server.kill()
    mms.wait_until(lambda: listener.errors == [f"mms listen: the server {server.name} cannot be reached, MMS keeps trying"],
                   lambda: str(listener))
    server.restart()
    mms.wait_until(lambda: listener.errors[1:] == [f"mms listen: the server {server.name} answers again"],
                   lambda: str(listener), timeout=60)
    tim.send("fred", "again")
    listener.wait_for(lambda lines: len(lines) == 2)


def test_listen_out_of_time(server, profile):
    started = time.monotonic()
    done = profile(server, "fred").run("listen", "--timeout", "0.5")
    assert done.returncode == 75 and done.stdout == "" and time.monotonic() - started < 10, done


def test_interrupted(server, profile):
    listener = profile(server, "fred").listen()
    tim = profile(server, "Tim")
    tim.send("fred", "up")
    listener.wait_for(lambda lines: lines)
    assert listener.kill(signal.SIGINT) == 130


@pytest.mark.parametrize("command, words, status", [
    ("send", ("Tim", "x"), 75), ("who", (), 76), ("listen", ("--timeout", "15"), 76)])
def test_server_key_changed(server, profile, command, words, status):
    """A message that `send` has queued before it sees the key stays queued, and `send` says so."""
    fred = profile(server, "fred")
    fred.send("Tim", "x")
    server.kill()
    with FakeServer(port=server.port) as other:
        done = fred.run(command, *words, timeout=30)
        new = base64.urlsafe_b64encode(fingerprint(other.static.public)).rstrip(b"=").decode()
    assert done.returncode == status, done
    assert new in done.stderr and "changed" in done.stderr, done
    assert ("stays queued" in done.stderr) == (status == 75), done
    assert not other.submitted


def test_client_when_the_server_key_changed(server, profile):
    fred = profile(server, "fred")
    fred.send("Tim", "x")
    server.kill()
    with FakeServer(port=server.port):
        done = fred.run("client", stdin=b"signin fred\nsend Tim secret\n", timeout=30)
    assert done.returncode == 76, done


def test_fingerprint_given_beforehand(server, profile, fails, device):
    key = device(server, "Tim").connect().server_key
    right = base64.urlsafe_b64encode(fingerprint(key)).rstrip(b"=").decode()
    wrong = base64.urlsafe_b64encode(fingerprint(KeyPair().public)).rstrip(b"=").decode()
    done = profile(f"{server.name}#{right}", "fred").run("send", "Tim", "x")
    assert done.returncode == 0, done
    fails(76, ["send", "-s", f"{server.name}#{wrong}", "-a", "libero", "Tim", "x"], wrong, right)


@pytest.mark.parametrize("code_known", [False, True])
def test_invite_against_a_server_in_the_middle(profile, code_known):
    """Who does not know the code cannot play the server, at first contact either; who knows it can be told apart."""
    code = base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode()
    with FakeServer(code=code if code_known else None) as middle:
        fred = profile(f"127.0.0.1:{middle.port}", "fred")
        done = fred.run("send", "Tim", "secret", env={"MMS_INVITE": code}, timeout=30)
        if code_known:
            assert done.returncode == 0 and [message[3] for message in middle.submitted] == [b"secret"], done
        else:
            assert done.returncode == 76 and not middle.submitted, done
            assert not [path for path in fred.state.rglob("*") if path.is_file() and
                        str(middle.port).encode() in path.read_bytes()], "a pin was kept"


def test_invite_used_twice(make_server, profile):
    code = base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode()
    hashed = base64.urlsafe_b64encode(hashlib.blake2b(code.encode(), digest_size=32).digest()).rstrip(b"=").decode()
    server = make_server(users=["Tim", f"fred invite={hashed},2099-01-01T00:00:00Z"])
    first = profile(server, "fred")
    assert first.run("send", "Tim", "x").returncode == 77
    first.send("Tim", "x", env={"MMS_INVITE": code})
    first.send("Tim", "y")
    second = profile(server, "fred", state=server.directory / "second")
    assert second.run("send", "Tim", "z", env={"MMS_INVITE": code}).returncode == 77
    assert first.run("send", "Tim", "z", env={"MMS_INVITE": code}).returncode == 0


def test_invite_expired(make_server, profile):
    code = base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode()
    hashed = base64.urlsafe_b64encode(hashlib.blake2b(code.encode(), digest_size=32).digest()).rstrip(b"=").decode()
    server = make_server(users=["Tim", f"fred invite={hashed},2020-01-01T00:00:00Z"])
    assert profile(server, "fred").run("send", "Tim", "x", env={"MMS_INVITE": code}).returncode == 77


# --- command line and output ---

@pytest.mark.parametrize("words", [[], ["frobnicate"], ["send"], ["--frobnicate"], ["server", "-z"],
                                   ["listen", "-n", "x"], ["server", "--drop", "2"], ["who", "extra"]])
def test_usage(fails, words):
    done = subprocess.run([str(mms.MMS), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
                          check=False)
    assert done.returncode == 64 and done.stdout == "" and "mms" in done.stderr, done


@pytest.mark.parametrize("command", [[], ["server"], ["client"], ["send"], ["listen"], ["who"], ["user"]])
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version(profile, server, command, option):
    done = profile(server, "fred").run_plain(*command, option)
    assert done.returncode == 0 and done.stdout.startswith("usage: mms" if option == "--help" else "mms ")
    assert done.stderr == ""


def test_output_that_cannot_be_written(server, tmp_path):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([str(mms.MMS), "who", "-s", server.name, "-a", "fred", "--state", str(tmp_path / "s")],
                              stdout=full, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=20, check=False,
                              env=mms.environment(tmp_path))
    assert done.returncode == 74 and done.stderr, done


def test_user_is_needed_when_there_is_no_profile(fails):
    fails(64, ["send", "-s", "127.0.0.1:9", "Tim", "x"], "-a")


def test_the_only_profile_is_taken(server, profile, tmp_path):
    profile(server, "fred").send("Tim", "x")
    done = profile(server, "fred").run_plain("who", "-s", server.name, "--state", tmp_path / "state-fred")
    assert done.returncode == 0, done


def test_hostile_text_on_a_script_s_output(server, profile, agent):
    tim = agent(server, "Tim")
    plain = profile(server, "fred").spawn("listen", "-n", "1")
    tim.submit("fred", "a\nTim: forged\tb\\c\x1b[2J\r\u202e")
    assert plain.wait() == 0
    assert len(plain.lines) == 1 and plain.lines[0].startswith("Tim: a\\nTim: forged\\tb\\\\c")
    assert "\x1b" not in plain.lines[0] and "\u202e" not in plain.lines[0] and "\r" not in plain.lines[0]


def test_who(server, profile):
    done = profile(server, "fred").run("who", "--json")
    assert done.returncode == 0, done
    assert done.stdout.splitlines() == ['{"v":1,"user":"%s","online":false}' % name for name in mms.USERS]
