# SPDX-License-Identifier: ISC
"""File systems of 8 MB, filled: a server refuses before it can lose, a device says what it could not keep."""

import errno
import os
import re
import subprocess

import mms
import network
import pytest

DISK_BYTES = 8 << 20
RESERVE_BYTES = 4 << 20  # STORE_RESERVE_BYTES of src/base/limits.h
REFUSED = ">> the server is full, message was not sent"
SAVED = ">> fred is offline, message will be saved for future delivery"
NO_ROOM = re.compile(r"[Nn]o space left|disk is full|no room")


class Disk(network.Namespace):
    """A small file system, mounted where only this namespace sees it."""

    def __init__(self, directory, kind):
        super().__init__()
        self.kind = kind
        self.mounted = directory / "disk"
        self.mounted.mkdir()
        try:
            if kind == "tmpfs":
                self.run("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", self.mounted)
                return
            image = directory / "image"
            with open(image, "wb") as file:
                file.truncate(DISK_BYTES)
            subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True, stdin=subprocess.DEVNULL, timeout=20)
            tried = subprocess.run([*self.prefix, "mount", "-o", "loop", image, self.mounted], capture_output=True,
                                   text=True, check=False, timeout=20)
            if tried.returncode:
                pytest.skip(f"needs a loop device: {tried.stderr.strip()}")
        except BaseException:
            self.close()
            raise

    def inside(self, name):
        return self.path(self.mounted / name)

    def take(self, leave, name="ballast"):
        """Takes all room but `leave` bytes."""
        room = os.statvfs(self.inside("."))
        self.inside(name).write_bytes(bytes(room.f_bavail * room.f_frsize - leave))

    def take_all(self, name="filler"):
        """Takes every block there is."""
        with open(self.inside(name), "wb", buffering=0) as file:
            for step in (1 << 16, 1):
                try:
                    while True:
                        file.write(bytes(step))
                except OSError as failure:
                    assert failure.errno == errno.ENOSPC, failure

    def free(self, name):
        self.inside(name).unlink()


@pytest.fixture(name="disk", params=["tmpfs", "ext4"])
def fixture_disk(tmp_path, closing, request):
    return closing(Disk(tmp_path, request.param))


@pytest.fixture(name="server")
def fixture_server(tmp_path, closing, disk):
    """A server whose data alone is on the small disk."""
    made = closing(mms.Server(tmp_path / "server", options=["--submit-rate", "1000000"], prefix=disk.prefix))
    made.data = disk.mounted / "data"
    return made.start()


@pytest.fixture(name="server_with_room")
def fixture_server_with_room(tmp_path, closing, disk):
    """A server with room beside the small disk."""
    return closing(mms.Server(tmp_path / "server", prefix=disk.prefix)).start()


@pytest.fixture(name="user")
def fixture_user(tmp_path, closing, disk):
    """user(server, name, state): a profile beside the server, by default with its state on the large disk."""
    def user(server, name, state=None):
        return closing(mms.Profile(tmp_path, server.name, name, state, disk.prefix))

    return user


def numbered(i):
    return f"{i} {'x' * 1000}"


def fill_mailbox(tim, first, until):
    """Types messages from number `first` until `until(lines of one batch)`; gives the accepted and the next number."""
    client = tim.spawn("client")
    client.type("signin Tim")
    client.wait_for(lambda lines: len(lines) >= 2)
    accepted, number = [], first
    while True:
        place = len(client.lines)
        for i in range(number, number + 50):
            client.type(f"send fred {numbered(i)}")
        client.wait_for(lambda lines, place=place: len(lines) >= place + 50)
        said = client.lines[place:]
        assert all(line == SAVED or line.startswith(REFUSED) for line in said), said
        accepted += [number + i for i, line in enumerate(said) if line == SAVED]
        number += 50
        if until(said):
            break
    client.end_input()
    assert client.wait() == 0
    return accepted, number


def is_full(said):
    return all(line.startswith(REFUSED) for line in said)


def has_room(said):
    return SAVED in said


def check_received(fred, accepted):
    listener = fred.listen("-n", str(len(accepted)))
    assert listener.wait(60) == 0, listener.errors
    assert mms.texts(listener) == [numbered(i) for i in accepted]


def test_server_full_killed_restarted_and_freed(disk, server, user, figure):
    tim, fred = user(server, "Tim"), user(server, "fred")
    disk.take(leave=RESERVE_BYTES + (192 << 10))
    accepted, number, rounds = [], 0, 0
    while True:  # each start frees what the log took, so it is full for good only after some
        more, number = fill_mailbox(tim, number, is_full)
        accepted += more
        rounds += 1
        server.kill()
        server.restart()
        if tim.run("send", "fred", numbered(number)).returncode == 71:
            break
        accepted.append(number)
        number += 1
    figure(f"{disk.kind}, 192 KiB above the reserve: full for good after {len(accepted)} messages, {rounds} kills")
    assert len(accepted) > 10
    assert "server is full" in tim.send("fred", "x", status=71).stderr
    told(server, "messages are refused until there is room")
    assert tim.run("who").returncode == 0
    disk.free("ballast")
    more, _ = fill_mailbox(tim, number, has_room)
    told(server, "there is room on the disk again")
    server.kill()
    server.restart()
    check_received(fred, accepted + more)


def told(server, words):
    mms.wait_until(lambda: any(words in line for line in server.process.errors), lambda: str(server.process))


def test_mail_that_was_fetched_makes_room(server, user):
    tim, fred = user(server, "Tim"), user(server, "fred")
    accepted, number = fill_mailbox(tim, 0, is_full)
    check_received(fred, accepted)
    server.restart()  # housekeeping comes at the start, and once a minute
    mms.wait_until(lambda: tim.run("send", "fred", numbered(number)).returncode == 0, "no room again", 20, 0.5)
    check_received(fred, [number])


def test_not_a_byte_left_for_the_server(disk, server, user):
    """The reserve is gone as well: nothing accepted is lost, and what cannot start says why."""
    tim, fred = user(server, "Tim"), user(server, "fred")
    accepted, number = fill_mailbox(tim, 0, lambda said: True)
    disk.take_all()
    tim.send("fred", "x", status=71)
    assert fred.run("listen", "--timeout", "3").returncode in (71, 75)
    newcomer = mms.Profile(fred.directory, fred.server, "libero", prefix=fred.prefix).run("who")
    assert newcomer.returncode == 71 and "lets no new device in" in newcomer.stderr, newcomer
    server.kill()
    server.launch()
    assert server.process.wait() in (73, 74), str(server.process)
    assert NO_ROOM.search(server.process.errors[-1]), str(server.process)
    disk.free("filler")
    server.restart()
    more, _ = fill_mailbox(tim, number, has_room)
    check_received(fred, accepted + more)


def fails(profile, command, *words):
    done = profile.run(command, *words)
    assert done.returncode in (73, 74) and done.stdout == "", done
    assert NO_ROOM.search(done.stderr), done
    assert done.stderr.count("\n") == 1, done


def test_device_without_room(disk, server_with_room, user):
    server = server_with_room
    fred, tim = user(server, "fred", disk.mounted / "state"), user(server, "Tim")
    tim.send("Tim", "here I am")
    disk.take_all()
    fails(fred, "send", "Tim", "never kept: no profile")
    fails(fred, "listen", "--timeout", "5")
    disk.free("filler")
    fred.send("Tim", "first")
    disk.take_all()
    fails(fred, "send", "Tim", "never kept: no room")
    tim.send("fred", "waits at the server")
    fails(fred, "listen", "--timeout", "5")
    disk.free("filler")
    listener = fred.listen()
    listener.wait_for(lambda lines: lines)
    disk.take_all()
    tim.send("fred", "for a listener without room")
    assert listener.wait() == 74, str(listener)
    assert NO_ROOM.search(listener.errors[-1]), str(listener)
    disk.free("filler")
    fred.send("Tim", "second")
    again = fred.listen()
    again.wait_for(lambda lines: "for a listener without room" in mms.texts(again))
    shown = mms.texts(listener) + mms.texts(again)  # the first is shown again when there was no room to note that it was
    assert list(dict.fromkeys(shown)) == ["waits at the server", "for a listener without room"]
    done = tim.listen("-n", "3")
    assert done.wait() == 0
    assert mms.texts(done) == ["here I am", "first", "second"]
