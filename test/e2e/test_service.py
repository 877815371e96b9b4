# SPDX-License-Identifier: ISC
"""A server and what its operator may do to it: a log that nobody reads, limits, users files that are none, and signals."""

import os
import pty
import resource
import select
import signal
import subprocess

import mms
import pytest


def fill(fd):
    """Fills the pipe so that a write would wait; the descriptor blocks afterwards."""
    os.set_blocking(fd, False)
    try:
        while True:
            os.write(fd, b"x" * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(fd, True)


def drain(fd):
    """All that is in the pipe, as text."""
    os.set_blocking(fd, False)
    parts = []
    try:
        while part := os.read(fd, 65536):
            parts.append(part)
    except BlockingIOError:
        pass
    return b"".join(parts).decode()


@pytest.fixture(name="pipes")
def fixture_pipes(closing):
    """pipes() is the pair of ends of a pipe."""
    class Ends:
        def __init__(self):
            self.fds = os.pipe()

        def close(self):
            for fd in self.fds:
                os.close(fd)
    return lambda: closing(Ends()).fds


@pytest.fixture(name="launch")
def fixture_launch(tmp_path, closing):
    """launch(users=…, stderr=…) is a Popen of `mms server` on a port of its own, and a name for it."""
    class Started(subprocess.Popen):
        def close(self):
            if self.poll() is None:
                self.kill()
            self.wait()

    def launch(users=None, port=None, **how):
        users = users or tmp_path / "users"
        port = port or mms.unused_port()
        how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **how}
        words = [mms.MMS, "server", "-p", port, "-u", users, "-d", tmp_path / "data"]
        return closing(Started([str(word) for word in words], cwd=tmp_path, env=mms.environment(tmp_path), **how)), f"127.0.0.1:{port}"
    (tmp_path / "users").write_text("fred\nTim\n")
    return launch


def ends_in_order(server):
    server.send_signal(signal.SIGTERM)
    return server.wait(mms.DEADLINE_S) == 0


def join(address, closing, tmp_path, *users):
    """Profiles of these users, which have signed in; the server may not be up yet."""
    profiles = [closing(mms.Profile(tmp_path, address, user)) for user in users]
    for profile in profiles:
        mms.wait_until(lambda one=profile: one.run("who").returncode == 0, f"{profile.user} cannot sign in")
    return profiles


# --- S9: nobody reads ---

def test_nobody_reads_the_log(launch, pipes, closing, tmp_path):
    reader, writer = pipes()
    fill(writer)
    server, address = launch(stderr=writer)
    (fred,) = join(address, closing, tmp_path, "fred")
    drain(reader)  # there is room again
    (tmp_path / "users").write_text("fred\nTim\nlibero\n")
    server.send_signal(signal.SIGHUP)
    lines = []

    def is_told():
        lines.append(drain(reader))
        return "3 users" in "".join(lines)
    mms.wait_until(is_told, lambda: f"no word of the reload: {''.join(lines)}")
    assert " lines of this log are lost" in "".join(lines)
    fill(writer)
    server.send_signal(signal.SIGHUP)
    assert fred.run("who").returncode == 0
    assert ends_in_order(server)


def test_nobody_reads_the_terminal(launch, closing, tmp_path):
    """A terminal with room for half a line is ready to be written, and a write of the whole line would wait."""
    class Ends:
        def __init__(self):
            self.master, self.slave = pty.openpty()

        def close(self):
            os.close(self.master)
            os.close(self.slave)
    ends = closing(Ends())
    server, address = launch(stderr=ends.slave)
    (fred,) = join(address, closing, tmp_path, "fred")
    (tmp_path / "users").write_text(f"fred {'x' * 500}\n")  # a long line of the log for each reload
    while select.select([], [ends.slave], [], 0)[1]:
        server.send_signal(signal.SIGHUP)
        fred.send("fred", "still there?")
    assert ends_in_order(server)


def test_nobody_reads_the_output(launch, pipes, closing, tmp_path):
    _, writer = pipes()
    fill(writer)
    server, address = launch(stdout=writer)
    join(address, closing, tmp_path, "fred")
    assert ends_in_order(server)


def test_nobody_reads_what_went_wrong(launch, pipes, tmp_path):
    _, writer = pipes()
    fill(writer)
    server, _ = launch(users=tmp_path / "none", stderr=writer)
    assert server.wait(mms.DEADLINE_S) == 66


# --- S8: a limit of file sizes is a full disk ---

def test_file_size_limit(launch, closing, tmp_path):
    log = tmp_path / "log"
    with open(log, "wb") as errors:
        limit = 256 * 1024
        server, address = launch(stderr=errors, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (limit, limit)))
        fred, tim = join(address, closing, tmp_path, "fred", "Tim")
        text = "x" * 1000
        statuses = set()

        def is_refused():
            done = fred.run("send", "Tim", text)
            statuses.add(done.returncode)
            return done.returncode == 71 and "full" in done.stderr
        mms.wait_until(is_refused, lambda: f"never full: {statuses}", 60)
        assert statuses == {0, 71}
        assert tim.run("who").returncode == 0
        assert ends_in_order(server)
    assert "File too large" in log.read_text()


# --- S22: a store that fails at a reload is the end ---

def test_broken_store_at_a_reload(launch, pipes, closing, tmp_path):
    reader, writer = pipes()
    server, address = launch(stderr=writer)
    join(address, closing, tmp_path, "fred")
    drain(reader)
    (tmp_path / "data" / "server.db").unlink()
    (tmp_path / "users").write_text("fred\nTim\nlibero\n")
    server.send_signal(signal.SIGHUP)
    assert server.wait(mms.DEADLINE_S) == 74
    told = drain(reader)
    assert "server.db" in told
    assert "stay as they were" not in told


# --- S15: users files that cannot be read again ---

def reloads_to(server, errors, words):
    server.send_signal(signal.SIGHUP)
    lines = []

    def is_told():
        lines.append(drain(errors))
        return words in "".join(lines)
    mms.wait_until(is_told, lambda: f"no word of {words!r}: {''.join(lines)}")


def test_users_from_a_pipe(launch, pipes, closing, tmp_path):
    reader, writer = pipes()
    source, users = os.pipe()
    os.write(users, b"fred\nTim\n")
    os.close(users)
    server, address = launch(users="/dev/stdin", stdin=source, stderr=writer)
    os.close(source)
    (fred,) = join(address, closing, tmp_path, "fred")
    reloads_to(server, reader, "the users stay as they were: /dev/stdin is not a regular file")
    assert fred.run("who").returncode == 0
    assert ends_in_order(server)


@pytest.mark.parametrize("change, words", [
    (lambda path: path.write_text(""), "names nobody any more"),
    (lambda path: path.write_text("# fred\n"), "names nobody any more"),
    (lambda path: path.unlink(), "No such file"),
    (lambda path: (path.unlink(), path.mkdir()), "not a regular file")])
def test_users_file_that_is_none_any_more(launch, pipes, closing, tmp_path, change, words):
    reader, writer = pipes()
    server, address = launch(stderr=writer)
    (fred,) = join(address, closing, tmp_path, "fred")
    change(tmp_path / "users")
    reloads_to(server, reader, words)
    assert fred.run("who").returncode == 0
    assert ends_in_order(server)


def test_users_file_that_was_empty(launch, pipes, tmp_path):
    reader, writer = pipes()
    (tmp_path / "users").write_text("")
    server, _ = launch(stderr=writer)
    mms.wait_until(lambda: "server key" in drain(reader), "it does not start")
    reloads_to(server, reader, "0 users")
    assert ends_in_order(server)
