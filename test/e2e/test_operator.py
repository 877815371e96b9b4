# SPDX-License-Identifier: ISC
"""The operator's socket (doc/operator.md): `mms user` of a server that runs takes effect at once, and nobody who speaks to the
socket, or does not, holds up the server."""

import os
import shutil
import socket
import stat
import subprocess

import mms
import pytest


class Operator:
    """`mms user` of a server's data directory, and its socket."""

    def __init__(self, data, directory):
        self.data = data
        self.path = data / "operator"
        self.directory = directory

    def start(self, *words):
        return subprocess.Popen([mms.MMS, "user", words[0], "-d", self.data, *words[1:]], stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=mms.environment(self.directory))

    def user(self, *words, status=0):
        process = self.start(*words)
        out, err = process.communicate(timeout=mms.DEADLINE_S)
        assert process.returncode == status, (words, process.returncode, out, err)
        return out, err

    def connect(self):
        """A connection that is the test's own, whatever the path's length."""
        plug = socket.socket(socket.AF_UNIX)
        folder = os.open(self.data, os.O_PATH)
        plug.connect(f"/proc/self/fd/{folder}/operator")
        os.close(folder)
        plug.settimeout(mms.DEADLINE_S)
        return plug

    def ask(self, text):
        """The whole answer to the bytes of a request."""
        with self.connect() as plug:
            plug.sendall(text)
            return read_all(plug)


def read_all(plug):
    answer = b""
    while True:
        try:
            some = plug.recv(65536)
        except ConnectionResetError:  # it did not read all that we said
            return answer
        if not some:
            return answer
        answer += some


@pytest.fixture(name="operator")
def fixture_operator(server, tmp_path):
    return Operator(server.data, tmp_path)


def joins(profile, code):
    return profile.run("who", env={"MMS_INVITE": code}).returncode == 0


def test_in_effect_when_the_command_ends(operator, server, profile):
    code, err = operator.user("add", "zoe")
    assert "The running server has it in effect" in err and "HUP" not in err
    zoe = profile(server, "zoe")
    assert joins(zoe, code.strip())
    listed, _ = operator.user("list")
    device = next(line for line in listed.splitlines() if line.startswith("zoe\tdevice ")).split()[2]
    operator.user("revoke", "zoe", "--", device)
    assert zoe.run("who").returncode == 77
    other = profile(server, "zoe", state=zoe.directory / "other")
    code, _ = operator.user("invite", "zoe")
    assert joins(other, code.strip())
    operator.user("remove", "zoe")
    assert other.run("who").returncode == 77
    assert "zoe" not in server.users.read_text()


def test_the_list_is_that_of_the_file_and_the_database(operator, server, profile):
    for name in ("fred", "Tim"):
        assert profile(server, name).run("who").returncode == 0
    operator.user("add", "zoe")
    operator.user("remove", "Tim")
    running, _ = operator.user("list")
    assert "fred\tdevice" in running and "Tim\tsuspended" in running and "zoe\tinvite until" in running
    server.stop()
    stopped = subprocess.run([mms.MMS, "user", "list", "-d", server.data, "-u", server.users], capture_output=True, text=True,
                             check=True, timeout=mms.DEADLINE_S, env=mms.environment(operator.directory)).stdout
    assert running == stopped


def test_a_long_list(make_server, tmp_path):
    names = [f"user{i}" for i in range(20000)]
    server = make_server(names)
    listed, _ = Operator(server.data, tmp_path).user("list")
    assert listed == "".join(f"{name}\tplain\n" for name in names)


def test_refusals_are_those_of_the_file(operator, server):
    before = server.users.read_text()
    assert "FRED is in" in operator.user("add", "FRED", status=73)[1]
    assert "no such user: zoe" in operator.user("remove", "zoe", status=67)[1]
    assert "no zoe" in operator.user("add", "--same", "zoe", status=67)[1]
    assert server.users.read_text() == before
    server.users.write_text("fred\nfred\n")
    assert "fred" in operator.user("add", "zoe", status=78)[1]
    assert server.users.read_text() == "fred\nfred\n"
    server.write_users(mms.USERS)
    operator.user("add", "zoe")


def test_the_last_user_can_be_removed(make_server, profile, tmp_path):
    server = make_server(["fred"])
    fred = profile(server, "fred")
    assert fred.run("who").returncode == 0
    Operator(server.data, tmp_path).user("remove", "fred")
    assert fred.run("who").returncode == 77


def test_which_users_file_is_meant(operator, server, tmp_path):
    operator.user("add", "zoe", "-u", server.users)
    (tmp_path / "link").symlink_to(server.users)
    operator.user("remove", "zoe", "-u", tmp_path / "link")
    other = tmp_path / "other"
    other.write_text("fred\n")
    assert "leave -u away" in operator.user("add", "zoe", "-u", other, status=64)[1]
    assert "leave -u away" in operator.user("list", "-u", other, status=64)[1]
    assert other.read_text() == "fred\n"
    # Without -d it is the file alone.
    done = subprocess.run([mms.MMS, "user", "add", "zoe", "-u", other], capture_output=True, text=True, check=True,
                          timeout=mms.DEADLINE_S, env=mms.environment(tmp_path))
    assert "kill -HUP" in done.stderr and "zoe" in other.read_text()


def test_the_default_data_directory(tmp_path, closing):
    state = tmp_path / ".local" / "state" / "mms" / "server"
    state.mkdir(parents=True)
    (state / "users").write_text("fred\n")
    server = closing(mms.Process([mms.MMS, "server", "127.0.0.1", "-p", "0"], tmp_path, stdin=subprocess.DEVNULL))
    server.wait_for(lambda lines: lines)
    done = subprocess.run([mms.MMS, "user", "add", "zoe"], capture_output=True, text=True, check=True,
                          timeout=mms.DEADLINE_S, env=mms.environment(tmp_path))
    assert "The running server has it in effect" in done.stderr


def test_many_at_once(operator, server):
    names = [f"user{i}" for i in range(40)]  # more than there are places
    running = [operator.start("add", "--plain", name) for name in names]
    for process in running:
        _, err = process.communicate(timeout=mms.DEADLINE_S)
        assert process.returncode == 0, err
    written = {line.split()[0] for line in server.users.read_text().splitlines()}
    assert written == {*names, *mms.USERS}
    listed, _ = operator.user("list")
    assert {line.split("\t")[0] for line in listed.splitlines()} == written


def test_who_says_nothing_holds_up_nobody(operator, server, profile):
    silent = [operator.connect() for _ in range(3)]
    half = operator.connect()
    half.sendall(b"do=user remove\nname=fr")
    deaf = operator.connect()
    deaf.sendall(b"do=user list\n\n")
    operator.user("add", "zoe")
    assert profile(server, "fred").run("who").returncode == 0
    for plug in silent:
        assert read_all(plug) == b""  # the server ends it, by and by
        plug.close()
    assert read_all(half) == b""
    half.close()
    deaf.close()
    assert "fred" in server.users.read_text()


def test_all_places_taken(operator):
    silent = [operator.connect() for _ in range(8)]
    waiting = operator.start("add", "zoe")
    silent.pop().close()
    _, err = waiting.communicate(timeout=mms.DEADLINE_S)
    assert waiting.returncode == 0, err
    for plug in silent:
        plug.close()


def test_what_is_no_request(operator, server):
    for text in (b"\n", b"hello\n\n", b"do=user fly\n\n", b"\x00\n\n", b"x" * 5000, b"do=user remove\nname=a b\n\n",
                 b"do=user remove\nname=fred\nname=fred\n\n", os.urandom(300) + b"\n\n"):
        answer = operator.ask(text)
        assert answer.startswith(b"reason=not a request") and answer.endswith(b"\nstatus=64\n\n"), (text, answer)
    with operator.connect() as plug:
        plug.sendall(b"do=user remove\nname=fred\n")
        plug.shutdown(socket.SHUT_WR)
        assert b"empty line" in read_all(plug)
    assert server.is_up() and "fred" in server.users.read_text()


def test_who_leaves_before_the_answer(operator, server):
    for _ in range(20):
        plug = operator.connect()
        plug.sendall(b"do=user list\n\n")
        plug.close()
    plug = operator.connect()
    plug.sendall(b"do=user remove\nname=fred\n\ndo=user remove\nname=Tim\n\n")
    assert read_all(plug) == b"status=0\n\n"  # one request a connection
    operator.user("add", "zoe")
    assert "fred" not in server.users.read_text() and "Tim" in server.users.read_text()


def test_a_locked_users_file(operator, server):
    holder = subprocess.Popen(["flock", f"{server.users}.lock", "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        mms.wait_until(lambda: subprocess.run(["flock", "-n", f"{server.users}.lock", "true"], check=False).returncode,
                       "the lock is not held")
        assert "locked" in operator.user("add", "zoe", status=75)[1]
    finally:
        holder.stdin.close()
        holder.wait(mms.DEADLINE_S)
    operator.user("add", "zoe")


def test_a_file_that_cannot_be_written(operator, server):
    server.users.unlink()
    assert "users" in operator.user("add", "zoe", status=66)[1]
    server.users.mkdir()
    operator.user("add", "zoe", status=78)
    server.users.rmdir()
    server.write_users(mms.USERS)
    operator.user("add", "zoe")


def test_users_from_a_pipe(tmp_path, closing):
    reader, writer = os.pipe()
    os.write(writer, b"fred\n")
    os.close(writer)
    server = closing(mms.Process([mms.MMS, "server", "127.0.0.1", "-p", "0", "-u", "/dev/stdin", "-d", tmp_path / "data"],
                                 tmp_path, stdin=reader))
    os.close(reader)
    server.wait_for(lambda lines: lines)
    operator = Operator(tmp_path / "data", tmp_path)
    assert "no file that can be changed" in operator.user("add", "zoe", status=78)[1]
    assert operator.user("list")[0] == "fred\tplain\n"


def test_a_killed_server_leaves_a_socket(operator, server):
    server.kill()
    assert stat.S_ISSOCK(operator.path.stat().st_mode)
    _, err = operator.user("add", "zoe", "-u", server.users)
    assert "kill -HUP" in err and "zoe" in server.users.read_text()
    server.restart()
    assert "in effect" in operator.user("remove", "zoe")[1]
    server.stop()
    assert not operator.path.exists()


@pytest.mark.parametrize("answer, status, said", [
    (b"", 74, "whether it was done shows"),
    (b"status=0\n", 74, "whether it was done shows"),
    (b"status=0\n\n", 0, "in effect"),
    (b"reason=it is \x1b[31mso\nstatus=73\n\n", 76, "makes no sense"),
    (b"reason=it is so\nstatus=73\n\n", 73, "it is so"),
    (b"later=x y\nstatus=0\n\n", 0, "in effect"),  # a fact of a later version
    (b"status=256\n\n", 76, "makes no sense"),
    (b"status=x\n\n", 76, "makes no sense"),
    (b"\n", 76, "makes no sense"),
    (b"hello\n", 76, "makes no sense"),
    (b"x=" + 20000 * b"x", 76, "makes no sense"),
], ids=lambda value: repr(value)[:24])
def test_a_server_that_answers_oddly(tmp_path, answer, status, said):
    data = tmp_path / "data"
    data.mkdir()
    operator = Operator(data, tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(operator.path))
        listener.listen()
        listener.settimeout(mms.DEADLINE_S)
        asking = operator.start("remove", "zoe")
        plug = listener.accept()[0]
        assert plug.recv(4096) == b"do=user remove\nname=zoe\n\n"
        try:
            plug.sendall(answer)
        except BrokenPipeError:
            pass  # it has heard enough
        plug.close()
        out, err = asking.communicate(timeout=mms.DEADLINE_S)
    assert asking.returncode == status and said in err and "\x1b" not in err, (asking.returncode, out, err)


def test_something_else_in_its_place(operator, server):
    server.stop()
    operator.path.write_text("mine")
    server.launch()
    assert server.process.wait() == 78
    assert "operator is not a socket" in "\n".join(server.process.errors)
    assert operator.path.read_text() == "mine"
    operator.path.unlink()
    server.restart()


def test_who_may_speak_to_it(operator, server, tmp_path):
    assert stat.S_IMODE(operator.path.stat().st_mode) == 0o600
    server.stop()
    server.data.chmod(0o770)
    server.start()
    assert stat.S_IMODE(operator.path.stat().st_mode) == 0o660
    server.stop()
    server.data.chmod(0o755)
    server.start()
    assert stat.S_IMODE(operator.path.stat().st_mode) == 0o600
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    for parent in server.data.parents:
        if parent != parent.parent and parent.stat().st_uid == 0 and len(parent.parts) > 2:
            parent.chmod(parent.stat().st_mode | 0o011)
    program = shutil.copy(mms.MMS, tmp_path)

    def as_nobody():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)

    done = subprocess.run([program, "user", "add", "zoe", "-d", server.data], capture_output=True, text=True, check=False,
                          timeout=mms.DEADLINE_S, env=mms.environment(tmp_path), preexec_fn=as_nobody)
    assert done.returncode == 77 and "operator" in done.stderr
    assert "zoe" not in server.users.read_text()


def test_a_long_data_directory(tmp_path, closing):
    data = tmp_path / ("d" * 100) / ("e" * 100)
    users = tmp_path / "users"
    users.write_text("fred\n")
    server = closing(mms.Process([mms.MMS, "server", "127.0.0.1", "-p", "0", "-u", users, "-d", data], tmp_path,
                                 stdin=subprocess.DEVNULL))
    server.wait_for(lambda lines: lines)
    operator = Operator(data, tmp_path)
    assert "in effect" in operator.user("add", "zoe")[1]
    assert server.kill(mms.signal.SIGTERM) == 0
    assert not operator.path.exists()


def test_a_server_that_stops_finishes(operator, server):
    plug = operator.connect()
    server.stop()
    assert read_all(plug) in (b"", b"reason=the server is stopping; nothing was done\nstatus=69\n\n")
    plug.close()
