# SPDX-License-Identifier: ISC
"""Databases that are emptied, removed or replaced, before a program starts and under it; and `mms check`."""
import contextlib
import os
import signal
import sqlite3
import subprocess

import pytest
from mms import MMS, texts


def database(directory):
    return next(path for path in directory.rglob("*.db"))


def empty(path):
    os.truncate(path, 0)


def remove(path):
    path.unlink()


def rename(path):
    path.rename(path.with_suffix(".old"))


def replace(path):
    copy = path.with_suffix(".copy")
    copy.write_bytes(path.read_bytes())
    copy.rename(path)


def fails_to_start(server, *words):
    server.launch()
    assert server.process.wait() == 78, server.process
    for word in words:
        assert word in str(server.process), server.process


@pytest.mark.parametrize("spoil, word", [(empty, "empty"), (remove, "missing")])
def test_server_that_lost_its_database_does_not_begin_anew(make_server, spoil, word):
    server = make_server()
    server.stop()
    for each in server.data.glob("server.db-*"):
        each.unlink()
    spoil(server.data / "server.db")
    fails_to_start(server, "server.db", word, "--new-database")
    server.start("--new-database")
    server.restart()


def test_server_whose_first_start_came_no_further_than_its_database(make_server):
    server = make_server()
    server.stop()
    key = (server.data / "server.key").read_bytes()
    for each in server.data.glob("server.*"):
        each.unlink()
    (server.data / "server.db").touch()
    server.start()
    assert (server.data / "server.key").read_bytes() != key


@pytest.mark.parametrize("way", ["the same", "a symbolic link"])
def test_second_server_where_the_lock_was_removed(make_server, way, tmp_path):
    server = make_server()
    (server.data / "lock").unlink()
    data = server.data
    if way != "the same":
        data = tmp_path / "other"
        data.symlink_to(server.data)
    second = subprocess.run([str(MMS), "server", "-p", "0", "-u", str(server.users), "-d", str(data)], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=20, check=False)
    assert second.returncode == 78 and "another server is running" in second.stderr, second


@pytest.mark.parametrize("spoil", [empty, remove])
def test_log_that_goes_under_a_running_server(make_server, profile, spoil):
    server = make_server()
    fred = profile(server, "fred")
    fred.send("Tim", "before")
    spoil(server.data / "server.db-wal")
    done = fred.run("send", "--wait", "2", "Tim", "after")
    assert done.returncode == 75, done  # never accepted
    assert server.process.wait() == 74, server.process
    assert "server.db was removed, emptied or replaced" in str(server.process), server.process


@pytest.mark.parametrize("name", ["server.db", "server.db-wal"])
@pytest.mark.parametrize("spoil", [empty, remove])
def test_database_that_is_gone_when_the_server_is_to_stop(make_server, profile, spoil, name):
    server = make_server()
    profile(server, "fred").send("Tim", "accepted")
    spoil(server.data / name)
    assert server.process.kill(signal.SIGTERM) == 74, server.process
    assert "server.db was removed, emptied or replaced" in str(server.process), server.process


def test_log_that_another_program_copied_and_emptied(make_server, profile):
    server = make_server()
    fred = profile(server, "fred")
    fred.send("Tim", "before")
    with contextlib.closing(sqlite3.connect(server.data / "server.db")) as other:
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        assert (server.data / "server.db-wal").stat().st_size == 0
        fred.send("Tim", "after")
    server.restart()
    listen = profile(server, "Tim").listen("-n", "2")
    assert listen.wait() == 0 and texts(listen) == ["before", "after"], listen


@pytest.mark.parametrize("spoil", [empty, remove, rename, replace])
def test_database_that_goes_under_a_running_server(make_server, profile, spoil):
    server = make_server()
    fred = profile(server, "fred")
    fred.send("Tim", "before")
    spoil(server.data / "server.db")
    done = fred.run("send", "--wait", "2", "Tim", "after")
    assert done.returncode == 75, done  # never accepted
    assert server.process.wait() == 74, server.process
    assert "server.db was removed, emptied or replaced" in str(server.process), server.process


@pytest.mark.parametrize("spoil", [empty, remove, rename, replace])
def test_profile_that_goes_under_a_running_listen(server, profile, spoil):
    fred = profile(server, "fred")
    fred.send("fred", "one")
    listen = fred.listen()
    listen.wait_for(lambda lines: any("one" in line for line in lines))
    spoil(database(fred.state))
    profile(server, "Tim").send("fred", "two")
    assert listen.wait() == 74, listen
    assert "was removed, emptied or replaced" in str(listen), listen
    assert not any("two" in line for line in listen.lines), listen


def test_empty_profile_is_not_taken_for_a_new_one(server, profile):
    fred = profile(server, "fred")
    fred.send("fred", "one")
    path = database(fred.state)
    empty(path)
    done = fred.run("send", "Tim", "x")
    assert done.returncode == 78 and str(path) in done.stderr and "is empty" in done.stderr, done


def check(*paths):
    return subprocess.run([MMS, "check", *paths], capture_output=True, text=True, timeout=30)


def test_check(server, profile, tmp_path):
    fred = profile(server, "fred")
    fred.send("fred", "one")
    listen = fred.listen()
    listen.wait_for(lambda lines: any("one" in line for line in lines))
    paths = [server.data / "server.db", database(fred.state)]
    done = check(*paths)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.count(" is sound\n") == 2, done

    broken = tmp_path / "broken.db"
    content = bytearray(paths[0].read_bytes())
    content[3 * 4096:3 * 4096 + 200] = bytes(200)
    broken.write_bytes(content)
    done = check(broken, paths[1])
    assert done.returncode == 78 and "damaged" in done.stderr and f"{paths[1]} is sound" in done.stdout, done
    done = check(tmp_path / "none.db")
    assert done.returncode == 73 and "none.db" in done.stderr, done
