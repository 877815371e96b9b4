# SPDX-License-Identifier: ISC
"""Files that are not what they should be: FIFOs and other kinds, byte order marks, mounts, file systems that are read-only or have no
FIFOs, and root at work in a service's directory. Nothing waits for ever, nothing is trusted in silence."""

import base64
import ctypes
import errno
import os
import platform
import shutil
import socket
import struct
import subprocess
import tempfile

import mms
import pytest

KEY = base64.urlsafe_b64encode(bytes(range(32))).rstrip(b"=").decode()


@pytest.fixture(name="run")
def fixture_run(tmp_path):
    """run(words) runs `mms` to its end in the scratch directory."""
    def run(*words, prefix=(), program=mms.MMS, **how):
        return subprocess.run([str(word) for word in (*prefix, program, *words)], cwd=tmp_path, capture_output=True, text=True,
                              stdin=how.pop("stdin", subprocess.DEVNULL), env=mms.environment(tmp_path),
                              timeout=mms.DEADLINE_S, check=False, **how)
    return run


def make_fifo(path):
    os.mkfifo(path)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as made, tempfile.TemporaryDirectory(dir="/tmp") as folder:
        made.bind(folder + "/s")  # the path of a socket may have 107 bytes
        os.rename(folder + "/s", path)


KINDS = {"a FIFO": make_fifo, "a socket": make_socket, "a directory": os.mkdir,
         "a device": lambda path: os.symlink("/dev/zero", path)}


# --- S16: what is no regular file ---

@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", [["server", "-p", "0", "-d", "data"], ["user", "list"], ["user", "invite", "fred"],
                                   ["user", "add", "fred"]])
def test_users_file_of_another_kind(run, tmp_path, kind, words):
    KINDS[kind](tmp_path / "users")
    before = os.lstat(tmp_path / "users")
    done = run(*words, "-u", "users")
    assert done.returncode == 66, done
    assert "users" in done.stderr and kind in done.stderr
    assert os.lstat(tmp_path / "users").st_ino == before.st_ino


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["known_servers", "known_servers.lock"])
@pytest.mark.parametrize("command", [["send", "fred", "x"], ["client"]])
def test_pins_of_another_kind(server, run, tmp_path, kind, name, command):
    (tmp_path / "state").mkdir()
    KINDS[kind](tmp_path / "state" / name)
    host, port = server.name.rsplit(":", 1)
    words = [command[0], "--state", "state", "-p", port]
    words += [host] if command[0] == "client" else ["-s", host, "-a", "fred", *command[1:]]
    (tmp_path / "typed").write_text("signin fred\n")
    with open(tmp_path / "typed", encoding="ascii") as typed:
        done = run(*words, stdin=typed)
    assert done.returncode in (73, 78), done
    assert name in done.stderr + done.stdout and kind in done.stderr + done.stdout


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["server.key", "lock", "server.db"])
def test_server_data_of_another_kind(run, tmp_path, kind, name):
    (tmp_path / "data").mkdir()
    (tmp_path / "users").write_text("fred\n")
    KINDS[kind](tmp_path / "data" / name)
    done = run("server", "-p", "0", "-u", "users", "-d", "data")
    assert done.returncode == 78, done
    assert name in done.stderr


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["fred.db", "fred.db-wal", "fred.db-use", "fred.lock", "fred.wake"])
def test_profile_of_another_kind(server, profile, run, kind, name):
    fred = profile(server, "fred")
    fred.send("fred", "hello")
    found = next(fred.state.glob("*/" + "fred.db")).parent / name
    if found.exists():
        found.unlink()
    KINDS[kind](found)
    done = run("listen", "-n", "1", "--state", fred.state, "-s", server.name, "-a", "fred")
    if (name, kind) == ("fred.wake", "a FIFO"):
        assert done.returncode == 0, done
    else:
        assert done.returncode in (73, 74, 78), done
        assert name.split("-")[0] in done.stderr


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "a directory"])
@pytest.mark.parametrize("words", [["server", "-p", "0", "-u", "users", "-d", "odd"],
                                   ["send", "-s", "127.0.0.1:9", "-a", "fred", "--state", "odd", "--wait", "1", "Tim", "x"]])
def test_directory_of_another_kind(run, tmp_path, kind, words):
    (tmp_path / "users").write_text("fred\n")
    KINDS[kind](tmp_path / "odd")
    done = run(*words)
    assert done.returncode in (69, 73), done
    if done.returncode == 73:
        assert "odd" in done.stderr


def test_users_from_a_pipe_that_is_handed_down(tmp_path, closing):
    """Read once, to its end, when that comes; and a signal ends the wait."""
    def serve(ends):
        return mms.Process([mms.MMS, "server", "-p", "0", "-u", "/dev/stdin", "-d", "data"], tmp_path, stdin=ends[0])
    ends = os.pipe()
    server = closing(serve(ends))
    os.close(ends[0])
    os.write(ends[1], b"fred\nTim\n")
    os.close(ends[1])
    server.wait_for(lambda lines: any(line.startswith("listening on") for line in lines))
    assert server.kill(15) == 0
    ends = os.pipe()
    waits = closing(serve(ends))
    os.close(ends[0])
    mms.wait_until(lambda: "poll" in wchan(waits.popen.pid) or wchan(waits.popen.pid) in ("0", ""), "it does not wait")
    assert waits.kill(15) != 0
    os.close(ends[1])


def wchan(pid):
    with open(f"/proc/{pid}/wchan", encoding="ascii") as file:
        return file.read()


# --- S17: what editors put into text files ---

@pytest.mark.parametrize("change", [
    lambda text: b"\xef\xbb\xbf" + text, lambda text: text.replace(b"\n", b"\r\n"), lambda text: text.replace(b" ", b" \t "),
    lambda text: b"\xef\xbb\xbf# mine\r\n\r\n" + text.replace(b"\n", b" \r\n"), lambda text: text.rstrip(b"\n"),
    lambda text: text.decode().encode("utf-16"), lambda text: text.decode().encode("utf-16-le"),
    lambda text: b"\n\xef\xbb\xbf" + text, lambda text: b"# mine\r" + text.replace(b"\n", b"\r"),
    lambda text: b"\0" + text, lambda text: text.replace(b":", b"\0:"), lambda text: text[:-5] + b"\n"])
def test_a_pin_is_never_passed_over(server, run, tmp_path, change):
    """Whatever an editor made of the file: the key that is pinned counts, or nothing is done."""
    (tmp_path / "state").mkdir()
    known = tmp_path / "state" / "known_servers"
    text = change(f"{server.name} {KEY}\n".encode())
    known.write_bytes(text)
    done = run("send", "-s", server.name, "-a", "fred", "--state", "state", "Tim", "x")
    assert done.returncode in (76, 78), done
    assert "known_servers" in done.stderr
    if done.returncode == 78:
        assert "known_servers:" in done.stderr
    assert known.read_bytes() == text


@pytest.mark.parametrize("text", [b"\xef\xbb\xbffred\nTim\n", b"fred\r\nTim\r\n", b"\xef\xbb\xbf# all\r\nfred \r\nTim",
                                  "fred\nTim\n".encode("utf-16"), "#\nfred\nTim\n".encode("utf-16-le"),
                                  b"# all\rfred\rTim\r", b"fre\0d\nTim\n"])
def test_a_user_is_never_passed_over(run, tmp_path, text):
    (tmp_path / "users").write_bytes(text)
    done = run("user", "list", "-u", "users")
    if done.returncode == 0:
        assert done.stdout == "fred\tplain\nTim\tplain\n"
    else:
        assert done.returncode == 78, done
        assert "users:" in done.stderr


def test_an_edit_keeps_a_byte_order_mark(run, tmp_path):
    (tmp_path / "users").write_bytes(b"\xef\xbb\xbffred\r\n")
    assert run("user", "add", "--plain", "Tim", "-u", "users").returncode == 0
    text = (tmp_path / "users").read_bytes()
    assert text.startswith(b"\xef\xbb\xbffred\r\nTim") and text.endswith(b"\r\n")


# --- S18, S19: mounts ---

@pytest.fixture(name="unshared")
def fixture_unshared():
    """Runs a line of sh in mounts of its own; needs root."""
    if os.geteuid() != 0 or not shutil.which("unshare") or \
            subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("only root may mount")
    return lambda script: ("unshare", "-m", "sh", "-c", script + '; exec "$@"', "sh")


@pytest.mark.parametrize("words", [["user", "add", "zoe"], ["user", "invite", "fred"], ["user", "remove", "fred"]])
def test_users_file_that_is_a_mount(run, tmp_path, unshared, words):
    (tmp_path / "users").write_text("fred\n")
    (tmp_path / "real").write_text("fred\n")
    done = run(*words, "-u", "users", prefix=unshared("mount --bind real users"))
    assert done.returncode == 73, done
    assert "users" in done.stderr and "mount its directory" in done.stderr
    assert done.stdout == ""
    assert (tmp_path / "real").read_text() == "fred\n"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["real", "users", "users.lock"]


READ_ONLY = "mount --bind here here && mount -o remount,ro,bind here"


@pytest.mark.parametrize("words", [
    ["server", "-p", "0", "-u", "here/users", "-d", "here/data"], ["server", "-p", "0", "-u", "here/users", "-d", "here/new"],
    ["user", "add", "zoe", "-u", "here/users"], ["user", "add", "zoe", "-u", "here/new/users"],
    ["user", "remove", "fred", "-u", "here/users"]])
def test_read_only_data(make_server, run, tmp_path, unshared, words):
    server = make_server(users=["fred"])
    server.stop()
    mms.copy_data(server.data, tmp_path / "here" / "data")
    (tmp_path / "here" / "users").write_text("fred\n")
    done = run(*words, prefix=unshared(READ_ONLY))
    assert done.returncode == 73, done
    assert "Read-only file system" in done.stderr and "here/" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("state", ["here/state", "here/new"])
@pytest.mark.parametrize("words", [["send", "fred", "x"], ["listen", "--timeout", "5"], ["who"], ["client"]])
def test_read_only_state(server, profile, run, tmp_path, unshared, state, words):
    fred = profile(server, "fred")
    fred.send("fred", "hello")
    shutil.copytree(fred.state, tmp_path / "here" / "state", ignore=shutil.ignore_patterns("*.wake"))
    host, port = server.name.rsplit(":", 1)
    more = [host, "-p", port] if words[0] == "client" else ["-s", server.name, "-a", "fred"]
    (tmp_path / "typed").write_text("signin fred\n")
    with open(tmp_path / "typed", encoding="ascii") as typed:
        done = run(words[0], "--state", state, *more, *words[1:], stdin=typed, prefix=unshared(READ_ONLY))
    assert done.returncode == 73, done
    assert "Read-only file system" in done.stderr + done.stdout


@pytest.mark.parametrize("ending", ["stopped", "killed", "running", "emptied log"])
def test_reading_what_is_read_only(make_server, profile, run, tmp_path, unshared, ending):
    server = make_server(users=["fred"])
    profile(server, "fred").send("fred", "hello")
    if ending == "stopped":
        server.stop()
    elif ending == "killed":
        server.kill()
    if ending == "running":
        (tmp_path / "here").symlink_to(server.data)
        done = run("user", "list", "-u", server.users, "-d", server.data,
                   prefix=unshared(f"mount --bind '{server.data}' '{server.data}' && "
                                   f"mount -o remount,ro,bind '{server.data}'"))
    else:
        mms.copy_data(server.data, tmp_path / "here" / "a ?#%b")
        if ending == "emptied log":
            server.stop()
            shutil.copy(server.data / "server.db", tmp_path / "here" / "a ?#%b" / "server.db")
            (tmp_path / "here" / "a ?#%b" / "server.db-wal").write_bytes(b"")
            (tmp_path / "here" / "a ?#%b" / "server.db-shm").unlink()
        done = run("user", "list", "-u", server.users, "-d", "here/a ?#%b", prefix=unshared(READ_ONLY))
    assert done.returncode == 0, done
    assert "fred\tdevice " in done.stdout


def test_reading_a_log_that_cannot_be_read(make_server, profile, run, tmp_path, unshared):
    server = make_server(users=["fred"])
    profile(server, "fred").send("fred", "hello")
    server.kill()
    mms.copy_data(server.data, tmp_path / "here")
    (tmp_path / "here" / "server.db-shm").unlink()
    done = run("user", "list", "-u", server.users, "-d", "here", prefix=unshared(READ_ONLY))
    assert done.returncode == 73, done
    assert "log" in done.stderr and "copy the directory" in done.stderr


# --- S20: root in a service's directory ---

def as_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def test_root_leaves_a_service_its_files(run, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can be root once")
    home = tmp_path / "service"
    home.mkdir()
    os.chown(home, 65534, 65534)
    for parent in tmp_path.parents:
        if parent != parent.parent and parent.stat().st_uid == 0 and len(parent.parts) > 2:
            parent.chmod(parent.stat().st_mode | 0o011)
    tmp_path.chmod(0o711)
    users, data, state = home / "data" / "users", home / "data", home / "state"
    assert run("user", "add", "--plain", "fred", "-d", data).returncode == 0
    server = mms.Process([mms.MMS, "server", "-p", "0", "-d", data], tmp_path, stdin=subprocess.DEVNULL)
    try:
        server.wait_for(lambda lines: any(line.startswith("listening on") for line in lines))
        name = server.lines[0].removeprefix("listening on ")
        assert run("send", "--state", state, "-s", name, "-a", "fred", "fred", "x").returncode == 0
        assert run("user", "list", "-d", data).returncode == 0
        assert server.kill(9) != 0
    finally:
        server.close()
    assert users.exists() and next(state.rglob("fred.db"))
    for path in home.rglob("*"):
        assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534), path
    program = shutil.copy(mms.MMS, tmp_path)  # where it was built nobody but root may be let in
    assert run("user", "add", "--plain", "Tim", "-d", data, program=program, preexec_fn=as_nobody).returncode == 0
    assert run("user", "remove", "Tim", "-d", data).returncode == 0
    assert users.stat().st_uid == 65534


# --- S21: a file system without FIFOs ---

def refuse_fifos(error):
    """What a child does so that mkfifo fails, as on a file system that has no FIFOs. False: not on this machine."""
    numbers = {"x86_64": (133, 259), "aarch64": (33,)}.get(platform.machine())
    if numbers is None:
        return None
    lines = [struct.pack("HBBI", 0x20, 0, 0, 0)]
    for at, number in enumerate(numbers):
        lines.append(struct.pack("HBBI", 0x15, len(numbers) - at, 0, number))
    lines += [struct.pack("HBBI", 0x06, 0, 0, 0x7fff0000), struct.pack("HBBI", 0x06, 0, 0, 0x00050000 | error)]
    code = ctypes.create_string_buffer(b"".join(lines))
    program = struct.pack("HxxxxxxP", len(lines), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)

    def prepare():
        if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, program, 0, 0) != 0:
            os._exit(99)
    prepare.code = code
    return prepare


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP])
def test_no_fifos(server, profile, run, error):
    prepare = refuse_fifos(error)
    if prepare is None:
        pytest.skip("the numbers of its system calls are not known here")
    fred = profile(server, "fred")
    words = ["--state", fred.state, "-s", server.name, "-a", "fred"]
    done = run("send", *words, "fred", "first", preexec_fn=prepare)
    if done.returncode == 99:
        pytest.skip("no system call can be refused here")
    assert done.returncode == 0, done
    assert run("who", *words, preexec_fn=prepare).returncode == 0
    process = subprocess.Popen([mms.MMS, "listen", *map(str, words)], stdout=subprocess.PIPE, preexec_fn=prepare,
                               env=mms.environment(fred.directory))
    try:
        assert process.stdout.readline() == b"fred: first\n"
        assert run("send", *words, "fred", "second", preexec_fn=prepare).returncode == 0
        assert process.stdout.readline() == b"fred: second\n"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert not list(fred.state.rglob("*.wake"))
