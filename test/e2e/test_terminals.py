# SPDX-License-Identifier: ISC
"""Several processes of one profile: one receives, the others follow it, and each shows what comes while it runs."""

import os
import shutil
import signal
import sqlite3
import subprocess

import pytest

import mms

WELCOME = ">> Welcome fred, you have no messages waiting"


@pytest.fixture
def fred(server, profile):
    """A profile that has signed in before."""
    fred = profile(server, "fred")
    assert fred.run("who").returncode == 0
    return fred


def sign_in(profile, welcome=WELCOME):
    client = profile.spawn("client")
    client.type(f"signin {profile.user}")
    client.wait_line(welcome)
    return client


def is_receiver(profile, process):
    """Whether this process has the profile's lock on receiving, as the system tells it."""
    lock, = profile.state.glob("*/*.receive")
    inode = lock.stat().st_ino
    with open("/proc/locks", encoding="ascii") as locks:
        return any(line.split()[1] == "FLOCK" and line.split()[4] == str(process.popen.pid) and
                   line.split()[5].endswith(f":{inode}") for line in locks if "->" not in line)


def state_of(process):
    with open(f"/proc/{process.popen.pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0]


def count(process, line):
    return process.lines.count(line)


def test_each_terminal_shows_what_comes_while_it_runs(server, profile, fred):
    francoc = profile(server, "francoc")
    francoc.send("fred", "before")
    first = sign_in(fred, ">> Welcome fred, you have 1 message waiting :")
    first.wait_line(">>      francoc: before")
    second = sign_in(fred)
    third = sign_in(fred)
    assert is_receiver(fred, first) and not is_receiver(fred, second)
    for number in range(20):
        francoc.send("fred", f"text {number}")
    for process in (first, second, third):
        process.wait_line(">> francoc: text 19")
        assert [line for line in process.lines if "text" in line] == [f">> francoc: text {number}" for number in range(20)]
        assert process is first or not any("before" in line for line in process.lines)
    for process in (first, second, third):
        process.type("quit")
        assert process.wait() == 0, process
    assert sign_in(fred).lines[-1] == WELCOME  # never again


@pytest.mark.parametrize("how", ["kill", "quit", "signout"])
def test_another_receives_in_the_place_of_one_that_ends(server, profile, fred, how):
    francoc = profile(server, "francoc")
    first, second, third = sign_in(fred), sign_in(fred), sign_in(fred)
    if how == "kill":
        first.kill()
    else:
        first.type(how)
        first.wait_for(lambda lines: any("has signed off" in line for line in lines) or first.popen.poll() is not None)
    mms.wait_until(lambda: is_receiver(fred, second) or is_receiver(fred, third), "nobody receives")
    francoc.send("fred", "who is there?")
    for process in (second, third):
        process.wait_line(">> francoc: who is there?")
        assert count(process, ">> francoc: who is there?") == 1
    assert "fred\tonline" in francoc.run("who").stdout


def test_what_one_could_not_show_is_shown_by_the_next(server, profile, fred):
    """The one that receives has stored a message and is killed before it could show it."""
    francoc = profile(server, "francoc")
    listen = fred.listen()
    francoc.send("fred", "shown")
    listen.wait_for(lambda lines: mms.texts(listen) == ["shown"])
    follower = sign_in(fred)
    listen.kill()
    mms.wait_until(lambda: is_receiver(fred, follower), "it receives")
    database, = fred.state.glob("*/fred.db")
    # As if it had been killed between storing and writing.
    with sqlite3.connect(database, timeout=10) as store:
        store.execute("UPDATE transcript SET is_shown = 0")
    follower.kill()
    last = sign_in(fred, ">> Welcome fred, you have 1 message waiting :")
    last.wait_line(">>      francoc: shown")


def test_commands_of_one_that_follows(server, profile, fred):
    francoc = profile(server, "francoc")
    listen = francoc.listen()
    first, second = sign_in(fred), sign_in(fred)
    mms.wait_until(lambda: "francoc\tonline" in fred.run("who").stdout, "francoc is online")
    second.type("send francoc from the second")
    listen.wait_for(lambda lines: "from the second" in mms.texts(listen))
    second.type("send Tim while you were away")
    second.wait_line(">> Tim is offline, message will be saved for future delivery")
    second.type("whoIsOn")
    second.wait_line(">> Users fred and francoc are online")
    second.type("send nobody at all")
    second.wait_for(lambda lines: any("there is no user nobody" in line for line in lines))
    assert is_receiver(fred, first)
    first.kill()
    second.type("send francoc and once more")
    listen.wait_for(lambda lines: "and once more" in mms.texts(listen))
    assert mms.texts(listen) == ["from the second", "and once more"]


def test_one_listens(server, profile, fred):
    francoc = profile(server, "francoc")
    listen, client = fred.listen(), sign_in(fred)
    mms.wait_until(lambda: is_receiver(fred, listen) or is_receiver(fred, client), "one receives")
    second = fred.listen()
    assert second.wait() == 75
    assert second.errors == ["mms listen: another mms listen of fred is running: end it first"]
    francoc.send("fred", "to both")
    listen.wait_for(lambda lines: mms.texts(listen) == ["to both"])
    client.wait_line(">> francoc: to both")
    listen.kill()
    third = fred.listen("-n", "1")  # what was shown is not shown again
    mms.wait_until(lambda: any(path.name == "fred.listen" for path in fred.state.glob("*/*")), "it listens")
    francoc.send("fred", "one more")
    assert third.wait() == 0 and mms.texts(third) == ["one more"], third


def test_a_copy_replaces_all_terminals(server, profile, fred):
    """Of two copies of a profile one receives; the terminals of the other do not fight for it."""
    first, second = sign_in(fred), sign_in(fred)
    copy = profile(server, "fred", state=fred.directory / "copy")
    shutil.copytree(fred.state, copy.state, ignore=shutil.ignore_patterns("*.wake", "*.news", "*.lock"))
    newest = sign_in(copy)
    for process in (first, second):
        process.wait_for(lambda lines: any("has signed in with this profile elsewhere" in line for line in lines))
    profile(server, "francoc").send("fred", "to the copy")
    newest.wait_line(">> francoc: to the copy")
    assert not any("to the copy" in line for process in (first, second) for line in process.lines)
    second.type("signin fred")
    second.wait_for(lambda lines: lines.count(WELCOME) == 2)
    newest.wait_for(lambda lines: any("has signed in with this profile elsewhere" in line for line in lines))


def test_one_that_its_terminal_has_stopped_keeps_nobody_waiting(server, profile, fred):
    francoc = profile(server, "francoc")
    first = mms.Process(fred.arguments("listen"), fred.directory, own_group=True)  # no terminal stops an orphaned group
    fred.started.append(first)
    mms.wait_until(lambda: list(fred.state.glob("*/*.receive")) and is_receiver(fred, first), "it receives")
    second = sign_in(fred)
    os.kill(first.popen.pid, signal.SIGTSTP)
    mms.wait_until(lambda: state_of(first) == "T", "it is stopped")
    mms.wait_until(lambda: is_receiver(fred, second), "the other one receives")
    francoc.send("fred", "meanwhile")
    second.wait_line(">> francoc: meanwhile")
    os.kill(first.popen.pid, signal.SIGCONT)
    first.wait_line("francoc: meanwhile")
    francoc.send("fred", "afterwards")
    for process, line in ((first, "francoc: afterwards"), (second, ">> francoc: afterwards")):
        process.wait_line(line)
        assert count(process, line) == 1
    assert is_receiver(fred, second)


def test_a_reader_that_does_not_read_keeps_nobody_waiting(server, profile, fred):
    """`mms listen | less`: what the pipe does not take makes it wait, and the terminal receives."""
    francoc = profile(server, "francoc")
    read, write = os.pipe()
    listen = subprocess.Popen([str(word) for word in fred.arguments("listen")], stdin=subprocess.DEVNULL, stdout=write,
                              env=mms.environment(fred.directory), cwd=fred.directory)
    os.close(write)
    try:
        client = sign_in(fred)
        lines = "".join(f"send fred {'x' * 1000}\n" for _ in range(100)) + "send fred the last\nquit\n"
        assert francoc.run("client", stdin=f"signin francoc\n{lines}".encode(), timeout=60).returncode == 0
        client.wait_line(">> francoc: the last", 60)
        assert sum(">> francoc: xxx" in line for line in client.lines) == 100
    finally:
        listen.kill()
        listen.wait()
        os.close(read)


def test_more_terminals_than_the_server_has_sessions_for(server, profile, fred):
    """The server holds eight sessions of a device that do not receive; who made room for others follows without one."""
    terminals = [sign_in(fred) for _ in range(12)]
    profile(server, "francoc").send("fred", "to all")
    for terminal in terminals:
        terminal.wait_line(">> francoc: to all")
    for terminal in terminals:  # each has one when it asks
        terminal.type("whoIsOn fred")
        terminal.wait_line(">> fred is online")
        assert not any("cannot be reached" in line for line in terminal.lines), terminal
