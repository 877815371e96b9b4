# SPDX-License-Identifier: ISC
"""What a process inherits: descriptors that are closed, full, do not block or have no reader, and signals that are ignored
or blocked. Whoever starts a command decides none of what it promises."""

import fcntl
import json
import os
import pty
import re
import signal
import subprocess

import mms
import pytest


@pytest.fixture(name="start")
def fixture_start(tmp_path, closing):
    """start(words, …) is a Popen of `mms` whose descriptors the test chooses; it ends with the test."""
    def start(*words, env=None, **how):
        class Started(subprocess.Popen):
            def close(self):
                if self.poll() is None:
                    self.kill()
                self.wait()
                for stream in (self.stdin, self.stdout, self.stderr):
                    if stream:
                        stream.close()
        how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
        return closing(Started([str(word) for word in (mms.MMS, *words)], cwd=tmp_path,
                               env={**mms.environment(tmp_path), **(env or {})}, **how))
    return start


def shell(tmp_path, script, *words, **how):
    """Runs a line of sh in which "$@" is `mms` with these words."""
    return subprocess.run(["sh", "-c", script, "sh", *map(str, (mms.MMS, *words))], cwd=tmp_path, capture_output=True,
                          env=mms.environment(tmp_path), timeout=mms.DEADLINE_S, check=False, **how)


def pipe_without_blocking(closing, end):
    """A pipe of which one end, 0 to read or 1 to write, does not block."""
    class Pipe:
        def __init__(self):
            self.fds = list(os.pipe())
            os.set_blocking(self.fds[end], False)

        def close_end(self, number):
            if self.fds[number] is not None:
                os.close(self.fds[number])
                self.fds[number] = None

        def close(self):
            self.close_end(0)
            self.close_end(1)
    return closing(Pipe())


# --- closed descriptors ---

USER_WORDS = [["user", "add", "zoe"], ["user", "invite", "fred"], ["user", "invite", "--replace", "fred"]]


@pytest.mark.parametrize("words", USER_WORDS)
@pytest.mark.parametrize("closed", [">&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_code_that_goes_nowhere_is_not_made(tmp_path, words, closed):
    users = tmp_path / "users"
    users.write_text("fred\n")
    lock = tmp_path / "users.lock"
    lock.write_text("")
    done = shell(tmp_path, f'"$@" {closed}', *words, "-u", "users")
    assert done.returncode == 74
    assert users.read_text() == "fred\n"
    assert lock.read_text() == ""
    assert b"standard output" in done.stderr or "2>&-" in closed


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["user", "list", "-u", "users"], ["send", "--help"],
                                   ["who", "--version"]])
@pytest.mark.parametrize("target", [">&-", "<&- >&-", ">/dev/full"])
def test_data_that_cannot_be_written(tmp_path, words, target):
    (tmp_path / "users").write_text("fred\n")
    done = shell(tmp_path, f'"$@" {target}', *words)
    assert done.returncode == 74
    assert b"cannot write to standard output" in done.stderr


@pytest.mark.parametrize("words", USER_WORDS)
def test_a_code_that_cannot_be_written_is_told(tmp_path, words):
    users = tmp_path / "users"
    users.write_text("fred\n")
    done = shell(tmp_path, '"$@" >/dev/full', *words, "-u", "users")
    assert done.returncode == 74
    assert f"mms user invite --replace {words[-1]}" in done.stderr.decode()
    assert "invite=" in users.read_text()


@pytest.mark.parametrize("command", ["who", "listen"])
@pytest.mark.parametrize("target", [">&-", "<&- >&-", ">/dev/full"])
def test_answers_that_cannot_be_written(server, profile, tmp_path, command, target):
    fred = profile(server, "fred")
    fred.send("fred", "hello")
    done = shell(tmp_path, f'"$@" {target}', command, "--state", fred.state, "-s", server.name)
    assert done.returncode == 74
    assert b"cannot write to standard output" in done.stderr
    again = fred.run("listen", "--json", "-n", "1")
    assert json.loads(again.stdout)["text"] == "hello"


def test_no_file_becomes_a_standard_descriptor(server, profile, tmp_path):
    """Without standard error its number must not go to a database or a socket."""
    fred = profile(server, "fred")
    fred.send("fred", "hello")
    done = shell(tmp_path, '"$@" <&- 2>&-', "listen", "-n", "1", "--state", fred.state, "-s", server.name)
    assert (done.returncode, done.stdout) == (0, b"fred: hello\n")
    done = shell(tmp_path, '"$@" <&- >&- 2>&-', "send", "--state", fred.state, "-s", server.name, "fred", "again")
    assert done.returncode == 0
    listened = fred.run("listen", "--json", "-n", "1")
    assert json.loads(listened.stdout)["text"] == "again"


def test_closed_standard_input_is_at_its_end(server, tmp_path):
    host, port = server.name.rsplit(":", 1)
    ends = [shell(tmp_path, f'"$@" {end}', "client", "--state", "state", host, "-p", port)
            for end in ("<&-", "</dev/null")]
    assert [done.returncode for done in ends] == [0, 0]
    assert ends[0].stdout == ends[1].stdout
    assert shell(tmp_path, '"$@" <&-', "send", "-s", server.name, "-a", "fred", "fred").returncode == 65


def test_input_that_cannot_be_read(server, start, tmp_path):
    host, port = server.name.rsplit(":", 1)
    for mode, reason in ((os.O_RDONLY | os.O_DIRECTORY, b"Is a directory"), (os.O_WRONLY | os.O_TMPFILE, b"it is closed")):
        fd = os.open(tmp_path, mode)
        client = start("client", "--state", tmp_path / "state", host, "-p", port, stdin=fd, stderr=subprocess.PIPE)
        os.close(fd)
        said = client.communicate(timeout=mms.DEADLINE_S)[1]
        assert client.returncode == 74 and b"cannot read standard input: " + reason in said, said


def test_input_without_an_end(server, profile):
    with open("/dev/zero", "rb") as zeros:
        done = subprocess.run([str(mms.MMS), "send", "-s", server.name, "-a", "fred", "Tim", "-"], stdin=zeros, capture_output=True,
                              text=True, timeout=mms.DEADLINE_S, env=mms.environment(profile(server, "fred").directory), check=False)
    assert done.returncode == 65 and "more than 1048576 bytes" in done.stderr, done


# --- descriptors that do not block ---

def test_output_waits_for_a_slow_reader(server, profile, start, closing):
    """The pipe holds a page, and is read only when the writer has filled it."""
    fred = profile(server, "fred")
    count = 120
    for i in range(count):
        fred.send("fred", f"{i:03} " + "x" * 900)
    pipe = pipe_without_blocking(closing, 1)
    fcntl.fcntl(pipe.fds[1], fcntl.F_SETPIPE_SZ, 4096)
    listen = start("listen", "-n", count, "--state", fred.state, "-s", server.name, stdout=pipe.fds[1])
    pipe.close_end(1)
    with os.fdopen(pipe.fds[0], "rb", closefd=False) as reader:
        lines = reader.readlines()
    assert [line[6:9] for line in lines] == [b"%03d" % i for i in range(count)]
    assert listen.wait(mms.DEADLINE_S) == 0, listen.stderr.read()


@pytest.mark.parametrize("is_blocking", [False, True])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait_for_a_reader(server, profile, start, closing, number, is_blocking):
    fred = profile(server, "fred")
    for i in range(8):
        fred.send("fred", f"{i} " + "x" * 900)
    pipe = pipe_without_blocking(closing, 1)
    os.set_blocking(pipe.fds[1], is_blocking)
    fcntl.fcntl(pipe.fds[1], fcntl.F_SETPIPE_SZ, 4096)
    listen = start("listen", "--state", fred.state, "-s", server.name, stdout=pipe.fds[1])
    room = mms.wait_until(lambda: not is_writable(pipe.fds[1]), "the pipe stays empty")
    assert room
    listen.send_signal(number)
    assert listen.wait(mms.DEADLINE_S) == 130
    # What the reader did not get whole comes again, and nothing else is missing.
    pipe.close_end(1)
    with os.fdopen(pipe.fds[0], "rb", closefd=False) as reader:
        whole = [line for line in reader.readlines() if line.endswith(b"\n")]
    rest = fred.run("listen", "-n", str(8 - len(whole)))
    got = [line[6:7] for line in whole] + [line[6:7].encode() for line in rest.stdout.splitlines()]
    assert sorted(set(got)) == [b"%d" % i for i in range(8)]


@pytest.mark.parametrize("number, status", [(signal.SIGTERM, 130), (None, 75)])
def test_what_ends_the_wait_for_a_terminal(server, profile, start, closing, number, status):
    """It is ready with room for half a line, and a write of the whole line would wait."""
    master, slave = pty.openpty()

    class Ends:
        def close(self):
            os.close(master)
            os.close(slave)
    closing(Ends())
    fred = profile(server, "fred")
    for i in range(80):  # more than a terminal holds
        fred.send("fred", f"{i} " + "x" * 900)
    limit = ["--timeout", "2"] if number is None else []
    listen = start("listen", *limit, "--state", fred.state, "-s", server.name, stdout=slave)
    if number is not None:
        mms.wait_until(lambda: not is_writable(slave), "there is room still")
        listen.send_signal(number)
    assert listen.wait(mms.DEADLINE_S) == status


def is_writable(fd):
    import select  # pylint: disable=import-outside-toplevel
    return bool(select.select([], [fd], [], 0)[1])


def test_the_time_of_listen_ends_the_wait_for_a_reader(server, profile, start, closing):
    fred = profile(server, "fred")
    for i in range(8):
        fred.send("fred", f"{i} " + "x" * 900)
    pipe = pipe_without_blocking(closing, 1)
    fcntl.fcntl(pipe.fds[1], fcntl.F_SETPIPE_SZ, 4096)
    listen = start("listen", "--timeout", "1", "--state", fred.state, "-s", server.name, stdout=pipe.fds[1])
    assert listen.wait(mms.DEADLINE_S) == 75, listen.stderr.read()


def test_input_waits_for_its_text(server, profile, start, closing):
    fred = profile(server, "fred")
    fred.send("fred", "first")
    pipe = pipe_without_blocking(closing, 0)
    send = start("send", "--state", fred.state, "-s", server.name, "fred", stdin=pipe.fds[0])
    os.write(pipe.fds[1], b"la")
    mms.wait_until(lambda: is_asleep(send.pid), "it does not wait")
    os.write(pipe.fds[1], b"ter\n")
    pipe.close_end(1)
    assert send.wait(mms.DEADLINE_S) == 0, send.stderr.read()
    assert fred.run("listen", "-n", "2").stdout == "fred: first\nfred: later\n"


def is_asleep(pid):
    """Whether a process has read all there was and waits in poll or read."""
    with open(f"/proc/{pid}/wchan", encoding="ascii") as file:
        found = file.read()
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        state = file.read().rsplit(")", 1)[1].split()[0]
    return state == "S" and (found in ("0", "") or re.search("poll|pipe|read", found))


def test_client_commands_from_a_pipe_that_does_not_block(server, start, closing, tmp_path):
    pipe = pipe_without_blocking(closing, 0)
    host, port = server.name.rsplit(":", 1)
    client = start("client", "--state", tmp_path / "state", host, "-p", port, stdin=pipe.fds[0])
    os.write(pipe.fds[1], b"signin fr")
    mms.wait_until(lambda: is_asleep(client.pid), "it does not wait")
    os.write(pipe.fds[1], b"ed\nsignout\n")
    pipe.close_end(1)
    said = client.communicate(timeout=mms.DEADLINE_S)[0]
    assert client.returncode == 0
    assert b"Welcome fred" in said and b"user fred has signed off" in said


def test_a_terminal_left_without_blocking(server, start, closing, tmp_path):
    """Another program has left the terminal in that mode: every line comes, and the mode is that program's own."""
    master, slave = pty.openpty()

    class Ends:
        def close(self):
            os.close(master)
            os.close(slave)
    closing(Ends())
    os.set_blocking(slave, False)
    host, port = server.name.rsplit(":", 1)
    client = start("client", "--state", tmp_path / "state", host, "-p", port, stdin=subprocess.PIPE, stdout=slave)
    script = b"help\n" * 400
    client.stdin.write(script)
    client.stdin.close()
    client.stdin = None
    said = b""
    while said.count(b"help more") < 400:
        said += os.read(master, 65536)
    assert client.wait(mms.DEADLINE_S) == 0
    assert not os.get_blocking(slave)


# --- readers that go ---

@pytest.mark.parametrize("restore", [True, False])
@pytest.mark.parametrize("words", [["who"], ["who", "--json"], ["listen"]])
def test_a_reader_that_goes(make_server, profile, start, words, restore):
    """Quiet, and the same status whether SIGPIPE was inherited ignored (by Python's own children) or not."""
    server = make_server(users=[f"user{i}" for i in range(3000)])
    first = profile(server, "user0")
    for i in range(150):
        first.send("user0", f"{i} " + "x" * 1000)
    started = start(*words, "--state", first.state, "-s", server.name, restore_signals=restore,
                    pipesize=4096)
    assert started.stdout.readline()
    started.stdout.close()
    started.stdout = None
    assert started.wait(mms.DEADLINE_S) == 141
    assert started.stderr.read() == b""


def test_a_reader_that_was_never_there(tmp_path, start):
    (tmp_path / "users").write_text("".join(f"user{i}\n" for i in range(10000)))
    started = start("user", "list", "-u", "users", pipesize=4096)
    started.stdout.close()
    started.stdout = None
    assert started.wait(mms.DEADLINE_S) == 141
    assert started.stderr.read() == b""
    ends = os.pipe()
    os.close(ends[0])
    done = start("user", "add", "zoe", "-u", "users", stdout=ends[1])
    os.close(ends[1])
    assert done.wait(mms.DEADLINE_S) == 74
    assert "zoe" not in (tmp_path / "users").read_text()
    assert b"standard output" in done.stderr.read()


def test_a_client_whose_reader_goes(server, start, tmp_path):
    host, port = server.name.rsplit(":", 1)
    client = start("client", "--state", tmp_path / "state", host, "-p", port, stdin=subprocess.PIPE)
    assert client.stdout.readline() == b"Welcome to MMS.\n"
    client.stdout.close()
    client.stdout = None
    client.stdin.write(b"help\n")
    client.stdin.flush()
    assert client.wait(mms.DEADLINE_S) == 141
    assert client.stderr.read() == b""


# --- signals ---

def ignoring(*numbers):
    """What a child does before exec so that it inherits these signals ignored."""
    def prepare():
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
    return prepare


def blocking_all():
    signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())


@pytest.fixture(name="serve")
def fixture_serve(start, tmp_path):
    """serve(prepare) starts `mms server` with the user fred, whose preexec_fn is `prepare`."""
    def serve(prepare):
        (tmp_path / "users").write_text("fred\n")
        server = start("server", "-p", "0", "-u", "users", "-d", "data", preexec_fn=prepare)
        assert b"listening on" in server.stdout.readline()
        return server
    return serve


def errors_until(server, words):
    for line in server.stderr:
        if words in line:
            return
    raise AssertionError(f"{words} is not said")


@pytest.mark.parametrize("prepare", [None, ignoring(signal.SIGHUP), ignoring(signal.SIGHUP, signal.SIGTERM), blocking_all])
def test_a_server_takes_hup_and_term(serve, tmp_path, prepare):
    server = serve(prepare)
    (tmp_path / "users").write_text("fred\nTim\n")
    server.send_signal(signal.SIGHUP)
    errors_until(server, b"2 users")
    server.send_signal(signal.SIGTERM)
    assert server.wait(mms.DEADLINE_S) == 0


def test_a_server_in_the_background_keeps_ignoring_the_key(serve):
    server = serve(ignoring(signal.SIGINT))
    server.send_signal(signal.SIGINT)
    server.send_signal(signal.SIGHUP)
    errors_until(server, b"1 users")
    assert server.poll() is None
    server.send_signal(signal.SIGTERM)
    assert server.wait(mms.DEADLINE_S) == 0


@pytest.mark.parametrize("prepare", [None, ignoring(signal.SIGTERM), blocking_all])
def test_listen_ends_on_term(server, profile, start, prepare):
    fred = profile(server, "fred")
    fred.send("fred", "hello")
    listen = start("listen", "--state", fred.state, "-s", server.name, preexec_fn=prepare)
    assert listen.stdout.readline() == b"fred: hello\n"
    listen.send_signal(signal.SIGTERM)
    assert listen.wait(mms.DEADLINE_S) == 130


@pytest.mark.parametrize("number, prepare", [
    (signal.SIGTERM, None), (signal.SIGTERM, ignoring(signal.SIGTERM)), (signal.SIGTERM, blocking_all),
    (signal.SIGINT, None), (signal.SIGHUP, None)])
def test_send_ends_while_its_text_does_not_come(start, number, prepare):
    """In order, and it says so; before that it takes signals, whatever was inherited."""
    before = {each: signal.signal(each, signal.SIG_DFL) for each in (signal.SIGINT, signal.SIGHUP)}
    try:
        send = start("send", "-s", "127.0.0.1:9", "-a", "fred", "Tim", "-", stdin=subprocess.PIPE, preexec_fn=prepare)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    mms.wait_until(lambda: any("signalfd" in os.readlink(f"/proc/{send.pid}/fd/{fd}") for fd in fds_of(send.pid)),
                   "it takes no signals")
    send.send_signal(number)
    assert send.wait(mms.DEADLINE_S) == 130
    assert send.stderr.read() == b"mms send: interrupted, nothing was kept to be sent later\n"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_listen_keeps_ignoring_what_it_was_told_to(server, profile, start, number):
    fred = profile(server, "fred")
    fred.send("fred", "hello")
    listen = start("listen", "--state", fred.state, "-s", server.name, preexec_fn=ignoring(number))
    assert listen.stdout.readline() == b"fred: hello\n"
    listen.send_signal(number)
    fred.send("fred", "again")
    assert listen.stdout.readline() == b"fred: again\n"
    listen.send_signal(signal.SIGTERM)
    assert listen.wait(mms.DEADLINE_S) == 130


def test_a_command_without_a_loop_ends_on_a_signal_that_was_blocked(start, closing, tmp_path):
    """`mms user add` waits for a lock; whoever started it had blocked everything."""
    (tmp_path / "users").write_text("")
    lock = closing(open(tmp_path / "users.lock", "w", encoding="ascii"))
    fcntl.flock(lock, fcntl.LOCK_EX)
    add = start("user", "add", "zoe", "-u", "users", preexec_fn=blocking_all)
    mms.wait_until(lambda: os.path.exists(f"/proc/{add.pid}/fd") and
                   any("users.lock" in os.readlink(f"/proc/{add.pid}/fd/{fd}") for fd in fds_of(add.pid)),
                   "it does not wait for the lock")
    add.send_signal(signal.SIGTERM)
    assert add.wait(mms.DEADLINE_S) == -signal.SIGTERM


def fds_of(pid):
    try:
        return [fd for fd in os.listdir(f"/proc/{pid}/fd") if os.path.islink(f"/proc/{pid}/fd/{fd}")]
    except FileNotFoundError:
        return []
